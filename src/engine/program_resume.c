/* SPDX-License-Identifier: Apache-2.0 */
/* program_resume.c - PROGRAM resume RUN: go on with a run that was suspended. */
#include "core/pause.h"
#include "engine/callable.h"
#include "engine/program.h"
#include "engine/start.h"

#include <stdlib.h>

struct resuming {
	const struct program *program;
	struct engine *engine;
	struct arena arena;
	struct resumption resumption;
	const weir_flow *flow;
	json_t *arguments; /* bound */
};

static void resuming_done(struct resuming *resuming)
{
	json_decref(resuming->arguments);
	vec_done(&resuming->resumption.calls);
	arena_done(&resuming->arena);
}

/* --- Looking at the run --- */

static int add_calls(void *data, struct str task_key, int64_t calls)
{
	struct resuming *resuming = data;

	vec_push(&resuming->resumption.calls,
	         ((struct task_calls){ arena_str(&resuming->arena, task_key), (unsigned)calls }));
	return 0;
}

static int load(struct resuming *resuming, struct db *db, const char *text, struct flow *flow, struct problem *problem)
{
	struct flow_run *row = &resuming->resumption.row;
	struct state state;
	struct uuid id;
	int result = flow_run_resolve(db, str_of(text), &id, problem);

	if (result == 0)
		result = flow_run_get(db, id, &resuming->arena, row, &state, problem);
	if (result == 0)
		result = store_flow_find(db, row->flow_id, &resuming->arena, flow, problem);
	if (result == 0)
		result = store_task_run_calls(db, id, add_calls, resuming, problem);
	return result;
}

static int look_at_run(struct resuming *resuming, const char *text, struct flow *flow, struct problem *problem)
{
	struct db *db;
	int result = store_reader(resuming->engine->store, &db, problem);

	if (result < 0)
		return result;
	result = load(resuming, db, text, flow, problem);
	store_reader_done(resuming->engine->store, db);
	return result;
}

/* The flow as it is now, with the parameters that were given then. */
static int bind_flow(struct resuming *resuming, const struct flow *flow, struct problem *problem)
{
	const struct flow_run *row = &resuming->resumption.row;
	struct callable what;
	struct problem why;
	json_t *parameters;

	resuming->flow = program_find_flow(resuming->program, flow->name.data);
	if (!resuming->flow)
		return problem_set(problem, WEIR_ENOTFOUND,
		                   "flow run '%.*s' is one of flow '%.*s', which %s does not have", STR_ARG(row->name),
		                   STR_ARG(flow->name), resuming->program->name);
	what = callable_of_flow(resuming->flow);
	if (callable_check(&what, problem) < 0)
		return WEIR_EINVAL;
	parameters = json_loadb(row->parameters.data, row->parameters.length, JSON_ALLOW_NUL, NULL);
	if (callable_bind(&what, parameters, NULL, &resuming->arguments, &why) < 0)
		return problem_set(problem, WEIR_ECONFLICT, "the parameters of flow run '%.*s' don't fit any more: %s",
		                   STR_ARG(row->name), why.message);
	return 0;
}

/* --- Taking it over --- */

struct take_over {
	struct uuid id, program_id;
	enum state_type now;
};

static int take_over(struct tx *tx, void *request)
{
	struct take_over *take = request;

	return flow_run_take_over(tx, take->id, take->program_id, &take->now);
}

static int take_over_run(struct resuming *resuming, struct problem *problem)
{
	const struct flow_run *row = &resuming->resumption.row;
	struct take_over take = { row->id, store_program_id(resuming->engine->store), STATE_NONE };
	int result = store_run(resuming->engine->store, take_over, &take, problem);

	if (result == 0 && take.now != STATE_RUNNING)
		return problem_set(problem, WEIR_EFAILED, "flow run '%.*s' was not resumed in time: it has failed",
		                   STR_ARG(row->name));
	return result;
}

/* A message that it is to be cancelled came to nobody between taking it over and now. */
static void look_for_cancellation(void *data)
{
	struct resuming *resuming = data;
	AUTO(arena_done) struct arena scratch = { 0 };
	struct uuid id = resuming->resumption.row.id;
	struct flow_run row;
	struct state state;
	struct db *db;

	if (store_reader(resuming->engine->store, &db, NULL) < 0)
		return; /* its end will be refused */
	if (flow_run_get(db, id, &scratch, &row, &state, NULL) == 0 && state.type == STATE_CANCELLING)
		engine_cancel_flow_run(resuming->engine, id);
	store_reader_done(resuming->engine->store, db);
}

static int resume(struct resuming *resuming, const char *text, json_t **result, struct problem *problem)
{
	struct flow flow;
	int code = engine_get(&resuming->engine, problem);

	if (code == 0)
		code = look_at_run(resuming, text, &flow, problem);
	if (code == 0)
		code = bind_flow(resuming, &flow, problem);
	if (code == 0)
		code = take_over_run(resuming, problem);
	if (code < 0)
		return code;
	resuming->resumption.adopted = look_for_cancellation;
	resuming->resumption.data = resuming;
	return flow_run_here(resuming->engine, resuming->flow, json_incref(resuming->arguments), &resuming->resumption,
	                     result, problem);
}

int program_resume(const struct program *program, int argc, char **argv)
{
	AUTO(resuming_done) struct resuming resuming = { .program = program };
	json_auto_t *result = NULL;
	struct problem problem;
	int code;

	if (argc == 0)
		return program_wrong_usage("resume which run? See 'weir flow-run ls --state Suspended'");
	if (argc > 1)
		return program_wrong_usage("'resume' takes one run, not '%s' as well", argv[1]);
	code = resume(&resuming, argv[0], &result, &problem);
	return program_outcome(code, &problem, result);
}
