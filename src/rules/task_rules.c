/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for task runs: CONTRACT 5.4. */
#include "rules/retry.h"
#include "rules/rule.h"

#include <math.h>

enum {
	CORE = 1 << TASK_POLICY_CORE,
	MINIMAL = 1 << TASK_POLICY_MINIMAL,
	BACKGROUND = 1 << TASK_POLICY_BACKGROUND,
};

enum { CACHE_KEY_MAX_CHARACTERS = 2000 };

static const double TAG_WAIT_MAX_SECONDS = 10; /* before a run asks again for the slots of its tags */
static const double TAG_WAIT_SPREAD = 0.3;

static struct task_transition *task_of(struct transition *transition)
{
	return CONTAINER_OF(transition, struct task_transition, common);
}

/* --- 1, 10: results that are reused --- */

static void look_up_cache(struct transition *transition)
{
	const struct state *cached = task_of(transition)->cached;
	const struct state_details *details = transition_proposed_details(transition);
	const struct state_details *stored;
	struct state copy;

	if (!cached || !details->cache_key.data || details->cache_key.length == 0 ||
	    str_is(details->refresh_cache, "true"))
		return;
	stored = transition_stored_details(transition, cached);
	copy = *cached;
	copy.name = STR("Cached");
	*transition_replace(transition, &copy, STR("Retrieved state from cache")) = *stored;
}

/* UTF-8: every byte but the continuations begins a character. */
static size_t count_characters(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.length; i++)
		count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
	return count;
}

static void limit_cache_key(struct transition *transition)
{
	struct state_details details = *transition_proposed_details(transition);
	struct state same = transition->proposed;

	if (count_characters(details.cache_key) <= CACHE_KEY_MAX_CHARACTERS)
		return;
	*transition_replace(transition, &same,
	                    arena_printf(transition->arena,
	                                 "Cache key exceeded maximum allowed length of %d characters.",
	                                 CACHE_KEY_MAX_CHARACTERS)) = details;
}

static void store_cache(struct transition *transition)
{
	task_of(transition)->store_cache = transition_proposed_details(transition)->cache_key.length > 0;
}

/* --- 2 --- */

static void leave_terminal(struct transition *transition)
{
	struct task_transition *task = task_of(transition);
	const struct state *current = transition->current;
	const enum state_type to = transition->proposed.type;

	task->undo_run_count = task->run->run_count;
	if (to == STATE_CANCELLING || to == STATE_PAUSED || to == STATE_CRASHED) {
		transition_abort(transition, arena_printf(transition->arena, "Run is already %s.",
		                                          state_type_names[current->type]));
		return;
	}
	if (current->type == STATE_COMPLETED && state_has_persisted_data(current)) {
		transition_reject(transition, STR("This run is already completed."));
		return;
	}
	if (!state_type_is_terminal(to))
		task->run->run_count = 0; /* its retries begin anew */
	if (to == STATE_RUNNING && task->parent.exists && task->run->flow_run_run_count < task->parent.run_count)
		transition->proposed.name = STR("Retrying");
}

static void undo_leave_terminal(struct transition *transition)
{
	struct task_transition *task = task_of(transition);

	task->run->run_count = task->undo_run_count;
}

/* --- 3, 9: the flow run around it --- */

static void parent_must_run(struct transition *transition)
{
	const struct parent_facts *parent = &task_of(transition)->parent;
	const struct state not_ready = { .type = STATE_PAUSED, .name = STR("NotReady") };
	const struct state_details *pause;
	struct state_details *details;

	if (!parent->exists || (parent->state && parent->state->type == STATE_RUNNING))
		return;
	if (!parent->state || parent->state->type != STATE_PAUSED) {
		transition_abort(transition, STR("The enclosing flow must be running to begin task execution."));
		return;
	}
	pause = transition_stored_details(transition, parent->state);
	details = transition_replace(transition, &not_ready,
	                             arena_printf(transition->arena,
	                                          "The flow is paused, new tasks can execute after resuming flow "
	                                          "run: %s.",
	                                          uuid_text(parent->id).text));
	details->pause_timeout = pause->pause_timeout;
	details->pause_reschedule = pause->pause_reschedule;
}

static void track_flow_attempt(struct transition *transition)
{
	struct task_transition *task = task_of(transition);

	if (task->parent.exists)
		task->run->flow_run_run_count = task->parent.run_count;
}

/* --- 4, 11: slots of tags --- */

static const struct tag_limit_facts *find_zero_limit(const struct task_transition *task)
{
	for (size_t i = 0; i < task->tag_limit_count; i++)
		if (task->tag_limits[i].limit == 0)
			return &task->tag_limits[i];
	return NULL;
}

/* The limit with the highest share of taken slots; NULL when every limit has a free one. */
static const struct tag_limit_facts *find_full_limit(const struct task_transition *task)
{
	const struct tag_limit_facts *fullest = NULL;
	bool full = false;

	for (size_t i = 0; i < task->tag_limit_count; i++) {
		const struct tag_limit_facts *each = &task->tag_limits[i];

		full |= each->active_slots >= each->limit;
		if (!fullest || (double)each->active_slots / (double)each->limit >
		                        (double)fullest->active_slots / (double)fullest->limit)
			fullest = each;
	}
	return full ? fullest : NULL;
}

static struct str join_tags(struct arena *arena, const struct task_transition *task)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };

	for (size_t i = 0; i < task->tag_limit_count; i++)
		strbuf_printf(&text, "%s%.*s", i > 0 ? ", " : "", STR_ARG(task->tag_limits[i].tag));
	return arena_str(arena, strbuf_str(&text));
}

static void wait_for_tags(struct transition *transition, const struct tag_limit_facts *full)
{
	struct task_transition *task = task_of(transition);
	double average = full->occupancy_seconds > 0 ? full->occupancy_seconds : TAG_WAIT_MAX_SECONDS;
	double seconds = interval_spread(MIN(average, TAG_WAIT_MAX_SECONDS), TAG_WAIT_SPREAD, task->random);
	struct str tags = join_tags(transition->arena, task);

	transition_delay(transition, llrint(seconds),
	                 arena_printf(transition->arena, "Concurrency limit reached for tags: %.*s", STR_ARG(tags)));
}

static void take_tag_slots(struct transition *transition)
{
	struct task_transition *task = task_of(transition);
	const struct tag_limit_facts *limit = find_zero_limit(task);

	if (limit) {
		transition_abort(transition,
		                 arena_printf(transition->arena,
		                              "The concurrency limit on tag \"%.*s\" is 0 and will deadlock "
		                              "if the task tries to run again.",
		                              STR_ARG(limit->tag)));
		return;
	}
	limit = find_full_limit(task);
	if (limit)
		wait_for_tags(transition, limit);
	else if (task->tag_limit_count > 0)
		transition->slots |= SLOT_TAKE;
}

static void undo_tag_slots(struct transition *transition)
{
	transition->slots &= ~(unsigned)SLOT_TAKE;
}

static void release_tag_slots(struct transition *transition)
{
	const enum state_type type = transition->proposed.type;

	if (type != STATE_RUNNING && type != STATE_CANCELLING)
		transition->slots |= SLOT_RELEASE;
}

/* --- Background tasks --- */

static void copy_parameters_id(struct transition *transition)
{
	struct uuid id = transition_current_details(transition)->task_parameters_id;

	if (!uuid_is_nil(id) && uuid_is_nil(transition_proposed_details(transition)->task_parameters_id))
		transition_edit_details(transition)->task_parameters_id = id;
}

static void enqueue(struct transition *transition)
{
	struct task_transition *task = task_of(transition);

	if (!transition_proposed_details(transition)->deferred)
		return;
	task->enqueue_retry = str_is(transition->proposed.name, "AwaitingRetry");
	task->enqueue = !task->enqueue_retry;
}

/* --- 7, 8 --- */

static void retry(struct transition *transition)
{
	struct task_transition *task = task_of(transition);
	struct state again = { .type = STATE_SCHEDULED, .name = STR("AwaitingRetry") };
	struct run_policy policy;
	struct problem problem;
	struct str attempts;
	int64_t delay_us;

	if (str_is(transition_proposed_details(transition)->retriable, "false"))
		return;
	if (run_policy_read(transition->arena, task->run->empirical_policy, &policy, &problem) < 0) {
		transition->error = problem_set(transition->problem, WEIR_ECORRUPT,
		                                "the stored policy of task run %s can't be read: %s",
		                                uuid_text(task->run->id).text, problem.message);
		return;
	}
	if (!retry_decide(transition->arena, &policy, task->run->run_count, task->random, &delay_us, &attempts))
		return;
	again.message = transition->proposed.message;
	again.data = transition->proposed.data;
	transition_replace(transition, &again, STR("Retrying"))->scheduled_time = transition->now_us + delay_us;
}

static void rename_rerun(struct transition *transition)
{
	const struct state *current = transition->current;

	if (!current || task_of(transition)->run->run_count == 0)
		return;
	transition->proposed.name = str_is(current->name, "AwaitingRetry") ? STR("Retrying") : STR("Rerunning");
}

/* --- The table: order is priority --- */

#define SCHEDULED STATE_BIT(STATE_SCHEDULED)
#define PENDING STATE_BIT(STATE_PENDING)
#define RUNNING STATE_BIT(STATE_RUNNING)
#define COMPLETED STATE_BIT(STATE_COMPLETED)
#define FAILED STATE_BIT(STATE_FAILED)
#define CANCELLED STATE_BIT(STATE_CANCELLED)
#define CANCELLING STATE_BIT(STATE_CANCELLING)
#define ANY STATES_ANY
#define BOTH (CORE | BACKGROUND)

/* clang-format off */
static const struct rule rules[] = {
	{ "no double pending", BACKGROUND, PENDING | CANCELLING | RUNNING | CANCELLED, PENDING, false, rule_no_double_pending, NULL, NULL },
	{ "look up cache", BOTH, ANY, RUNNING, false, look_up_cache, NULL, NULL },
	{ "leave terminal", BOTH, STATES_TERMINAL, ANY, false, leave_terminal, NULL, undo_leave_terminal },
	{ "parent must run", CORE, ANY, RUNNING, false, parent_must_run, NULL, NULL },
	{ "take tag slots", CORE, ANY, RUNNING, false, take_tag_slots, NULL, undo_tag_slots },
	{ "copy scheduled time", BOTH, SCHEDULED, PENDING, false, rule_copy_scheduled_time, NULL, NULL },
	{ "copy parameters id", BACKGROUND, SCHEDULED | PENDING, PENDING | RUNNING, false, copy_parameters_id, NULL, NULL },
	{ "wait for time", BOTH, SCHEDULED | PENDING, RUNNING, false, rule_wait_for_time, NULL, NULL },
	{ "retry", BOTH, RUNNING, FAILED, false, retry, NULL, NULL },
	{ "rename rerun", BOTH, ANY, RUNNING, false, rename_rerun, NULL, NULL },
	{ "track flow attempt", BOTH, ANY, RUNNING, false, NULL, track_flow_attempt, NULL },
	{ "limit cache key", BOTH, ANY, COMPLETED, false, limit_cache_key, store_cache, NULL },
	{ "release tag slots", BOTH | MINIMAL, ANY, ANY, true, NULL, release_tag_slots, NULL },
	{ "enqueue", BACKGROUND, ANY, SCHEDULED, false, NULL, enqueue, NULL },
};
/* clang-format on */

int task_transition_decide(struct task_transition *task, struct problem *problem)
{
	enum task_policy policy = task->policy;

	task->common.problem = problem;
	if (transition_proposed_details(&task->common)->deferred)
		policy = TASK_POLICY_BACKGROUND;
	if (task->common.error < 0)
		return task->common.error;
	task->store_cache = task->enqueue = task->enqueue_retry = false;
	return transition_run(&task->common, rules, ARRAY_LENGTH(rules), 1u << policy, bookkeep_task_run);
}
