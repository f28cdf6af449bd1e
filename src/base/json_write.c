/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: text goes straight into the buffer; the writer only remembers which brackets are open. */
#include "base/json.h"

#include "base/json_scan.h"
#include "base/number.h"
#include "base/utf8.h"

#include <math.h>

enum { DEPTH_MAX = sizeof((struct json_writer){ 0 }.is_object) * 8 };

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

/* Append what is not plain at the start of the data. Returns how many bytes of it were taken. */
static size_t add_special(struct strbuf *out, const char *data, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char letter = escape_letter(*data);
	size_t sequence;

	if (letter) {
		strbuf_add(out, (char[]){ '\\', letter }, 2);
		return 1;
	}
	if ((uint8_t)*data < 0x20) {
		strbuf_add(out, (char[]){ '\\', 'u', '0', '0', digits[*data >> 4], digits[*data & 15] }, 6);
		return 1;
	}
	sequence = utf8_sequence(data, length);
	if (sequence == 0) {
		strbuf_puts(out, UTF8_REPLACEMENT);
		return 1;
	}
	strbuf_add(out, data, sequence);
	return sequence;
}

/* Append the escaped form, then the text that follows it in one go with its NUL. */
static void add_quoted(struct strbuf *out, struct str text, const char *after, size_t after_length)
{
	const char *next = text.data, *end = text.data + text.length;
	char *place;

	/* In the usual case, all plain, this is the only look at the buffer's capacity. */
	place = strbuf_reserve(out, text.length + 1 + after_length);
	*place = '"';
	out->length++;
	for (;;) {
		const char *special = json_scan_plain(next, end);

		strbuf_add(out, next, (size_t)(special - next));
		if (special == end)
			break;
		next = special + add_special(out, special, (size_t)(end - special));
	}
	strbuf_add(out, after, after_length);
}

void json_escape(struct strbuf *out, struct str text)
{
	add_quoted(out, (struct str){ text.data ? text.data : "", text.length }, "\"", 1);
}

/* --- structure --- */

static bool in_object(const struct json_writer *writer)
{
	uint32_t level = writer->depth - 1;

	return writer->depth > 0 && (writer->is_object[level / 8] >> level % 8 & 1);
}

/* Before each value: the comma, and the check that a value may come here. */
static void begin_value(struct json_writer *writer)
{
	if (writer->after_key) {
		writer->after_key = false;
	} else {
		ASSERT(!in_object(writer));
		ASSERT(writer->depth > 0 || !writer->need_comma);
		if (writer->need_comma)
			strbuf_putc(writer->out, ',');
	}
	writer->need_comma = true;
}

static void open_level(struct json_writer *writer, bool is_object)
{
	uint32_t level = writer->depth;

	ASSERT(level < DEPTH_MAX);
	begin_value(writer);
	writer->is_object[level / 8] =
	        (uint8_t)((writer->is_object[level / 8] & ~(1u << level % 8)) | (unsigned)is_object << level % 8);
	writer->depth++;
	writer->need_comma = false;
	strbuf_putc(writer->out, is_object ? '{' : '[');
}

static void close_level(struct json_writer *writer, bool is_object)
{
	ASSERT(writer->depth > 0 && in_object(writer) == is_object && !writer->after_key);
	writer->depth--;
	writer->need_comma = true;
	strbuf_putc(writer->out, is_object ? '}' : ']');
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
	if (writer->need_comma)
		strbuf_putc(writer->out, ',');
	add_quoted(writer->out, (struct str){ key.data ? key.data : "", key.length }, "\":", 2);
	writer->after_key = true;
}

void json_key(struct json_writer *writer, const char *key)
{
	json_key_str(writer, str_of(key));
}

/* --- values --- */

static void add_value(struct json_writer *writer, struct str text)
{
	begin_value(writer);
	strbuf_add_str(writer->out, text);
}

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
	if (!text.data) {
		json_none(writer);
		return;
	}
	begin_value(writer);
	json_escape(writer->out, text);
}

void json_puts(struct json_writer *writer, const char *text)
{
	json_str(writer, str_of(text));
}

void json_raw(struct json_writer *writer, struct str json)
{
	add_value(writer, json.data ? json : STR("null"));
}
