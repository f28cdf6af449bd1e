/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/verdict.h"

struct status_row {
	const char *name;
	const char *details_type;
};

static const struct status_row status_rows[] = {
	[VERDICT_ACCEPT] = { "ACCEPT", "accept_details" },
	[VERDICT_REJECT] = { "REJECT", "reject_details" },
	[VERDICT_ABORT] = { "ABORT", "abort_details" },
	[VERDICT_WAIT] = { "WAIT", "wait_details" },
};

static const struct status_row *find_row(enum verdict_status status)
{
	ASSERT((size_t)status < ARRAY_LENGTH(status_rows));
	return &status_rows[status];
}

const char *verdict_status_name(enum verdict_status status)
{
	return find_row(status)->name;
}

const char *verdict_details_type(enum verdict_status status)
{
	return find_row(status)->details_type;
}

void verdict_write_details(const struct verdict *verdict, struct json_writer *writer)
{
	json_begin_object(writer);
	json_key(writer, "type");
	json_puts(writer, verdict_details_type(verdict->status));
	if (verdict->status == VERDICT_WAIT) {
		json_key(writer, "delay_seconds");
		json_int(writer, verdict->delay_seconds);
	}
	if (verdict->status != VERDICT_ACCEPT) {
		json_key(writer, "reason");
		json_str(writer, verdict->reason);
	}
	json_end_object(writer);
}
