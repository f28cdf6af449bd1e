/* SPDX-License-Identifier: Apache-2.0 */
/* local.h - values that libraries bind to an attempt. */
#ifndef WEIR_ENGINE_LOCAL_H
#define WEIR_ENGINE_LOCAL_H

#include "engine/run.h"

/* Destroy the attempt's values, the newest first. */
void locals_destroy(weir_run *attempt);

#endif
