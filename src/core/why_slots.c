/* SPDX-License-Identifier: Apache-2.0 */
/* Which limits keep a run waiting, and who holds their slots. */
#include "core/internal.h"
#include "core/why.h"
#include "rules/slots.h"

enum { HOLDERS_SHOWN = 10 };

struct holders {
	struct why *why;
	int count;
};

static struct str name_of(struct why *why, const struct slot_row *slot)
{
	struct flow_run flow_run;
	struct task_run task_run;
	int result = WEIR_ENOTFOUND;

	if (slot->holder_type == HOLDER_TASK_RUN)
		result = store_task_run_find(why->db, slot->holder_id, why->arena, &task_run, why->problem);
	else if (slot->holder_type == HOLDER_FLOW_RUN)
		result = store_flow_run_find(why->db, slot->holder_id, why->arena, &flow_run, why->problem);
	if (result < 0 && result != WEIR_ENOTFOUND)
		why->error = result;
	if (result < 0)
		return STR_NULL;
	return slot->holder_type == HOLDER_TASK_RUN ? task_run.name : flow_run.name;
}

static int write_holder(void *data, const void *record)
{
	const struct slot_row *slot = record;
	struct holders *holders = data;
	struct why *why = holders->why;

	if (holders->count++ == HOLDERS_SHOWN)
		return 1;
	json_begin_object(&why->causes);
	why_detail(why, "name", name_of(why, slot));
	why_detail(why, "type", str_of(holder_type_names[slot->holder_type]));
	why_detail_id(why, "id", slot->holder_id);
	why_detail_integer(why, "slots", slot->slots);
	why_detail_instant(why, "since", slot->created);
	json_end_object(&why->causes);
	return why->error;
}

static void write_holders(struct why *why, struct uuid limit_id)
{
	const struct slot_query query = { .limit_id = limit_id };
	struct holders holders = { .why = why };
	int result;

	json_key(&why->causes, "held_by");
	json_begin_array(&why->causes);
	result = store_slot_list(why->db, &query, write_holder, &holders, why->problem);
	json_end_array(&why->causes);
	if (result < 0)
		why->error = result;
}

static void explain(struct why *why, const struct slot_waiter *waiter, const struct concurrency_limit *limit,
                    int64_t before)
{
	why_cause_begin(why, waiter->created,
	                "it waits for %lld slot%s of the concurrency limit '%.*s': %lld of %lld %s",
	                (long long)waiter->slots, waiter->slots == 1 ? "" : "s", STR_ARG(limit->name),
	                (long long)limit->active_slots, (long long)limit->limit,
	                limit->slot_decay_per_second > 0 ? "are used up"
	                : limit->active_slots == 1       ? "is held"
	                                                 : "are held");
	why_detail(why, "limit", limit->name);
	why_detail_integer(why, "before", before);
	if (limit->slot_decay_per_second > 0)
		why_detail_instant(why, "free_at",
		                   MIN(slots_free_at(limit, waiter->slots), why->now_us + INT64_C(31556952000000)));
	write_holders(why, limit->id);
	why_cause_end(why);
}

static int explain_waiter(void *data, const void *record)
{
	const struct slot_waiter *waiter = record;
	struct concurrency_limit limit;
	struct why *why = data;
	int64_t before, slots;
	int result = store_limit_find(why->db, waiter->limit_id, why->arena, &limit, why->problem);

	if (result == 0)
		result = limit_count(why->db, &limit, why->now_us, why->problem);
	if (result == 0)
		result = store_waiter_ahead(why->db, limit.id, waiter->sequence, &before, &slots, why->problem);
	if (result == 0)
		explain(why, waiter, &limit, before);
	return result < 0 ? result : why->error;
}

struct collected {
	struct why *why;
	int64_t count;
};

static int count_and_explain(void *data, const void *record)
{
	struct collected *collected = data;

	collected->count++;
	return explain_waiter(collected->why, record);
}

int64_t why_slots(struct why *why)
{
	struct collected collected = { .why = why };
	int result;

	if (why->error < 0)
		return 0;
	result = store_waiter_list(why->db, why->subject.id, count_and_explain, &collected, why->problem);
	if (result < 0)
		why->error = result;
	return collected.count;
}
