/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_lock.h - locks on single bytes of a file, which belong to the open file: the kernel gives them up when its holder
 * dies, whatever way, and (unlike flock) lets others ask who holds one without taking it.
 */
#ifndef WEIR_STORE_FILE_LOCK_H
#define WEIR_STORE_FILE_LOCK_H

#include "base/base.h"

/* Take the lock if nobody else has it. Returns 0, EAGAIN when another open file holds it, or another errno. */
MUST_CHECK int file_lock_try(int fd, unsigned byte);
void file_lock_release(int fd, unsigned byte);

/* Does another open file hold it? */
bool file_lock_is_held(int fd, unsigned byte);

#endif
