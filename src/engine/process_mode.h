/* SPDX-License-Identifier: Apache-2.0 */
/* process_mode.h - task functions in processes of their own. */
#ifndef WEIR_ENGINE_PROCESS_MODE_H
#define WEIR_ENGINE_PROCESS_MODE_H

#include "engine/run.h"

/* Run the attempt's function in a process and wait for it. Returns its value, or NULL with the attempt's outcome set. */
json_t *process_mode_run(weir_run *attempt);

#endif
