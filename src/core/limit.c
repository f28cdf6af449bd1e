/* SPDX-License-Identifier: Apache-2.0 */
/* Concurrency limits: made, changed, deleted, looked at. */
#include "core/internal.h"
#include "rules/slots.h"

#include <math.h>

static const char EVENT_KIND[] = "concurrency-limit";

/* --- Checks --- */

static int check_name(struct str name, struct problem *problem)
{
	static const char refused[] = "/%&<>";

	if (name.length == 0)
		return problem_set(problem, WEIR_EINVAL, "the name of a limit must not be empty");
	for (size_t i = 0; i < name.length; i++) {
		if (memchr(refused, name.data[i], sizeof refused - 1))
			return problem_set(problem, WEIR_EINVAL, "the limit's name '%.*s' must not contain '%c'",
			                   STR_ARG(name), name.data[i]);
	}
	return 0;
}

static int check(const struct concurrency_limit *limit, struct problem *problem)
{
	int result = check_name(limit->name, problem);

	if (result < 0)
		return result;
	if (limit->limit < 0 || limit->limit > INT32_MAX)
		return problem_set(problem, WEIR_EINVAL, "a limit is from 0 to %d, not %lld", INT32_MAX,
		                   (long long)limit->limit);
	if (!(limit->slot_decay_per_second >= 0) || isinf(limit->slot_decay_per_second))
		return problem_set(problem, WEIR_EINVAL, "the slot decay is a number from 0 on");
	if (limit->active_slots < 0 || limit->active_slots > INT32_MAX)
		return problem_set(problem, WEIR_EINVAL, "active slots are from 0 to %d, not %lld", INT32_MAX,
		                   (long long)limit->active_slots);
	return 0;
}

/* Programs know by heart which tags are limited. */
static void tell_programs(struct tx *tx, struct str name)
{
	const struct uuid all = { { 0 } };

	if (str_starts_with(name, STR(TAG_LIMIT_PREFIX)))
		tx_send(tx, all, STR("limits"));
}

static int not_found(struct tx *tx, struct uuid id, int result)
{
	if (result != WEIR_ENOTFOUND)
		return result;
	return problem_set(tx->problem, result, "there is no concurrency limit with the id %s", uuid_text(id).text);
}

/* --- Making --- */

static int exists(struct tx *tx, struct str name)
{
	return problem_set(tx->problem, WEIR_EEXISTS, "there is a limit named '%.*s' already", STR_ARG(name));
}

int limit_create(struct tx *tx, struct concurrency_limit *limit)
{
	bool inserted;
	int result;

	limit->active_slots = limit->denied_slots = 0;
	result = check(limit, tx->problem);
	if (result < 0)
		return result;
	limit->id = uuid_new();
	limit->created = limit->updated = tx->now_us;
	limit->avg_slot_occupancy_seconds = 2;
	result = store_limit_insert(tx->db, limit, &inserted, tx->problem);
	if (result < 0)
		return result;
	if (!inserted)
		return exists(tx, limit->name);
	tell_programs(tx, limit->name);
	return object_event(tx, EVENT_KIND, limit->id, limit->name, "created");
}

/* --- Changing --- */

/* A limit that begins to decay begins with what is held: it was counted. */
static void apply(const struct limit_change *change, struct concurrency_limit *limit)
{
	if (change->name.data)
		limit->name = change->name;
	if (change->limit != INTEGER_NONE)
		limit->limit = change->limit;
	if (change->active != LIMIT_AS_IT_IS)
		limit->active = change->active == LIMIT_ACTIVE;
	if (!isnan(change->decay))
		limit->slot_decay_per_second = change->decay;
	if (change->active_slots != INTEGER_NONE)
		limit->active_slots = change->active_slots;
}

static int refuse_taken_name(struct tx *tx, const struct concurrency_limit *limit, struct str name)
{
	struct concurrency_limit other;
	int result;

	if (!name.data)
		return 0;
	result = store_limit_find_name(tx->db, name, tx->arena, &other, tx->problem);
	if (result < 0)
		return result == WEIR_ENOTFOUND ? 0 : result;
	return uuid_equal(other.id, limit->id) ? 0 : exists(tx, name);
}

int limit_update(struct tx *tx, struct uuid id, const struct limit_change *change, struct concurrency_limit *out)
{
	struct str old_name;
	int result = store_limit_find(tx->db, id, tx->arena, out, tx->problem);

	if (result == 0)
		result = limit_count(tx->db, out, tx->now_us, tx->problem);
	if (result < 0)
		return not_found(tx, id, result);
	old_name = out->name;
	apply(change, out);
	out->updated = tx->now_us;
	result = check(out, tx->problem);
	if (result == 0)
		result = refuse_taken_name(tx, out, change->name);
	if (result == 0)
		result = store_limit_update(tx->db, out, tx->problem);
	if (result == 0)
		result = slots_settle(tx, id);
	if (result < 0)
		return result;
	tell_programs(tx, old_name);
	tell_programs(tx, out->name);
	return object_event(tx, EVENT_KIND, id, out->name, "updated");
}

/* --- Deleting --- */

int limit_delete(struct tx *tx, struct uuid id)
{
	struct concurrency_limit limit;
	int result = store_limit_find(tx->db, id, tx->arena, &limit, tx->problem);

	if (result < 0)
		return not_found(tx, id, result);
	result = slots_dissolve_queue(tx, id);
	if (result == 0)
		result = store_limit_delete(tx->db, id, tx->problem);
	if (result < 0)
		return result;
	tell_programs(tx, limit.name);
	return object_event(tx, EVENT_KIND, id, limit.name, "deleted");
}

static int delete_row(void *data, const void *row)
{
	struct tx *tx = data;

	return store_slot_delete(tx->db, ((const struct slot_row *)row)->id, tx->problem);
}

int limit_reset(struct tx *tx, struct uuid id, int64_t *count)
{
	const struct slot_query all = { .limit_id = id };
	struct limit_change nothing_used = { .limit = INTEGER_NONE, .decay = (double)NAN, .active_slots = 0 };
	struct concurrency_limit limit;
	int result = store_limit_find(tx->db, id, tx->arena, &limit, tx->problem);

	if (result == 0)
		result = limit_count(tx->db, &limit, tx->now_us, tx->problem);
	if (result < 0)
		return not_found(tx, id, result);
	*count = limit.active_slots;
	result = store_slot_list(tx->db, &all, delete_row, tx, tx->problem);
	return result < 0 ? result : limit_update(tx, id, &nothing_used, &limit);
}

/* --- Looking --- */

int limit_count(struct db *db, struct concurrency_limit *limit, int64_t now_us, struct problem *problem)
{
	slots_decay(limit, now_us);
	if (limit->slot_decay_per_second > 0)
		return 0;
	return store_slot_sum(db, limit->id, now_us, &limit->active_slots, problem);
}

/* For who looks: the counts are of now, but nothing was changed now. */
static int count_to_show(struct db *db, struct concurrency_limit *limit, int64_t now_us, struct problem *problem)
{
	int64_t updated = limit->updated;
	int result = limit_count(db, limit, now_us, problem);

	limit->updated = updated;
	return result;
}

int limit_find(struct db *db, struct str name_or_id, int64_t now_us, struct arena *arena, struct concurrency_limit *out,
               struct problem *problem)
{
	struct uuid id;
	int result = store_limit_find_name(db, name_or_id, arena, out, problem);

	if (result == WEIR_ENOTFOUND && uuid_parse(name_or_id, &id))
		result = store_limit_find(db, id, arena, out, problem);
	if (result == WEIR_ENOTFOUND)
		return problem_set(problem, result, "there is no concurrency limit '%.*s'", STR_ARG(name_or_id));
	return result < 0 ? result : count_to_show(db, out, now_us, problem);
}

struct counting {
	struct db *db;
	int64_t now_us;
	record_row_fn *each;
	void *data;
	struct problem *problem;
};

static int count_and_call(void *data, const void *record)
{
	const struct counting *counting = data;
	struct concurrency_limit limit = *(const struct concurrency_limit *)record;
	int result = count_to_show(counting->db, &limit, counting->now_us, counting->problem);

	return result < 0 ? result : counting->each(counting->data, &limit);
}

int limit_list(struct db *db, const struct limit_query *query, int64_t now_us, record_row_fn *each, void *data,
               struct problem *problem)
{
	struct counting counting = { db, now_us, each, data, problem };

	return store_limit_list(db, query, count_and_call, &counting, problem);
}
