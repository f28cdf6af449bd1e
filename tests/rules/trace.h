/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h - a decision as one line of text, which the tests of the rules compare. */
#ifndef WEIR_TESTS_RULES_TRACE_H
#define WEIR_TESTS_RULES_TRACE_H

#include "rules/transition.h"

/* The clock of all decisions in these tests: 2026-01-01T00:00:00Z. */
#define NOW_US INT64_C(1767225600000000)
#define SECOND_US INT64_C(1000000)

/* Ids with one byte: id(7) is 07000000-0000-0000-0000-000000000000. */
static inline struct uuid id(uint8_t byte)
{
	return (struct uuid){ { byte } };
}

/*
 * "REJECT (rule): reason; wait 5 s; COMPLETED/Cached at +0 us, message, data {...}, details {...}; slots take renew".
 * Parts without a value are left out; "nothing" stands for no state. Details are without the ids of the owner.
 */
void trace_decision(const struct transition *transition, struct strbuf *out);

#endif
