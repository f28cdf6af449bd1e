/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cache.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "engine/cache_key.h"
#include "engine/off_loop.h"
#include "engine/transaction.h"
#include "engine/value_text.h"

#include <stdlib.h>

bool cache_is_used(const struct callable *what)
{
	return what->task && (what->task->cache_by || what->task->cache_key);
}

static bool is_refreshed(const weir_future *run)
{
	enum weir_toggle toggle = run->what.task->refresh_cache;

	return toggle == WEIR_DEFAULT ? run->engine->results.refresh : toggle == WEIR_ON;
}

/* --- Looking up --- */

struct lookup {
	weir_run *attempt;
	struct str name;
	struct arena arena;
	struct strbuf text;
	struct result_record record;
	json_t *value; /* NULL: a miss */
	int result;    /* of reading */
	struct problem problem;
};

static void lookup_done(struct lookup *lookup)
{
	arena_done(&lookup->arena);
	strbuf_done(&lookup->text);
}

/* What this run's own transaction has computed is seen by its runs before it is committed. */
static int read_record(struct lookup *lookup)
{
	struct staged_result *staged = transaction_find(lookup->attempt->run, lookup->name);
	struct result_storage *storage;
	int result;

	if (staged)
		return staged_result_read(staged, &lookup->arena, &lookup->text, &lookup->record, &lookup->problem);
	result = results_storage(&lookup->attempt->run->engine->results, &storage, &lookup->problem);
	if (result == 0)
		result = result_read(storage, lookup->name, &lookup->arena, &lookup->text, &lookup->record,
		                     &lookup->problem);
	return result;
}

static bool is_fresh(const struct result_record *record)
{
	return record->expiration == TIMESTAMP_NONE || record->expiration > clock_wall_us();
}

static void read_value(void *data)
{
	struct lookup *lookup = data;

	lookup->result = read_record(lookup);
	if (lookup->result == 0 && is_fresh(&lookup->record)) {
		lookup->value = value_read(lookup->record.body, &lookup->problem);
		lookup->result = lookup->value ? 0 : WEIR_ECORRUPT;
	}
}

static void keep_hit(struct run_cache *cache, struct run_card *card, const struct lookup *lookup)
{
	const struct result_record *record = &lookup->record;

	cache->expiration = record->expiration;
	cache->origin = arena_printf(&card->arena, "from the cache: computed by %.*s run '%.*s' (%s) at %s",
	                             STR_ARG(record->run_type), STR_ARG(record->run_name),
	                             uuid_text(record->run_id).text, timestamp_text(record->created).text);
	card->row.cache_expiration = record->expiration;
}

/* The value, or NULL. A file that can't be used is as good as none, but somebody should know. */
static int look_up(weir_run *attempt, struct run_cache *cache, json_t **value, struct problem *problem)
{
	AUTO(lookup_done) struct lookup lookup = { .attempt = attempt, .name = cache->name };

	*value = NULL;
	off_loop(attempt, read_value, &lookup);
	if (lookup.result == 0 && lookup.value) {
		*value = lookup.value;
		keep_hit(cache, attempt->run->card, &lookup);
	}
	if (lookup.result == 0 || lookup.result == WEIR_ENOTFOUND)
		return 0;
	if (lookup.result == WEIR_ECORRUPT || lookup.result == WEIR_EVERSION) {
		run_log(attempt->run, 30, "a stored result can't be used, it is computed anew: %s",
		        lookup.problem.message);
		return 0;
	}
	*problem = lookup.problem;
	return lookup.result;
}

/* --- Beginning --- */

static int make_cache(weir_run *attempt, struct run_cache **out, struct problem *problem)
{
	struct run_card *card = attempt->run->card;
	char name[SHA256_HEX_LENGTH + 1];
	struct str key;
	int result = cache_key_make(attempt, &card->arena, &key, problem);

	*out = NULL;
	if (result < 0 || !key.data)
		return result;
	result = sha256_hex(&key, 1, name, problem);
	if (result < 0)
		return result;
	*out = xcalloc(1, sizeof **out);
	**out = (struct run_cache){ .key = key,
		                    .name = arena_str(&card->arena, str_of(name)),
		                    .expiration = TIMESTAMP_NONE };
	card->row.cache_key = key;
	return 0;
}

/* Take the key, and look again: somebody may have computed it meanwhile. */
static enum cache_answer take(weir_run *attempt, struct run_cache *cache, json_t **value, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf key = { 0 };
	int result;

	strbuf_printf(&key, "cache:%.*s", STR_ARG(cache->name));
	result = key_hold_take(attempt, KEY_OF_STORAGE, strbuf_str(&key), &cache->hold, problem);
	if (result == WEIR_EBUSY) {
		run_log(attempt->run, 30,
		        "computed without the cache: a run that this one was called by computes the same key");
		return CACHE_OFF;
	}
	if (result < 0)
		return attempt_refusal(attempt) ? CACHE_CUT_SHORT : CACHE_FAILED;
	if (is_refreshed(attempt->run))
		return CACHE_MISS;
	if (look_up(attempt, cache, value, problem) < 0)
		return CACHE_FAILED;
	return *value ? CACHE_HIT : CACHE_MISS;
}

static enum cache_answer begin(weir_run *attempt, json_t **value, struct problem *problem)
{
	weir_future *run = attempt->run;

	if (make_cache(attempt, &run->cache, problem) < 0)
		return CACHE_FAILED;
	if (!run->cache)
		return CACHE_OFF;
	if (!is_refreshed(run)) {
		if (look_up(attempt, run->cache, value, problem) < 0)
			return CACHE_FAILED;
		if (*value)
			return CACHE_HIT;
	}
	return take(attempt, run->cache, value, problem);
}

enum cache_answer cache_begin(weir_run *attempt, json_t **value, struct problem *problem)
{
	weir_future *run = attempt->run;
	enum cache_answer answer;

	if (!cache_is_used(&run->what))
		return CACHE_OFF;
	/* A retry: what the first attempt found out holds for all. */
	if (attempt->number > 1)
		return run->cache && run->cache->hold ? CACHE_MISS : CACHE_OFF;
	answer = begin(attempt, value, problem);
	if (answer == CACHE_HIT)
		cache_run_ended(run);
	return answer;
}

const char *cache_origin(const weir_run *attempt)
{
	return attempt->cached ? attempt->run->cache->origin.data : NULL;
}

void cache_run_ended(weir_future *run)
{
	struct key_hold *hold = NULL;

	if (!run->cache)
		return;
	pthread_mutex_lock(&run->mutex);
	hold = run->cache->hold;
	run->cache->hold = NULL;
	pthread_mutex_unlock(&run->mutex);
	key_hold_release(hold);
}
