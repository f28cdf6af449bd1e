/* SPDX-License-Identifier: Apache-2.0 */
/* writer_lock.h - the lock file "<database>-writer": which process writes to an embedded file now, and which one next. */
#ifndef WEIR_STORE_WRITER_LOCK_H
#define WEIR_STORE_WRITER_LOCK_H

#include "base/problem.h"

struct writer_lock {
	char *path; /* NULL: the file is owned alone, there is nothing to lock */
	int fd;
};

/* path NULL: nothing to lock. Makes the file when it is missing. */
MUST_CHECK int writer_lock_init(struct writer_lock *lock, const char *path, struct problem *problem);
void writer_lock_done(struct writer_lock *lock);

/*
 * Wait for the lock, at most timeout_us: then WEIR_EBUSY. It is fair: who has just let it go gets it again only after
 * those who were waiting.
 */
MUST_CHECK int writer_lock_take(struct writer_lock *lock, int64_t timeout_us, struct problem *problem);
void writer_lock_release(struct writer_lock *lock);

#endif
