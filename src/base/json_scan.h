/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan.h - within json_*.c: strings, as reader, writer and values share them. */
#ifndef WEIR_BASE_JSON_SCAN_H
#define WEIR_BASE_JSON_SCAN_H

#include "base/arena.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Decode what lies between the quotes of a string that was checked. Without escapes it is returned as it is. */
struct str json_decode(struct arena *arena, struct str inside);

/* Plain is what stands in a JSON string as itself and needs no check: ASCII but quote, backslash and control
   characters. */
static inline bool json_is_plain(char character)
{
	return (signed char)character >= 0x20 && character != '"' && character != '\\';
}

/* The number of plain bytes at the start of the next 8, computed on all at once: in each byte the top bit of
   (x - 0x01) & ~x is set when x is zero, and that of x - 0x20 when x is below 0x20; the first such byte is exact, since
   borrows only run upwards. */
static inline size_t json_plain_of_8(const char *at)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t bytes, quote, backslash, found;

	memcpy(&bytes, at, sizeof bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	bytes = __builtin_bswap64(bytes);
#endif
	quote = bytes ^ each * '"';
	backslash = bytes ^ each * '\\';
	found = ((quote - each) & ~quote) | ((backslash - each) & ~backslash) | (bytes - each * 0x20) | bytes;
	found &= each * 0x80;
	return found ? (size_t)__builtin_ctzll(found) / 8 : 8;
}

#ifdef __SSE2__
/* The same of the next 16. */
static inline size_t json_plain_of_16(const char *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
	/* Signed, so that bytes from 0x80 on are below too. */
	__m128i below = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
	unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), below));

	return found ? (size_t)__builtin_ctz(found) : 16;
}
#endif

/* The first byte that is not plain, or end. */
static inline const char *json_scan_plain(const char *at, const char *end)
{
	size_t plain;

#ifdef __SSE2__
	for (; end - at >= 16; at += 16) {
		plain = json_plain_of_16(at);
		if (plain < 16)
			return at + plain;
	}
#endif
	for (; end - at >= 8; at += 8) {
		plain = json_plain_of_8(at);
		if (plain < 8)
			return at + plain;
	}
	while (at < end && json_is_plain(*at))
		at++;
	return at;
}

/* The same, but copy what is stepped over to out; *next moves to the byte. Copying in steps beats a second pass, since
   most strings are short. Returns the end of the copy, behind which up to end - *next bytes are overwritten too. */
static inline char *json_copy_plain(char *out, const char **next, const char *end)
{
	const char *at = *next;
	size_t plain;

#ifdef __SSE2__
	for (; end - at >= 16; at += 16, out += 16) {
		memcpy(out, at, 16);
		plain = json_plain_of_16(at);
		if (plain < 16) {
			*next = at + plain;
			return out + plain;
		}
	}
#endif
	for (; end - at >= 8; at += 8, out += 8) {
		memcpy(out, at, 8);
		plain = json_plain_of_8(at);
		if (plain < 8) {
			*next = at + plain;
			return out + plain;
		}
	}
	while (at < end && json_is_plain(*at))
		*out++ = *at++;
	*next = at;
	return out;
}

#endif
