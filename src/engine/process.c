/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.c - weir_process: run a program in a process group of its own, feed it, read both its outputs, log their lines
 * as they come, and end the whole group when its time is up or the run is cancelled.
 */
#include "base/clock.h"
#include "base/utf8.h"
#include "engine/run.h"
#include "loop/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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
	struct strbuf line; /* what came since the last line break, when lines are logged */
	int level;          /* of its log lines */
	bool truncated;
};

struct process {
	weir_run *run;
	const weir_process_options *options;
	size_t max_bytes;
	pid_t pid;
	int pid_fd;    /* readable when the program has ended */
	int cancel_fd; /* readable when the run is cancelled */
	int stdin_fd;  /* ours; -1 once all is written */
	size_t stdin_written;
	struct output out, err;
	struct scope_waiter cancel;
	bool reaped;
	siginfo_t exit;
	int stop;       /* 0, or why it is being ended: WEIR_ETIMEDOUT, WEIR_ECANCELED */
	int64_t due_us; /* the time limit, then the end of the grace time */
	bool killed;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void process_done(struct process *process)
{
	close_fd(&process->pid_fd);
	close_fd(&process->cancel_fd);
	close_fd(&process->stdin_fd);
	close_fd(&process->out.fd);
	close_fd(&process->err.fd);
	strbuf_done(&process->out.kept);
	strbuf_done(&process->out.line);
	strbuf_done(&process->err.kept);
	strbuf_done(&process->err.line);
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

static int set_up_actions(posix_spawn_file_actions_t *actions, const weir_process_options *options, int in, int out,
                          int err)
{
	int error = in >= 0 ? posix_spawn_file_actions_adddup2(actions, in, 0)
	                    : posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (!error)
		error = posix_spawn_file_actions_adddup2(actions, out, 1);
	if (!error)
		error = posix_spawn_file_actions_adddup2(actions, err, 2);
	if (!error && options->cwd)
		error = posix_spawn_file_actions_addchdir_np(actions, options->cwd);
	return error;
}

/* A group of its own, default signals, none blocked: whatever this thread has. */
static int set_up_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	return posix_spawnattr_setflags(attributes,
	                                POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(struct process *process, const char *const *argv, int in, int out, int err)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	error = set_up_actions(&actions, process->options, in, out, err);
	if (!error)
		error = set_up_attributes(&attributes);
	if (!error)
		error = posix_spawnp(&process->pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv,
		                     make_environment(&scratch, process->options->env));
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static void kill_group(struct process *process, int signal_number)
{
	if (kill(-process->pid, signal_number) < 0 && !process->reaped)
		kill(process->pid, signal_number);
}

static int start_process(struct process *process, const char *const *argv)
{
	int in = -1, out = -1, err = -1;
	int error = make_pipe(&process->out.fd, &out, 0);

	if (!error)
		error = make_pipe(&process->err.fd, &err, 0);
	if (!error && process->options->stdin_text)
		error = make_stdin(&process->stdin_fd, &in);
	if (!error)
		error = spawn(process, argv, in, out, err);
	close_fd(&in);
	close_fd(&out);
	close_fd(&err);
	if (error)
		return error;
	process->pid_fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pid_fd >= 0)
		return 0;
	error = errno;
	kill_group(process, SIGKILL);
	waitpid(process->pid, NULL, 0);
	return error;
}

/* --- Its outputs --- */

static void log_output_line(struct process *process, struct output *output)
{
	run_log_str(process->run->run, output->level, strbuf_str(&output->line));
	strbuf_clear(&output->line);
}

static void log_output(struct process *process, struct output *output, const char *data, size_t size)
{
	while (size) {
		const char *line_break = memchr(data, '\n', size);
		size_t room = LINE_MAX_BYTES - output->line.length;
		size_t length = line_break ? (size_t)(line_break - data) : size;
		bool whole = line_break && length <= room;

		length = MIN(length, room);
		strbuf_add(&output->line, data, length);
		length += whole;
		data += length;
		size -= length;
		if (whole || output->line.length == LINE_MAX_BYTES)
			log_output_line(process, output);
	}
}

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
		log_output(process, output, buffer, (size_t)size);
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

static void wake_by_eventfd(struct scope_waiter *waiter)
{
	eventfd_write(CONTAINER_OF(waiter, struct process, cancel)->cancel_fd, 1);
}

/* Begin to end the group: TERM now, KILL after the grace time. */
static void stop_process(struct process *process, int why)
{
	double grace = process->options->grace_seconds > 0 ? process->options->grace_seconds : DEFAULT_GRACE_SECONDS;

	process->stop = why;
	process->due_us = clock_monotonic_us() + (int64_t)(grace * 1e6);
	kill_group(process, SIGTERM);
}

static void time_is_up(struct process *process)
{
	if (!process->stop) {
		stop_process(process, WEIR_ETIMEDOUT);
		return;
	}
	process->killed = true;
	process->due_us = INT64_MAX;
	kill_group(process, SIGKILL);
}

static void reap(struct process *process)
{
	/* Whatever it left in its group ends with it when it was to be ended; while it is a zombie, the id is still its own. */
	if (process->stop)
		kill_group(process, SIGKILL);
	while (waitid(P_PID, (id_t)process->pid, &process->exit, WEXITED) < 0 && errno == EINTR)
		;
	process->reaped = true;
	/* What it left otherwise may go on, but isn't waited for long. */
	process->due_us = clock_monotonic_us() + DRAIN_US;
}

static int poll_timeout_ms(const struct process *process)
{
	int64_t left_us;

	if (process->due_us == INT64_MAX)
		return -1;
	left_us = MAX(process->due_us - clock_monotonic_us(), INT64_C(0));
	return (int)MIN((left_us + 999) / 1000, (int64_t)INT32_MAX);
}

static bool is_over(const struct process *process)
{
	bool drained = process->out.fd < 0 && process->err.fd < 0;

	return process->reaped && (drained || clock_monotonic_us() >= process->due_us);
}

/* One round: sleep until something happens, and see to it. */
static void attend(struct process *process)
{
	struct pollfd fds[] = {
		{ .fd = process->out.fd, .events = POLLIN },
		{ .fd = process->err.fd, .events = POLLIN },
		{ .fd = process->stdin_fd, .events = POLLOUT },
		{ .fd = process->reaped ? -1 : process->pid_fd, .events = POLLIN },
		{ .fd = process->stop || process->reaped ? -1 : process->cancel_fd, .events = POLLIN },
	};

	if (poll(fds, ARRAY_LENGTH(fds), poll_timeout_ms(process)) < 0)
		return; /* interrupted by a signal: look again */
	if (fds[0].revents)
		read_output(process, &process->out);
	if (fds[1].revents)
		read_output(process, &process->err);
	if (fds[2].revents)
		feed_stdin(process);
	if (fds[3].revents)
		reap(process);
	if (fds[4].revents)
		stop_process(process, WEIR_ECANCELED);
	if (!process->reaped && clock_monotonic_us() >= process->due_us)
		time_is_up(process);
}

static void attend_until_over(struct process *process)
{
	process->cancel = (struct scope_waiter){ .wake = wake_by_eventfd, .only_time = true };
	scope_watch(&process->run->scope, &process->cancel);
	pool_wait_begin();
	while (!is_over(process))
		attend(process);
	while (process->out.fd >= 0 && read_output(process, &process->out))
		;
	while (process->err.fd >= 0 && read_output(process, &process->err))
		;
	pool_wait_end();
	scope_unwatch(&process->run->scope, &process->cancel);
	if (process->out.line.length)
		log_output_line(process, &process->out);
	if (process->err.line.length)
		log_output_line(process, &process->err);
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
	int code = process->exit.si_code == CLD_EXITED ? process->exit.si_status : -process->exit.si_status;
	json_t *result = json_object();

	json_object_set_new(result, "returncode", json_integer(code));
	json_object_set_new(result, "stdout", output_text(&process->out));
	json_object_set_new(result, "stderr", output_text(&process->err));
	json_object_set_new(result, "truncated", json_boolean(process->out.truncated || process->err.truncated));
	return result;
}

static json_t *fail_stopped(struct process *process, const char *program)
{
	if (process->stop == WEIR_ETIMEDOUT)
		return outcome_timed_out(process->run, "'%s' ran over its time limit of %g second(s) and was %s",
		                         program, process->options->timeout_seconds,
		                         process->killed ? "killed" : "ended");
	return weir_fail(process->run, "'%s' was ended with the run", program);
}

WEIR_API json_t *weir_process(weir_run *run, const char *const *argv, const weir_process_options *options)
{
	static const weir_process_options defaults;
	AUTO(process_done)
	struct process process = {
		.run = run,
		.options = options ? options : &defaults,
		.pid_fd = -1,
		.stdin_fd = -1,
		.out = { .fd = -1, .level = 20 },
		.err = { .fd = -1, .level = 40 },
	};
	int error;

	process.cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	process.max_bytes = process.options->max_bytes ? process.options->max_bytes : DEFAULT_MAX_BYTES;
	process.due_us =
	        process.options->timeout_seconds > 0 ? clock_due_us(process.options->timeout_seconds) : INT64_MAX;
	if (attempt_refusal(run))
		return NULL;
	if (!argv || !argv[0])
		return weir_fail_final(run, "weir_process was given no program");
	error = process.cancel_fd < 0 ? errno : start_process(&process, argv);
	if (error)
		return weir_fail(run, "'%s' could not be started%s%s: %s", argv[0], process.options->cwd ? " in " : "",
		                 process.options->cwd ? process.options->cwd : "", strerror(error));
	attend_until_over(&process);
	return process.stop ? fail_stopped(&process, argv[0]) : result_of(&process);
}
