/* SPDX-License-Identifier: Apache-2.0 */
/* guardian.c - the owner's side: starting a guardian, sending orders, hearing of children. */
#include "loop/guardian_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- Starting --- */

int guardian_socket_pair(int *ours, int *theirs, struct problem *problem)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return problem_set(problem, error_of_errno(errno), "socketpair: %s", strerror(errno));
	*ours = fds[0];
	*theirs = fds[1];
	return 0;
}

int guardian_greet(int socket, struct problem *problem)
{
	struct guardian_hello hello = { 0 };
	ssize_t size;

	do
		size = recv(socket, &hello, sizeof hello, 0);
	while (size < 0 && errno == EINTR);
	if (size != sizeof hello)
		return problem_set(problem, WEIR_EIO, "the guardian process ended before it had begun");
	if (hello.version != GUARDIAN_VERSION)
		return problem_set(problem, WEIR_EVERSION,
		                   "the program's files have been replaced since it was started: start it again");
	return 0;
}

/* A fork that gives no SIGCHLD and that wait() does not see: the program's code knows nothing of this child. */
static pid_t fork_unseen(void)
{
	return (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
}

int guardian_fork(guardian_call_fn *call, int *socket, pid_t *pid, struct problem *problem)
{
	int theirs, result;

	result = guardian_socket_pair(socket, &theirs, problem);
	if (result < 0)
		return result;
	fflush(NULL); /* or its children would write it again */
	*pid = fork_unseen();
	if (*pid == 0) {
		close(*socket);
		guardian_serve(theirs, call);
	}
	if (*pid < 0)
		result = problem_set(problem, error_of_errno(errno), "fork: %s", strerror(errno));
	close(theirs);
	if (result == 0)
		result = guardian_greet(*socket, problem);
	if (result < 0)
		close(*socket);
	return result;
}

void guardian_wait(pid_t pid, int64_t timeout_us)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { .fd = fd, .events = POLLIN };

	if (fd >= 0 && timeout_us > 0)
		poll(&ended, 1, (int)(timeout_us / 1000));
	if (fd >= 0)
		close(fd);
	(void)!waitpid(pid, NULL, WNOHANG | __WALL);
}

/* --- Orders --- */

/* Name the descriptors that are there in the message; gives how many. */
static size_t collect_descriptors(const int all[ORDER_DESCRIPTORS], struct order_message *message, int *list)
{
	size_t count = 0;

	for (unsigned i = 0; i < ORDER_DESCRIPTORS; i++) {
		if (all[i] < 0)
			continue;
		message->descriptors |= 1U << i;
		list[count++] = all[i];
	}
	return count;
}

static int send_order(int socket, struct order_message *message, const int fds[ORDER_DESCRIPTORS])
{
	int list[ORDER_DESCRIPTORS];
	size_t size = collect_descriptors(fds, message, list) * sizeof *list;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof list)] = { 0 };
	struct iovec data = { .iov_base = message, .iov_len = sizeof *message };
	struct msghdr header = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(size)
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(rights), list, size);
	while (sendmsg(socket, &header, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

static int send_with_leash(int socket, const struct guardian_order *order, int leash)
{
	struct order_message message = { .kind = order->kind, .grace_us = order->grace_us };
	int fds[ORDER_DESCRIPTORS] = {
		[ORDER_LEASH] = leash,
		[ORDER_FOLDER] = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC),
		[ORDER_PAYLOAD] = order->payload,
		[ORDER_REPORT] = order->report,
		[ORDER_IN] = order->in,
		[ORDER_OUT] = order->out,
		[ORDER_ERR] = order->err,
	};
	int error = fds[ORDER_FOLDER] < 0 ? errno : 0;

	strncat(message.name, order->name ? order->name : "", sizeof message.name - 1);
	if (!error)
		error = send_order(socket, &message, fds);
	if (fds[ORDER_FOLDER] >= 0)
		close(fds[ORDER_FOLDER]);
	return error;
}

int guardian_send(int socket, const struct guardian_order *order, int *leash, struct problem *problem)
{
	int fds[2];
	int error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return problem_set(problem, error_of_errno(errno), "%s", strerror(errno));
	error = send_with_leash(socket, order, fds[1]);
	close(fds[1]);
	if (!error) {
		*leash = fds[0];
		return 0;
	}
	close(fds[0]);
	if (error == EPIPE || error == ECONNRESET || error == ENOTCONN)
		return problem_set(problem, WEIR_EAGAIN, "the guardian process is gone");
	return problem_set(problem, error_of_errno(error), "%s", strerror(error));
}

int guardian_hear(int leash, struct guardian_event *event)
{
	ssize_t size;

	do
		size = recv(leash, event, sizeof *event, MSG_DONTWAIT);
	while (size < 0 && errno == EINTR);
	if (size == sizeof *event)
		return 0;
	return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? WEIR_EAGAIN : WEIR_ENOTFOUND;
}

void guardian_stop(int leash, int64_t grace_us)
{
	struct stop_message message = { .grace_us = grace_us };

	/* When it can't be sent, the guardian is gone, and the child with it. */
	while (send(leash, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR)
		;
}
