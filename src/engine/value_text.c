/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/value_text.h"

#include "base/utf8.h"

/* jansson reads 2,048 levels; this many leave room on the stack of a coroutine. */
enum { DEPTH_MAX = 500 };

/* --- What is wrong with a value --- */

struct place {
	const struct place *outer;
	const char *name; /* of a member; NULL: an element */
	size_t index;
};

static void write_place(struct strbuf *out, const struct place *place)
{
	if (place->outer)
		write_place(out, place->outer);
	else
		strbuf_puts(out, "$");
	if (place->outer && place->name)
		strbuf_printf(out, ".%.40s", place->name);
	else if (place->outer)
		strbuf_printf(out, "[%zu]", place->index);
}

static int report(const struct place *place, const char *what, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	AUTO(arena_done) struct arena scratch = { 0 };

	write_place(&text, place);
	problem_set(problem, WEIR_EINVAL, "%s", what);
	return problem_at(problem, "%s", utf8_mend(&scratch, strbuf_str(&text)).data);
}

static int find_fault(const json_t *value, const struct place *place, unsigned depth, struct problem *problem)
{
	const char *name;
	size_t i;
	json_t *member;
	int result = 0;

	if (depth > DEPTH_MAX)
		return problem_set(problem, WEIR_EINVAL, "it is nested more than %d deep, or holds itself", DEPTH_MAX);
	if (json_is_string(value) &&
	    !utf8_is_valid((struct str){ json_string_value(value), json_string_length(value) }))
		return report(place, "it holds text that is not UTF-8", problem);
	json_array_foreach (value, i, member) {
		result = find_fault(member, &(struct place){ place, NULL, i }, depth + 1, problem);
		if (result < 0)
			return result;
	}
	json_object_foreach ((json_t *)(uintptr_t)value, name, member) {
		const struct place inner = { place, name, 0 };

		result = utf8_is_valid(str_of(name)) ? find_fault(member, &inner, depth + 1, problem)
		                                     : report(&inner, "it holds a name that is not UTF-8", problem);
		if (result < 0)
			return result;
	}
	return 0;
}

/* --- Text --- */

struct sink {
	struct strbuf *out;
	size_t left; /* bytes */
	bool full;
};

static int take(const char *text, size_t length, void *data)
{
	struct sink *sink = data;

	sink->full = length > sink->left;
	if (sink->full)
		return -1;
	sink->left -= length;
	strbuf_add(sink->out, text, length);
	return 0;
}

int value_write(const json_t *value, bool sorted, size_t max_bytes, struct strbuf *out, struct problem *problem)
{
	struct sink sink = { .out = out, .left = max_bytes };
	size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | (sorted ? JSON_SORT_KEYS : 0);
	const struct place top = { 0 };
	int result = find_fault(value, &top, 0, problem);

	if (result < 0)
		return result;
	if (json_dump_callback(value, take, &sink, flags) == 0)
		return 0;
	if (sink.full)
		return problem_set(problem, WEIR_ELIMIT, "its JSON has more than %zu bytes", max_bytes);
	return problem_set(problem, WEIR_EINVAL, "it can't be written as JSON");
}

json_t *value_read(struct str text, struct problem *problem)
{
	json_error_t error;
	json_t *value = json_loadb(text.data, text.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	if (!value)
		problem_set(problem, WEIR_ESYNTAX, "%s", error.text);
	return value;
}
