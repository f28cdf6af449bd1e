/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/output.h"

#include "base/json.h"
#include "base/utf8.h"
#include "engine/value_check.h"

/*
 * A placeholder is {"<output_key>": n}: n >= 0 names attempt->outputs[n], n < 0 attempt->output_maps[-n - 1]. [n] in place of n
 * says that it may fail.
 */
struct placeholder {
	json_int_t index;
	bool may_fail;
};

static bool read_placeholder(const json_t *value, struct placeholder *out)
{
	const struct engine *engine = engine_peek();
	const json_t *number;

	if (!json_is_object(value) || json_object_size(value) != 1 || !engine)
		return false;
	number = json_object_get(value, engine->output_key);
	out->may_fail = json_is_array(number);
	if (out->may_fail)
		number = json_array_get(number, 0);
	out->index = json_integer_value(number);
	return json_is_integer(number);
}

bool output_is_placeholder(const json_t *value)
{
	struct placeholder placeholder;

	return read_placeholder(value, &placeholder);
}

static json_t *make_placeholder(const struct engine *engine, json_int_t index)
{
	json_t *placeholder = json_object();

	json_object_set_new(placeholder, engine->output_key, json_integer(index));
	return placeholder;
}

WEIR_API json_t *weir_output_of(weir_future *future)
{
	weir_run *attempt = future->owner;
	json_int_t index;

	pthread_mutex_lock(&attempt->mutex);
	index = (json_int_t)attempt->outputs.count;
	vec_push(&attempt->outputs, future_ref(future));
	pthread_mutex_unlock(&attempt->mutex);
	return make_placeholder(future->engine, index);
}

WEIR_API json_t *weir_outputs_of(weir_futures *futures)
{
	weir_run *attempt = futures->owner;
	json_int_t index;

	pthread_mutex_lock(&attempt->mutex);
	index = -(json_int_t)attempt->output_maps.count - 1;
	vec_push(&attempt->output_maps, futures);
	pthread_mutex_unlock(&attempt->mutex);
	return make_placeholder(attempt->run->engine, index);
}

/* A value that is no placeholder can't fail: it is given back as it is. A placeholder may be in use elsewhere: it is left. */
WEIR_API json_t *weir_allow_failure(json_t *output)
{
	const struct engine *engine = engine_peek();
	struct placeholder placeholder;
	json_t *lenient;

	if (!read_placeholder(output, &placeholder))
		return output;
	lenient = json_object();
	json_object_set_new(lenient, engine->output_key, json_pack("[I]", placeholder.index));
	json_decref(output);
	return lenient;
}

/* --- Finding --- */

struct collector {
	weir_future *run;
	weir_run *parent;
	struct json_writer *inputs;
	bool foreign; /* a placeholder was found that this parent did not make */
};

/* Wait for an upstream run, unless it has ended already. */
static void add_upstream(weir_future *run, weir_future *upstream, bool may_fail)
{
	vec_push(&run->upstream, ((struct upstream){ future_ref(upstream), may_fail }));
	pthread_mutex_lock(&upstream->mutex);
	if (upstream->phase != PHASE_DONE) {
		vec_push(&upstream->dependents, future_ref(run));
		pthread_mutex_lock(&run->mutex);
		run->blockers++;
		pthread_mutex_unlock(&run->mutex);
	}
	pthread_mutex_unlock(&upstream->mutex);
}

static void collect_run(struct collector *collector, weir_future *upstream, bool may_fail)
{
	struct uuid_text id = uuid_text(upstream->what.is_flow ? upstream->flow->parent_task_run_id : upstream->id);

	add_upstream(collector->run, upstream, may_fail);
	json_begin_object(collector->inputs);
	json_key(collector->inputs, "input_type");
	json_str(collector->inputs, STR("task_run"));
	json_key(collector->inputs, "id");
	json_str(collector->inputs, str_of(id.text));
	json_end_object(collector->inputs);
}

static void collect_placeholder(struct collector *collector, struct placeholder placeholder)
{
	const json_int_t index = placeholder.index;
	weir_run *parent = collector->parent;
	struct weir_futures *map = NULL;
	weir_future *single = NULL;

	pthread_mutex_lock(&parent->mutex);
	if (index >= 0 && (size_t)index < parent->outputs.count)
		single = parent->outputs.items[index];
	else if (index < 0 && (size_t)(-index - 1) < parent->output_maps.count)
		map = parent->output_maps.items[-index - 1];
	pthread_mutex_unlock(&parent->mutex);
	if (single)
		collect_run(collector, single, placeholder.may_fail);
	for (size_t i = 0; map && i < map->runs.count; i++)
		collect_run(collector, map->runs.items[i], placeholder.may_fail);
	collector->foreign = collector->foreign || (!single && !map);
}

static void collect_value(struct collector *collector, const json_t *value)
{
	struct placeholder placeholder;
	const char *key;
	size_t i;
	json_t *member;

	if (read_placeholder(value, &placeholder)) {
		collect_placeholder(collector, placeholder);
	} else if (json_is_array(value)) {
		json_array_foreach (value, i, member) {
			collect_value(collector, member);
		}
	} else if (json_is_object(value)) {
		json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
			collect_value(collector, member);
		}
	}
}

bool outputs_within(const json_t *value)
{
	const char *key;
	size_t i;
	json_t *member;

	if (output_is_placeholder(value))
		return true;
	json_array_foreach (value, i, member) {
		if (outputs_within(member))
			return true;
	}
	json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
		if (outputs_within(member))
			return true;
	}
	return false;
}

static void collect_arguments(struct collector *collector)
{
	const char *name;
	json_t *value;

	json_object_foreach (collector->run->arguments, name, value) {
		if (!outputs_within(value))
			continue;
		collector->run->has_outputs = true;
		json_key(collector->inputs, name);
		json_begin_array(collector->inputs);
		collect_value(collector, value);
		json_end_array(collector->inputs);
	}
}

int outputs_collect(weir_future *run, weir_run *parent, weir_future *const *wait_for, bool may_fail,
                    struct strbuf *inputs, struct problem *problem)
{
	struct json_writer writer;
	struct collector collector = { .run = run, .parent = parent, .inputs = &writer };

	json_writer_init(&writer, inputs);
	json_begin_object(&writer);
	collect_arguments(&collector);
	if (wait_for && *wait_for) {
		json_key(&writer, "wait_for");
		json_begin_array(&writer);
		for (; *wait_for; wait_for++)
			collect_run(&collector, *wait_for, may_fail);
		json_end_array(&writer);
	}
	json_end_object(&writer);
	if (collector.foreign)
		return problem_set(
		        problem, WEIR_EINVAL,
		        "an argument holds weir_output_of a future that another run made: outputs can only be "
		        "passed to children of the run that made them");
	return 0;
}

const char *outputs_not_ready(weir_future *run, struct arena *arena)
{
	for (size_t i = 0; i < run->upstream.count; i++) {
		weir_future *upstream = run->upstream.items[i].run;

		if (future_succeeded(upstream))
			continue;
		__atomic_store_n(&upstream->looked_at, true, __ATOMIC_RELAXED);
		if (run->upstream.items[i].may_fail)
			continue;
		return arena_printf(arena, "Upstream %s run '%s' did not reach a 'COMPLETED' state.",
		                    callable_noun(&upstream->what), upstream->name)
		        .data;
	}
	return NULL;
}

/* --- Filling --- */

/* What stands in the place of a result that is not there: a failure that was allowed. */
static json_t *value_of_failure(const weir_state *state)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	const char *message = arena_str(&scratch, utf8_mend(&scratch, str_of(state->message))).data;

	return json_pack("{s:{s:s, s:s, s:s?}}", "state", "type", state_type_names[state->type], "name", state->name,
	                 "message", message);
}

static json_t *value_of(const weir_future *run)
{
	return future_succeeded(run) ? json_incref(run->result) : value_of_failure(&run->view);
}

static json_t *values_of_map(const struct weir_futures *map)
{
	json_t *values = json_array();

	for (size_t i = 0; i < map->runs.count; i++)
		json_array_append_new(values, value_of(map->runs.items[i]));
	return values;
}

static json_t *value_of_placeholder(weir_run *parent, json_int_t index)
{
	json_t *value;

	pthread_mutex_lock(&parent->mutex);
	if (index >= 0)
		value = value_of(parent->outputs.items[index]);
	else
		value = values_of_map(parent->output_maps.items[-index - 1]);
	pthread_mutex_unlock(&parent->mutex);
	return value;
}

/* The value with its placeholders filled: a new reference, to the value itself when it has none. */
static json_t *fill_value(weir_run *parent, json_t *value)
{
	struct placeholder placeholder;
	const char *key;
	size_t i;
	json_t *member, *filled;

	if (read_placeholder(value, &placeholder))
		return value_of_placeholder(parent, placeholder.index);
	if (!outputs_within(value))
		return json_incref(value);
	filled = json_is_array(value) ? json_array() : json_object();
	json_array_foreach (value, i, member) {
		json_array_append_new(filled, fill_value(parent, member));
	}
	json_object_foreach (value, key, member) {
		json_object_set_new(filled, key, fill_value(parent, member));
	}
	return filled;
}

/* Those of an empty map have no run that is waited for. */
bool outputs_are_open(const weir_future *run)
{
	return run->has_outputs || run->upstream.count > 0;
}

int outputs_fill(weir_future *run, struct problem *problem)
{
	json_t *filled;

	if (!outputs_are_open(run) || !run->parent)
		return 0;
	if (!value_is_unchanged(run->engine, run->arguments, run->fingerprint))
		return problem_set(problem, WEIR_EINVAL, "%s", value_changed_text);
	filled = fill_value(run->parent, run->arguments);
	json_decref(run->arguments);
	run->arguments = filled;
	run->fingerprint = value_fingerprint(run->engine, filled);
	for (size_t i = 0; i < run->upstream.count; i++)
		future_unref(run->upstream.items[i].run);
	run->upstream.count = 0;
	run->has_outputs = false;
	return callable_check_bound(&run->what, run->arguments, NULL, problem);
}
