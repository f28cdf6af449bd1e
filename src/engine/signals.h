/* SPDX-License-Identifier: Apache-2.0 */
/* signals.h - SIGINT and SIGTERM of a weir_main program: its runs end as Cancelled or Crashed before it does. libweir in
   somebody else's program installs nothing. */
#ifndef WEIR_ENGINE_SIGNALS_H
#define WEIR_ENGINE_SIGNALS_H

#include "base/problem.h"

struct engine;

/* Block the signals in this thread, and so in all it starts, and ignore SIGPIPE. Before any other thread is there. */
MUST_CHECK int signals_install(struct problem *problem);

/* Hear of the signals on the engine's loop, if they were installed. */
MUST_CHECK int signals_watch(struct engine *engine, struct problem *problem);

/* The exit status: that of the signal which ended the program (128 + number), or the given one. */
int signals_status(int status);

#endif
