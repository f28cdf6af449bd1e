/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_vfs.h - a layer over SQLite's files that makes chosen calls fail, as a disk does: a write that fails may have
 * written its first half. One for the process; the file's name for db_options.vfs is FAULT_VFS.
 */
#ifndef WEIR_TESTS_STORE_FAULT_VFS_H
#define WEIR_TESTS_STORE_FAULT_VFS_H

#include <limits.h>

#define FAULT_VFS "weir-fault"

/* Kinds of calls. */
enum { FAULT_WRITE = 1 << 0, FAULT_SYNC = 1 << 1, FAULT_TRUNCATE = 1 << 2 };

enum { FAULT_FOR_EVER = INT_MAX };

/* Make the layer known to SQLite; once or more often. */
void fault_vfs_register(void);

/* Calls of these kinds are counted from now on; number `first` (from 1) and those after it, `times` of them, fail. */
void fault_arm(unsigned kinds, int code, int first, int times);

/* No call fails any more. Returns how many have failed since fault_arm. */
int fault_disarm(void);

#endif
