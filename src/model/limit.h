/* SPDX-License-Identifier: Apache-2.0 */
/* limit.h - concurrency limits, the slots that are held of them, and who waits for some. */
#ifndef WEIR_MODEL_LIMIT_H
#define WEIR_MODEL_LIMIT_H

#include "base/field.h"

/*
 * A limit, by its name: at most so many slots of it are held at a time. With a decay, slots become free by themselves, so
 * many a second: a rate. The limit on a tag is named "tag:<tag>".
 */
struct concurrency_limit {
	struct uuid id;
	int64_t created;
	int64_t updated; /* as of when active_slots and denied_slots are, too: both decay from then on */
	struct str name;
	int64_t limit;
	bool active; /* false: it limits nothing for now */
	/* Held. Of a limit without decay it is the sum of its slot rows, and the column is not looked at. */
	int64_t active_slots;
	int64_t denied_slots; /* asked for lately, and not given: an estimate of how many wait */
	double slot_decay_per_second;
	double avg_slot_occupancy_seconds; /* how long a slot is held, in the average */
};

extern const struct field_table concurrency_limit_fields;

/* The start of the names of limits on tags. */
#define TAG_LIMIT_PREFIX "tag:"

enum holder_type { HOLDER_NONE, HOLDER_FLOW_RUN, HOLDER_TASK_RUN, HOLDER_DEPLOYMENT };
extern const char *const holder_type_names[];

/* Who holds slots, or wants to. */
struct slot_holder {
	int type; /* enum holder_type */
	struct uuid id;
	struct uuid flow_run_id; /* around a task run; of a flow run its own */
	struct uuid program_id;  /* the embedded program; nil: none */
};

/* Slots that a run holds. The row is gone as soon as they are free. */
struct slot_row {
	struct uuid id;
	struct uuid lease_id; /* the same for all that were taken at once */
	struct uuid limit_id;
	int holder_type;
	struct uuid holder_id;
	struct uuid flow_run_id;
	struct uuid program_id;
	int64_t slots;
	int64_t created;
	int64_t expires; /* TIMESTAMP_NONE: held until they are given back or their program has died */
};

extern const struct field_table slot_fields;

enum slot_mode { SLOTS_NO_MODE, SLOTS_CONCURRENCY, SLOTS_RATE_LIMIT };
extern const char *const slot_mode_names[];

/* Somebody who waits for slots: a row for each limit that it needs them of. The rows are gone when it was given them. */
struct slot_waiter {
	int64_t sequence; /* the place in the queue; INTEGER_NONE: the next one */
	struct uuid id;   /* of who waits; becomes the lease's */
	struct uuid limit_id;
	int holder_type;
	struct uuid holder_id;
	struct uuid flow_run_id;
	struct uuid program_id;
	int64_t slots;
	int mode; /* enum slot_mode */
	int64_t created;
	struct str refusal; /* why it can never have them any more; STR_NULL: it waits */
};

extern const struct field_table slot_waiter_fields;

#endif
