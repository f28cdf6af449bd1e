/* SPDX-License-Identifier: Apache-2.0 */
/* What the JSON reader takes must come out of the writer as an equal tree, whichever way it is written. */
#include "fuzz.h"

#include "base/json.h"

#include <math.h>

/* How a tree is written: scalars as they stand in the input, or converted to C values and back. */
enum way { RAW, CONVERTED };

static void write_number(const struct json *value, struct json_writer *writer)
{
	int64_t integer;
	double real;

	if (json_to_integer(value, &integer)) {
		json_int(writer, integer);
		return;
	}
	ASSERT(json_to_real(value, &real));
	json_double(writer, real);
}

static void write_scalar(struct arena *arena, const struct json *value, enum way way, struct json_writer *writer)
{
	if (way == CONVERTED && value->type == JSON_TYPE_STRING)
		json_str(writer, json_text(arena, value));
	else if (way == CONVERTED && value->type == JSON_TYPE_NUMBER)
		write_number(value, writer);
	else if (way == CONVERTED && value->type != JSON_TYPE_NULL)
		json_bool(writer, value->type == JSON_TYPE_TRUE);
	else
		json_raw(writer, value->raw);
}

/* The depth of what was read is limited, so that of the recursion is. */
static void write_tree(struct arena *arena, const struct json *value, enum way way, struct json_writer *writer)
{
	if (value->type == JSON_TYPE_OBJECT) {
		json_begin_object(writer);
		for (const struct json *member = value->child; member; member = member->next) {
			json_key_str(writer, member->key);
			write_tree(arena, member, way, writer);
		}
		json_end_object(writer);
	} else if (value->type == JSON_TYPE_ARRAY) {
		json_begin_array(writer);
		for (const struct json *element = value->child; element; element = element->next)
			write_tree(arena, element, way, writer);
		json_end_array(writer);
	} else {
		write_scalar(arena, value, way, writer);
	}
}

/* Numbers keep their digits, or at least their value; what is not finite was written as null. */
static void check_number(const struct json *before, const struct json *after, enum way way)
{
	double left, right;

	if (way == RAW) {
		ASSERT(str_equal(before->raw, after->raw));
		return;
	}
	ASSERT(json_to_real(before, &left));
	if (isfinite(left))
		ASSERT(json_to_real(after, &right) && left == right);
	else
		ASSERT(after->type == JSON_TYPE_NULL);
}

static void check_equal(struct arena *arena, const struct json *before, const struct json *after, enum way way)
{
	const struct json *left = before->child, *right = after->child;

	if (before->type == JSON_TYPE_NUMBER) {
		check_number(before, after, way);
		return;
	}
	ASSERT(before->type == after->type && before->count == after->count);
	if (before->type == JSON_TYPE_STRING)
		ASSERT(str_equal(json_text(arena, before), json_text(arena, after)));
	for (; left && right; left = left->next, right = right->next) {
		ASSERT(str_equal(left->key, right->key) && !left->key.data == !right->key.data);
		check_equal(arena, left, right, way);
	}
	ASSERT(!left && !right);
}

/* A node's text lies in the input, its children's texts follow each other within it, and it has as many as it says. */
static void check_slices(struct arena *arena, const struct json *value)
{
	const char *next = value->raw.data;
	const char *end = value->raw.data + value->raw.length;
	uint32_t count = 0;

	ASSERT(value->raw.length > 0);
	for (const struct json *child = value->child; child; child = child->next, count++) {
		ASSERT(child->raw.data > next && child->raw.data + child->raw.length < end);
		next = child->raw.data + child->raw.length - 1;
		ASSERT(!child->key.data == (value->type == JSON_TYPE_ARRAY));
		ASSERT(utf8_is_valid(child->key));
		check_slices(arena, child);
	}
	ASSERT(count == value->count);
	ASSERT(utf8_is_valid(json_text(arena, value)));
}

static void check_way(struct arena *arena, const struct json *root, enum way way)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };
	const struct json *again;
	struct json_writer writer;
	int result;

	json_writer_init(&writer, &out);
	write_tree(arena, root, way, &writer);
	ASSERT(strbuf_str(&out).data[out.length] == '\0');
	result = json_read(arena, strbuf_str(&out), way == RAW ? JSON_ALLOW_NAN : 0, &again, NULL, NULL);
	ASSERT(result == 0);
	check_equal(arena, root, again, way);
}

static int check_input(struct str text, unsigned flags)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct problem problem = { 0 };
	const struct json *root;
	size_t offset = SIZE_MAX;
	int result = json_read(&arena, text, flags, &root, &offset, &problem);

	if (result < 0) {
		check_problem(&problem, result);
		ASSERT(offset <= text.length);
		return result;
	}
	check_slices(&arena, root);
	check_way(&arena, root, RAW);
	check_way(&arena, root, CONVERTED);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	int strict = check_input(text, 0);
	int lenient = check_input(text, JSON_ALLOW_NAN);

	/* The flag only adds to what is taken. */
	ASSERT(lenient == 0 || strict < 0);
	return 0;
}
