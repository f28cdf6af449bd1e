/* SPDX-License-Identifier: Apache-2.0 */
/* in_child.h - for tests of what ends or limits a process: do it in a forked child. */
#ifndef WEIR_TESTS_LOOP_IN_CHILD_H
#define WEIR_TESTS_LOOP_IN_CHILD_H

#include "base/base.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

static inline bool has_sanitizer(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||               \
        __has_feature(thread_sanitizer)
	return true;
#else
	return false;
#endif
}

/* Its wait status; exits with 0 when the action returns. cmocka's handlers of signals are gone in it, and what it says of
   its end goes nowhere. */
static inline int run_in_child(void (*action)(void))
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	struct rlimit no_core = { 0 };
	int status = -1, fd;
	pid_t child = fork();

	if (child == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		for (size_t i = 0; i < ARRAY_LENGTH(signals); i++)
			signal(signals[i], SIG_DFL);
		fd = open("/dev/null", O_WRONLY);
		if (fd >= 0)
			dup2(fd, STDERR_FILENO);
		action();
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0)
		;
	return status;
}

#endif
