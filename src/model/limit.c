/* SPDX-License-Identifier: Apache-2.0 */
#include "model/limit.h"

const char *const holder_type_names[] = {
	[HOLDER_FLOW_RUN] = "flow_run",
	[HOLDER_TASK_RUN] = "task_run",
	[HOLDER_DEPLOYMENT] = "deployment",
	[HOLDER_DEPLOYMENT + 1] = NULL,
};

const char *const slot_mode_names[] = {
	[SLOTS_CONCURRENCY] = "concurrency",
	[SLOTS_RATE_LIMIT] = "rate_limit",
	[SLOTS_RATE_LIMIT + 1] = NULL,
};

#define LIMIT(member, kind, ...) FIELD(struct concurrency_limit, member, kind, __VA_ARGS__)

static const struct field limit_rows[] = {
	LIMIT(id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the limit"),
	LIMIT(created, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was made"),
	LIMIT(updated, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it or its counts last changed"),
	LIMIT(name, FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "unique; of a tag: tag:<tag>"),
	LIMIT(limit, FIELD_INTEGER, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .maximum = INT32_MAX,
	      .column = "slot_limit", .help = "how many slots there are"),
	LIMIT(active, FIELD_BOOLEAN, .fallback = "true", .help = "false: it limits nothing"),
	LIMIT(active_slots, FIELD_INTEGER, .flags = FIELD_NOT_NULL, .fallback = "0", .maximum = INT32_MAX,
	      .help = "how many are held"),
	LIMIT(denied_slots, FIELD_INTEGER, .flags = FIELD_NOT_NULL, .fallback = "0", .maximum = INT32_MAX,
	      .help = "how many were asked for lately and not given"),
	LIMIT(slot_decay_per_second, FIELD_REAL, .flags = FIELD_NOT_NULL, .fallback = "0.0",
	      .help = "how many become free each second by themselves"),
	LIMIT(avg_slot_occupancy_seconds, FIELD_REAL, .flags = FIELD_NOT_NULL | FIELD_READ_ONLY, .fallback = "2.0",
	      .help = "how long one is held, in the average"),
};

const struct field_table concurrency_limit_fields = {
	.name = "concurrency_limit",
	.fields = limit_rows,
	.count = ARRAY_LENGTH(limit_rows),
	.record_size = sizeof(struct concurrency_limit),
};

#define SLOT(member, kind, ...) FIELD(struct slot_row, member, kind, __VA_ARGS__)

static const struct field slot_rows[] = {
	SLOT(id, FIELD_UUID, .flags = FIELD_NO_JSON, .help = "of the row"),
	SLOT(lease_id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of all that were taken at once"),
	SLOT(limit_id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "the limit"),
	SLOT(holder_type, FIELD_ENUM, .flags = FIELD_READ_ONLY, .names = holder_type_names, .help = "what holds them"),
	SLOT(holder_id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the run"),
	SLOT(flow_run_id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "the flow run around it"),
	SLOT(program_id, FIELD_UUID, .flags = FIELD_NO_JSON, .help = "the embedded program that runs it"),
	SLOT(slots, FIELD_INTEGER, .flags = FIELD_READ_ONLY, .fallback = "1", .help = "how many"),
	SLOT(created, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "since when"),
	SLOT(expires, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when the lease ends by itself"),
};

const struct field_table slot_fields = {
	.name = "slot",
	.fields = slot_rows,
	.count = ARRAY_LENGTH(slot_rows),
	.record_size = sizeof(struct slot_row),
};

#define WAITER(member, kind, ...) FIELD(struct slot_waiter, member, kind, __VA_ARGS__)

static const struct field waiter_rows[] = {
	WAITER(sequence, FIELD_INTEGER, .flags = FIELD_NO_JSON, .help = "the place in the queue"),
	WAITER(id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of who waits"),
	WAITER(limit_id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "the limit"),
	WAITER(holder_type, FIELD_ENUM, .flags = FIELD_READ_ONLY, .names = holder_type_names, .help = "what waits"),
	WAITER(holder_id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the run"),
	WAITER(flow_run_id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "the flow run around it"),
	WAITER(program_id, FIELD_UUID, .flags = FIELD_NO_JSON, .help = "the embedded program that runs it"),
	WAITER(slots, FIELD_INTEGER, .flags = FIELD_READ_ONLY, .fallback = "1", .help = "how many it wants"),
	WAITER(mode, FIELD_ENUM, .flags = FIELD_READ_ONLY, .names = slot_mode_names, .help = "to hold, or to use up"),
	WAITER(created, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "since when"),
	WAITER(refusal, FIELD_TEXT, .flags = FIELD_NO_JSON, .help = "why it can never have them"),
};

const struct field_table slot_waiter_fields = {
	.name = "slot_waiter",
	.fields = waiter_rows,
	.count = ARRAY_LENGTH(waiter_rows),
	.record_size = sizeof(struct slot_waiter),
};
