/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.h - the answer of a rule: what happens and why. The API's reply, the log line and `weir why` print it. */
#ifndef WEIR_RULES_VERDICT_H
#define WEIR_RULES_VERDICT_H

#include "base/json.h"

enum verdict_status { VERDICT_ACCEPT, VERDICT_REJECT, VERDICT_ABORT, VERDICT_WAIT };

struct verdict {
	enum verdict_status status;
	bool writes;           /* a state is to be written: the proposed one, or the one a rejection put in its place */
	const char *rule;      /* the rule that decided; NULL when none objected */
	struct str reason;     /* STR_NULL for plain acceptance; the reference's words where it has some */
	int64_t delay_seconds; /* WAIT: ask again after so long */
};

/* "ACCEPT", "REJECT", "ABORT", "WAIT" */
const char *verdict_status_name(enum verdict_status status);

/* "accept_details", "reject_details", "abort_details", "wait_details" */
const char *verdict_details_type(enum verdict_status status);

/* The API's details object: {"type": "reject_details", "reason": "..."} */
void verdict_write_details(const struct verdict *verdict, struct json_writer *writer);

#endif
