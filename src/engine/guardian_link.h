/* SPDX-License-Identifier: Apache-2.0 */
/* guardian_link.h - the program's guardian: forked first thing by weir_main, else started anew when it is first needed, and
   again when it was killed. */
#ifndef WEIR_ENGINE_GUARDIAN_LINK_H
#define WEIR_ENGINE_GUARDIAN_LINK_H

#include "loop/guardian.h"

/* How often something is ordered that no guardian has lived to take. */
enum { GUARDIAN_TRIES = 5 };

/* Fork it, while this process has one thread and nothing open. When that can't be, one is started when it is needed. */
void guardian_link_begin(void);

/* Let it go: it ends what was started by it, and then itself. Another one is started when it is needed again. */
void guardian_link_end(void);

/* Have something started, as guardian_send. */
MUST_CHECK int guardian_link_send(const struct guardian_order *order, int *leash, struct problem *problem);

/* In a copy of the process that the program has forked: the guardian is not its own. */
void guardian_link_forget(void);

/* In a child of the guardian: there is none yet. */
void guardian_link_reset(void);

/* Start a guardian by starting this program again (guardian_anew.c). */
MUST_CHECK int guardian_start_anew(int *socket, struct problem *problem);

#endif
