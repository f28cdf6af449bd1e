/* SPDX-License-Identifier: Apache-2.0 */
/* callable.h - a flow or a task, seen the same way; and the binding of arguments to its declared parameters. */
#ifndef WEIR_ENGINE_CALLABLE_H
#define WEIR_ENGINE_CALLABLE_H

#include "base/problem.h"
#include "weir/weir.h"

struct callable {
	const void *definition; /* the weir_flow or weir_task */
	const weir_task *task;  /* NULL: a flow */
	const weir_flow *flow;  /* NULL: a task */
	bool is_flow;
	enum weir_mode mode;
	const char *name;
	const char *version;
	const char *run_name;    /* a template, or NULL */
	const char *result_key;  /* the same */
	const char *const *tags; /* up to WEIR_MAX_TAGS, ends with NULL before that */
	const weir_parameter *parameters;
	json_t *(*run)(weir_run *run);
	int retries;
	const double *retry_delays;
	size_t retry_delay_count; /* those that count; the last one repeats */
	double retry_jitter_factor;
	double timeout_seconds;
	enum weir_toggle log_prints;
	bool retry_beside_abandoned;
	const weir_hooks *hooks;
};

struct callable callable_of_task(const weir_task *task);
struct callable callable_of_flow(const weir_flow *flow);

/* Is the definition sound? Templates with known placeholders, a name without / % & < >, a function, parameters with names and well-formed fallbacks. */
MUST_CHECK int callable_check(const struct callable *callable, struct problem *problem);

/* Are the declared parameters: known types, well-formed fallbacks? Part of callable_check. */
MUST_CHECK int callable_check_parameters(const struct callable *callable, struct problem *problem);

/* "flow 'x'" or "task 'x'", for messages. */
const char *callable_noun(const struct callable *callable);

/*
 * Bind arguments (taken over; NULL: none) like a call: an object by name, an array by position, anything else to the first
 * parameter. out gets a new object with every declared parameter. Wrong calls are WEIR_EINVAL and name the parameter.
 * Values for which is_placeholder answers true are not checked yet; call bind_check when they are filled.
 */
typedef bool placeholder_fn(const json_t *value);
MUST_CHECK int callable_bind(const struct callable *callable, json_t *arguments, placeholder_fn *is_placeholder,
                             json_t **out, struct problem *problem);

/* Check the types of all bound parameters. */
MUST_CHECK int callable_check_bound(const struct callable *callable, const json_t *bound,
                                    placeholder_fn *is_placeholder, struct problem *problem);

/* A parameter by name, or NULL. */
const weir_parameter *callable_parameter(const struct callable *callable, const char *name);

/* Text from a command line, an environment or a .env line as a value of a declared type: strings as they are, everything
   else as JSON (booleans also as yes, no, on, off, 1, 0). NULL with the problem filled when it does not fit. */
json_t *value_from_text(enum weir_type type, const char *name, const char *text, struct problem *problem);

/* Does the value have the type? null never does, but for WEIR_ANY_VALUE. */
bool value_has_type(const json_t *value, enum weir_type type);
const char *type_name(enum weir_type type);

#endif
