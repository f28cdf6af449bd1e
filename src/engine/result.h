/* SPDX-License-Identifier: Apache-2.0 */
/* result.h - results that outlive their program. */
#ifndef WEIR_ENGINE_RESULT_H
#define WEIR_ENGINE_RESULT_H

#include "engine/run.h"

/* The run is to complete with this value: store it, if it is to be persisted or cached. data gets the JSON for the state's
   data, or stays as it is. On the run's executor. An error fails the run. */
MUST_CHECK int result_keep(weir_run *attempt, json_t *value, struct str *data, struct problem *problem);

#endif
