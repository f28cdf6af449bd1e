/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/process_payload.h"

#include "engine/transaction.h"
#include "loop/guardian.h"
#include "loop/place.h"

#include <stdlib.h>

#define STATIC_RULE                                                                                                    \
	"a task in process mode must be a static struct of the program, or of a library that is loaded before main"

/* --- Writing --- */

static json_t *place_json(const struct place *place)
{
	/* As text: JSON's integers have a sign. */
	return json_pack("{s:s, s:s, s:o}", "object", place->object, "build_id", place->build_id, "offset",
	                 json_sprintf("%jx", (uintmax_t)place->offset));
}

static json_t *payload_json(weir_run *attempt, const struct place *place)
{
	weir_future *run = attempt->run;

	return json_pack("{s:o, s:s, s:O, s:s, s:s, s:i, s:i, s:b, s:I, s:o*}", "place", place_json(place), "task",
	                 run->what.name, "arguments", attempt->arguments, "id", attempt->id_text, "run_name", run->name,
	                 "attempt", attempt->number, "log_level", run->engine->log_level, "log_prints",
	                 run_logs_prints(run), "result_max_bytes", (json_int_t)run->engine->results.max_bytes, "values",
	                 transaction_values(run));
}

int payload_write(weir_run *attempt, int *fd, struct problem *problem)
{
	const struct callable *what = &attempt->run->what;
	struct place place;
	AUTO(freep) char *text = NULL;
	json_t *json;

	if (!place_find(what->definition, &place))
		return problem_set(problem, WEIR_EINVAL, "task '%s' is on the heap or a stack: " STATIC_RULE,
		                   what->name);
	json = payload_json(attempt, &place);
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text)
		return problem_set(problem, WEIR_EINVAL,
		                   "the parameters can't be passed on as JSON: a string in them is not UTF-8");
	return memory_file(str_of(text), fd, problem);
}

/* --- Reading --- */

static const weir_task *find_task(const json_t *json, struct problem *problem)
{
	const json_t *where = json_object_get(json, "place");
	const char *name = json_string_value(json_object_get(json, "task"));
	const char *object = json_string_value(json_object_get(where, "object"));
	struct place place = { 0 };
	const weir_task *task;

	strncat(place.object, object, sizeof place.object - 1);
	strncat(place.build_id, json_string_value(json_object_get(where, "build_id")), sizeof place.build_id - 1);
	place.offset = strtoull(json_string_value(json_object_get(where, "offset")), NULL, 16);
	task = place_address(&place);
	if (!task) {
		problem_set(problem, WEIR_EINVAL, "task '%s' is in %s, which the guardian process does not have: %s",
		            name, object[0] ? object : "the program", STATIC_RULE);
		return NULL;
	}
	if (task->run && task->name && strcmp(task->name, name) == 0)
		return task;
	problem_set(problem, WEIR_EINVAL,
	            "task '%s' was filled in after the start of the program: " STATIC_RULE ", complete from the start",
	            name);
	return NULL;
}

int payload_read(int fd, struct payload *out, struct problem *problem)
{
	struct str text;
	json_error_t error;
	json_t *json;
	int result = memory_file_map(fd, &text, problem);

	if (result < 0)
		return result;
	json = json_loadb(text.data, text.length, JSON_ALLOW_NUL, &error);
	if (!json)
		return problem_set(problem, WEIR_EINVAL, "the parameters can't be read: %s", error.text);
	*out = (struct payload){
		.task = find_task(json, problem),
		.json = json,
		.arguments = json_object_get(json, "arguments"),
		.values = json_object_get(json, "values"),
		.run_name = json_string_value(json_object_get(json, "run_name")),
		.attempt = (int)json_integer_value(json_object_get(json, "attempt")),
		.log_level = (int)json_integer_value(json_object_get(json, "log_level")),
		.result_max_bytes = (size_t)json_integer_value(json_object_get(json, "result_max_bytes")),
		.log_prints = json_is_true(json_object_get(json, "log_prints")),
	};
	if (!uuid_parse(str_of(json_string_value(json_object_get(json, "id"))), &out->id))
		return problem_set(problem, WEIR_EINTERNAL, "the run's id can't be read");
	return out->task ? 0 : WEIR_EINVAL;
}
