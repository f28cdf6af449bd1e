/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - JSON inside Weir (RFC 8259): a reader whose nodes lie in an arena and keep the raw slice of what they were
 * read from, and a writer that streams into a buffer and pastes stored JSON unparsed.
 *
 * Numbers stay exact: a node keeps the digits, so a parameter of 2**70 passes through. Strings stay raw until somebody
 * asks for their text, so "\u0000" and lone surrogates pass through as well.
 *
 * No name here is one of jansson's: the library links both, and its edge to C programs includes both.
 */
#ifndef WEIR_BASE_JSON_H
#define WEIR_BASE_JSON_H

#include "base/arena.h"
#include "base/problem.h"
#include "base/strbuf.h"

enum json_type {
	JSON_TYPE_NULL,
	JSON_TYPE_FALSE,
	JSON_TYPE_TRUE,
	JSON_TYPE_NUMBER,
	JSON_TYPE_STRING,
	JSON_TYPE_ARRAY,
	JSON_TYPE_OBJECT
};

/* A value that was read. Valid as long as the arena and the input text are. */
struct json {
	enum json_type type;
	uint32_t count; /* elements or members */
	struct str raw; /* the value's text in the input: a string with its quotes, an object with its braces */
	struct str key; /* of a member: decoded */
	const struct json *child; /* first element or member; NULL when empty */
	const struct json *next;  /* following sibling, or NULL */
};

enum {
	JSON_DEPTH_MAX = 200,    /* nesting; deeper text is refused (WEIR_ELIMIT) */
	JSON_ALLOW_NAN = 1 << 0, /* flag: take NaN, Infinity and -Infinity as numbers, as Python's json does */
};

/*
 * Read one value; nothing but white space may follow. Invalid UTF-8, text that is cut short, duplicate commas and the
 * like give WEIR_ESYNTAX with "line L, column C" as the problem's path; offset, unless NULL, gets the byte's index
 * (what the API's json_invalid errors carry). Duplicate keys: json_get finds the last one, as Python does.
 */
MUST_CHECK int json_read(struct arena *arena, struct str text, unsigned flags, const struct json **out, size_t *offset,
                         struct problem *problem);

/* A member by name, or NULL when the value is no object or has no such member. */
const struct json *json_get(const struct json *object, const char *key);

/* An element by index, or NULL. Linear: use child and next in loops. */
const struct json *json_at(const struct json *array, size_t index);

/* The text of a string value, decoded into the arena only when it has escapes; lone surrogates become U+FFFD. STR_NULL
   when the value is no string. May contain NUL bytes. */
struct str json_text(struct arena *arena, const struct json *value);

/* An integer that fits in 64 bits, also written as an integral real ("3.0", "1e3"). False when it is none. */
bool json_to_integer(const struct json *value, int64_t *out);

/* Any number as a double. False when the value is no number. */
bool json_to_real(const struct json *value, double *out);

static inline bool json_is(const struct json *value, enum json_type type)
{
	return value && value->type == type;
}

static inline bool json_is_none(const struct json *value)
{
	return !value || value->type == JSON_TYPE_NULL;
}

/*
 * The writer. It appends to a strbuf, puts commas itself and asserts that calls nest (a programmer's error otherwise).
 * Strings must be UTF-8; bad bytes are written as U+FFFD. Control characters are escaped, all else is raw UTF-8.
 */
struct json_writer {
	struct strbuf *out;
	uint32_t depth;
	bool need_comma;
	bool after_key;
	uint8_t is_object[(JSON_DEPTH_MAX + 56 + 7) / 8]; /* a bit for each open level */
};

void json_writer_init(struct json_writer *writer, struct strbuf *out);

void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);
void json_key_str(struct json_writer *writer, struct str key);

void json_none(struct json_writer *writer);
void json_bool(struct json_writer *writer, bool value);
void json_int(struct json_writer *writer, int64_t value);

/* The shortest digits that read back as the same double, with ".0" when integral, as Python prints floats; NaN and
   infinities become null. */
void json_double(struct json_writer *writer, double value);

/* A string, escaped; STR_NULL writes null. */
void json_str(struct json_writer *writer, struct str text);
void json_puts(struct json_writer *writer, const char *text); /* NULL writes null too */

/* Paste JSON text that is known to be well-formed; STR_NULL writes null. */
void json_raw(struct json_writer *writer, struct str json);

/* Append the escaped form of text, with quotes, to a buffer. */
void json_escape(struct strbuf *out, struct str text);

#endif
