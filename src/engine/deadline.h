/* SPDX-License-Identifier: Apache-2.0 */
/* deadline.h - time limits of attempts. */
#ifndef WEIR_ENGINE_DEADLINE_H
#define WEIR_ENGINE_DEADLINE_H

#include "engine/run.h"

void deadline_init(weir_run *attempt);

/* The function is about to be entered: its time limit, if it has one, begins. */
void deadline_start(weir_run *attempt);

/* The function has returned. */
void deadline_stop(weir_run *attempt);

#endif
