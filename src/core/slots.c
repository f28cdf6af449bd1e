/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of limits: taken, waited for, given out in the order of waiting, given back. */
#include "core/internal.h"

#include "base/vec.h"
#include "rules/slots.h"

/* The place behind everybody. */
#define QUEUE_END INT64_MAX

/* --- Is there room? --- */

/* For so many slots of a limit, whose counts are as of now, to somebody at that place of its queue. */
static int has_room(struct tx *tx, const struct concurrency_limit *limit, int64_t slots, int64_t place, bool *out)
{
	bool blocked = true;
	int result = 0;

	if (slots <= slots_free(limit))
		result = store_waiter_blocks(tx->db, limit->id, place, slots_free(limit), &blocked, tx->problem);
	*out = result == 0 && !blocked;
	return result;
}

/* Why so many can never be had; STR_NULL: they can. */
static struct str refusal_of(struct arena *arena, const struct concurrency_limit *limit, int64_t slots)
{
	const struct str tag = STR(TAG_LIMIT_PREFIX);

	if (slots <= limit->limit)
		return STR_NULL;
	if (limit->limit == 0 && str_starts_with(limit->name, tag))
		return arena_printf(arena,
		                    "The concurrency limit on tag \"%.*s\" is 0 and will deadlock if the task tries to "
		                    "run again.",
		                    (int)(limit->name.length - tag.length), limit->name.data + tag.length);
	return arena_printf(arena, "Slots requested is greater than the limit: %lld of '%.*s', which has %lld",
	                    (long long)slots, STR_ARG(limit->name), (long long)limit->limit);
}

/* --- Taking --- */

static int take(struct tx *tx, struct concurrency_limit *limit, const struct slot_row *lease, enum slot_mode mode)
{
	struct slot_row slot = *lease;
	int result = 0;

	slot.id = uuid_new();
	slot.limit_id = limit->id;
	if (limit->slot_decay_per_second > 0) {
		limit->active_slots += slot.slots;
		result = store_limit_update(tx->db, limit, tx->problem);
	}
	if (result == 0 && mode == SLOTS_CONCURRENCY)
		result = store_slot_insert(tx->db, &slot, tx->problem);
	return result;
}

/* --- Asking --- */

static bool is_among(const struct concurrency_limit *limits, size_t count, struct uuid id)
{
	for (size_t i = 0; i < count; i++) {
		if (uuid_equal(limits[i].id, id))
			return true;
	}
	return false;
}

/* The limits that hold, each once, with their counts as of now. */
static int load_limits(struct tx *tx, const struct slot_request *request, struct concurrency_limit **out, size_t *count)
{
	struct concurrency_limit *limits = arena_alloc(tx->arena, (request->count + 1) * sizeof *limits);

	*out = limits;
	*count = 0;
	for (size_t i = 0; i < request->count; i++) {
		struct concurrency_limit *limit = &limits[*count];
		int result = store_limit_find_name(tx->db, request->names[i], tx->arena, limit, tx->problem);

		if (result == WEIR_ENOTFOUND || (result == 0 && !limit->active) ||
		    (result == 0 && is_among(limits, *count, limit->id)))
			continue;
		if (result == 0)
			result = limit_count(tx->db, limit, tx->now_us, tx->problem);
		if (result < 0)
			return result;
		++*count;
	}
	return 0;
}

static int refuse_without_decay(struct tx *tx, const struct concurrency_limit *limits, size_t count)
{
	AUTO(strbuf_done) struct strbuf names = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (!(limits[i].slot_decay_per_second > 0))
			strbuf_printf(&names, "%s%.*s", names.length > 0 ? "," : "", STR_ARG(limits[i].name));
	}
	if (names.length == 0)
		return 0;
	return problem_set(tx->problem, WEIR_EINVAL,
	                   "Only concurrency limits with slot decay can be used for rate limiting. The following "
	                   "limits do not have a decay configured: '%s'",
	                   names.data);
}

static int check(struct tx *tx, const struct slot_request *request, const struct concurrency_limit *limits,
                 size_t count)
{
	if (request->slots < 1 || request->slots > INT32_MAX)
		return problem_set(tx->problem, WEIR_EINVAL, "slots are asked for from 1 to %d at a time, not %lld",
		                   INT32_MAX, (long long)request->slots);
	for (size_t i = 0; i < count; i++) {
		struct str refusal = refusal_of(tx->arena, &limits[i], request->slots);

		if (refusal.data)
			return problem_set(tx->problem, WEIR_ELIMIT, "%.*s", STR_ARG(refusal));
	}
	return request->mode == SLOTS_RATE_LIMIT ? refuse_without_decay(tx, limits, count) : 0;
}

static struct slot_row lease_of(const struct tx *tx, const struct slot_request *request)
{
	return (struct slot_row){
		.lease_id = uuid_is_nil(request->waiter_id) ? uuid_new() : request->waiter_id,
		.holder_type = request->holder.type,
		.holder_id = request->holder.id,
		.flow_run_id = request->holder.flow_run_id,
		.program_id = request->holder.program_id,
		.slots = request->slots,
		.created = tx->now_us,
		.expires = request->lease_us ? tx->now_us + request->lease_us : TIMESTAMP_NONE,
	};
}

static int take_all(struct tx *tx, struct concurrency_limit *limits, size_t count, const struct slot_row *lease,
                    enum slot_mode mode)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++)
		result = take(tx, &limits[i], lease, mode);
	return result;
}

/* --- Not now --- */

/* In [0, 1). */
static double random_unit(void)
{
	struct uuid id = uuid_new();
	uint32_t bits;

	memcpy(&bits, id.bytes + 12, sizeof bits);
	return bits / 4294967296.0;
}

static void add_full(struct tx *tx, struct slot_answer *answer, struct full_limit *place,
                     const struct concurrency_limit *limit, int64_t slots)
{
	*place = (struct full_limit){
		.name = arena_str(tx->arena, limit->name),
		.limit = limit->limit,
		.active_slots = limit->active_slots,
		.retry_after_seconds = slots_retry_after(limit, slots, random_unit()),
	};
	answer->full_count++;
	answer->retry_after_seconds = MAX(answer->retry_after_seconds, place->retry_after_seconds);
}

/* A limit with decay tells when there will be room for all before this place, and for it. */
static int look_at(struct tx *tx, const struct concurrency_limit *limit, int64_t slots, int64_t place, int64_t *out)
{
	int64_t waiters, before = 0;
	int result = 0;

	*out = INT64_MAX;
	if (!(limit->slot_decay_per_second > 0))
		return 0;
	result = store_waiter_ahead(tx->db, limit->id, place, &waiters, &before, tx->problem);
	*out = slots_free_at(limit, before + slots);
	return result;
}

/* The later of two instants of which INT64_MAX is "not known". */
static int64_t later(int64_t a, int64_t b)
{
	return a == INT64_MAX ? b : b == INT64_MAX ? a : MAX(a, b);
}

/* Which of the limits have no room. */
static int find_full(struct tx *tx, const struct slot_request *request, const struct concurrency_limit *limits,
                     size_t count, struct slot_answer *answer)
{
	struct full_limit *full = arena_alloc(tx->arena, (count + 1) * sizeof *full);
	int result = 0;

	*answer = (struct slot_answer){ .full = full, .look_at = INT64_MAX };
	for (size_t i = 0; result == 0 && i < count; i++) {
		int64_t at;
		bool room;

		result = has_room(tx, &limits[i], request->slots, QUEUE_END, &room);
		if (result < 0 || room)
			continue;
		add_full(tx, answer, &full[answer->full_count], &limits[i], request->slots);
		result = look_at(tx, &limits[i], request->slots, QUEUE_END, &at);
		answer->look_at = later(answer->look_at, at);
	}
	return result;
}

static int enqueue(struct tx *tx, const struct slot_request *request, const struct concurrency_limit *limit)
{
	const struct slot_waiter waiter = {
		.sequence = INTEGER_NONE,
		.id = request->waiter_id,
		.limit_id = limit->id,
		.holder_type = request->holder.type,
		.holder_id = request->holder.id,
		.flow_run_id = request->holder.flow_run_id,
		.program_id = request->holder.program_id,
		.slots = request->slots,
		.mode = (int)request->mode,
		.created = tx->now_us,
	};

	return store_waiter_insert(tx->db, &waiter, tx->problem);
}

/* Count what is denied, and queue who waits at every limit that it needs. */
static int deny(struct tx *tx, const struct slot_request *request, struct concurrency_limit *limits, size_t count)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++) {
		limits[i].denied_slots = MIN(limits[i].denied_slots + request->slots, (int64_t)INT32_MAX);
		result = store_limit_update(tx->db, &limits[i], tx->problem);
		if (result == 0 && !uuid_is_nil(request->waiter_id))
			result = enqueue(tx, request, &limits[i]);
	}
	return result;
}

int slots_acquire(struct tx *tx, const struct slot_request *request, struct slot_answer *answer)
{
	struct slot_row lease = lease_of(tx, request);
	struct concurrency_limit *limits;
	size_t count;
	int result = load_limits(tx, request, &limits, &count);

	if (result == 0)
		result = check(tx, request, limits, count);
	if (result == 0)
		result = find_full(tx, request, limits, count, answer);
	if (result < 0)
		return result;
	if (answer->full_count > 0)
		return deny(tx, request, limits, count);
	answer->acquired = true;
	if (count > 0)
		answer->lease_id = lease.lease_id;
	return take_all(tx, limits, count, &lease, request->mode);
}

/* --- Giving out --- */

static void tell(struct tx *tx, const struct slot_waiter *waiter, const char *what)
{
	if (!uuid_is_nil(waiter->program_id))
		tx_send(tx, waiter->program_id,
		        arena_printf(tx->arena, "slots %s %s", uuid_text(waiter->id).text, what));
}

/* The limit that a row of a waiter is about, as of now. *holds: it exists and is active. */
static int load_limit(struct tx *tx, struct uuid id, struct concurrency_limit *out, bool *holds)
{
	int result = store_limit_find(tx->db, id, tx->arena, out, tx->problem);

	*holds = result == 0 && out->active;
	if (result == WEIR_ENOTFOUND || (result == 0 && !out->active))
		return 0;
	return result < 0 ? result : limit_count(tx->db, out, tx->now_us, tx->problem);
}

struct limits {
	struct VEC(struct concurrency_limit) all;
};

static void limits_done(struct limits *limits)
{
	vec_done(&limits->all);
}

/* The limits of a waiter, while all of them have room for it; *room is false at the first that has none. */
static int collect_with_room(struct tx *tx, struct uuid waiter_id, struct limits *limits, bool *room)
{
	struct concurrency_limit limit;
	struct slot_waiter row = { .sequence = 0 };
	bool holds;
	int result;

	*room = true;
	while ((result = store_waiter_next_of(tx->db, waiter_id, row.sequence, tx->arena, &row, tx->problem)) == 0) {
		result = load_limit(tx, row.limit_id, &limit, &holds);
		if (result == 0 && holds)
			result = has_room(tx, &limit, row.slots, row.sequence, room);
		if (result < 0 || !*room)
			return result;
		if (holds)
			vec_push(&limits->all, limit);
	}
	return result == WEIR_ENOTFOUND ? 0 : result;
}

/* Give a waiter all that it waits for, if that is there. */
static int try_grant(struct tx *tx, const struct slot_waiter *waiter, bool *granted)
{
	AUTO(limits_done) struct limits limits = { 0 };
	const struct slot_row lease = {
		.lease_id = waiter->id,
		.holder_type = waiter->holder_type,
		.holder_id = waiter->holder_id,
		.flow_run_id = waiter->flow_run_id,
		.program_id = waiter->program_id,
		.slots = waiter->slots,
		.created = tx->now_us,
		.expires = TIMESTAMP_NONE,
	};
	int result = collect_with_room(tx, waiter->id, &limits, granted);

	if (result < 0 || !*granted)
		return result;
	result = take_all(tx, limits.all.items, limits.all.count, &lease, (enum slot_mode)waiter->mode);
	if (result == 0)
		result = store_waiter_delete(tx->db, waiter->id, NULL, tx->problem);
	tell(tx, waiter, "granted");
	return result;
}

/* Out of all queues; at the other limits it may have stood before others. */
static int refuse(struct tx *tx, const struct slot_waiter *waiter, struct str reason)
{
	struct slot_waiter row = { .sequence = 0 };
	int result = store_waiter_refuse(tx->db, waiter->id, reason, tx->problem);

	tell(tx, waiter, "refused");
	while (result == 0) {
		result = store_waiter_next_of(tx->db, waiter->id, row.sequence, tx->arena, &row, tx->problem);
		if (result == 0 && !uuid_equal(row.limit_id, waiter->limit_id))
			result = slots_settle(tx, row.limit_id);
	}
	return result == WEIR_ENOTFOUND ? 0 : result;
}

/* Look at one waiter of a limit's queue. *stop: nobody behind it can have anything. */
static int settle_one(struct tx *tx, const struct slot_waiter *waiter, bool *stop)
{
	struct concurrency_limit limit;
	struct str refusal;
	bool holds, granted;
	int result = load_limit(tx, waiter->limit_id, &limit, &holds);

	if (result < 0)
		return result;
	refusal = holds ? refusal_of(tx->arena, &limit, waiter->slots) : STR_NULL;
	if (refusal.data)
		return refuse(tx, waiter, refusal);
	*stop = holds && waiter->slots > slots_free(&limit);
	return *stop ? 0 : try_grant(tx, waiter, &granted);
}

int slots_settle(struct tx *tx, struct uuid limit_id)
{
	struct slot_waiter waiter = { .sequence = 0 };
	bool stop = false;
	int result = 0;

	while (result == 0 && !stop) {
		result = store_waiter_next(tx->db, limit_id, waiter.sequence, tx->arena, &waiter, tx->problem);
		if (result == 0)
			result = settle_one(tx, &waiter, &stop);
	}
	return result == WEIR_ENOTFOUND ? 0 : result;
}

/* Its limit first stops to hold, so that who waits only for it finds room everywhere. */
int slots_dissolve_queue(struct tx *tx, struct uuid limit_id)
{
	struct concurrency_limit limit;
	int result = store_limit_find(tx->db, limit_id, tx->arena, &limit, tx->problem);

	limit.active = false;
	if (result == 0)
		result = store_limit_update(tx->db, &limit, tx->problem);
	return result < 0 ? result : slots_settle(tx, limit_id);
}

/* --- Waiting --- */

/* What is to be said to somebody who still waits; the rows are those of slots_look. */
static int describe(struct tx *tx, const struct slot_waiter *row, struct slot_answer *answer, struct full_limit *place)
{
	struct concurrency_limit limit;
	int64_t at;
	bool holds, room;
	int result = load_limit(tx, row->limit_id, &limit, &holds);

	if (result == 0 && holds)
		result = has_room(tx, &limit, row->slots, row->sequence, &room);
	if (result < 0 || !holds || room)
		return result;
	add_full(tx, answer, place, &limit, row->slots);
	result = look_at(tx, &limit, row->slots, row->sequence, &at);
	answer->look_at = later(answer->look_at, at);
	return result;
}

int slots_look(struct tx *tx, struct uuid waiter_id, struct slot_answer *answer)
{
	enum { FULL_MAX = 64 };
	struct full_limit *full = arena_alloc(tx->arena, FULL_MAX * sizeof *full);
	struct slot_waiter row = { .sequence = 0 };
	int result;

	*answer = (struct slot_answer){ .full = full, .look_at = INT64_MAX };
	while ((result = store_waiter_next_of(tx->db, waiter_id, row.sequence, tx->arena, &row, tx->problem)) == 0 &&
	       !row.refusal.data) {
		result = slots_settle(tx, row.limit_id);
		if (result < 0)
			return result;
	}
	row.sequence = 0;
	while (result == 0 || result == WEIR_ENOTFOUND) {
		result = store_waiter_next_of(tx->db, waiter_id, row.sequence, tx->arena, &row, tx->problem);
		if (result == 0 && row.refusal.data)
			return problem_set(tx->problem, WEIR_ELIMIT, "%.*s", STR_ARG(row.refusal));
		if (result != 0 || answer->full_count == FULL_MAX)
			break;
		result = describe(tx, &row, answer, &full[answer->full_count]);
	}
	answer->acquired = row.sequence == 0 && result == WEIR_ENOTFOUND;
	answer->lease_id = answer->acquired ? waiter_id : answer->lease_id;
	return result == WEIR_ENOTFOUND ? 0 : result;
}

/* The limits that a waiter stands in line for: to be settled when it is gone. */
struct ids {
	struct VEC(struct uuid) all;
};

static void ids_done(struct ids *ids)
{
	vec_done(&ids->all);
}

static void add_id(struct ids *ids, struct uuid id)
{
	for (size_t i = 0; i < ids->all.count; i++) {
		if (uuid_equal(ids->all.items[i], id))
			return;
	}
	vec_push(&ids->all, id);
}

static int settle_all(struct tx *tx, const struct ids *limits)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < limits->all.count; i++)
		result = slots_settle(tx, limits->all.items[i]);
	return result;
}

int slots_withdraw(struct tx *tx, struct uuid waiter_id, bool *granted)
{
	AUTO(ids_done) struct ids limits = { 0 };
	struct slot_waiter row = { .sequence = 0 };
	int result;

	while ((result = store_waiter_next_of(tx->db, waiter_id, row.sequence, tx->arena, &row, tx->problem)) == 0)
		add_id(&limits, row.limit_id);
	*granted = result == WEIR_ENOTFOUND && limits.all.count == 0;
	if (result != WEIR_ENOTFOUND)
		return result;
	result = store_waiter_delete(tx->db, waiter_id, NULL, tx->problem);
	return result < 0 ? result : settle_all(tx, &limits);
}

int slots_waiters(struct db *db, struct uuid program_id, waiter_fn *each, void *data, struct problem *problem)
{
	return store_waiter_ids(db, program_id, each, data, problem);
}

/* --- Giving back --- */

/* So many of the row's slots are free again: the average learns how long they were held. */
static int free_slots(struct tx *tx, const struct slot_row *slot, int64_t slots)
{
	struct concurrency_limit limit;
	int result = store_limit_find(tx->db, slot->limit_id, tx->arena, &limit, tx->problem);

	if (result < 0)
		return result == WEIR_ENOTFOUND ? 0 : result;
	slots_decay(&limit, tx->now_us);
	if (limit.slot_decay_per_second > 0)
		limit.active_slots = MAX(limit.active_slots - slots, INT64_C(0));
	limit.avg_slot_occupancy_seconds = slots_average(&limit, (double)(tx->now_us - slot->created) / 1e6, slots);
	result = store_limit_update(tx->db, &limit, tx->problem);
	if (result < 0)
		return result;
	if (slots < slot->slots)
		return store_slot_resize(tx->db, slot->id, slot->slots - slots, tx->problem);
	return store_slot_delete(tx->db, slot->id, tx->problem);
}

int slots_release(struct tx *tx, struct uuid holder_id, struct str limit_name, int64_t slots, int64_t *released)
{
	struct slot_query query = { .holder_id = holder_id };
	struct concurrency_limit limit;
	struct slot_row slot;
	int64_t left = slots;
	int result = store_limit_find_name(tx->db, limit_name, tx->arena, &limit, tx->problem);

	query.limit_id = limit.id;
	while (result == 0 && left > 0) {
		result = store_slot_newest(tx->db, &query, tx->arena, &slot, tx->problem);
		if (result < 0)
			break;
		result = free_slots(tx, &slot, MIN(left, slot.slots));
		left -= MIN(left, slot.slots);
	}
	if (released)
		*released = slots - left;
	if (left < slots && (result == 0 || result == WEIR_ENOTFOUND))
		result = slots_settle(tx, limit.id);
	return result == WEIR_ENOTFOUND ? 0 : result;
}

struct rows {
	struct VEC(struct slot_row) all;
};

static void rows_done(struct rows *rows)
{
	vec_done(&rows->all);
}

/* A row holds no texts: it outlives the call. */
static int keep_row(void *data, const void *row)
{
	struct rows *rows = data;

	vec_push(&rows->all, *(const struct slot_row *)row);
	return 0;
}

/* All rows are collected before the first is freed: what is free is given to others at once, and they keep it. */
int slots_release_all(struct tx *tx, const struct slot_query *whose)
{
	AUTO(rows_done) struct rows rows = { 0 };
	AUTO(ids_done) struct ids limits = { 0 };
	int result = store_slot_list(tx->db, whose, keep_row, &rows, tx->problem);

	for (size_t i = 0; result == 0 && i < rows.all.count; i++) {
		result = free_slots(tx, &rows.all.items[i], rows.all.items[i].slots);
		add_id(&limits, rows.all.items[i].limit_id);
	}
	return result < 0 ? result : settle_all(tx, &limits);
}

int slots_release_program(struct tx *tx, struct uuid program_id)
{
	const struct slot_query whose = { .program_id = program_id };
	struct slot_waiter waiter;
	bool granted;
	int result;

	while ((result = store_waiter_of_program(tx->db, program_id, tx->arena, &waiter, tx->problem)) == 0) {
		result = slots_withdraw(tx, waiter.id, &granted);
		if (result < 0)
			return result;
	}
	return result == WEIR_ENOTFOUND ? slots_release_all(tx, &whose) : result;
}
