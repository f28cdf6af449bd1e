/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp.h - instants as microseconds since 1970-01-01 UTC, and their text forms (CONTRACT 2.6). */
#ifndef WEIR_BASE_TIMESTAMP_H
#define WEIR_BASE_TIMESTAMP_H

#include "base/base.h"
#include "base/problem.h"

/* "No value": SQL's and JSON's null. */
#define TIMESTAMP_NONE INT64_MIN

/* Room for the longest form, "9999-12-31T23:59:59.999999+00:00", with the NUL. */
enum { TIMESTAMP_TEXT_SIZE = 33 };

struct timestamp_text {
	char text[TIMESTAMP_TEXT_SIZE];
};

/*
 * Write "2026-01-31T08:00:00.000001Z": always UTC, the fraction left out when zero, else six digits. Returns the length.
 * Instants outside the years 0001 to 9999 are clamped to them. TIMESTAMP_NONE is not allowed.
 */
size_t timestamp_write(int64_t instant_us, char out[TIMESTAMP_TEXT_SIZE]);
struct timestamp_text timestamp_text(int64_t instant_us);

/* The same with "+00:00" in place of "Z", as Python's isoformat prints UTC (event labels, idempotency keys). */
size_t timestamp_write_offset(int64_t instant_us, char out[TIMESTAMP_TEXT_SIZE]);

/*
 * Read any form that the reference server takes: ISO 8601 extended ("2026-01-31T08:00:00.5+02:00") or compact
 * ("20260131T080000Z"); "T", "t", "_" or a blank between date and time; "Z", an offset, or none (UTC); date only (when
 * extended), hours only, minutes only; a fraction after a point or a comma, cut to six digits; a numeric string of Unix
 * seconds, or milliseconds above 2e10. Refused with the reason: "", words, 24:00, leap seconds, a blank before the zone,
 * dates that do not exist, week dates. Returns 0 or WEIR_EINVAL.
 */
MUST_CHECK int timestamp_parse(struct str text, int64_t *instant_us, struct problem *problem);

/* A JSON number: Unix seconds, or milliseconds when its magnitude is above 2e10; to the nearest microsecond. */
MUST_CHECK int timestamp_from_number(double number, int64_t *instant_us, struct problem *problem);

/*
 * Read a duration: seconds as a number in text, ISO 8601 ("PT1M30S", "P1DT2H"; a year is 365 days, a month 30),
 * "HH:MM", "HH:MM:SS", "D days, HH:MM:SS". A sign before it goes for the whole. To the nearest microsecond. Returns 0
 * or WEIR_EINVAL.
 */
MUST_CHECK int duration_parse(struct str text, int64_t *duration_us, struct problem *problem);

/* A JSON number of seconds. */
MUST_CHECK int duration_from_number(double seconds, int64_t *duration_us, struct problem *problem);

#endif
