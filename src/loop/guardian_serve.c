/* SPDX-License-Identifier: Apache-2.0 */
/* guardian_serve.c - the guardian's own loop: orders, leashes, ended children, the end of grace times. */
#include "base/clock.h"
#include "loop/guardian_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Descriptors have fixed places, so that those of an order never lie below these. */
enum { OWNER = 3, EPOLL, SIGNALS, FIRST_OF_ORDERS };

/* --- Becoming one --- */

/* Holding the owner's own descriptors would keep others from seeing that they were closed. */
static void place_descriptors(int socket)
{
	int own = fcntl(socket, F_DUPFD_CLOEXEC, OWNER); /* it may be in the place of one of the first three */
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (own < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || dup2(own, OWNER) < 0)
		_exit(1);
	close_range(OWNER + 1, ~0U, 0);
	fcntl(OWNER, F_SETFD, FD_CLOEXEC);
}

static void make_descriptor(int fd, int place)
{
	if (fd < 0 || (fd != place && dup3(fd, place, O_CLOEXEC) < 0))
		_exit(1);
	if (fd != place)
		close(fd);
}

/* Every signal is blocked: those of a terminal or a service manager are for the owner to decide about. */
static void take_signals(void)
{
	sigset_t all, child;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* An owner that ignores SIGCHLD has it so for what it forks: then nothing could be waited for. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	make_descriptor(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK), SIGNALS);
}

/* It holds a descriptor for each child. */
static void raise_file_limit(struct guardian *guardian)
{
	struct rlimit raised;

	getrlimit(RLIMIT_NOFILE, &guardian->files);
	raised = guardian->files;
	raised.rlim_cur = raised.rlim_max;
	setrlimit(RLIMIT_NOFILE, &raised);
}

static bool watch(struct guardian *guardian, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(guardian->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void set_up(struct guardian *guardian, int socket)
{
	setpgid(0, 0);
	prctl(PR_SET_NAME, "weir-guardian");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	guardian->pid = getpid();
	place_descriptors(socket);
	raise_file_limit(guardian);
	make_descriptor(epoll_create1(EPOLL_CLOEXEC), EPOLL);
	take_signals();
	guardian->epoll = EPOLL;
	guardian->signals = SIGNALS;
	if (!watch(guardian, OWNER, guardian) || !watch(guardian, SIGNALS, &guardian->signals))
		_exit(1);
}

/* --- Orders --- */

/* Put the descriptors that have come into the places that the message names. True when all have come. */
static bool place_received(struct taken_order *order, struct msghdr *header)
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(header);
	size_t count = rights ? (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	size_t next = 0;

	for (unsigned i = 0; i < ORDER_DESCRIPTORS; i++) {
		order->fds[i] = -1;
		if ((order->message.descriptors & 1U << i) && next < count)
			memcpy(&order->fds[i], CMSG_DATA(rights) + next++ * sizeof(int), sizeof(int));
	}
	return !(header->msg_flags & MSG_CTRUNC);
}

/* WEIR_ENOTFOUND: the owner is gone. */
static int receive_order(struct taken_order *order, bool *complete)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(ORDER_DESCRIPTORS * sizeof(int))] = { 0 };
	struct iovec data = { .iov_base = &order->message, .iov_len = sizeof order->message };
	struct msghdr header = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
	};
	ssize_t size = recvmsg(OWNER, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return WEIR_EAGAIN;
	if (size != sizeof order->message)
		return WEIR_ENOTFOUND;
	*complete = place_received(order, &header);
	return 0;
}

static void refuse(struct taken_order *order)
{
	struct guardian_event event = { .kind = GUARDIAN_FAILED, .error = EMFILE };

	if (order->fds[ORDER_LEASH] >= 0)
		(void)!send(order->fds[ORDER_LEASH], &event, sizeof event, MSG_NOSIGNAL);
	for (size_t i = 0; i < ORDER_DESCRIPTORS; i++) {
		if (order->fds[i] >= 0)
			close(order->fds[i]);
	}
}

/* The owner is gone: so is the reason for everything it has had started. */
static void close_down(struct guardian *guardian)
{
	guardian->closing = true;
	close(OWNER);
	wards_reap(guardian); /* groups of which nothing is left are nobody's */
	for (struct ward *ward = guardian->wards; ward; ward = ward->next)
		ward_stop(ward, ward->grace_us);
}

static void take_order(struct guardian *guardian)
{
	struct taken_order order = { 0 };
	bool complete = false;
	struct ward *ward;
	int result = receive_order(&order, &complete);

	if (result == WEIR_ENOTFOUND)
		close_down(guardian);
	if (result < 0)
		return;
	if (!complete) {
		refuse(&order);
		return;
	}
	ward = ward_start(guardian, &order);
	if (!ward || watch(guardian, ward->leash, ward))
		return;
	/* One that could not be told to stop must not run. */
	ward_drop_leash(guardian, ward);
	ward_stop(ward, 0);
}

/* --- Leashes --- */

static void hear_owner(const struct guardian *guardian, struct ward *ward)
{
	struct stop_message message;
	ssize_t size = recv(ward->leash, &message, sizeof message, MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size == sizeof message) {
		ward_stop(ward, message.grace_us);
		return;
	}
	ward_drop_leash(guardian, ward);
	ward_stop(ward, ward->grace_us);
}

/* --- Turning --- */

static int time_left_ms(const struct guardian *guardian, int64_t now_us)
{
	int64_t due_us = INT64_MAX;

	for (const struct ward *ward = guardian->wards; ward; ward = ward->next)
		due_us = MIN(due_us, ward->kill_us);
	if (due_us == INT64_MAX)
		return -1;
	return (int)MIN((MAX(due_us - now_us, INT64_C(0)) + 999) / 1000, (int64_t)INT32_MAX);
}

/* One event at a time: what it does may free the ward of another one. */
static void turn(struct guardian *guardian)
{
	struct epoll_event event;
	struct signalfd_siginfo info;
	int64_t now_us;

	if (epoll_wait(guardian->epoll, &event, 1, time_left_ms(guardian, clock_monotonic_us())) > 0) {
		if (event.data.ptr == guardian)
			take_order(guardian);
		else if (event.data.ptr != &guardian->signals)
			hear_owner(guardian, event.data.ptr);
		else if (read(SIGNALS, &info, sizeof info) > 0)
			wards_reap(guardian);
	}
	now_us = clock_monotonic_us();
	for (struct ward *ward = guardian->wards; ward; ward = ward->next)
		ward_enforce(ward, now_us);
}

void guardian_serve(int socket, guardian_call_fn *call)
{
	struct guardian guardian = { .call = call };
	struct guardian_hello hello = { .version = GUARDIAN_VERSION };

	set_up(&guardian, socket);
	if (send(OWNER, &hello, sizeof hello, MSG_NOSIGNAL) < 0)
		_exit(1);
	while (!guardian.closing || guardian.wards)
		turn(&guardian);
	_exit(0);
}
