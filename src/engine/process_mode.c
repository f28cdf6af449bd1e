/* SPDX-License-Identifier: Apache-2.0 */
/* process_mode.c - the program's side of a task in a process of its own: start it, read what it says, end it when the run is
   cancelled or its time is up, and say how it ended. */
#include "engine/process_mode.h"

#include "base/strbuf.h"
#include "engine/guardian_link.h"
#include "engine/line_log.h"
#include "engine/process_frame.h"
#include "engine/process_payload.h"
#include "engine/value_text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
	weir_run *attempt;
	int leash;
	int report;    /* ours; -1 once closed */
	int out, err;  /* ours, of its captured outputs; -1: passed through, or closed */
	int cancel_fd; /* readable when the attempt is cancelled */
	struct scope_waiter cancel;
	bool taken; /* by the guardian */
	pid_t pid;  /* 0: not started yet */
	bool stopping;
	bool lost;                 /* the guardian is gone */
	struct guardian_event end; /* ENDED or FAILED once it has come */
	bool over;
	struct strbuf incoming;
	struct line_log out_lines, err_lines;
	json_t *value;
	bool has_said; /* how the function ended */
	bool out_of_memory;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void process_done(struct process *process)
{
	close_fd(&process->leash);
	close_fd(&process->report);
	close_fd(&process->out);
	close_fd(&process->err);
	close_fd(&process->cancel_fd);
	strbuf_done(&process->incoming);
	line_log_end(&process->out_lines);
	line_log_end(&process->err_lines);
}

/* --- Starting --- */

/* The child's ends. */
struct far_ends {
	int payload, report, out, err;
};

static void far_ends_done(struct far_ends *ends)
{
	close_fd(&ends->payload);
	close_fd(&ends->report);
	close_fd(&ends->out);
	close_fd(&ends->err);
}

static int make_pipe(int *ours, int *theirs, struct problem *problem)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		return problem_set(problem, error_of_errno(errno), "%s", strerror(errno));
	*ours = fds[0];
	*theirs = fds[1];
	return 0;
}

static int make_channels(struct process *process, struct far_ends *ends, struct problem *problem)
{
	int fds[2];
	int result = 0;

	process->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (process->cancel_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return problem_set(problem, error_of_errno(errno), "%s", strerror(errno));
	process->report = fds[0];
	ends->report = fds[1];
	if (run_logs_prints(process->attempt->run)) {
		result = make_pipe(&process->out, &ends->out, problem);
		if (result == 0)
			result = make_pipe(&process->err, &ends->err, problem);
	}
	return result;
}

static int start(struct process *process, struct problem *problem)
{
	AUTO(far_ends_done) struct far_ends ends = { -1, -1, -1, -1 };
	weir_future *run = process->attempt->run;
	struct guardian_order order = {
		.kind = GUARDIAN_CALL,
		.name = run->what.name,
		.grace_us = run->engine->grace_us,
		.in = -1,
	};
	int result = make_channels(process, &ends, problem);

	if (result == 0)
		result = payload_write(process->attempt, &ends.payload, problem);
	if (result < 0)
		return result;
	order.payload = ends.payload;
	order.report = ends.report;
	order.out = process->out >= 0 ? ends.out : STDOUT_FILENO;
	order.err = process->err >= 0 ? ends.err : STDERR_FILENO;
	return guardian_link_send(&order, &process->leash, problem);
}

/* --- What it says --- */

static void take_outcome(weir_run *attempt, enum outcome_kind kind, struct str text)
{
	const char *name = text.length ? text.data : "";
	const char *message = memchr(name, '\0', text.length);
	AUTO(strbuf_done) struct strbuf copy = { 0 };

	if (!message)
		return;
	strbuf_add(&copy, message + 1, text.length - (size_t)(message + 1 - name));
	message = copy.length ? copy.data : "";
	if (kind == OUTCOME_SKIPPED)
		weir_skip(attempt, "%s", message);
	else if (kind == OUTCOME_FAILED_FINAL)
		weir_fail_final(attempt, "%s", message);
	else if (strcmp(name, "TimedOut") == 0)
		outcome_timed_out(attempt, "%s", message);
	else if (kind != OUTCOME_NONE)
		weir_fail(attempt, "%s", message);
}

static void take_result(struct process *process, struct str text)
{
	json_error_t error;

	process->value = json_loadb(text.data, text.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (!process->value)
		weir_fail(process->attempt, "the result can't be read: %s", error.text);
}

/* What it has set for the hooks, which are called here. */
static void take_set_value(weir_run *attempt, struct str text)
{
	size_t name_length = strnlen(text.data, text.length);
	struct problem problem;
	json_t *value;

	if (name_length == text.length)
		return;
	value = value_read((struct str){ text.data + name_length + 1, text.length - name_length - 1 }, &problem);
	if (value)
		weir_transaction_set(attempt, text.data, value);
	else
		run_log(attempt->run, 30, "the value '%s' can't be read: %s", text.data, problem.message);
}

static void take_frame(struct process *process, const struct frame_head *head, struct str text)
{
	process->has_said = process->has_said || head->kind == FRAME_OUTCOME || head->kind == FRAME_FAILURE;
	switch ((enum frame_kind)head->kind) {
	case FRAME_LOG:
		run_log_str(process->attempt->run, (int)head->detail, text);
		break;
	case FRAME_OUTCOME:
		take_outcome(process->attempt, (enum outcome_kind)head->detail, text);
		break;
	case FRAME_RESULT:
		take_result(process, text);
		break;
	case FRAME_FAILURE:
		weir_fail(process->attempt, "%.*s", STR_ARG(text));
		break;
	case FRAME_VALUE:
		take_set_value(process->attempt, text);
		break;
	case FRAME_OUT_OF_MEMORY:
		process->out_of_memory = true;
		break;
	}
}

static void take_frames(struct process *process)
{
	struct frame_head head;
	struct str text;
	size_t max_bytes = MAX(process->attempt->run->engine->results.max_bytes, (size_t)LOG_MESSAGE_MAX);
	size_t used = 0;
	bool wrong = false;

	while (frame_next(strbuf_str(&process->incoming), max_bytes, &used, &head, &text, &wrong))
		take_frame(process, &head, text);
	if (wrong) {
		/* The function has written into a descriptor that is not its own. */
		run_log(process->attempt->run, 40,
		        "the process of the task sends what is no report: not read any more");
		close_fd(&process->report);
	}
	memmove(process->incoming.data, process->incoming.data + used, process->incoming.length - used);
	process->incoming.length -= used;
}

/* Read what is there, at most so much at once. False: nothing for now, or the end. */
static bool read_report(struct process *process)
{
	enum { PIECE = 64 * 1024 };
	ssize_t size = recv(process->report, strbuf_reserve(&process->incoming, PIECE), PIECE, MSG_DONTWAIT);

	if (size < 0 && errno == EINTR)
		return true;
	if (size < 0 && errno == EAGAIN)
		return false;
	if (size <= 0) {
		close_fd(&process->report);
		return false;
	}
	process->incoming.length += (size_t)size;
	take_frames(process);
	return process->report >= 0;
}

static bool read_lines(int *fd, struct line_log *log)
{
	char buffer[16384];
	ssize_t size = read(*fd, buffer, sizeof buffer);

	if (size < 0 && errno == EINTR)
		return true;
	if (size < 0 && errno == EAGAIN)
		return false;
	if (size <= 0) {
		close_fd(fd);
		return false;
	}
	line_log_add(log, (struct str){ buffer, (size_t)size });
	return true;
}

/* It has ended, and what it has written is all there: what others still write is not waited for. */
static void read_rest(struct process *process)
{
	while (process->report >= 0 && read_report(process))
		;
	while (process->out >= 0 && read_lines(&process->out, &process->out_lines))
		;
	while (process->err >= 0 && read_lines(&process->err, &process->err_lines))
		;
}

/* --- Waiting --- */

static void wake_by_eventfd(struct scope_waiter *waiter)
{
	eventfd_write(CONTAINER_OF(waiter, struct process, cancel)->cancel_fd, 1);
}

/* Its function may ask why, if it outlives SIGTERM. */
static void stop(struct process *process)
{
	int32_t error = attempt_refusal(process->attempt);

	process->stopping = true;
	if (process->report >= 0)
		(void)!send(process->report, &error, sizeof error, MSG_NOSIGNAL | MSG_DONTWAIT);
	guardian_stop(process->leash, process->attempt->run->engine->grace_us);
}

static void hear(struct process *process)
{
	struct guardian_event event;
	int result = guardian_hear(process->leash, &event);

	if (result == WEIR_EAGAIN)
		return;
	process->taken = process->taken || result == 0;
	if (result == 0 && event.kind <= GUARDIAN_STARTED) {
		process->pid = event.pid;
		return;
	}
	process->over = true;
	process->lost = result < 0;
	if (result == 0)
		process->end = event;
	else if (process->pid) /* it died with the guardian, but not what it had started */
		kill(-process->pid, SIGKILL);
}

/* The place in the pool is kept: so the pool bounds how many processes there are. */
static void attend(struct process *process)
{
	struct pollfd fds[] = {
		{ .fd = process->leash, .events = POLLIN },
		{ .fd = process->report, .events = POLLIN },
		{ .fd = process->out, .events = POLLIN },
		{ .fd = process->err, .events = POLLIN },
		{ .fd = process->stopping ? -1 : process->cancel_fd, .events = POLLIN },
	};

	if (poll(fds, ARRAY_LENGTH(fds), -1) < 0)
		return; /* interrupted by a signal: look again */
	if (fds[2].revents)
		read_lines(&process->out, &process->out_lines);
	if (fds[3].revents)
		read_lines(&process->err, &process->err_lines);
	if (fds[1].revents)
		read_report(process);
	if (fds[4].revents)
		stop(process);
	if (fds[0].revents)
		hear(process);
}

static void attend_until_over(struct process *process)
{
	process->cancel = (struct scope_waiter){ .wake = wake_by_eventfd, .only_time = true };
	scope_watch(&process->attempt->scope, &process->cancel);
	while (!process->over)
		attend(process);
	scope_unwatch(&process->attempt->scope, &process->cancel);
	read_rest(process);
}

/* --- What it came to --- */

static const char *describe_use(const struct guardian_event *end, char *out, size_t size)
{
	snprintf(out, size, "peak %.1f MB, %.2f s of CPU", (double)end->peak_bytes / 1e6, (double)end->cpu_us / 1e6);
	return out;
}

static json_t *fail_crashed(const struct process *process)
{
	int status = process->end.status;
	weir_run *attempt = process->attempt;
	char use[64];

	describe_use(&process->end, use, sizeof use);
	if (process->lost)
		return outcome_crashed(attempt, "the process of the task was lost: its guardian process was ended");
	if (process->out_of_memory)
		return outcome_crashed(attempt, "the process of the task was out of memory (%s)", use);
	if (WIFEXITED(status))
		return outcome_crashed(attempt, "the process of the task exited with status %d before it returned (%s)",
		                       WEXITSTATUS(status), use);
	return outcome_crashed(attempt, "the process of the task ended by SIG%s (%s)%s",
	                       sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?", use,
	                       WTERMSIG(status) == SIGKILL ? ": killed by somebody, or by the system for want of memory"
	                                                   : "");
}

static json_t *conclude(struct process *process)
{
	if (process->value || process->has_said)
		return process->value;
	if (process->stopping)
		return NULL; /* cancelled, or over its time limit: that is known */
	if (!process->lost && process->end.kind == GUARDIAN_FAILED)
		return weir_fail(process->attempt, "the process of the task could not be started: %s",
		                 strerror(process->end.error));
	return fail_crashed(process);
}

/* Try once. False: the guardian went before it had taken the order. */
static bool run_once(weir_run *attempt, json_t **value)
{
	AUTO(process_done)
	struct process process = {
		.attempt = attempt,
		.leash = -1,
		.report = -1,
		.out = -1,
		.err = -1,
		.cancel_fd = -1,
		.out_lines = { .run = attempt->run, .level = 20, .max_bytes = LOG_MESSAGE_MAX },
		.err_lines = { .run = attempt->run, .level = 40, .max_bytes = LOG_MESSAGE_MAX },
	};
	struct problem problem;

	if (start(&process, &problem) < 0) {
		*value = weir_fail(attempt, "the process of the task could not be started: %s", problem.message);
		return true;
	}
	attend_until_over(&process);
	if (process.lost && !process.taken && !process.stopping)
		return false;
	*value = conclude(&process);
	return true;
}

json_t *process_mode_run(weir_run *attempt)
{
	json_t *value = NULL;

	for (int tries = 0; tries < GUARDIAN_TRIES; tries++) {
		if (run_once(attempt, &value))
			return value;
	}
	return outcome_crashed(attempt, "the process of the task could not be started: the guardian process is ended "
	                                "again and again");
}
