/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_runs.c - fills a database for the tests of the command line, as programs would: through core/.
 *
 *	make_runs PATH samples        flows and runs in all kinds of states, with names that try a terminal
 *	make_runs PATH logs COUNT     a flow run "chatty" with so many log lines
 *	make_runs PATH tasks COUNT    a flow run "wide" with so many task runs, and a log line of each
 *	make_runs PATH program        a program with a flow run in RUNNING: prints "run ID", then each message that it hears;
 *	                              a cancelled run becomes Cancelled; ends when its standard input does
 *	make_runs PATH deaf           the same, but it does not listen
 *
 * Ids are fixed where the tests name them. Ages are from now on, log lines at fixed times.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/core.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static void must(int result, const struct problem *problem)
{
	if (result < 0) {
		fprintf(stderr, "make_runs: %s: %s\n", error_name(result), problem->message);
		exit(1);
	}
}

static struct uuid id_of(const char *text)
{
	struct uuid id;

	if (!uuid_parse(str_of(text), &id))
		abort();
	return id;
}

/* --- Samples --- */

struct step {
	enum state_type type;
	int64_t age_us; /* negative: to come */
	const char *name;
	const char *message;
};

struct sample_run {
	const char *id;
	const char *flow;
	const char *name;
	const char *tags;
	const char *parameters;
	struct step steps[5]; /* up to STATE_NONE */
};

static const struct sample_run runs[] = {
	{ "0196f3a2-7c4d-7000-8000-000000000001",
	  "etl",
	  "calm-otter",
	  "[\"nightly\", \"数据\"]",
	  "{\"count\": 3, \"big\": 1180591620717411303424}",
	  { { STATE_PENDING, 3 * HOUR, NULL, NULL },
	    { STATE_RUNNING, 3 * HOUR - 2 * SECOND, NULL, NULL },
	    { STATE_COMPLETED, 2 * HOUR + 30 * MINUTE, NULL, NULL } } },
	{ "0196f3a2-7c4d-7000-8000-000000000002",
	  "数据拉取流程",
	  "勇敢的水獭🦦",
	  NULL,
	  NULL,
	  { { STATE_PENDING, 26 * MINUTE, NULL, NULL },
	    { STATE_RUNNING, 26 * MINUTE - SECOND, NULL, NULL },
	    { STATE_FAILED, 25 * MINUTE + 30 * SECOND, NULL, "接口暂时不可用\nsecond line \033[31m" } } },
	{ "0196f3a2-7c4d-7000-8000-000000000003",
	  "bad\033[2Jflow",
	  "evil\033]0;title\007\nname\xe2\x80\xae",
	  NULL,
	  NULL,
	  { { STATE_PENDING, 20 * MINUTE, NULL, NULL }, { STATE_RUNNING, 19 * MINUTE + 30 * SECOND, NULL, NULL } } },
	{ "0196f3a2-7c4d-7000-8000-000000000004",
	  "etl",
	  "late-lark",
	  NULL,
	  NULL,
	  { { STATE_SCHEDULED, -(2 * HOUR + 30 * MINUTE), NULL, NULL } } },
	{ "0196f3a2-7c4d-7000-8000-000000000005",
	  "etl",
	  "an-unusually-long-name-that-goes-on-and-on-until-it-does-not-fit-into-any-terminal-that-people-have",
	  NULL,
	  NULL,
	  { { STATE_PENDING, 10 * MINUTE, NULL, NULL },
	    { STATE_RUNNING, 10 * MINUTE - SECOND, NULL, NULL },
	    { STATE_CRASHED, 9 * MINUTE + 30 * SECOND, NULL, "killed by signal 9" } } },
	{ "0196f3a2-7c4e-7000-8000-000000000006",
	  "etl",
	  "waiting-wren",
	  NULL,
	  NULL,
	  { { STATE_PENDING, 5 * MINUTE + 30 * SECOND, NULL, NULL } } },
};

static const struct {
	const char *id;
	const char *name;
	const char *task_key;
	struct step steps[4];
} tasks[] = {
	{ "0196f3a2-8000-7000-8000-000000000001",
	  "load-0",
	  "load",
	  { { STATE_PENDING, 3 * HOUR, NULL, NULL },
	    { STATE_RUNNING, 3 * HOUR - SECOND, NULL, NULL },
	    { STATE_COMPLETED, 2 * HOUR + 40 * MINUTE, NULL, NULL } } },
	{ "0196f3a2-8000-7000-8000-000000000002",
	  "清洗-0",
	  "清洗",
	  { { STATE_PENDING, 3 * HOUR, NULL, NULL },
	    { STATE_RUNNING, 3 * HOUR - SECOND, NULL, NULL },
	    { STATE_COMPLETED, 2 * HOUR + 40 * MINUTE, "Skipped", "nothing to do" } } },
	{ "0196f3a2-8000-7000-8000-000000000003",
	  "store-0",
	  "store",
	  { { STATE_PENDING, 3 * HOUR, NULL, NULL },
	    { STATE_RUNNING, 3 * HOUR - SECOND, NULL, NULL },
	    { STATE_FAILED, 2 * HOUR + 35 * MINUTE + 30 * SECOND, NULL, "disk full\n  at line 2" } } },
};

/* A state so long ago; texts are literals. */
static struct state make_state(struct arena *arena, const struct step *step, int64_t now_us)
{
	struct state_details details;
	struct state state;

	fields_init(&flow_run_state_fields, &state);
	state.type = step->type;
	state.name = str_of(step->name ? step->name : state_type_title(step->type));
	state.message = str_of(step->message);
	state.timestamp = now_us - MAX(step->age_us, INT64_C(0));
	if (step->type == STATE_SCHEDULED) {
		fields_init(&state_details_fields, &details);
		details.scheduled_time = now_us - step->age_us;
		state.details = state_details_text(arena, &details);
	}
	return state;
}

static int set_flow_run_state(struct tx *tx, struct uuid id, const struct step *step)
{
	struct set_state in = { .run_id = id, .proposed = make_state(tx->arena, step, tx->now_us), .force = true };
	struct set_state_result out;

	return flow_run_set_state(tx, &in, &out);
}

static int make_flow_run(struct tx *tx, void *request)
{
	const struct sample_run *sample = request;
	const struct state first = make_state(tx->arena, &sample->steps[0], tx->now_us);
	struct flow_run_create create = { .state = &first };
	struct flow_run run;
	struct flow flow;
	int result = flow_ensure(tx, str_of(sample->flow), STR_NULL, STR_NULL, &flow, NULL);

	if (result < 0)
		return result;
	fields_init(&flow_run_fields, &create.run);
	create.run.id = id_of(sample->id);
	create.run.flow_id = flow.id;
	create.run.name = str_of(sample->name);
	create.run.tags = str_of(sample->tags ? sample->tags : "[]");
	create.run.parameters = str_of(sample->parameters ? sample->parameters : "{}");
	result = flow_run_create(tx, &create, &run, NULL);
	for (size_t i = 1; result == 0 && sample->steps[i].type != STATE_NONE; i++)
		result = set_flow_run_state(tx, run.id, &sample->steps[i]);
	return result;
}

static int make_task_run(struct tx *tx, struct uuid id, struct uuid flow_run_id, const char *task_key,
                         const char *dynamic_key, const char *name, const struct step *steps)
{
	const struct state first = make_state(tx->arena, &steps[0], tx->now_us);
	struct task_run_create create = { .state = &first };
	struct task_run run;
	int result;

	fields_init(&task_run_fields, &create.run);
	create.run.id = id;
	create.run.flow_run_id = flow_run_id;
	create.run.task_key = str_of(task_key);
	create.run.dynamic_key = str_of(dynamic_key);
	create.run.name = str_of(name);
	result = task_run_create(tx, &create, &run, NULL);
	for (size_t i = 1; result == 0 && steps[i].type != STATE_NONE; i++) {
		struct set_state in = { .run_id = run.id,
			                .proposed = make_state(tx->arena, &steps[i], tx->now_us),
			                .force = true };
		struct set_state_result out;

		result = task_run_set_state(tx, &in, &out);
	}
	return result;
}

static int make_tasks(struct tx *tx, void *request)
{
	int result = 0;

	(void)request;
	for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(tasks); i++)
		result = make_task_run(tx, id_of(tasks[i].id), id_of(runs[0].id), tasks[i].task_key, "0", tasks[i].name,
		                       tasks[i].steps);
	return result;
}

/* 2026-01-31 08:00:00 UTC, and a millisecond more for each line. */
static const int64_t LOG_START_US = INT64_C(1769846400000000);

static int make_log(struct tx *tx, struct uuid flow_run_id, struct uuid task_run_id, int64_t number, int64_t level,
                    struct str message)
{
	struct log_line line;

	fields_init(&log_fields, &line);
	line.name = uuid_is_nil(task_run_id) ? STR("prefect.flow_runs") : STR("prefect.task_runs");
	line.level = level;
	line.message = message;
	line.timestamp = LOG_START_US + number * 1000;
	line.flow_run_id = flow_run_id;
	line.task_run_id = task_run_id;
	return logs_append(tx, &line, 1);
}

static int make_logs(struct tx *tx, void *request)
{
	static const struct {
		int task; /* -1: the flow's */
		int64_t level;
		struct str message;
	} lines[] = {
		{ -1, LOG_INFO, STR("starting") },    { 0, LOG_DEBUG, STR("loading 数据") },
		{ 0, LOG_INFO, STR("two\n\tlines") }, { 1, LOG_WARNING, STR("red \033[31m and bell \007") },
		{ 2, LOG_ERROR, STR("disk full") },   { -1, LOG_CRITICAL, STR("done") },
	};
	int result = 0;

	(void)request;
	for (size_t i = 0; result == 0 && i < ARRAY_LENGTH(lines); i++)
		result = make_log(tx, id_of(runs[0].id),
		                  lines[i].task < 0 ? (struct uuid){ 0 } : id_of(tasks[lines[i].task].id), (int64_t)i,
		                  lines[i].level, lines[i].message);
	return result;
}

static void make_samples(struct store *store)
{
	struct problem problem;

	for (size_t i = 0; i < ARRAY_LENGTH(runs); i++)
		must(store_run(store, make_flow_run, (void *)(uintptr_t)&runs[i], &problem), &problem);
	must(store_run(store, make_tasks, NULL, &problem), &problem);
	must(store_run(store, make_logs, NULL, &problem), &problem);
}

/* --- Many rows --- */

static const struct sample_run chatty = { "0196f3a2-9000-7000-8000-000000000001", "logs", "chatty", NULL, NULL,
	                                  { { STATE_PENDING, 0, NULL, NULL } } };

static const struct sample_run wide = { "0196f3a2-9000-7000-8000-000000000002", "tasks", "wide", NULL, NULL,
	                                { { STATE_PENDING, 0, NULL, NULL } } };

struct rows {
	int64_t count;
	int64_t done;
};

static int make_many_logs(struct tx *tx, void *request)
{
	const struct rows *rows = request;
	int result = 0;

	for (int64_t i = 0; result == 0 && i < rows->count; i++)
		result = make_log(tx, id_of(chatty.id), (struct uuid){ 0 }, i, LOG_INFO,
		                  arena_printf(tx->arena, "line %" PRId64, i));
	return result;
}

static int make_many_tasks(struct tx *tx, void *request)
{
	static const struct step steps[] = { { STATE_PENDING, 0, NULL, NULL }, { STATE_NONE, 0, NULL, NULL } };
	const struct rows *rows = request;
	int result = 0;

	for (int64_t i = 0; result == 0 && i < rows->count; i++) {
		const char *name = arena_printf(tx->arena, "work-%" PRId64, i).data;
		struct uuid id = uuid_new();

		result = make_task_run(tx, id, id_of(wide.id), "work", name, name, steps);
		if (result == 0)
			result = make_log(tx, id_of(wide.id), id, i, LOG_INFO, str_of(name));
	}
	return result;
}

static void make_rows(struct store *store, const struct sample_run *run, job_fn *make, int64_t count)
{
	struct rows rows = { .count = count };
	struct problem problem;

	must(store_run(store, make_flow_run, (void *)(uintptr_t)run, &problem), &problem);
	must(store_run(store, make, &rows, &problem), &problem);
}

/* --- A program --- */

struct program {
	struct store *store;
	struct uuid run_id;
	pthread_mutex_t mutex;
	pthread_cond_t heard;
	bool cancelled;
	bool ended;
};

static int make_running(struct tx *tx, void *request)
{
	static const struct step pending = { STATE_PENDING, 0, NULL, NULL }, running = { STATE_RUNNING, 0, NULL, NULL };
	struct program *program = request;
	const struct state first = make_state(tx->arena, &pending, tx->now_us);
	struct flow_run_create create = { .state = &first };
	struct flow_run run;
	struct flow flow;
	int result = flow_ensure(tx, STR("service"), STR_NULL, STR_NULL, &flow, NULL);

	if (result < 0)
		return result;
	fields_init(&flow_run_fields, &create.run);
	create.run.id = program->run_id;
	create.run.flow_id = flow.id;
	create.run.name = STR("steady-swan");
	create.run.program_id = store_program_id(program->store);
	result = flow_run_create(tx, &create, &run, NULL);
	return result < 0 ? result : set_flow_run_state(tx, run.id, &running);
}

static int make_cancelled(struct tx *tx, void *request)
{
	static const struct step cancelled = { STATE_CANCELLED, 0, NULL, "the program has ended it" };
	struct program *program = request;

	return set_flow_run_state(tx, program->run_id, &cancelled);
}

static void hear(void *data, struct str message)
{
	struct program *program = data;

	printf("message %.*s\n", STR_ARG(message));
	fflush(stdout);
	pthread_mutex_lock(&program->mutex);
	program->cancelled = str_starts_with(message, STR("cancel "));
	pthread_cond_signal(&program->heard);
	pthread_mutex_unlock(&program->mutex);
}

/* Cancels its run when it is told to, as a program does: not on the thread that hears. */
static void *obey(void *data)
{
	struct program *program = data;
	struct problem problem;
	bool cancelled;

	pthread_mutex_lock(&program->mutex);
	while (!program->cancelled && !program->ended)
		pthread_cond_wait(&program->heard, &program->mutex);
	cancelled = program->cancelled;
	pthread_mutex_unlock(&program->mutex);
	if (cancelled) {
		must(store_run(program->store, make_cancelled, program, &problem), &problem);
		printf("cancelled\n");
		fflush(stdout);
	}
	return NULL;
}

static void run_program(const char *path, bool deaf)
{
	struct program program = { .run_id = uuid_new(),
		                   .mutex = PTHREAD_MUTEX_INITIALIZER,
		                   .heard = PTHREAD_COND_INITIALIZER };
	const struct store_options options = {
		.path = path, .mode = STORE_PROGRAM, .on_message = deaf ? NULL : hear, .data = &program
	};
	struct problem problem;
	pthread_t thread;
	char byte;

	must(store_open(&options, &program.store, &problem), &problem);
	must(store_run(program.store, make_running, &program, &problem), &problem);
	if (pthread_create(&thread, NULL, obey, &program) != 0)
		abort();
	printf("run %s\n", uuid_text(program.run_id).text);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	pthread_mutex_lock(&program.mutex);
	program.ended = true;
	pthread_cond_signal(&program.heard);
	pthread_mutex_unlock(&program.mutex);
	pthread_join(thread, NULL);
	store_close(program.store);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	int64_t count = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
	struct store_options options = { .mode = STORE_WRITE };
	struct store *store;
	struct problem problem;

	if (argc < 3)
		return 2;
	if (strcmp(what, "program") == 0 || strcmp(what, "deaf") == 0) {
		run_program(argv[1], what[0] == 'd');
		return 0;
	}
	options.path = argv[1];
	must(store_open(&options, &store, &problem), &problem);
	if (strcmp(what, "samples") == 0)
		make_samples(store);
	else if (strcmp(what, "logs") == 0)
		make_rows(store, &chatty, make_many_logs, count);
	else if (strcmp(what, "tasks") == 0)
		make_rows(store, &wide, make_many_tasks, count);
	else
		return 2;
	store_close(store);
	return 0;
}
