/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

static bool is_continuation(char byte)
{
	return ((uint8_t)byte & 0xC0) == 0x80;
}

/* The second byte's range depends on the first: it excludes long forms, surrogates and what lies over U+10FFFF. */
static bool fits_second(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xE0:
		return second >= 0xA0 && second <= 0xBF;
	case 0xED:
		return second >= 0x80 && second <= 0x9F;
	case 0xF0:
		return second >= 0x90 && second <= 0xBF;
	case 0xF4:
		return second >= 0x80 && second <= 0x8F;
	default:
		return second >= 0x80 && second <= 0xBF;
	}
}

/* By the first byte; 0 for one that starts no character. */
static size_t expected_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xC2)
		return 0;
	if (first < 0xE0)
		return 2;
	if (first < 0xF0)
		return 3;
	return first < 0xF5 ? 4 : 0;
}

size_t utf8_sequence(const char *data, size_t length)
{
	size_t expected = length > 0 ? expected_length((uint8_t)data[0]) : 0;

	if (expected <= 1)
		return expected;
	if (length < expected || !fits_second((uint8_t)data[0], (uint8_t)data[1]))
		return 0;
	for (size_t i = 2; i < expected; i++) {
		if (!is_continuation(data[i]))
			return 0;
	}
	return expected;
}

/* How many bytes at the start are ASCII, looked at in eights; the rest below eight is left to the caller. */
static size_t ascii_prefix(const char *data, size_t length)
{
	size_t at = 0;

	for (; length - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
		uint64_t eight;

		memcpy(&eight, data + at, sizeof eight);
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	return at;
}

size_t utf8_valid_prefix(struct str text)
{
	size_t at = 0;

	while (at < text.length) {
		size_t length;

		at += ascii_prefix(text.data + at, text.length - at);
		if (at == text.length)
			break;
		length = utf8_sequence(text.data + at, text.length - at);
		if (length == 0)
			break;
		at += length;
	}
	return at;
}

/* Copy, with the replacement for each bad byte; out NULL only counts. Returns the length of the copy. */
static size_t copy_mended(struct str text, char *out)
{
	size_t length = 0;

	while (text.length > 0) {
		size_t good = utf8_valid_prefix(text);
		size_t bad = good < text.length;

		if (out) {
			memcpy(out + length, text.data, good);
			memcpy(out + length + good, UTF8_REPLACEMENT, bad * strlen(UTF8_REPLACEMENT));
		}
		length += good + bad * strlen(UTF8_REPLACEMENT);
		text = (struct str){ text.data + good + bad, text.length - good - bad };
	}
	return length;
}

struct str utf8_mend(struct arena *arena, struct str text)
{
	size_t length;
	char *copy;

	if (utf8_is_valid(text))
		return text;
	length = copy_mended(text, NULL);
	copy = arena_alloc(arena, length + 1);
	copy_mended(text, copy);
	copy[length] = '\0';
	return (struct str){ copy, length };
}

struct str utf8_clip(struct str text, size_t size_max)
{
	text.length = MIN(text.length, size_max);
	text.length = utf8_valid_prefix(text);
	return text;
}

size_t utf8_decode(struct str text, uint32_t *character)
{
	size_t length = expected_length((uint8_t)text.data[0]);
	/* The first byte keeps 7, 5, 4 or 3 bits of the character, the others 6 each. */
	uint32_t value = (uint8_t)text.data[0] & (length == 1 ? 0x7F : 0xFF >> (length + 1));

	ASSERT(length > 0 && length <= text.length);
	for (size_t i = 1; i < length; i++)
		value = value << 6 | ((uint8_t)text.data[i] & 0x3F);
	*character = value;
	return length;
}

size_t utf8_encode(uint32_t character, char out[4])
{
	static const uint8_t first_bits[] = { 0, 0x00, 0xC0, 0xE0, 0xF0 };
	size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;

	ASSERT(character <= 0x10FFFF);
	for (size_t i = length - 1; i > 0; i--, character >>= 6)
		out[i] = (char)(0x80 | (character & 0x3F));
	out[0] = (char)(first_bits[length] | character);
	return length;
}

size_t utf8_count(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.length; i++)
		count += !is_continuation(text.data[i]);
	return count;
}
