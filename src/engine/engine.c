/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "base/log.h"
#include "base/settings_table.h"
#include "base/strbuf.h"
#include "core/recover.h"
#include "engine/forked.h"
#include "engine/last_word.h"
#include "engine/pause.h"
#include "engine/run.h"
#include "engine/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
	pthread_mutex_t mutex;
	struct engine *engine;
	bool console;
	bool exit_hook;
	const char *disowned; /* why this process has no engine */
} process = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* --- What reaches the engine from outside --- */

/* Called with engine->mutex held: so the run can't end, nor who waits for it let go of its scope, meanwhile. */
static void cancel_flow(struct flow_context *flow)
{
	weir_future *run = flow->run;

	pthread_mutex_lock(&run->scope->mutex);
	run_cancel(run, WEIR_ECANCELED);
	pthread_mutex_unlock(&run->scope->mutex);
}

/* Do it to the active flow run of that id, if it is one of this program's; with engine->mutex. */
static void act_on_flow_run(struct engine *engine, struct uuid id, void (*act)(struct flow_context *flow))
{
	pthread_mutex_lock(&engine->mutex);
	for (struct flow_context *flow = engine->active; flow; flow = flow->next) {
		if (uuid_equal(flow->flow_run_id, id))
			act(flow);
	}
	pthread_mutex_unlock(&engine->mutex);
}

void engine_cancel_flow_run(struct engine *engine, struct uuid id)
{
	act_on_flow_run(engine, id, cancel_flow);
}

static void hear_cancel(struct engine *engine, struct str rest)
{
	struct uuid id;

	if (uuid_parse(rest, &id))
		engine_cancel_flow_run(engine, id);
}

static void hear_resume(struct engine *engine, struct str rest)
{
	struct uuid id;

	if (uuid_parse(rest, &id))
		act_on_flow_run(engine, id, pause_wake);
}

static void hear_slots(struct engine *engine, struct str rest)
{
	slot_queue_hear(&engine->slot_queue, rest);
}

static void hear_limits(struct engine *engine, struct str rest)
{
	(void)rest;
	limited_tags_forget(&engine->limited_tags);
}

/* What others say to this program: a word, and what follows it. */
static const struct {
	struct str word;
	void (*hear)(struct engine *engine, struct str rest);
} messages[] = {
	{ STR("cancel "), hear_cancel },
	{ STR("resume "), hear_resume },
	{ STR("slots "), hear_slots },
	{ STR("limits"), hear_limits },
};

static void on_message(void *data, struct str message)
{
	for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
		struct str word = messages[i].word;

		if (str_starts_with(message, word))
			messages[i].hear(data,
			                 (struct str){ message.data + word.length, message.length - word.length });
	}
}

static void on_hold(void *data, const struct problem *problem)
{
	(void)data;
	if (problem)
		log_write(LOG_ERROR, "weir.store", "states can't be stored, trying again: %s", problem->message);
	else
		log_write(LOG_WARNING, "weir.store", "states can be stored again");
}

void engine_cancel_all(struct engine *engine, const char *crash_reason)
{
	pthread_mutex_lock(&engine->mutex);
	for (struct flow_context *flow = engine->active; flow; flow = flow->next) {
		pthread_mutex_lock(&flow->mutex);
		if (crash_reason && !flow->crash_reason)
			flow->crash_reason = xstrdup(crash_reason);
		pthread_mutex_unlock(&flow->mutex);
		cancel_flow(flow);
	}
	pthread_mutex_unlock(&engine->mutex);
}

/* Without a record there is no point in going on: what has begun is ended, and the program says why. */
void engine_lost_record(struct engine *engine, const struct problem *problem)
{
	bool first;

	pthread_mutex_lock(&engine->mutex);
	first = engine->lost_records++ == 0;
	engine->lost_problem = *problem;
	pthread_mutex_unlock(&engine->mutex);
	if (first)
		log_write(LOG_ERROR, "weir.store", "a state could not be recorded: %s", problem->message);
	engine_cancel_all(engine, "A state of the run could not be recorded.");
}

/* --- Loops of coroutines --- */

static struct loop *shared_loop(struct engine *engine, struct problem *problem)
{
	struct loop *loop = NULL;

	pthread_mutex_lock(&engine->mutex);
	if (engine->async_loop || loop_new("weir-async", &engine->async_loop, problem) == 0)
		loop = engine->async_loop;
	pthread_mutex_unlock(&engine->mutex);
	return loop;
}

struct loop *engine_loop_for(struct engine *engine, const struct weir_run *parent, struct problem *problem)
{
	if (parent && parent->run->loop)
		return parent->run->loop;
	return !parent && loop_current() ? loop_current() : shared_loop(engine, problem);
}

/* --- Starting and ending --- */

static void read_settings(struct engine *engine, const struct settings *settings)
{
	engine->grace_us = (int64_t)(settings_get(settings, "engine.grace_seconds")->seconds * 1e6);
	engine->abandoned_limit = (unsigned)settings_get(settings, "engine.abandoned_limit")->integer;
	engine->check_values = settings_check_values(settings);
	engine->log_level = (int)settings_get(settings, "log.level")->integer;
}

static int open_store(struct engine *engine, const struct settings *settings, struct uuid program_id,
                      struct problem *problem)
{
	struct store_options options = {
		.program_id = program_id,
		.path = settings_get(settings, "store.path")->text.data,
		.mode = STORE_PROGRAM,
		.hold_seconds = settings_get(settings, "store.hold_seconds")->seconds,
		.on_hold = on_hold,
		.on_message = on_message,
		.data = engine,
	};
	int64_t crashed = 0;
	int result = store_open(&options, &engine->store, problem);

	if (result == 0)
		result = store_recover(engine->store, &crashed, problem);
	if (result == 0 && crashed)
		log_write(LOG_WARNING, "weir.store", "%lld run(s) of programs that are gone were marked as Crashed",
		          (long long)crashed);
	return result;
}

static void engine_free(struct engine *engine)
{
	pool_free(engine->pool);
	loop_free(engine->async_loop);
	loop_free(engine->loop);
	slot_queue_stop(&engine->slot_queue);
	if (engine->lost_records)
		store_leave_lock(engine->store);
	store_close(engine->store); /* the last log lines are stored by its writer */
	log_spool_done(&engine->logs);
	results_done(&engine->results);
	if (engine->console)
		last_word_end();
	limited_tags_done(&engine->limited_tags);
	slot_queue_done(&engine->slot_queue);
	pthread_mutex_destroy(&engine->mutex);
	free(engine);
}

static int engine_new(struct engine **out, struct problem *problem)
{
	struct settings *settings = weir_settings(problem);
	struct uuid program_id = uuid_new();
	struct engine *engine;
	int result;

	if (!settings)
		return WEIR_EINVAL;
	if (process.console)
		last_word_begin(settings_get(settings, "store.path")->text.data, program_id);
	engine = xcalloc(1, sizeof *engine);
	pthread_mutex_init(&engine->mutex, NULL);
	limited_tags_init(&engine->limited_tags);
	slot_queue_init(&engine->slot_queue);
	engine->console = process.console;
	snprintf(engine->output_key, sizeof engine->output_key, "weir:%s", uuid_text(uuid_new()).text);
	read_settings(engine, settings);
	results_init(&engine->results, settings);
	result = loop_new("weir-loop", &engine->loop, problem);
	if (result == 0)
		result = open_store(engine, settings, program_id, problem);
	log_spool_init(&engine->logs, engine->store ? store_executor(engine->store) : NULL);
	if (result == 0)
		result = signals_watch(engine, problem);
	if (result < 0) {
		engine_free(engine);
		return result;
	}
	engine->pool = pool_new(settings_thread_limit(settings));
	*out = engine;
	return 0;
}

int engine_get(struct engine **out, struct problem *problem)
{
	int result = 0;

	if (process.disowned)
		return problem_set(problem, WEIR_EPERM, "%s", process.disowned);
	pthread_mutex_lock(&process.mutex);
	if (!process.engine)
		result = engine_new(&process.engine, problem);
	if (result == 0 && !process.exit_hook)
		process.exit_hook = atexit(engine_close) == 0;
	forked_watch();
	*out = process.engine;
	pthread_mutex_unlock(&process.mutex);
	return result;
}

void engine_disown(const char *reason)
{
	process.disowned = reason;
}

struct engine *engine_peek(void)
{
	return __atomic_load_n(&process.engine, __ATOMIC_ACQUIRE);
}

/* Flows that still run (exit() was called within one) keep their engine: only what is queued is written then. */
void engine_close(void)
{
	struct engine *engine;
	bool busy;

	if (process.disowned)
		return;
	pthread_mutex_lock(&process.mutex);
	engine = process.engine;
	if (engine) {
		pthread_mutex_lock(&engine->mutex);
		busy = engine->active || engine->abandoned;
		pthread_mutex_unlock(&engine->mutex);
		if (busy)
			executor_drain(store_executor(engine->store));
		else
			engine_free(engine);
		process.engine = NULL;
	}
	pthread_mutex_unlock(&process.mutex);
}

void engine_use_console(void)
{
	process.console = true;
}

int problem_export(weir_problem *out, const struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };

	if (!out)
		return problem->code;
	if (problem->path[0])
		strbuf_printf(&text, "%s: ", problem->path);
	strbuf_puts(&text, problem->message);
	out->code = problem->code;
	out->message[0] = '\0';
	strncat(out->message, text.data, sizeof out->message - 1);
	return problem->code;
}
