/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash.h - a last word of a program that crashes. Once installed, SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write one
 * line to a file that was opened before, and then take the way they would have taken: to the handler that was there
 * before, else to the end of the program. The line is a clause for people:
 *
 *	SIGSEGV at address 0x10 in task run 'load' (0198c1f0-...)
 *	SIGSEGV, stack overflow of a coroutine (256 KiB) in task run 'parse' (0198c1f0-...)
 *	SIGSEGV, stack overflow of a thread in flow run 'nightly' (0198c1f0-...)
 *	SIGABRT
 *
 * Handlers run on stacks of their own, which the installing thread and all threads of thread_start have; on other threads
 * an overflow of the stack leaves no line. Only the process that has installed it writes, not its forked children. The
 * first crash counts.
 */
#ifndef WEIR_LOOP_CRASH_H
#define WEIR_LOOP_CRASH_H

#include "base/problem.h"
#include "base/strbuf.h"

/*
 * Tell what runs on this thread: write up to size bytes to text, return how many, 0 for nothing. Called within handlers of
 * signals: it may read memory (control_local()), and call nothing that isn't async-signal-safe.
 */
typedef size_t crash_describe_fn(char *text, size_t size);

/*
 * Make the file (it is emptied, and belongs to its owner alone) and take the signals. Signals that are ignored stay so. Once
 * in a process at a time, from its main thread, before others are started. describe may be NULL.
 */
MUST_CHECK int crash_install(const char *path, crash_describe_fn *describe, struct problem *problem);

/* Give the signals back to those who had them (unless somebody has taken them over since), and remove the file. Does
   nothing when nothing is installed. From the thread that has installed it, when no other crashes. */
void crash_uninstall(void);

/* Append the line of a file without its end, as valid UTF-8 without control characters. Appends nothing when the program
   did not crash (the file is empty), or there is no such file. */
MUST_CHECK int crash_read(const char *path, struct strbuf *text, struct problem *problem);

/* For thread_start: this thread begins, and is about to end. */
void crash_thread_begin(void);
void crash_thread_end(void);

#endif
