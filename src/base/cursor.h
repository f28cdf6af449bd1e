/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.h - a place in a text that is being read: what the small hand-written parsers share. */
#ifndef WEIR_BASE_CURSOR_H
#define WEIR_BASE_CURSOR_H

#include "base/base.h"

struct cursor {
	const char *next;
	const char *end;
};

static inline struct cursor cursor_of(struct str text)
{
	/* An empty text may have no memory at all, and NULL + 0 is not allowed to be computed with. */
	const char *start = text.data ? text.data : "";

	return (struct cursor){ start, start + text.length };
}

static inline bool cursor_at_end(const struct cursor *cursor)
{
	return cursor->next == cursor->end;
}

/* The next character, NUL at the end. */
static inline char cursor_peek(const struct cursor *cursor)
{
	return cursor->next < cursor->end ? *cursor->next : '\0';
}

static inline bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

/* The value of a hexadecimal digit in either case; -1 when it is none. */
static inline int hex_value(char character)
{
	if (is_digit(character))
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return -1;
}

/* Step over the character if it comes next; never over the end. */
static inline bool cursor_take(struct cursor *cursor, char character)
{
	if (cursor_at_end(cursor) || *cursor->next != character)
		return false;
	cursor->next++;
	return true;
}

/* Step over all digits that come next. Returns how many. */
static inline size_t cursor_skip_digits(struct cursor *cursor)
{
	const char *start = cursor->next;

	while (is_digit(cursor_peek(cursor)))
		cursor->next++;
	return (size_t)(cursor->next - start);
}

/* Read a number of exactly so many digits (at most 9). Nothing is consumed when they are not there. */
static inline bool cursor_take_digits(struct cursor *cursor, size_t count, int *value)
{
	int sum = 0;

	if ((size_t)(cursor->end - cursor->next) < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!is_digit(cursor->next[i]))
			return false;
		sum = sum * 10 + (cursor->next[i] - '0');
	}
	cursor->next += count;
	*value = sum;
	return true;
}

/* Read one digit or more as billionths: "5" is 500000000. Digits after the ninth are dropped. */
static inline bool cursor_take_fraction(struct cursor *cursor, int32_t *billionths)
{
	int32_t unit = 100000000;

	if (!is_digit(cursor_peek(cursor)))
		return false;
	*billionths = 0;
	for (; is_digit(cursor_peek(cursor)); cursor->next++, unit /= 10)
		*billionths += (*cursor->next - '0') * unit;
	return true;
}

#endif
