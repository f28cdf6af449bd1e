/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/result.h"

#include "base/clock.h"
#include "base/json.h"
#include "engine/cache.h"
#include "engine/off_loop.h"
#include "engine/run_template.h"
#include "engine/transaction.h"
#include "engine/value_text.h"

#include <stdio.h>

/* Old clients of Prefect expect a version of theirs in a reference; they look at its form only. */
#define PREFECT_VERSION "3.8.3"

/* What a state's data tells of a stored result: the form that Prefect 3 calls ResultRecordMetadata. */
static struct str reference_text(struct arena *arena, struct str key, int64_t expiration)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &text);
	json_begin_object(&writer);
	json_key(&writer, "type");
	json_puts(&writer, "reference");
	json_key(&writer, "storage_key");
	json_str(&writer, key);
	json_key(&writer, "expiration");
	json_puts(&writer, expiration == TIMESTAMP_NONE ? NULL : timestamp_text(expiration).text);
	json_key(&writer, "serializer");
	json_raw(&writer, STR("{\"type\":\"json\"}"));
	json_key(&writer, "prefect_version");
	json_puts(&writer, PREFECT_VERSION);
	json_key(&writer, "storage_block_id");
	json_none(&writer);
	json_end_object(&writer);
	return arena_str(arena, strbuf_str(&text));
}

/* --- Writing --- */

/* A result on its way to the storage; written off the loop. */
struct keeping {
	weir_run *attempt;
	const json_t *value;
	struct str key;
	struct result_record record;
	bool staged; /* it is part of a transaction */
	struct staged_result *out;
	int result;
	struct problem *problem;
};

static void write_value(void *data)
{
	AUTO(strbuf_done) struct strbuf body = { 0 };
	struct keeping *keeping = data;
	struct results *results = &keeping->attempt->run->engine->results;
	struct result_storage *storage;

	keeping->result = value_write(keeping->value, false, results->max_bytes, &body, keeping->problem);
	if (keeping->result == WEIR_ELIMIT)
		problem_set(keeping->problem, WEIR_ELIMIT,
		            "its JSON has more than the %zu bytes that results.max_bytes (WEIR_RESULTS_MAX_BYTES) "
		            "allows",
		            results->max_bytes);
	if (keeping->result == 0)
		keeping->result = results_storage(results, &storage, keeping->problem);
	if (keeping->result < 0)
		return;
	keeping->record.body = strbuf_str(&body);
	keeping->result =
	        keeping->staged ? result_stage(storage, keeping->key, &keeping->record, &keeping->out, keeping->problem)
	                        : result_write(storage, keeping->key, &keeping->record, keeping->problem);
}

static struct result_record record_of(weir_future *run, const struct run_cache *cache)
{
	int64_t now_us = clock_wall_us();
	double seconds = run->what.task ? run->what.task->cache_expiration_seconds : 0;

	return (struct result_record){
		.cache_key = cache ? cache->key : STR_NULL,
		.created = now_us,
		.expiration =
		        cache && seconds > 0 && seconds < 1e11 ? now_us + (int64_t)(seconds * 1e6) : TIMESTAMP_NONE,
		.run_type = run->what.is_flow ? STR("flow") : STR("task"),
		.run_name = str_of(run->name),
		.run_id = run->id,
	};
}

/* Hexadecimal digits: no two runs have the same, and no key that a user chooses looks like it by chance. */
static struct str made_up_key(struct arena *arena)
{
	struct uuid id = uuid_new();
	char *digits = arena_alloc(arena, 2 * sizeof id.bytes + 1);

	for (size_t i = 0; i < sizeof id.bytes; i++)
		snprintf(digits + 2 * i, 3, "%02x", id.bytes[i]);
	return str_of(digits);
}

static struct str key_of(weir_future *run, const struct run_cache *cache)
{
	const char *chosen = run->what.result_key;

	if (cache)
		return cache->name;
	return chosen ? str_of(template_fill(&run->card->arena, chosen, run, 0, 0)) : made_up_key(&run->card->arena);
}

/* --- Which results are kept --- */

static bool is_persisted(const weir_future *run)
{
	enum weir_toggle toggle = run->what.task ? run->what.task->persist_result : run->what.flow->persist_result;

	return toggle == WEIR_DEFAULT ? run->engine->results.persist : toggle == WEIR_ON;
}

static int explain(const struct keeping *keeping)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct problem *problem = keeping->problem;

	strbuf_printf(&text, "the result can't be stored: %s%s%s%s", problem->message, problem->path[0] ? " (at " : "",
	              problem->path, problem->path[0] ? ")" : "");
	return problem_set(problem, keeping->result, "%s", text.data);
}

/* The cache entry that this run is to fill: it holds the key, so that no other run writes it. */
static struct run_cache *own_cache(weir_future *run)
{
	return run->cache && run->cache->hold ? run->cache : NULL;
}

int result_keep(weir_run *attempt, json_t *value, struct str *data, struct problem *problem)
{
	weir_future *run = attempt->run;
	struct run_cache *cache = own_cache(run);
	struct keeping keeping = { .attempt = attempt, .value = value, .problem = problem };

	if (attempt->cached) {
		*data = reference_text(&run->card->arena, run->cache->name, run->cache->expiration);
		return 0;
	}
	if (!cache && !is_persisted(run))
		return 0;
	problem->path[0] = '\0';
	keeping.key = key_of(run, cache);
	keeping.record = record_of(run, cache);
	keeping.staged = cache && transaction_is_open(run);
	off_loop(attempt, write_value, &keeping);
	if (keeping.result < 0)
		return explain(&keeping);
	if (keeping.out)
		transaction_stage(run, keeping.key, keeping.out);
	if (cache)
		run->card->row.cache_expiration = keeping.record.expiration;
	*data = reference_text(&run->card->arena, keeping.key, keeping.record.expiration);
	return 0;
}
