/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h - checking and mending UTF-8. */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include "base/arena.h"

/* U+FFFD, which stands for what could not be decoded. */
#define UTF8_REPLACEMENT "\xEF\xBF\xBD"

/* How many bytes the character at the start of the data takes (1 to 4); 0 when it is cut short or not well-formed
   (RFC 3629: no surrogates, nothing over U+10FFFF, no long forms). */
size_t utf8_sequence(const char *data, size_t length);

/* The length of the longest well-formed prefix. */
size_t utf8_valid_prefix(struct str text);

static inline bool utf8_is_valid(struct str text)
{
	return utf8_valid_prefix(text) == text.length;
}

/* The text itself when well-formed, else a copy in which each bad byte is U+FFFD. */
struct str utf8_mend(struct arena *arena, struct str text);

/* The longest start of the text that is well-formed and has at most so many bytes: for quoting input in messages. */
struct str utf8_clip(struct str text, size_t size_max);

/* Decode the character at the start of well-formed text. Returns its length in bytes (1 to 4). */
size_t utf8_decode(struct str text, uint32_t *character);

/* Write the character, no surrogate and at most U+10FFFF. Returns its length in bytes. */
size_t utf8_encode(uint32_t character, char out[4]);

/* How many characters (code points) well-formed text has. */
size_t utf8_count(struct str text);

/* How many terminal columns well-formed text takes: 2 for East Asian wide characters, 0 for combining ones. */
size_t utf8_width(struct str text);

#endif
