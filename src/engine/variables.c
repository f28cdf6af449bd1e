/* SPDX-License-Identifier: Apache-2.0 */
/* variables.c - weir_variable_get and weir_variable_set. */
#include "core/variable.h"
#include "engine/ask_store.h"
#include "engine/process_child.h"

#include <stdlib.h>

/* A value that the store has. It was written by another way than jansson when it has numbers of more than 64 bits. */
static json_t *read_value(weir_run *run, const char *name, struct str text)
{
	json_error_t error;
	json_t *value = json_loadb(text.data ? text.data : "null", text.data ? text.length : 4,
	                           JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	if (!value)
		run_log(run->run, 40, "variable '%s' can't be read: %s", name, error.text);
	return value;
}

WEIR_API json_t *weir_variable_get(weir_run *run, const char *name)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct variable variable;
	struct store *store;
	struct problem problem;
	struct db *db;
	int result;

	if (process_child_refuses(run, "read variables") || attempt_is_abandoned(run))
		return NULL;
	store = run->run->engine->store;
	result = store_reader(store, &db, &problem);
	if (result == 0) {
		result = variable_find(db, str_of(name), &arena, &variable, &problem);
		store_reader_done(store, db);
	}
	if (result == 0)
		return read_value(run, name, variable.value);
	if (result != WEIR_ENOTFOUND)
		run_log(run->run, 40, "variable '%s' can't be read: %s", name, problem.message);
	return NULL;
}

static int set(struct tx *tx, void *request)
{
	struct variable variable =
	        *(const struct variable *)request; /* the job may run again, with what it was given */

	return variable_set(tx, &variable, true);
}

WEIR_API int weir_variable_set(weir_run *run, const char *name, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	struct variable variable = { .name = str_of(name), .value = str_of(text) };
	struct problem problem;
	int result = WEIR_EABANDONED;

	if (process_child_refuses(run, "set variables")) {
		result = WEIR_EPERM;
	} else if (!attempt_is_abandoned(run)) {
		result = text ? ask_store(run, set, &variable, &problem)
		              : problem_set(&problem, WEIR_EINVAL,
		                            "it needs a value that JSON can hold: UTF-8, finite numbers");
		if (result < 0)
			run_log(run->run, 40, "variable '%s' was not set: %s", name ? name : "", problem.message);
	}
	free(text);
	json_decref(value);
	return result;
}
