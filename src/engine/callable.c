/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/callable.h"

#include "base/strbuf.h"
#include "base/utf8.h"
#include "engine/run_template.h"

#include <stdlib.h>
#include <strings.h>

static size_t count_delays(const double *delays, size_t room)
{
	size_t count = room;

	while (count > 0 && delays[count - 1] == 0)
		count--;
	return count;
}

struct callable callable_of_task(const weir_task *task)
{
	return (struct callable){
		.definition = task,
		.task = task,
		.mode = task->mode,
		.name = task->name,
		.version = task->version,
		.run_name = task->run_name,
		.result_key = task->result_key,
		.tags = task->tags,
		.parameters = task->parameters,
		.run = task->run,
		.retries = task->retries,
		.retry_delays = task->retry_delay_seconds,
		.retry_delay_count = count_delays(task->retry_delay_seconds, WEIR_MAX_RETRY_DELAYS),
		.retry_jitter_factor = task->retry_jitter_factor,
		.timeout_seconds = task->timeout_seconds,
		.log_prints = task->log_prints,
		.retry_beside_abandoned = task->retry_beside_abandoned == WEIR_ON,
		.hooks = &task->hooks,
	};
}

struct callable callable_of_flow(const weir_flow *flow)
{
	return (struct callable){
		.definition = flow,
		.flow = flow,
		.is_flow = true,
		.mode = flow->mode,
		.name = flow->name,
		.version = flow->version,
		.run_name = flow->run_name,
		.result_key = flow->result_key,
		.tags = flow->tags,
		.parameters = flow->parameters,
		.run = flow->run,
		.retries = flow->retries,
		.retry_delays = &flow->retry_delay_seconds,
		.retry_delay_count = flow->retry_delay_seconds > 0 ? 1 : 0,
		.retry_jitter_factor = flow->retry_jitter_factor,
		.timeout_seconds = flow->timeout_seconds,
		.log_prints = flow->log_prints,
		.hooks = &flow->hooks,
	};
}

const char *callable_noun(const struct callable *callable)
{
	return callable->is_flow ? "flow" : "task";
}

static int check_name(const struct callable *callable, struct problem *problem)
{
	const char *noun = callable_noun(callable);

	if (!callable->name || !callable->name[0])
		return problem_set(problem, WEIR_EINVAL, "a %s has no name: set .name", noun);
	if (!utf8_is_valid(str_of(callable->name)))
		return problem_set(problem, WEIR_EINVAL, "the name of a %s is not UTF-8", noun);
	if (strpbrk(callable->name, "/%&<>"))
		return problem_set(problem, WEIR_EINVAL, "%s '%s': a name may not contain / %% & < >", noun,
		                   callable->name);
	if (!callable->run)
		return problem_set(problem, WEIR_EINVAL, "%s '%s' has no function: set .run", noun, callable->name);
	return 0;
}

static int check_mode(const struct callable *callable, struct problem *problem)
{
	if (callable->mode < WEIR_THREAD || callable->mode > WEIR_PROCESS)
		return problem_set(problem, WEIR_EINVAL, "%s '%s': .mode %d is not known", callable_noun(callable),
		                   callable->name, (int)callable->mode);
	if (callable->is_flow && callable->mode == WEIR_PROCESS)
		return problem_set(problem, WEIR_EINVAL,
		                   "flow '%s': flows run as WEIR_THREAD or WEIR_ASYNC; process mode is for tasks",
		                   callable->name);
	return 0;
}

static int check_numbers(const struct callable *callable, struct problem *problem)
{
	bool wrong =
	        callable->retries < 0 || !(callable->timeout_seconds >= 0) || !(callable->retry_jitter_factor >= 0);

	for (size_t i = 0; i < callable->retry_delay_count; i++)
		wrong = wrong || !(callable->retry_delays[i] >= 0);
	if (wrong)
		return problem_set(problem, WEIR_EINVAL,
		                   "%s '%s': retries, delays, jitter and time limits can't be negative",
		                   callable_noun(callable), callable->name);
	return 0;
}

/* A fallback as a value; null when there is none. */
static json_t *fallback_value(const weir_parameter *parameter, json_error_t *error)
{
	if (!parameter->fallback)
		return json_null();
	return json_loads(parameter->fallback, JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
}

static int check_parameter(const struct callable *callable, const weir_parameter *parameter, struct problem *problem)
{
	json_error_t error;
	json_auto_t *fallback = fallback_value(parameter, &error);
	const char *noun = callable_noun(callable);

	if (!fallback)
		return problem_set(problem, WEIR_EINVAL, "%s '%s': the fallback of parameter '%s' is not JSON: %s",
		                   noun, callable->name, parameter->name, error.text);
	if (parameter->fallback && !json_is_null(fallback) && !value_has_type(fallback, parameter->type))
		return problem_set(problem, WEIR_EINVAL, "%s '%s': the fallback of parameter '%s' is not %s", noun,
		                   callable->name, parameter->name, type_name(parameter->type));
	return 0;
}

int callable_check_parameters(const struct callable *callable, struct problem *problem)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < WEIR_MAX_PARAMETERS && callable->parameters[i].name; i++)
		result = check_parameter(callable, &callable->parameters[i], problem);
	return result;
}

int callable_check(const struct callable *callable, struct problem *problem)
{
	int result = check_name(callable, problem);

	if (result == 0)
		result = check_mode(callable, problem);
	if (result == 0)
		result = check_numbers(callable, problem);
	if (result == 0)
		result = callable_check_parameters(callable, problem);
	if (result == 0 && callable->run_name)
		result = template_check(callable, ".run_name", callable->run_name, problem);
	if (result == 0 && callable->result_key)
		result = template_check(callable, ".result_key", callable->result_key, problem);
	return result;
}

const weir_parameter *callable_parameter(const struct callable *callable, const char *name)
{
	for (size_t i = 0; i < WEIR_MAX_PARAMETERS && callable->parameters[i].name; i++) {
		if (strcmp(callable->parameters[i].name, name) == 0)
			return &callable->parameters[i];
	}
	return NULL;
}

/* --- Types --- */

static const struct {
	const char *name; /* with its article */
} types[] = {
	[WEIR_ANY_VALUE] = { "any value" }, [WEIR_STRING] = { "a string" },   [WEIR_INTEGER] = { "an integer" },
	[WEIR_NUMBER] = { "a number" },     [WEIR_BOOLEAN] = { "a boolean" }, [WEIR_ARRAY] = { "an array" },
	[WEIR_OBJECT] = { "an object" },
};

const char *type_name(enum weir_type type)
{
	ASSERT((size_t)type < ARRAY_LENGTH(types));
	return types[type].name;
}

bool value_has_type(const json_t *value, enum weir_type type)
{
	switch (type) {
	case WEIR_ANY_VALUE:
		return true;
	case WEIR_STRING:
		return json_is_string(value);
	case WEIR_INTEGER:
		return json_is_integer(value);
	case WEIR_NUMBER:
		return json_is_number(value);
	case WEIR_BOOLEAN:
		return json_is_boolean(value);
	case WEIR_ARRAY:
		return json_is_array(value);
	case WEIR_OBJECT:
		return json_is_object(value);
	}
	return false;
}

static const char *name_of_value(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a real number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "no JSON value";
}

/* --- Binding --- */

static int check_value(const struct callable *callable, const weir_parameter *parameter, const json_t *value,
                       struct problem *problem)
{
	if (value_has_type(value, parameter->type) || (json_is_null(value) && !parameter->required))
		return 0;
	return problem_set(problem, WEIR_EINVAL, "%s '%s': parameter '%s' must be %s, not %s", callable_noun(callable),
	                   callable->name, parameter->name, type_name(parameter->type), name_of_value(value));
}

int callable_check_bound(const struct callable *callable, const json_t *bound, placeholder_fn *is_placeholder,
                         struct problem *problem)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < WEIR_MAX_PARAMETERS && callable->parameters[i].name; i++) {
		const json_t *value = json_object_get(bound, callable->parameters[i].name);

		if (!is_placeholder || !is_placeholder(value))
			result = check_value(callable, &callable->parameters[i], value, problem);
	}
	return result;
}

static int refuse_unknown(const struct callable *callable, const char *name, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf known = { 0 };

	for (size_t i = 0; i < WEIR_MAX_PARAMETERS && callable->parameters[i].name; i++)
		strbuf_printf(&known, "%s%s", i ? ", " : "", callable->parameters[i].name);
	return problem_set(problem, WEIR_EINVAL, "%s '%s' has no parameter '%s'; it takes %s", callable_noun(callable),
	                   callable->name, name, known.length ? known.data : "none");
}

static int bind_by_name(const struct callable *callable, json_t *arguments, json_t *bound, struct problem *problem)
{
	const char *name;
	json_t *value;

	json_object_foreach (arguments, name, value) {
		if (!callable_parameter(callable, name))
			return refuse_unknown(callable, name, problem);
		json_object_set(bound, name, value);
	}
	return 0;
}

static int bind_by_position(const struct callable *callable, json_t *arguments, json_t *bound, struct problem *problem)
{
	size_t index;
	json_t *value;

	json_array_foreach (arguments, index, value) {
		if (index >= WEIR_MAX_PARAMETERS || !callable->parameters[index].name)
			return problem_set(problem, WEIR_EINVAL, "%s '%s' takes %zu arguments, not %zu",
			                   callable_noun(callable), callable->name, index, json_array_size(arguments));
		json_object_set(bound, callable->parameters[index].name, value);
	}
	return 0;
}

static int bind_to_first(const struct callable *callable, json_t *value, json_t *bound, struct problem *problem)
{
	if (!callable->parameters[0].name)
		return problem_set(problem, WEIR_EINVAL, "%s '%s' takes no arguments", callable_noun(callable),
		                   callable->name);
	json_object_set(bound, callable->parameters[0].name, value);
	return 0;
}

static int bind_fallbacks(const struct callable *callable, json_t *bound, struct problem *problem)
{
	for (size_t i = 0; i < WEIR_MAX_PARAMETERS && callable->parameters[i].name; i++) {
		const weir_parameter *parameter = &callable->parameters[i];

		if (json_object_get(bound, parameter->name))
			continue;
		if (parameter->required)
			return problem_set(problem, WEIR_EINVAL, "%s '%s': parameter '%s' is missing",
			                   callable_noun(callable), callable->name, parameter->name);
		json_object_set_new(bound, parameter->name, fallback_value(parameter, NULL));
	}
	return 0;
}

int callable_bind(const struct callable *callable, json_t *arguments, placeholder_fn *is_placeholder, json_t **out,
                  struct problem *problem)
{
	json_auto_t *given = arguments;
	json_auto_t *bound = json_object();
	int result = 0;

	if (json_is_object(given) && !(is_placeholder && is_placeholder(given)))
		result = bind_by_name(callable, given, bound, problem);
	else if (json_is_array(given))
		result = bind_by_position(callable, given, bound, problem);
	else if (given)
		result = bind_to_first(callable, given, bound, problem);
	if (result == 0)
		result = bind_fallbacks(callable, bound, problem);
	if (result == 0)
		result = callable_check_bound(callable, bound, is_placeholder, problem);
	if (result == 0)
		*out = json_incref(bound);
	return result;
}

/* --- Values from text --- */

static json_t *boolean_from_text(const char *text)
{
	static const char *const yes[] = { "true", "yes", "on", "1" };
	static const char *const no[] = { "false", "no", "off", "0" };

	for (size_t i = 0; i < ARRAY_LENGTH(yes); i++) {
		if (strcasecmp(text, yes[i]) == 0)
			return json_true();
		if (strcasecmp(text, no[i]) == 0)
			return json_false();
	}
	return NULL;
}

json_t *value_from_text(enum weir_type type, const char *name, const char *text, struct problem *problem)
{
	json_t *value = NULL;

	if (type == WEIR_STRING) {
		value = json_string(text);
	} else if (type == WEIR_BOOLEAN) {
		value = boolean_from_text(text);
	} else {
		value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		if (!value && type == WEIR_ANY_VALUE)
			value = json_string(text);
	}
	if (value && value_has_type(value, type))
		return value;
	json_decref(value);
	problem_set(problem, WEIR_EINVAL, "'%s' must be %s, not '%s'", name, type_name(type),
	            utf8_is_valid(str_of(text)) ? text : "text that is not UTF-8");
	return NULL;
}
