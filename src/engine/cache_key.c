/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cache_key.h"

#include "base/crypto.h"
#include "base/json.h"
#include "engine/build_id.h"
#include "engine/value_text.h"

/* The text that is hashed: a JSON object with a member for each thing that makes the key. */
struct recipe {
	struct strbuf text;
	struct json_writer writer;
	int result; /* 0, or the first error */
	struct problem *problem;
};

static void recipe_done(struct recipe *recipe)
{
	strbuf_done(&recipe->text);
}

static void add_text(struct recipe *recipe, const char *name, const char *text)
{
	json_key(&recipe->writer, name);
	json_puts(&recipe->writer, text);
}

static void add_value(struct recipe *recipe, const char *name, const json_t *value)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };

	if (recipe->result < 0)
		return;
	json_key(&recipe->writer, name);
	recipe->result = value_write(value, true, SIZE_MAX, &text, recipe->problem);
	json_raw(&recipe->writer, recipe->result < 0 ? STR_NULL : strbuf_str(&text));
}

/* The code that computes: what its author calls it, or, unsaid, the build of its program. */
static void add_source(struct recipe *recipe, const struct callable *what)
{
	AUTO(strbuf_done) struct strbuf build = { 0 };

	if (what->version) {
		add_text(recipe, "version", what->version);
		return;
	}
	build_id_of((const void *)(uintptr_t)what->run, &build);
	add_text(recipe, "build", build.data);
}

/* The flow run that this one is in can't end meanwhile, but the engine's list of them changes. */
static json_t *flow_arguments(weir_future *run)
{
	json_t *arguments = NULL;

	pthread_mutex_lock(&run->engine->mutex);
	if (run->flow->run)
		arguments = json_incref(run->flow->run->arguments);
	pthread_mutex_unlock(&run->engine->mutex);
	return arguments;
}

static void add_flow_parameters(struct recipe *recipe, weir_future *run)
{
	json_t *arguments = flow_arguments(run);

	if (arguments)
		add_value(recipe, "flow_parameters", arguments);
	json_decref(arguments);
}

/* Name what the key is made of, and hash it. given: what the task's function said; NULL: there is none. */
static int hash_recipe(weir_run *attempt, const json_t *given, struct arena *arena, struct str *out,
                       struct problem *problem)
{
	AUTO(recipe_done) struct recipe recipe = { .problem = problem };
	weir_future *run = attempt->run;
	unsigned by = run->what.task->cache_by;
	char hash[SHA256_HEX_LENGTH + 1];
	struct str text;

	json_writer_init(&recipe.writer, &recipe.text);
	json_begin_object(&recipe.writer);
	add_text(&recipe, "task", run->what.name);
	if (by & WEIR_CACHE_INPUTS)
		add_value(&recipe, "inputs", attempt->arguments);
	if (by & WEIR_CACHE_SOURCE)
		add_source(&recipe, &run->what);
	if (by & WEIR_CACHE_RUN)
		add_text(&recipe, "flow_run", uuid_text(run->flow->flow_run_id).text);
	if (by & WEIR_CACHE_FLOW_PARAMETERS)
		add_flow_parameters(&recipe, run);
	if (given)
		add_value(&recipe, "given", given);
	json_end_object(&recipe.writer);
	text = strbuf_str(&recipe.text);
	if (recipe.result == 0)
		recipe.result = sha256_hex(&text, 1, hash, problem);
	if (recipe.result == 0)
		*out = arena_str(arena, str_of(hash));
	return recipe.result;
}

static int use_text(const json_t *given, struct arena *arena, struct str *out, struct problem *problem)
{
	struct str key = { json_string_value(given), json_string_length(given) };

	if (key.length == 0 || key.length > CACHE_KEY_BYTES_MAX)
		return problem_set(problem, WEIR_EINVAL, "the cache key has %zu bytes: it must have 1 to %d",
		                   key.length, CACHE_KEY_BYTES_MAX);
	*out = arena_str(arena, key);
	return 0;
}

/* The user's function: like a hook it starts no children. */
static json_t *ask_function(weir_run *attempt)
{
	json_t *given;

	attempt->in_hook = true;
	given = attempt->run->what.task->cache_key(attempt);
	attempt->in_hook = false;
	prints_flush(attempt);
	return given;
}

int cache_key_make(weir_run *attempt, struct arena *arena, struct str *out, struct problem *problem)
{
	bool asks = attempt->run->what.task->cache_key != NULL;
	json_auto_t *given = asks ? ask_function(attempt) : NULL;

	*out = STR_NULL;
	if (asks && (!given || json_is_null(given)))
		return 0;
	if (json_is_string(given))
		return use_text(given, arena, out, problem);
	return hash_recipe(attempt, given, arena, out, problem);
}
