/* SPDX-License-Identifier: Apache-2.0 */
/* writer_lock.h - the flock that says which process writes to an embedded file now. */
#ifndef WEIR_STORE_WRITER_LOCK_H
#define WEIR_STORE_WRITER_LOCK_H

#include "base/problem.h"

struct writer_lock {
	int fd; /* of the lock file; 0: the file is owned alone, there is nothing to lock */
};

/* path NULL: nothing to lock. Makes the file when it is missing. */
MUST_CHECK int writer_lock_init(struct writer_lock *lock, const char *path, struct problem *problem);
void writer_lock_done(struct writer_lock *lock);

/* Wait for the lock; and let it go. */
void writer_lock_take(struct writer_lock *lock);
void writer_lock_release(struct writer_lock *lock);

#endif
