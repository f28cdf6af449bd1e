/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/process_child.h"

#include "base/clock.h"
#include "engine/forked.h"
#include "engine/guardian_link.h"
#include "engine/local.h"
#include "engine/process_frame.h"
#include "engine/process_payload.h"
#include "engine/value_text.h"
#include "loop/coroutine.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	struct engine engine;  /* only what runs look at */
	int report;            /* the socket; 0: this is no task's process */
	pid_t pid;             /* a copy that the function forks is not it */
	int cancelled;         /* atomic: what the program has said */
	pthread_mutex_t mutex; /* a frame at a time */
} child = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void report(enum frame_kind kind, uint32_t detail, struct str text)
{
	if (getpid() != child.pid)
		return;
	pthread_mutex_lock(&child.mutex);
	/* When it can't be sent, the program is gone, and this process about to be. */
	(void)!frame_send(child.report, kind, detail, text);
	pthread_mutex_unlock(&child.mutex);
}

/* --- What functions ask for --- */

bool process_child_is(const weir_run *run)
{
	return run->run->engine->in_child;
}

bool process_child_refuses(weir_run *run, const char *what)
{
	/* A copy of the program has even less: there, no lock can be taken to say so. */
	if (forked_is_copy())
		return true;
	if (!process_child_is(run))
		return false;
	weir_fail_final(run,
	                "a task in process mode can't %s: its function has a process of its own, which has no "
	                "store; let the flow do that",
	                what);
	return true;
}

void process_child_log(int level, struct str message)
{
	/* As the program would cut it. */
	report(FRAME_LOG, (uint32_t)level, (struct str){ message.data, MIN(message.length, (size_t)LOG_MESSAGE_MAX) });
}

void process_child_tell_value(const char *name, const json_t *value)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct problem problem;

	strbuf_add(&text, name, strlen(name) + 1);
	if (value_write(value, false, child.engine.results.max_bytes / 2, &text, &problem) == 0)
		report(FRAME_VALUE, 0, strbuf_str(&text));
	else
		weir_warning(attempt_current(), "the value '%s' can't be passed on: %s", name, problem.message);
}

int process_child_cancelled(void)
{
	int32_t error;

	if (!child.cancelled && recv(child.report, &error, sizeof error, MSG_DONTWAIT) == sizeof error)
		__atomic_store_n(&child.cancelled, error, __ATOMIC_RELAXED);
	return __atomic_load_n(&child.cancelled, __ATOMIC_RELAXED);
}

int process_child_poll(struct pollfd *fds, size_t count, int64_t due_us)
{
	enum { MOST = 8 };
	struct pollfd all[MOST + 1] = { [0] = { .fd = child.report, .events = POLLIN } };

	ASSERT(count <= MOST);
	for (size_t i = 0; i < count; i++)
		all[i + 1] = fds[i];
	for (;;) {
		int64_t left_us = MAX(due_us - clock_monotonic_us(), INT64_C(0));
		struct timespec left = { .tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000 };
		int ready = ppoll(all, count + 1, &left, NULL);
		int error = process_child_cancelled();

		if (ready < 0 && errno != EINTR)
			return error_of_errno(errno);
		for (size_t i = 0; i < count; i++)
			fds[i].revents = ready > 0 ? all[i + 1].revents : 0;
		ready -= ready > 0 && all[0].revents;
		if (ready > 0 || error)
			return ready > 0 ? ready : error;
		if (left_us == 0)
			return WEIR_ETIMEDOUT;
		/* When the program is gone this would not wait any more; the guardian ends it then. */
		if (all[0].revents & (POLLHUP | POLLERR))
			all[0].fd = -1;
	}
}

int process_child_sleep(int64_t due_us)
{
	(void)!process_child_poll(NULL, 0, due_us);
	return process_child_cancelled();
}

/* --- How it ends --- */

static void tell_of_no_memory(size_t size)
{
	char text[64];
	int length = snprintf(text, sizeof text, "%zu", size);

	/* Not by way of report: the lock may be held by whoever has no memory. */
	if (getpid() == child.pid)
		(void)!frame_send(child.report, FRAME_OUT_OF_MEMORY, 0, (struct str){ text, (size_t)length });
}

NORETURN static void give_up(const struct problem *problem)
{
	report(FRAME_FAILURE, 0, str_of(problem->message));
	_exit(0);
}

/* A sink for jansson that takes so much and no more. */
struct sink {
	struct strbuf text;
	bool full;
};

static int take_text(const char *data, size_t size, void *out)
{
	struct sink *sink = out;

	sink->full = sink->text.length + size > child.engine.results.max_bytes;
	if (sink->full)
		return -1;
	strbuf_add(&sink->text, data, size);
	return 0;
}

static void report_result(json_t *value)
{
	struct sink sink = { 0 };
	char why[200];

	if (json_dump_callback(value, take_text, &sink, JSON_COMPACT | JSON_ENCODE_ANY) == 0) {
		report(FRAME_RESULT, 0, strbuf_str(&sink.text));
		return;
	}
	if (sink.full)
		snprintf(why, sizeof why,
		         "the result is not kept: its JSON has more than the %zu bytes that results.max_bytes "
		         "(WEIR_RESULTS_MAX_BYTES) allows",
		         child.engine.results.max_bytes);
	else
		snprintf(why, sizeof why,
		         "the result can't be passed on as JSON: a string in it is not UTF-8, or it contains itself");
	report(FRAME_FAILURE, 0, str_of(why));
}

static void report_outcome(const struct outcome *outcome)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };

	if (outcome->kind != OUTCOME_NONE) {
		strbuf_puts(&text, outcome->state.name);
		strbuf_putc(&text, '\0');
		strbuf_puts(&text, outcome->message ? outcome->message : "");
	}
	report(FRAME_OUTCOME, outcome->kind, strbuf_str(&text));
}

/* --- The call --- */

static weir_run *make_run(const struct payload *payload)
{
	weir_future *run = xcalloc(1, sizeof *run);
	struct flow_context *flow = xcalloc(1, sizeof *flow);

	child.engine.in_child = true;
	child.engine.log_level = payload->log_level;
	child.engine.results.max_bytes = payload->result_max_bytes;
	pthread_mutex_init(&child.engine.mutex, NULL);
	pthread_mutex_init(&flow->mutex, NULL);
	pthread_mutex_init(&run->mutex, NULL);
	flow->references = 1;
	flow->log_prints = payload->log_prints ? WEIR_ON : WEIR_OFF;
	run->references = 1;
	run->engine = &child.engine;
	run->what = callable_of_task(payload->task);
	run->what.log_prints = WEIR_DEFAULT; /* it was decided in the program */
	run->flow = flow;
	run->id = payload->id;
	run->name = xstrdup(payload->run_name);
	run->arguments = payload->arguments;
	run->phase = PHASE_RUNNING;
	run->attempts = payload->attempt;
	return attempt_new(run, payload->attempt);
}

static void limit_memory(size_t bytes)
{
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };
	struct problem problem;

	if (bytes == 0 || setrlimit(RLIMIT_AS, &limit) == 0)
		return;
	problem_set(&problem, WEIR_EINVAL, "the limit of its memory can't be set: %s", strerror(errno));
	give_up(&problem);
}

/* Printed lines are to be seen even if the next statement is the last one. */
static void set_up_output(bool log_prints)
{
	if (log_prints)
		setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

NORETURN static void finish(weir_run *attempt, json_t *value)
{
	if (getpid() != child.pid) {
		fprintf(stderr,
		        "weir: a copy of the process of task '%s' has returned from its function: it must end by "
		        "exit or _exit\n",
		        attempt->run->what.name);
		_exit(1);
	}
	locals_destroy(attempt);
	fflush(NULL);
	report_outcome(&attempt->outcome);
	if (value)
		report_result(value);
	_exit(0);
}

void process_child_call(int payload_fd, int report_fd)
{
	struct payload payload;
	struct problem problem;
	weir_run *attempt;

	child.report = report_fd;
	child.pid = getpid();
	guardian_link_reset();
	engine_disown("a task in process mode can't start flows");
	if (payload_read(payload_fd, &payload, &problem) < 0)
		give_up(&problem);
	close(payload_fd);
	memory_on_exhaustion(tell_of_no_memory);
	attempt = make_run(&payload);
	set_up_output(payload.log_prints);
	limit_memory(payload.task->memory_bytes);
	attempt->values = json_incref(payload.values);
	control_set_local(attempt);
	finish(attempt, payload.task->run(attempt));
}
