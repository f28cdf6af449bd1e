/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h - checking and mending UTF-8. */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include "base/arena.h"

/* The length of the longest well-formed prefix (RFC 3629: no surrogates, nothing over U+10FFFF, no long forms). */
size_t utf8_valid_prefix(struct str text);

static inline bool utf8_is_valid(struct str text)
{
	return utf8_valid_prefix(text) == text.length;
}

/* The text itself when well-formed, else a copy in which each bad byte is U+FFFD. */
struct str utf8_mend(struct arena *arena, struct str text);

/* Decode the character at the start of well-formed text. Returns its length in bytes (1 to 4). */
size_t utf8_decode(struct str text, uint32_t *character);

/* How many terminal columns the text takes: 2 for East Asian wide characters, 0 for combining ones. */
size_t utf8_width(struct str text);

#endif
