/* SPDX-License-Identifier: Apache-2.0 */
/* limits.c - slots of limits: taken for the tags of a task before its function is entered, and when a function asks. */
#include "engine/limits.h"

#include "base/clock.h"
#include "core/limit.h"
#include "engine/ask_store.h"
#include "engine/process_child.h"
#include "engine/record.h"
#include "engine/slot_queue.h"

#include <stdlib.h>

/* What is asked for, on the stack of who waits; and the store's last answer. */
struct asking {
	struct slot_request request;
	struct slot_wait wait;
	int64_t due_us; /* monotonic */
	bool acquired;
	struct uuid lease_id; /* of what it was given */
	bool holds;           /* something was taken that is to be given back */
	int64_t look_at;      /* wall clock; INT64_MAX: when told */
	struct strbuf full;   /* names of the limits that have no room: "a, b" */
	bool granted_anyway;  /* it was given them when it had given up */
	bool keep_when_granted;
};

static struct slot_holder holder_of(const weir_run *attempt)
{
	const weir_future *run = attempt->run;

	return (struct slot_holder){
		.type = run->what.is_flow ? HOLDER_FLOW_RUN : HOLDER_TASK_RUN,
		.id = run->id,
		.flow_run_id = run->flow->flow_run_id,
		.program_id = store_program_id(run->engine->store),
	};
}

/* --- Jobs --- */

static void keep_answer(struct asking *asking, const struct slot_answer *answer)
{
	const struct str tag = STR(TAG_LIMIT_PREFIX);

	asking->acquired = answer->acquired;
	asking->holds = answer->acquired && !uuid_is_nil(answer->lease_id);
	if (asking->holds)
		asking->lease_id = answer->lease_id;
	asking->look_at = answer->look_at;
	strbuf_clear(&asking->full);
	for (size_t i = 0; i < answer->full_count; i++) {
		struct str name = answer->full[i].name;
		size_t skip = str_starts_with(name, tag) ? tag.length : 0;

		strbuf_printf(&asking->full, "%s%.*s", i > 0 ? ", " : "", (int)(name.length - skip), name.data + skip);
	}
}

static int acquire(struct tx *tx, void *request)
{
	struct asking *asking = request;
	struct slot_answer answer;
	int result = slots_acquire(tx, &asking->request, &answer);

	if (result == 0)
		keep_answer(asking, &answer);
	return result;
}

static int look(struct tx *tx, void *request)
{
	struct asking *asking = request;
	struct slot_answer answer;
	int result = slots_look(tx, asking->wait.id, &answer);

	if (result == 0)
		keep_answer(asking, &answer);
	return result;
}

/* Out of the queue; what it was given in the meantime is kept, or given back. */
static int withdraw(struct tx *tx, void *request)
{
	struct asking *asking = request;
	const struct slot_query lease = { .lease_id = asking->lease_id };
	int result = slots_withdraw(tx, asking->wait.id, &asking->granted_anyway);

	if (result == 0 && asking->granted_anyway && !asking->keep_when_granted)
		result = slots_release_all(tx, &lease);
	return result;
}

/* --- Waiting --- */

static int64_t when_to_look(const struct asking *asking)
{
	int64_t wait_us;

	if (asking->look_at == INT64_MAX)
		return asking->due_us;
	wait_us = MAX(asking->look_at - clock_wall_us(), INT64_C(1000));
	return MIN(asking->due_us, clock_monotonic_us() + wait_us);
}

/* Give up for this reason, unless the slots have come in the last moment and somebody is there to use them. */
static int give_up(weir_run *attempt, struct asking *asking, int reason, struct problem *problem)
{
	int result;

	asking->keep_when_granted = reason == WEIR_ETIMEDOUT;
	result = ask_store(attempt, withdraw, asking, reason == WEIR_ETIMEDOUT ? problem : NULL);
	if (result < 0)
		return result;
	if (reason != WEIR_ETIMEDOUT || !asking->granted_anyway)
		return reason;
	asking->acquired = asking->holds = true;
	return 0;
}

/* It stands in the queue: wait until it has been given the slots. */
static int stand_in_line(weir_run *attempt, struct asking *asking, struct problem *problem)
{
	struct slot_queue *queue = &attempt->run->engine->slot_queue;

	slot_queue_standing(queue, &asking->wait);
	for (;;) {
		int64_t until_us = when_to_look(asking);
		int result = scope_wait_event(&attempt->scope, &asking->wait.told, until_us);

		if (result == 0 && asking->wait.granted) {
			asking->acquired = asking->holds = true;
			return 0;
		}
		if (result < 0 &&
		    (result != WEIR_ETIMEDOUT || scope_cancelled(&attempt->scope) || until_us == asking->due_us))
			return give_up(attempt, asking, result, problem);
		slot_queue_rearm(queue, &asking->wait);
		result = ask_store(attempt, look, asking, problem);
		if (result < 0)
			return give_up(attempt, asking, result, problem);
		if (asking->acquired)
			return 0;
	}
}

/* What it has taken is the attempt's from now on, unless that was given up while it waited: nobody would give it back. */
static int hold(weir_run *attempt, struct asking *asking)
{
	bool late;

	if (!asking->holds)
		return 0;
	pthread_mutex_lock(&attempt->mutex);
	late = attempt->slots_closed;
	attempt->holds_slots |= !late;
	pthread_mutex_unlock(&attempt->mutex);
	if (!late)
		return 0;
	return give_up(attempt, asking, WEIR_EABANDONED, NULL);
}

typedef void waiting_fn(weir_run *attempt, const char *full);

/* Take slots, waiting so long. waiting is called once, when it has to wait. */
static int take(weir_run *attempt, struct asking *asking, double seconds, waiting_fn *waiting, struct problem *problem)
{
	struct engine *engine = attempt->run->engine;
	int result;

	asking->due_us = clock_due_us(seconds);
	asking->wait.id = asking->lease_id = uuid_new();
	asking->wait.scope = &attempt->scope;
	asking->request.holder = holder_of(attempt);
	if (asking->due_us > 0)
		asking->request.waiter_id = asking->wait.id;
	slot_queue_add(&engine->slot_queue, engine->store, &asking->wait);
	result = ask_store(attempt, acquire, asking, problem);
	if (result == 0 && !asking->acquired && asking->due_us > 0) {
		waiting(attempt, asking->full.data);
		result = stand_in_line(attempt, asking, problem);
	} else if (result == 0 && !asking->acquired) {
		result = WEIR_ETIMEDOUT;
	}
	slot_queue_remove(&engine->slot_queue, &asking->wait);
	if (result == 0)
		result = hold(attempt, asking);
	strbuf_done(&asking->full);
	return result;
}

/* --- Tags --- */

bool limits_may_hold(const weir_future *run)
{
	if (run->what.is_flow)
		return false;
	return limited_tags_any(&run->engine->limited_tags, run->engine->store, run->card->row.tags);
}

static void record_waiting(weir_run *attempt, const char *full)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str message = arena_printf(&scratch, "Concurrency limit reached for tags: %s", full);

	run_log_str(attempt->run, 20, message);
	record_task_state(attempt->run, &(struct new_state){ .type = STATE_SCHEDULED,
	                                                     .name = "AwaitingConcurrencySlot",
	                                                     .message = message.data });
}

/* "tag:a" for each tag. */
static size_t limit_names(struct arena *arena, struct str tags, struct str *out, size_t count_max)
{
	const struct json *array;
	size_t count = 0;

	if (json_read(arena, tags, 0, &array, NULL, NULL) < 0)
		return 0;
	for (const struct json *tag = array->child; tag && count < count_max; tag = tag->next)
		out[count++] = arena_printf(arena, TAG_LIMIT_PREFIX "%.*s", STR_ARG(json_text(arena, tag)));
	return count;
}

int limits_enter(weir_run *attempt)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str names[2 * WEIR_MAX_TAGS];
	struct asking asking = { .request = { .names = names, .slots = 1, .mode = SLOTS_CONCURRENCY } };
	struct problem problem;
	int result;

	if (!limits_may_hold(attempt->run))
		return 0;
	asking.request.count = limit_names(&scratch, attempt->run->card->row.tags, names, ARRAY_LENGTH(names));
	result = take(attempt, &asking, WEIR_FOREVER, record_waiting, &problem);
	if (result < 0 && !scope_cancelled(&attempt->scope))
		weir_fail_final(attempt, "%s", problem.message);
	return result;
}

/* --- Giving back --- */

/* What an attempt gives back when it ends. */
struct leave {
	struct job job;
	struct engine *engine;
	struct uuid holder_id;
};

static int release_all(struct tx *tx, void *request)
{
	const struct leave *leave = request;

	return slots_release_all(tx, &(struct slot_query){ .holder_id = leave->holder_id });
}

/* Slots that stay behind are free at the latest when this program has ended. */
static void left(struct job *job, int result, const struct problem *problem)
{
	struct leave *leave = CONTAINER_OF(job, struct leave, job);

	if (result < 0)
		engine_lost_record(leave->engine, problem);
	free(leave);
}

void limits_leave(weir_run *attempt)
{
	struct leave *leave;
	bool holds;

	pthread_mutex_lock(&attempt->mutex);
	holds = attempt->holds_slots;
	attempt->holds_slots = false;
	attempt->slots_closed = true;
	pthread_mutex_unlock(&attempt->mutex);
	if (!holds)
		return;
	leave = xcalloc(1, sizeof *leave);
	leave->job = (struct job){ .run = release_all, .request = leave, .told = left, .flags = record_flags() };
	leave->engine = attempt->run->engine;
	leave->holder_id = attempt->run->id;
	executor_submit(store_executor(leave->engine->store), &leave->job);
}

/* --- What functions ask for --- */

static void log_waiting(weir_run *attempt, const char *full)
{
	run_log(attempt->run, 10, "waits for a slot of the concurrency limit '%s'", full);
}

/* A hook that comes after the end could hold slots for ever. */
static int refuse_late(weir_run *run, const char *name)
{
	bool closed;

	if (process_child_refuses(run, "take slots of limits"))
		return WEIR_EPERM;
	pthread_mutex_lock(&run->mutex);
	closed = run->slots_closed;
	pthread_mutex_unlock(&run->mutex);
	if (attempt_is_abandoned(run) || !closed)
		return attempt_refusal(run);
	run_log(run->run, 40, "no slots of '%s' for a run that has ended", name);
	return WEIR_EINVAL;
}

static int take_for_function(weir_run *run, const char *name, int slots, enum slot_mode mode, double seconds)
{
	struct str limit = str_of(name);
	struct asking asking = { .request = { .names = &limit, .count = 1, .slots = slots, .mode = mode } };
	struct problem problem;
	int result = refuse_late(run, name);

	if (result < 0)
		return result;
	result = take(run, &asking, seconds, log_waiting, &problem);
	if (result < 0 && result != WEIR_ETIMEDOUT && !attempt_refusal(run))
		run_log(run->run, 40, "no slots of '%s': %s", name, problem.message);
	return result;
}

WEIR_API int weir_concurrency(weir_run *run, const char *name, int slots)
{
	return take_for_function(run, name, slots, SLOTS_CONCURRENCY, WEIR_FOREVER);
}

WEIR_API int weir_concurrency_within(weir_run *run, const char *name, int slots, double seconds)
{
	return take_for_function(run, name, slots, SLOTS_CONCURRENCY, seconds);
}

WEIR_API int weir_server_rate_limit(weir_run *run, const char *name, int slots)
{
	return take_for_function(run, name, slots, SLOTS_RATE_LIMIT, WEIR_FOREVER);
}

struct release {
	struct uuid holder_id;
	struct str name;
	int64_t slots, released;
};

static int release(struct tx *tx, void *request)
{
	struct release *release = request;

	return slots_release(tx, release->holder_id, release->name, release->slots, &release->released);
}

/* Does the attempt hold anything? Then what it does not give back is a mistake; else the name may have no limit. */
static bool holds_any(weir_run *run)
{
	bool holds;

	pthread_mutex_lock(&run->mutex);
	holds = run->holds_slots;
	pthread_mutex_unlock(&run->mutex);
	return holds;
}

WEIR_API void weir_concurrency_release(weir_run *run, const char *name, int slots)
{
	struct release back = { .holder_id = run->run->id, .name = str_of(name), .slots = slots };
	struct problem problem;
	int result;

	if (process_child_refuses(run, "give slots of limits back") || !holds_any(run))
		return;
	result = ask_store(run, release, &back, &problem);
	if (result < 0)
		run_log(run->run, 40, "can't give back slots of '%s': %s", name, problem.message);
	else if (back.released < slots)
		run_log(run->run, 30, "gave back %lld of %d slots of '%s': it held no more", (long long)back.released,
		        slots, name);
}
