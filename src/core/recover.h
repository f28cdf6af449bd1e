/* SPDX-License-Identifier: Apache-2.0 */
/* recover.h - setting right what programs left behind that died. */
#ifndef WEIR_CORE_RECOVER_H
#define WEIR_CORE_RECOVER_H

#include "store/store.h"

/*
 * Mark the runs of every dead program Crashed, then forget the program. For whoever opens the store to write, before
 * anything else. *crashed_runs counts the runs; it also counts when a later program fails.
 */
MUST_CHECK int store_recover(struct store *store, int64_t *crashed_runs, struct problem *problem);

/* The same for one program that the caller knows not to run, dead or gone: *crashed_runs counts up. */
MUST_CHECK int store_recover_program(struct store *store, struct uuid program_id, int64_t *crashed_runs,
                                     struct problem *problem);

#endif
