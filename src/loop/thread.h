/* SPDX-License-Identifier: Apache-2.0 */
/* thread.h - starting a thread the way all of Weir's threads start: named, with all signals blocked but those of faults
   (SIGSEGV and the like), so that signals go to the program's own threads; with a stack for handlers of crashes when those
   are installed (loop/crash.h). */
#ifndef WEIR_LOOP_THREAD_H
#define WEIR_LOOP_THREAD_H

#include "base/problem.h"

#include <pthread.h>

/* WEIR_ELIMIT when the system has no room for another thread. name is cut to 15 bytes. */
MUST_CHECK int thread_start(pthread_t *thread, const char *name, void *(*run)(void *argument), void *argument,
                            struct problem *problem);

/* A condition variable that waits by the monotonic clock. */
void cond_init_monotonic(pthread_cond_t *cond);

/* Wait until due_us of clock_monotonic_us; INT64_MAX waits for ever. Returns false when the time has come. */
bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t due_us);

#endif
