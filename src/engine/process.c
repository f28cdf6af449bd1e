/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.c - weir_process: have the guardian run a program in a process group of its own, feed it, read both its outputs, log
 * their lines as they come, and have the whole group ended when its time is up or the run is cancelled.
 */
#include "base/clock.h"
#include "base/utf8.h"
#include "engine/guardian_link.h"
#include "engine/line_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DEFAULT_MAX_BYTES = 1024 * 1024,
	LINE_MAX_BYTES = 64 * 1024, /* a longer line is logged in pieces */
	DRAIN_US = 200 * 1000,      /* how long to read on after the program has ended and something holds its pipes */
};

#define DEFAULT_GRACE_SECONDS 5.0

/* One of the program's outputs. */
struct output {
	int fd;             /* ours, non-blocking; -1 once closed */
	struct strbuf kept; /* up to max_bytes */
	struct line_log lines;
	bool truncated;
};

struct process {
	weir_run *run;
	const weir_process_options *options;
	size_t max_bytes;
	int leash;
	bool taken;   /* by the guardian */
	pid_t pid;    /* 0: not started yet */
	int stdin_fd; /* ours; -1 once all is written */
	size_t stdin_written;
	struct output out, err;
	struct guardian_event end; /* once it is over */
	bool over;
	bool lost;          /* over, since the guardian is gone */
	int stop;           /* 0, or why it is being ended: WEIR_ETIMEDOUT, WEIR_ECANCELED */
	int64_t due_us;     /* the time limit; when it is over, that of reading on */
	struct scope quiet; /* to wait in when the run is cancelled */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void output_done(struct output *output)
{
	close_fd(&output->fd);
	strbuf_done(&output->kept);
	line_log_end(&output->lines);
}

static void process_done(struct process *process)
{
	close_fd(&process->leash);
	close_fd(&process->stdin_fd);
	output_done(&process->out);
	output_done(&process->err);
	scope_done(&process->quiet);
}

/* --- Starting --- */

extern char **environ;

/* The environment with the added entries in front: the first one of a name counts for getenv, so drop what they replace. */
static char **make_environment(struct arena *arena, const char *const *added)
{
	size_t own = 0, more = 0, count = 0;
	char **all;

	while (environ[own])
		own++;
	while (added && added[more])
		more++;
	all = arena_alloc(arena, (own + more + 1) * sizeof *all);
	for (size_t i = 0; i < more; i++)
		all[count++] = arena_strdup(arena, added[i]);
	for (size_t i = 0; i < own; i++) {
		size_t name = strcspn(environ[i], "=") + 1;
		bool replaced = false;

		for (size_t k = 0; k < more; k++)
			replaced = replaced || strncmp(environ[i], added[k], name) == 0;
		if (!replaced)
			all[count++] = environ[i];
	}
	all[count] = NULL;
	return all;
}

/* A pipe whose ends the program does not inherit but by dup2; ours does not block. end is which one is ours. */
static int make_pipe(int *ours, int *theirs, int end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return errno;
	*ours = fds[end];
	*theirs = fds[1 - end];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? errno : 0;
}

/* The program's stdin is a socket, so that writing to one that has closed it can be told not to raise SIGPIPE. */
static int make_stdin(int *ours, int *theirs)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return errno;
	*ours = fds[0];
	*theirs = fds[1];
	shutdown(fds[1], SHUT_WR);
	return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? errno : 0;
}

/* The program's ends. */
struct far_ends {
	int payload, in, out, err;
};

static void far_ends_done(struct far_ends *ends)
{
	close_fd(&ends->payload);
	close_fd(&ends->in);
	close_fd(&ends->out);
	close_fd(&ends->err);
}

static double grace_seconds_of(const struct process *process)
{
	return process->options->grace_seconds > 0 ? process->options->grace_seconds : DEFAULT_GRACE_SECONDS;
}

static int make_payload(const struct process *process, const char *const *argv, int *fd, struct problem *problem)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	char **env = make_environment(&scratch, process->options->env);

	return program_pack(getenv("PATH"), process->options->cwd, argv, (const char *const *)env, fd, problem);
}

static int start_process(struct process *process, const char *const *argv, struct problem *problem)
{
	AUTO(far_ends_done) struct far_ends ends = { -1, -1, -1, -1 };
	struct guardian_order order = {
		.kind = GUARDIAN_PROGRAM,
		.grace_us = (int64_t)(grace_seconds_of(process) * 1e6),
		.report = -1,
	};
	int error = make_pipe(&process->out.fd, &ends.out, 0);
	int result;

	if (!error)
		error = make_pipe(&process->err.fd, &ends.err, 0);
	if (!error && process->options->stdin_text)
		error = make_stdin(&process->stdin_fd, &ends.in);
	if (error)
		return problem_set(problem, error_of_errno(error), "%s", strerror(error));
	result = make_payload(process, argv, &ends.payload, problem);
	if (result < 0)
		return result;
	order.payload = ends.payload;
	order.in = ends.in;
	order.out = ends.out;
	order.err = ends.err;
	return guardian_link_send(&order, &process->leash, problem);
}

/* --- Its outputs --- */

/* Read what is there. False: the pipe is empty for now, or closed. */
static bool read_output(struct process *process, struct output *output)
{
	char buffer[16384];
	ssize_t size = read(output->fd, buffer, sizeof buffer);
	size_t room = process->max_bytes - output->kept.length;

	if (size < 0 && errno == EINTR)
		return true;
	if (size < 0 && errno == EAGAIN)
		return false;
	if (size <= 0) {
		close_fd(&output->fd);
		return false;
	}
	strbuf_add(&output->kept, buffer, MIN((size_t)size, room));
	output->truncated = output->truncated || (size_t)size > room;
	if (process->options->log_output != WEIR_OFF)
		line_log_add(&output->lines, (struct str){ buffer, (size_t)size });
	return true;
}

static void feed_stdin(struct process *process)
{
	const char *text = process->options->stdin_text + process->stdin_written;
	size_t left = strlen(text);
	ssize_t sent = left ? send(process->stdin_fd, text, left, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (sent > 0)
		process->stdin_written += (size_t)sent;
	if ((sent < 0 && errno != EAGAIN && errno != EINTR) || (sent >= 0 && (size_t)sent == left))
		close_fd(&process->stdin_fd);
}

/* --- Waiting --- */

static void stop_process(struct process *process, int why)
{
	process->stop = why;
	process->due_us = INT64_MAX;
	guardian_stop(process->leash, (int64_t)(grace_seconds_of(process) * 1e6));
}

static void hear(struct process *process)
{
	struct guardian_event event = { 0 };
	int result = guardian_hear(process->leash, &event);

	if (result == WEIR_EAGAIN)
		return;
	process->taken = process->taken || result == 0;
	if (result == 0 && event.kind <= GUARDIAN_STARTED) {
		process->pid = event.pid;
		return;
	}
	process->over = true;
	process->end = event;
	process->lost = result < 0;
	if (process->lost && process->pid) /* it died with the guardian, but not what it had started */
		kill(-process->pid, SIGKILL);
	/* What it has left may go on, but isn't waited for long. */
	process->due_us = clock_monotonic_us() + DRAIN_US;
}

static bool is_read(const struct process *process)
{
	return process->out.fd < 0 && process->err.fd < 0;
}

/* Once it is being ended, the run's being cancelled does not matter any more. */
static int wait_for_news(struct process *process, struct pollfd *fds, size_t count)
{
	bool ending = process->stop || process->over;
	int result = ending ? scope_poll(&process->quiet, fds, count, process->due_us)
	                    : attempt_poll(process->run, fds, count, process->due_us);

	/* What ends has to be waited for, though the system may have nothing left to wait with. */
	if (result < 0 && result != WEIR_ETIMEDOUT && ending)
		return MAX(poll(fds, count, 100), 0);
	return result;
}

/* One round: wait until something happens, and see to it. False: there is nothing more to wait for. */
static bool attend(struct process *process)
{
	struct pollfd fds[] = {
		{ .fd = process->out.fd, .events = POLLIN },
		{ .fd = process->err.fd, .events = POLLIN },
		{ .fd = process->stdin_fd, .events = POLLOUT },
		{ .fd = process->over ? -1 : process->leash, .events = POLLIN },
	};
	int result = wait_for_news(process, fds, ARRAY_LENGTH(fds));

	if (result < 0 && process->over)
		return false;
	if (result < 0 && !process->stop)
		stop_process(process, result == WEIR_ETIMEDOUT && !attempt_refusal(process->run) ? WEIR_ETIMEDOUT
		                                                                                 : WEIR_ECANCELED);
	if (result < 0)
		return true;
	if (fds[0].revents)
		read_output(process, &process->out);
	if (fds[1].revents)
		read_output(process, &process->err);
	if (fds[2].revents)
		feed_stdin(process);
	if (fds[3].revents)
		hear(process);
	return !process->over || !is_read(process);
}

static void attend_until_over(struct process *process)
{
	while (attend(process))
		;
	while (process->out.fd >= 0 && read_output(process, &process->out))
		;
	while (process->err.fd >= 0 && read_output(process, &process->err))
		;
	line_log_end(&process->out.lines);
	line_log_end(&process->err.lines);
}

/* --- The result --- */

static json_t *output_text(const struct output *output)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str text = utf8_mend(&scratch, strbuf_str(&output->kept));

	return json_stringn(text.data, text.length);
}

static json_t *result_of(const struct process *process)
{
	int status = process->end.status;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	json_t *result = json_object();

	json_object_set_new(result, "returncode", json_integer(code));
	json_object_set_new(result, "stdout", output_text(&process->out));
	json_object_set_new(result, "stderr", output_text(&process->err));
	json_object_set_new(result, "truncated", json_boolean(process->out.truncated || process->err.truncated));
	return result;
}

static json_t *fail_to_start(const struct process *process, const char *program, const char *why)
{
	const char *cwd = process->options->cwd;

	return weir_fail(process->run, "'%s' could not be started%s%s: %s", program, cwd ? " in " : "", cwd ? cwd : "",
	                 why);
}

static json_t *conclude(const struct process *process, const char *program)
{
	if (!process->lost && process->end.kind == GUARDIAN_FAILED)
		return fail_to_start(process, program, strerror(process->end.error));
	if (process->stop == WEIR_ETIMEDOUT)
		return outcome_timed_out(process->run, "'%s' ran over its time limit of %g second(s) and was %s",
		                         program, process->options->timeout_seconds,
		                         process->end.killed ? "killed" : "ended");
	if (process->stop)
		return weir_fail(process->run, "'%s' was ended with the run", program);
	if (process->lost)
		return weir_fail(process->run, "'%s' was lost: the program's guardian process was ended", program);
	return result_of(process);
}

/* Try once. False: the guardian went before it had taken the order. */
static bool run_once(weir_run *run, const char *const *argv, const weir_process_options *options, json_t **result)
{
	AUTO(process_done)
	struct process process = {
		.run = run,
		.options = options,
		.max_bytes = options->max_bytes ? options->max_bytes : DEFAULT_MAX_BYTES,
		.leash = -1,
		.stdin_fd = -1,
		.due_us = options->timeout_seconds > 0 ? clock_due_us(options->timeout_seconds) : INT64_MAX,
		.out = { .fd = -1, .lines = { .run = run->run, .level = 20, .max_bytes = LINE_MAX_BYTES } },
		.err = { .fd = -1, .lines = { .run = run->run, .level = 40, .max_bytes = LINE_MAX_BYTES } },
	};
	struct problem problem;

	scope_init(&process.quiet);
	if (start_process(&process, argv, &problem) < 0) {
		*result = fail_to_start(&process, argv[0], problem.message);
		return true;
	}
	attend_until_over(&process);
	if (process.lost && !process.taken && !process.stop)
		return false;
	*result = conclude(&process, argv[0]);
	return true;
}

WEIR_API json_t *weir_process(weir_run *run, const char *const *argv, const weir_process_options *options)
{
	static const weir_process_options defaults;
	json_t *result = NULL;

	if (attempt_refusal(run))
		return NULL;
	if (!argv || !argv[0])
		return weir_fail_final(run, "weir_process was given no program");
	for (int tries = 0; tries < GUARDIAN_TRIES; tries++) {
		if (run_once(run, argv, options ? options : &defaults, &result))
			return result;
	}
	return weir_fail(run, "'%s' could not be started: the guardian process is ended again and again", argv[0]);
}
