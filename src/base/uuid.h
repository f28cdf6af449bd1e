/* SPDX-License-Identifier: Apache-2.0 */
/* uuid.h - identifiers: version 7 of RFC 9562, 48 bits of milliseconds, then a counter and random bits. */
#ifndef WEIR_BASE_UUID_H
#define WEIR_BASE_UUID_H

#include "base/base.h"

enum { UUID_TEXT_LENGTH = 36 };

/* All zero is "no value". */
struct uuid {
	uint8_t bytes[16];
};

/* The text form with its NUL, by value: printf("%s", uuid_text(id).text). */
struct uuid_text {
	char text[UUID_TEXT_LENGTH + 1];
};

/* A new id. Ids made by one process ascend, also within a millisecond and when the clock steps back. Thread-safe. */
struct uuid uuid_new(void);

/* Lower case, with hyphens. */
struct uuid_text uuid_text(struct uuid id);
void uuid_write(struct uuid id, char out[UUID_TEXT_LENGTH]);

/* Read hyphenated or bare hexadecimal text in either case (what a path accepts). False when it is neither. */
bool uuid_parse(struct str text, struct uuid *out);

/* Also read "{...}" and "urn:uuid:..." (what a JSON body accepts: CONTRACT 2.1). */
bool uuid_parse_lenient(struct str text, struct uuid *out);

static inline bool uuid_is_nil(struct uuid id)
{
	static const struct uuid nil;

	return memcmp(&id, &nil, sizeof id) == 0;
}

static inline bool uuid_equal(struct uuid a, struct uuid b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

#endif
