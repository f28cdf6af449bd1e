/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: one pass without recursion. The open arrays and objects lie on a stack of fixed height. Nothing is copied but
 * member names with escapes; strings are only checked here, and decoded when somebody asks for their text.
 *
 * Functions return false as soon as something is wrong; the cursor then stands at it, and `reason` says what was expected.
 */
#include "base/json.h"

#include "base/json_scan.h"
#include "base/number.h"
#include "base/utf8.h"

/* Nodes are taken from blocks: the first is sized by the text, later ones double. */
enum { NODES_MIN = 2, NODES_MAX = 256, BYTES_PER_VALUE = 24 };

/* An open array or object. */
struct level {
	struct json *value;
	const struct json **link; /* where the next child is linked in */
};

struct reader {
	struct cursor at;
	struct arena *arena;
	unsigned flags;
	struct json *free_node, *free_end;
	size_t block_count; /* nodes of the newest block */
	struct str key;     /* of the member whose value comes next */
	uint32_t depth;
	struct level levels[JSON_DEPTH_MAX];
	int code;           /* of the error, which is at `at` */
	const char *reason; /* what was wrong there */
};

static bool refuse(struct reader *reader, const char *reason)
{
	reader->code = WEIR_ESYNTAX;
	reader->reason = reason;
	return false;
}

/* Mostly there are none, so the first comparison decides. */
static inline void skip_blanks(struct reader *reader)
{
	const char *next = reader->at.next;

	while (next < reader->at.end && (*next == ' ' || *next == '\n' || *next == '\t' || *next == '\r'))
		next++;
	reader->at.next = next;
}

static struct json *take_node(struct reader *reader)
{
	if (reader->free_node == reader->free_end) {
		reader->block_count = MIN(reader->block_count * 2, (size_t)NODES_MAX);
		reader->free_node = arena_alloc(reader->arena, reader->block_count * sizeof(struct json));
		reader->free_end = reader->free_node + reader->block_count;
	}
	return reader->free_node++;
}

/* --- strings --- */

/* Step over the escape at the backslash. */
static bool skip_escape(struct reader *reader)
{
	struct cursor *at = &reader->at;

	at->next++;
	if (cursor_at_end(at))
		return true;
	if (!cursor_take(at, 'u')) {
		if (!memchr("\"\\/bfnrt", *at->next, 8))
			return refuse(reader, "there is no such escape in a string");
		at->next++;
		return true;
	}
	for (int i = 0; i < 4; i++, at->next++) {
		if (hex_value(cursor_peek(at)) < 0)
			return refuse(reader, "\\u needs four hexadecimal digits");
	}
	return true;
}

/* Step over what is not plain: an escape or a character beyond ASCII. */
static bool skip_special(struct reader *reader)
{
	struct cursor *at = &reader->at;
	size_t length;

	if (*at->next == '\\')
		return skip_escape(reader);
	if ((uint8_t)*at->next < 0x20)
		return refuse(reader, "control characters in a string must be escaped");
	length = utf8_sequence(at->next, (size_t)(at->end - at->next));
	if (length == 0)
		return refuse(reader, "the string is not UTF-8");
	at->next += length;
	return true;
}

/* Step over a string at its opening quote; what lies between the quotes goes to *inside. */
static bool skip_string(struct reader *reader, struct str *inside, bool *has_specials)
{
	struct cursor *at = &reader->at;
	const char *start = ++at->next;

	*has_specials = false;
	for (;;) {
		at->next = json_scan_plain(at->next, at->end);
		if (cursor_at_end(at))
			return refuse(reader, "the string has no closing quote");
		if (*at->next == '"')
			break;
		*has_specials = true;
		if (!skip_special(reader))
			return false;
	}
	*inside = (struct str){ start, (size_t)(at->next - start) };
	at->next++;
	return true;
}

/* --- values --- */

static bool read_word(struct reader *reader, struct json *value, enum json_type type, struct str word)
{
	struct str rest = { reader->at.next, (size_t)(reader->at.end - reader->at.next) };

	if (!str_starts_with(rest, word))
		return refuse(reader, "a value is expected");
	value->type = type;
	reader->at.next += word.length;
	return true;
}

/* Step over a word of Python's json at the start of a number. */
static bool take_not_finite(struct reader *reader, const char *start)
{
	static const struct str words[] = { STR("NaN"), STR("Infinity"), STR("-Infinity") };
	struct str rest = { start, (size_t)(reader->at.end - start) };

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (str_starts_with(rest, words[i])) {
			reader->at.next = start + words[i].length;
			return true;
		}
	}
	return false;
}

static bool read_number(struct reader *reader, struct json *value)
{
	const char *start = reader->at.next;

	value->type = JSON_TYPE_NUMBER;
	if (number_skip(&reader->at))
		return true;
	if (reader->flags & JSON_ALLOW_NAN && take_not_finite(reader, start))
		return true;
	return refuse(reader, reader->at.next == start ? "a value is expected" : "a digit is expected");
}

static bool read_scalar(struct reader *reader, struct json *value)
{
	struct str inside;
	bool has_specials;

	switch (cursor_peek(&reader->at)) {
	case '"':
		value->type = JSON_TYPE_STRING;
		return skip_string(reader, &inside, &has_specials);
	case 't':
		return read_word(reader, value, JSON_TYPE_TRUE, STR("true"));
	case 'f':
		return read_word(reader, value, JSON_TYPE_FALSE, STR("false"));
	case 'n':
		return read_word(reader, value, JSON_TYPE_NULL, STR("null"));
	default:
		return read_number(reader, value);
	}
}

/* Read "key": up to the value. */
static bool read_key(struct reader *reader)
{
	bool has_specials;

	skip_blanks(reader);
	if (cursor_peek(&reader->at) != '"')
		return refuse(reader, "a member's name in quotes is expected");
	if (!skip_string(reader, &reader->key, &has_specials))
		return false;
	if (has_specials)
		reader->key = json_decode(reader->arena, reader->key);
	skip_blanks(reader);
	return cursor_take(&reader->at, ':') || refuse(reader, "':' is expected after a member's name");
}

/* Open the array or object; its bracket has been read. */
static bool push(struct reader *reader, struct json *value, enum json_type type)
{
	if (reader->depth == JSON_DEPTH_MAX) {
		reader->at.next--;
		_Static_assert(JSON_DEPTH_MAX == 200, "the message says so");
		reader->code = WEIR_ELIMIT;
		reader->reason = "arrays and objects are nested more than 200 deep";
		return false;
	}
	value->type = type;
	reader->levels[reader->depth++] = (struct level){ value, &value->child };
	return true;
}

static bool at_closing(struct reader *reader)
{
	char bracket = reader->levels[reader->depth - 1].value->type == JSON_TYPE_OBJECT ? '}' : ']';

	skip_blanks(reader);
	return cursor_peek(&reader->at) == bracket;
}

/* Close the innermost level at its bracket. */
static void pop(struct reader *reader)
{
	struct json *value = reader->levels[--reader->depth].value;

	reader->at.next++;
	value->raw.length = (size_t)(reader->at.next - value->raw.data);
}

/* Read the start of a value: a whole scalar, or the bracket of a container with the name of its first member.
 * *opened: the next thing to read is a value inside it. */
static bool begin_value(struct reader *reader, struct json *value, bool *opened)
{
	bool is_object;

	skip_blanks(reader);
	*value = (struct json){ .key = reader->key, .raw.data = reader->at.next };
	is_object = cursor_take(&reader->at, '{');
	*opened = is_object || cursor_take(&reader->at, '[');
	if (!*opened) {
		if (!read_scalar(reader, value))
			return false;
		value->raw.length = (size_t)(reader->at.next - value->raw.data);
		return true;
	}
	if (!push(reader, value, is_object ? JSON_TYPE_OBJECT : JSON_TYPE_ARRAY))
		return false;
	if (at_closing(reader)) {
		pop(reader);
		*opened = false;
		return true;
	}
	reader->key = STR_NULL;
	return !is_object || read_key(reader);
}

/* A value is complete: close the levels that end here and go on to the next element or member, if one follows. */
static bool end_value(struct reader *reader)
{
	while (reader->depth > 0) {
		const struct json *parent = reader->levels[reader->depth - 1].value;

		if (at_closing(reader)) {
			pop(reader);
			continue;
		}
		if (!cursor_take(&reader->at, ','))
			return refuse(reader, parent->type == JSON_TYPE_OBJECT
			                              ? "',' or '}' is expected after a member"
			                              : "',' or ']' is expected after an element");
		reader->key = STR_NULL;
		return parent->type == JSON_TYPE_ARRAY || read_key(reader);
	}
	return true;
}

static void link_value(struct reader *reader, struct json *value)
{
	struct level *level = &reader->levels[reader->depth - 1];

	*level->link = value;
	level->link = &value->next;
	level->value->count++;
}

static bool read_document(struct reader *reader, const struct json **out)
{
	struct json *value = take_node(reader);

	*out = value;
	for (;;) {
		bool opened;

		if (!begin_value(reader, value, &opened) || (!opened && !end_value(reader)))
			return false;
		if (reader->depth == 0)
			break;
		value = take_node(reader);
		link_value(reader, value);
	}
	skip_blanks(reader);
	return cursor_at_end(&reader->at) || refuse(reader, "nothing may follow the value");
}

/* --- errors --- */

/* Line and column, counted in characters, both from 1. */
static void set_place(struct problem *problem, struct str before)
{
	const char *newline = memrchr(before.data, '\n', before.length);
	const char *line_start = newline ? newline + 1 : before.data;
	size_t line = 1;

	for (const char *next = before.data; next < line_start; next++)
		line += *next == '\n';
	problem_at(problem, "line %zu, column %zu", line,
	           utf8_count((struct str){ line_start, (size_t)(before.data + before.length - line_start) }) + 1);
}

/* What stands at the place of an error, as far as it can be shown. */
static struct str excerpt(struct str text)
{
	size_t length = 0;

	text = utf8_clip(text, 16);
	while (length < text.length && (uint8_t)text.data[length] >= 0x20)
		length++;
	return (struct str){ text.data, length };
}

static int report(const struct reader *reader, struct str text, size_t *offset, struct problem *problem)
{
	const char *place = reader->at.next;
	const char *start = reader->at.end - text.length;
	struct str found = excerpt((struct str){ place, (size_t)(reader->at.end - place) });

	if (offset)
		*offset = (size_t)(place - start);
	if (!problem)
		return reader->code;
	if (cursor_at_end(&reader->at))
		problem_set(problem, reader->code, "not JSON: %s, but the text ends here", reader->reason);
	else if (found.length == 0)
		problem_set(problem, reader->code, "not JSON: %s", reader->reason);
	else
		problem_set(problem, reader->code, "not JSON: %s, at \"%.*s\"", reader->reason, STR_ARG(found));
	set_place(problem, (struct str){ start, (size_t)(place - start) });
	return reader->code;
}

int json_read(struct arena *arena, struct str text, unsigned flags, const struct json **out, size_t *offset,
              struct problem *problem)
{
	struct reader reader;

	/* The stack of levels needs no clearing. */
	reader.at = cursor_of(text);
	reader.arena = arena;
	reader.flags = flags;
	reader.free_node = reader.free_end = NULL;
	reader.block_count = MAX((size_t)NODES_MIN, MIN(text.length / BYTES_PER_VALUE, (size_t)NODES_MAX)) / 2;
	reader.key = STR_NULL;
	reader.depth = 0;
	reader.code = 0;
	reader.reason = NULL;
	if (!read_document(&reader, out))
		return report(&reader, text, offset, problem);
	return 0;
}
