/* SPDX-License-Identifier: Apache-2.0 */
/* guardian_child.c - what a child of the guardian sets up before it calls a function or executes a program. */
#include "loop/guardian_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a child keeps beside 0, 1 and 2. */
enum { CHANNEL = 3, PAYLOAD, FIRST_CLOSED };

/* Of a process that was just started by a shell: nothing caught, nothing ignored, nothing blocked. */
static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)!signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* It dies with the guardian; if that is dead already nobody would tell it. */
static void bind_to_guardian(const struct guardian *guardian)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != guardian->pid)
		_exit(1);
}

static bool place(int from, int to)
{
	int fd = from < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : from;

	return fd >= 0 && dup2(fd, to) >= 0;
}

/* Those of the order lie above all places, and what is in the places is the guardian's. */
static bool place_descriptors(const struct taken_order *order)
{
	bool is_call = order->message.kind == GUARDIAN_CALL;
	const int *fds = order->fds;

	if (!place(fds[ORDER_IN], 0) || !place(fds[ORDER_OUT], 1) || !place(fds[ORDER_ERR], 2) ||
	    !place(fds[is_call ? ORDER_REPORT : ORDER_LEASH], CHANNEL) || !place(fds[ORDER_PAYLOAD], PAYLOAD))
		return false;
	fcntl(CHANNEL, F_SETFD, FD_CLOEXEC);
	fcntl(PAYLOAD, F_SETFD, FD_CLOEXEC);
	return true;
}

NORETURN static void fail(int leash, int error)
{
	struct guardian_event event = { .kind = GUARDIAN_FAILED, .error = error, .pid = getpid() };

	(void)!send(leash, &event, sizeof event, MSG_NOSIGNAL | MSG_DONTWAIT);
	_exit(127);
}

void child_enter(const struct guardian *guardian, const struct taken_order *order)
{
	int leash = order->fds[ORDER_LEASH];

	bind_to_guardian(guardian);
	if (fchdir(order->fds[ORDER_FOLDER]) < 0 || !place_descriptors(order))
		fail(leash, errno);
	if (order->message.kind == GUARDIAN_PROGRAM)
		leash = CHANNEL;
	close_range(FIRST_CLOSED, ~0U, 0);
	setrlimit(RLIMIT_NOFILE, &guardian->files);
	reset_signals();
	if (order->message.kind == GUARDIAN_PROGRAM)
		fail(leash, program_execute(PAYLOAD));
	if (order->message.name[0])
		prctl(PR_SET_NAME, order->message.name);
	guardian->call(PAYLOAD, CHANNEL);
	_exit(0);
}
