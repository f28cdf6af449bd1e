/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at values that were read. */
#include "base/json.h"

#include "base/json_scan.h"
#include "base/number.h"
#include "base/utf8.h"

#include <math.h>

/* The four digits of an escape that is known to be well-formed. */
static uint32_t hex_digits(const char *digits)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 4 | (uint32_t)hex_value(digits[i]);
	return value;
}

/* Decode \uXXXX, or two of them that are a surrogate pair. next is behind the u; returns what is behind the escape. */
static const char *decode_unicode(const char *next, const char *end, char **out)
{
	uint32_t character = hex_digits(next);

	next += 4;
	if (character >= 0xD800 && character < 0xDC00 && end - next >= 6 && next[0] == '\\' && next[1] == 'u') {
		uint32_t low = hex_digits(next + 2);

		if (low >= 0xDC00 && low < 0xE000) {
			character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00);
			next += 6;
		}
	}
	if (character >= 0xD800 && character < 0xE000)
		character = 0xFFFD;
	*out += utf8_encode(character, *out);
	return next;
}

static char simple_escape(char letter)
{
	static const char letters[] = "bfnrt", characters[] = "\b\f\n\r\t";
	const char *found = strchr(letters, letter);

	return found ? characters[found - letters] : letter;
}

struct str json_decode(struct arena *arena, struct str inside)
{
	const char *next = inside.data, *end = inside.data + inside.length;
	const char *escape = memchr(next, '\\', inside.length);
	char *copy, *out;

	if (!escape)
		return inside;
	/* An escape is never shorter than what it stands for. */
	copy = out = arena_alloc(arena, inside.length + 1);
	while (escape) {
		memcpy(out, next, (size_t)(escape - next));
		out += escape - next;
		if (escape[1] == 'u') {
			next = decode_unicode(escape + 2, end, &out);
		} else {
			*out++ = simple_escape(escape[1]);
			next = escape + 2;
		}
		escape = memchr(next, '\\', (size_t)(end - next));
	}
	memcpy(out, next, (size_t)(end - next));
	out += end - next;
	*out = '\0';
	return (struct str){ copy, (size_t)(out - copy) };
}

const struct json *json_get(const struct json *object, const char *key)
{
	const struct json *found = NULL;
	struct str wanted = str_of(key);

	if (!json_is(object, JSON_TYPE_OBJECT))
		return NULL;
	for (const struct json *member = object->child; member; member = member->next) {
		if (str_equal(member->key, wanted))
			found = member;
	}
	return found;
}

const struct json *json_at(const struct json *array, size_t index)
{
	const struct json *element;

	if (!json_is(array, JSON_TYPE_ARRAY) || index >= array->count)
		return NULL;
	for (element = array->child; index > 0; index--)
		element = element->next;
	return element;
}

struct str json_text(struct arena *arena, const struct json *value)
{
	if (!json_is(value, JSON_TYPE_STRING))
		return STR_NULL;
	return json_decode(arena, (struct str){ value->raw.data + 1, value->raw.length - 2 });
}

/* NaN, Infinity and -Infinity: only they have a capital letter there. */
static bool is_finite_text(struct str raw)
{
	char first = raw.data[raw.data[0] == '-'];

	return first != 'N' && first != 'I';
}

bool json_to_integer(const struct json *value, int64_t *out)
{
	return json_is(value, JSON_TYPE_NUMBER) && is_finite_text(value->raw) && integer_parse(value->raw, out);
}

bool json_to_real(const struct json *value, double *out)
{
	if (!json_is(value, JSON_TYPE_NUMBER))
		return false;
	if (is_finite_text(value->raw))
		*out = real_parse(value->raw);
	else if (value->raw.data[0] == 'N')
		*out = NAN;
	else
		*out = value->raw.data[0] == '-' ? -INFINITY : INFINITY;
	return true;
}
