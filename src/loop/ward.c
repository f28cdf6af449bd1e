/* SPDX-License-Identifier: Apache-2.0 */
/* ward.c - a guardian's children and their process groups: started, ended, waited for. */
#include "base/clock.h"
#include "loop/guardian_wire.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(int leash, const struct guardian_event *event)
{
	/* A leash holds the few events of a child: this never waits. The owner may have let go. */
	if (leash >= 0)
		(void)!send(leash, event, sizeof *event, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* --- Starting --- */

static struct ward *ward_new(struct guardian *guardian, const struct taken_order *order, pid_t pid)
{
	struct ward *ward = xcalloc(1, sizeof *ward);

	ward->kind = (enum guardian_kind)order->message.kind;
	ward->pid = pid;
	ward->leash = order->fds[ORDER_LEASH];
	ward->grace_us = order->message.grace_us;
	ward->kill_us = INT64_MAX;
	ward->next = guardian->wards;
	guardian->wards = ward;
	return ward;
}

struct ward *ward_start(struct guardian *guardian, struct taken_order *order)
{
	struct guardian_event event = { .kind = GUARDIAN_TAKEN };
	pid_t pid;

	tell(order->fds[ORDER_LEASH], &event);
	pid = fork();
	event.kind = pid < 0 ? GUARDIAN_FAILED : GUARDIAN_STARTED;
	event.error = pid < 0 ? errno : 0;
	event.pid = pid;
	if (pid == 0)
		child_enter(guardian, order);
	if (pid > 0)
		setpgid(pid, pid); /* the child does so as well: whoever is first */
	tell(order->fds[ORDER_LEASH], &event);
	close_all(order->fds + ORDER_LEASH + 1, ORDER_DESCRIPTORS - 1);
	if (pid > 0)
		return ward_new(guardian, order, pid);
	close_all(order->fds, 1);
	return NULL;
}

/* --- Ending --- */

void ward_stop(struct ward *ward, int64_t grace_us)
{
	if (ward->stopping)
		return;
	ward->stopping = true;
	ward->kill_us = clock_monotonic_us() + grace_us;
	kill(-ward->pid, SIGTERM);
	kill(-ward->pid, SIGCONT); /* one that is stopped would not hear of it */
}

void ward_enforce(struct ward *ward, int64_t now_us)
{
	if (now_us < ward->kill_us)
		return;
	ward->kill_us = INT64_MAX;
	ward->killed = true;
	kill(-ward->pid, SIGKILL);
}

/* --- Waiting --- */

static struct ward *find(const struct guardian *guardian, pid_t pid)
{
	struct ward *ward = guardian->wards;

	while (ward && (ward->pid != pid || ward->leader_gone))
		ward = ward->next;
	return ward;
}

static int64_t time_us(struct timeval time)
{
	return time.tv_sec * INT64_C(1000000) + time.tv_usec;
}

void ward_drop_leash(const struct guardian *guardian, struct ward *ward)
{
	if (ward->leash < 0)
		return;
	/* A child that was just forked may still hold a copy, with which it would stay among the watched ones. */
	epoll_ctl(guardian->epoll, EPOLL_CTL_DEL, ward->leash, NULL);
	close(ward->leash);
	ward->leash = -1;
}

static void tell_end(const struct guardian *guardian, struct ward *ward, int status, const struct rusage *usage)
{
	struct guardian_event event = {
		.kind = GUARDIAN_ENDED,
		.pid = ward->pid,
		.status = status,
		.killed = ward->killed,
		.peak_bytes = usage->ru_maxrss * INT64_C(1024),
		.cpu_us = time_us(usage->ru_utime) + time_us(usage->ru_stime),
	};

	tell(ward->leash, &event);
	ward_drop_leash(guardian, ward);
}

/* Wait for one process that has ended; false: there is none. As long as it was not waited for its id is its own, and so
   its group's: the time to end what it leaves. A program may leave something behind, a call may not. */
static bool reap_one(struct guardian *guardian)
{
	siginfo_t info = { 0 };
	struct rusage usage;
	struct ward *ward;
	int status;

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
		return false;
	ward = find(guardian, info.si_pid);
	if (ward && (ward->kind == GUARDIAN_CALL || ward->stopping))
		kill(-ward->pid, SIGKILL);
	if (wait4(info.si_pid, &status, WNOHANG, &usage) != info.si_pid)
		return false;
	if (ward) {
		tell_end(guardian, ward, status, &usage);
		ward->leader_gone = true;
	}
	return true;
}

/*
 * Is something left of the group? What loses its parent becomes the guardian's own child, so a group in which it has none is
 * empty, and its number may become somebody else's.
 */
static bool group_is_left(const struct ward *ward)
{
	siginfo_t info = { 0 };

	return waitid(P_PGID, (id_t)ward->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void wards_reap(struct guardian *guardian)
{
	struct ward **link = &guardian->wards;

	while (reap_one(guardian))
		;
	while (*link) {
		struct ward *ward = *link;

		if (!ward->leader_gone || group_is_left(ward)) {
			link = &ward->next;
			continue;
		}
		*link = ward->next;
		free(ward);
	}
}
