/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: text goes straight into the buffer; the writer only remembers which brackets are open. */
#include "base/json.h"

#include "base/json_scan.h"
#include "base/number.h"
#include "base/utf8.h"

#include <math.h>

enum { DEPTH_MAX = sizeof((struct json_writer){ 0 }.is_object) * 8 };

/* --- the buffer, without a function call as long as it is large enough --- */

/* Room for so many bytes and a NUL; what was written there is made part of the buffer by `finish`. */
static inline char *reserve(struct strbuf *out, size_t length)
{
	return out->capacity - out->length > length ? out->data + out->length : strbuf_reserve(out, length);
}

static inline void finish(struct strbuf *out, char *end)
{
	*end = '\0';
	out->length = (size_t)(end - out->data);
}

/* --- strings --- */

/* The letter of a control character's short escape; 0 when it has none. */
static char escape_letter(char character)
{
	switch (character) {
	case '"':
	case '\\':
		return character;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

static inline char *put(char *out, const char *text, size_t length)
{
	memcpy(out, text, length);
	return out + length;
}

/* Write a character that must be escaped. */
static char *put_escape(char *out, char character)
{
	static const char digits[] = "0123456789abcdef";
	char letter = escape_letter(character);

	if (letter)
		return put(out, (char[]){ '\\', letter }, 2);
	return put(out, (char[]){ '\\', 'u', '0', '0', digits[character >> 4], digits[character & 15] }, 6);
}

/* What is written for one character takes at most this many bytes. */
enum { CHARACTER_SIZE_MAX = 6 };

/* Write the character at *next, which is not plain, and step over it. Returns the end of what was written. */
static char *put_special(char *out, const char **next, const char *end)
{
	const char *character = *next;
	size_t length;

	if ((uint8_t)*character < 0x80) {
		++*next;
		return put_escape(out, *character);
	}
	length = utf8_sequence(character, (size_t)(end - character));
	*next += MAX(length, (size_t)1);
	if (length == 0)
		return put(out, UTF8_REPLACEMENT, strlen(UTF8_REPLACEMENT));
	return put(out, character, length);
}

/* Append before, the escaped text and after. */
static void add_escaped(struct strbuf *out, struct str before, struct str text, struct str after)
{
	const char *next = text.data, *end = text.data + text.length;
	size_t around = before.length + after.length + CHARACTER_SIZE_MAX;
	char *place = reserve(out, text.length + around);

	place = put(place, before.data, before.length);
	for (;;) {
		place = json_copy_plain(place, &next, end);
		if (next == end)
			break;
		place = put_special(place, &next, end);
		/* What is left may need more room than a byte for each byte. */
		finish(out, place);
		place = reserve(out, (size_t)(end - next) + around);
	}
	finish(out, put(place, after.data, after.length));
}

void json_escape(struct strbuf *out, struct str text)
{
	add_escaped(out, STR("\""), (struct str){ text.data ? text.data : "", text.length }, STR("\""));
}

/* --- structure --- */

static bool in_object(const struct json_writer *writer)
{
	uint32_t level = writer->depth - 1;

	return writer->depth > 0 && (writer->is_object[level / 8] >> level % 8 & 1);
}

/* Before each value: check that one may come here. True when a comma must go before it. */
static bool begin_value(struct json_writer *writer)
{
	bool comma = writer->need_comma && !writer->after_key;

	ASSERT(writer->after_key || !in_object(writer));
	ASSERT(writer->depth > 0 || !writer->need_comma);
	writer->after_key = false;
	writer->need_comma = true;
	return comma;
}

/* Append a value's text, which needs no escaping. */
static void add_value(struct json_writer *writer, struct str text)
{
	bool comma = begin_value(writer);
	char *place = reserve(writer->out, text.length + 1);

	*place = ',';
	place += comma;
	finish(writer->out, put(place, text.data, text.length));
}

static void open_level(struct json_writer *writer, bool is_object)
{
	uint32_t level = writer->depth;

	ASSERT(level < DEPTH_MAX);
	add_value(writer, is_object ? STR("{") : STR("["));
	writer->is_object[level / 8] =
	        (uint8_t)((writer->is_object[level / 8] & ~(1u << level % 8)) | (unsigned)is_object << level % 8);
	writer->depth++;
	writer->need_comma = false;
}

static void close_level(struct json_writer *writer, bool is_object)
{
	char *place;

	ASSERT(writer->depth > 0 && in_object(writer) == is_object && !writer->after_key);
	writer->depth--;
	writer->need_comma = true;
	place = reserve(writer->out, 1);
	*place = is_object ? '}' : ']';
	finish(writer->out, place + 1);
}

void json_writer_init(struct json_writer *writer, struct strbuf *out)
{
	*writer = (struct json_writer){ .out = out };
}

void json_begin_object(struct json_writer *writer)
{
	open_level(writer, true);
}

void json_end_object(struct json_writer *writer)
{
	close_level(writer, true);
}

void json_begin_array(struct json_writer *writer)
{
	open_level(writer, false);
}

void json_end_array(struct json_writer *writer)
{
	close_level(writer, false);
}

void json_key_str(struct json_writer *writer, struct str key)
{
	ASSERT(in_object(writer) && !writer->after_key);
	add_escaped(writer->out, writer->need_comma ? STR(",\"") : STR("\""),
	            (struct str){ key.data ? key.data : "", key.length }, STR("\":"));
	writer->after_key = true;
}

void json_key(struct json_writer *writer, const char *key)
{
	json_key_str(writer, str_of(key));
}

/* --- values --- */

void json_none(struct json_writer *writer)
{
	add_value(writer, STR("null"));
}

void json_bool(struct json_writer *writer, bool value)
{
	add_value(writer, value ? STR("true") : STR("false"));
}

void json_int(struct json_writer *writer, int64_t value)
{
	char text[INTEGER_TEXT_SIZE];

	add_value(writer, (struct str){ text, integer_write(value, text) });
}

void json_double(struct json_writer *writer, double value)
{
	char text[REAL_TEXT_SIZE];

	if (isfinite(value))
		add_value(writer, (struct str){ text, real_write(value, text) });
	else
		json_none(writer);
}

void json_str(struct json_writer *writer, struct str text)
{
	if (!text.data)
		json_none(writer);
	else
		add_escaped(writer->out, begin_value(writer) ? STR(",\"") : STR("\""), text, STR("\""));
}

void json_puts(struct json_writer *writer, const char *text)
{
	json_str(writer, str_of(text));
}

void json_raw(struct json_writer *writer, struct str json)
{
	add_value(writer, json.data ? json : STR("null"));
}
