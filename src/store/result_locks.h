/* SPDX-License-Identifier: Apache-2.0 */
/* result_locks.h - locks by name between programs that share a storage: a byte each, in a few files that stay open. */
#ifndef WEIR_STORE_RESULT_LOCKS_H
#define WEIR_STORE_RESULT_LOCKS_H

#include "base/problem.h"

struct result_locks;

/* In the folder "locks" of this folder (a descriptor), which is made when missing. path is for messages. */
MUST_CHECK int result_locks_open(const char *path, int folder, struct result_locks **out, struct problem *problem);
void result_locks_close(struct result_locks *locks); /* NULL is allowed */

/* In a copy of the process that was forked: close the files, so that it holds none of the program's locks. */
void result_locks_forked(struct result_locks *locks);

/* As result_lock_try and result_unlock (store/result_storage.h). */
MUST_CHECK int result_locks_try(struct result_locks *locks, const char *name, struct problem *problem);
void result_locks_release(struct result_locks *locks, const char *name);

#endif
