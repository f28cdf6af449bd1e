/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c - values that a flow run keeps over its attempts, and calls that are made once in all of them. */
#include "base/utf8.h"
#include "core/core.h"
#include "engine/ask_store.h"
#include "engine/key_hold.h"
#include "engine/process_child.h"
#include "engine/value_text.h"

enum { KEY_BYTES_MAX = 1000 };

/* A checkpoint on its way to the store or back; the job may run more than once. */
struct errand {
	struct checkpoint checkpoint;
	struct strbuf text; /* the value */
	bool found;
};

static void errand_done(struct errand *errand)
{
	strbuf_done(&errand->text);
}

static int set(struct tx *tx, void *request)
{
	const struct errand *errand = request;

	return checkpoint_set(tx, &errand->checkpoint);
}

/* The value lies in the transaction's arena: it is copied. */
static int get(struct tx *tx, void *request)
{
	struct errand *errand = request;
	int result = checkpoint_get(tx, &errand->checkpoint);

	errand->found = errand->checkpoint.value.data != NULL;
	strbuf_clear(&errand->text);
	strbuf_add_str(&errand->text, errand->checkpoint.value);
	return result;
}

static int check_key(const char *key, struct problem *problem)
{
	struct str text = str_of(key);

	if (text.length == 0 || text.length > KEY_BYTES_MAX || !utf8_is_valid(text))
		return problem_set(problem, WEIR_EINVAL, "the key of a checkpoint must be 1 to %d bytes of UTF-8",
		                   KEY_BYTES_MAX);
	return 0;
}

static struct errand errand_of(const weir_run *run, const char *key)
{
	return (struct errand){ .checkpoint = { .flow_run_id = run->run->flow->flow_run_id, .key = str_of(key) } };
}

/* An attempt that was given up changes nothing any more; one that is cancelled may still keep what it has done. */
static int refusal(const weir_run *run)
{
	int error = attempt_refusal(run);

	return error == WEIR_EABANDONED ? error : 0;
}

static int write_checkpoint(weir_run *run, const char *key, const json_t *value, struct problem *problem)
{
	AUTO(errand_done) struct errand errand = errand_of(run, key);
	int result = refusal(run);

	if (result < 0)
		return problem_set(problem, result, "this attempt was given up");
	result = check_key(key, problem);
	if (result == 0)
		result = value_write(value, false, run->run->engine->results.max_bytes, &errand.text, problem);
	if (result < 0)
		return result;
	errand.checkpoint.value = strbuf_str(&errand.text);
	return ask_store(run, set, &errand, problem);
}

/* *value gets a new reference, or NULL when there is none. */
static int read_checkpoint(weir_run *run, const char *key, json_t **value, struct problem *problem)
{
	AUTO(errand_done) struct errand errand = errand_of(run, key);
	int result = refusal(run);

	*value = NULL;
	if (result < 0)
		return problem_set(problem, result, "this attempt was given up");
	result = check_key(key, problem);
	if (result == 0)
		result = ask_store(run, get, &errand, problem);
	if (result < 0 || !errand.found)
		return result;
	*value = value_read(strbuf_str(&errand.text), problem);
	return *value ? 0 : WEIR_ESYNTAX;
}

static json_t *fail(weir_run *run, const char *key, const char *what, const struct problem *problem)
{
	return weir_fail(run, "the checkpoint '%s' can't be %s: %s", key ? key : "", what, problem->message);
}

WEIR_API int weir_checkpoint_set(weir_run *run, const char *key, json_t *value)
{
	struct problem problem;
	int result;

	if (process_child_refuses(run, "keep checkpoints")) {
		json_decref(value);
		return WEIR_EPERM;
	}
	result = write_checkpoint(run, key, value, &problem);
	if (result < 0)
		run_log(run->run, 30, "the checkpoint '%s' can't be kept: %s", key ? key : "", problem.message);
	json_decref(value);
	return result;
}

WEIR_API json_t *weir_checkpoint(weir_run *run, const char *key)
{
	struct problem problem;
	json_t *value;

	if (process_child_refuses(run, "read checkpoints"))
		return NULL;
	return read_checkpoint(run, key, &value, &problem) < 0 ? fail(run, key, "read", &problem) : value;
}

/* --- Calls that are made once --- */

/* The call, if none has completed under the key; its result is kept before it is given. Takes arguments over. */
static json_t *call_unless_done(weir_run *run, const char *key, const weir_task *task, json_t *arguments)
{
	struct problem problem;
	json_t *value;
	int result = read_checkpoint(run, key, &value, &problem);

	if (result < 0 || value) {
		json_decref(arguments);
		return result < 0 ? fail(run, key, "read", &problem) : value;
	}
	value = weir_call_json(run, task, arguments);
	if (!value || write_checkpoint(run, key, value, &problem) == 0)
		return value;
	json_decref(value);
	return fail(run, key, "kept", &problem);
}

static json_t *call_once(weir_run *run, const char *key, const weir_task *task, json_t *arguments)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct problem problem;
	struct key_hold *hold = NULL;
	json_t *value;
	int result;

	if (process_child_refuses(run, "start other runs")) {
		json_decref(arguments);
		return NULL;
	}
	strbuf_printf(&text, "once:%s:%s", uuid_text(run->run->flow->flow_run_id).text, key ? key : "");
	/* A flow run is one program's. Who holds the key already makes this call within that one. */
	result = key_hold_take(run, KEY_OF_PROGRAM, strbuf_str(&text), &hold, &problem);
	if (result < 0 && result != WEIR_EBUSY) {
		json_decref(arguments);
		return NULL;
	}
	value = call_unless_done(run, key, task, arguments);
	key_hold_release(hold);
	return value;
}

WEIR_API json_t *weir_call_once(weir_run *run, const char *key, const weir_task *task, const char *format, ...)
{
	json_t *arguments = NULL;
	json_error_t error;
	va_list list;

	if (format) {
		va_start(list, format);
		arguments = json_vpack_ex(&error, 0, format, list);
		va_end(list);
	}
	if (format && !arguments)
		return weir_fail_final(run, "the arguments of '%s' can't be built from \"%s\": %s", task->name, format,
		                       error.text);
	return call_once(run, key, task, arguments);
}
