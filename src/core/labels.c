/* SPDX-License-Identifier: Apache-2.0 */
#include "core/internal.h"

static bool is_empty(struct str object)
{
	return !object.data || str_is(object, "{}") || str_is(object, "null");
}

static int read_object(struct arena *arena, struct str text, const struct json **out, struct problem *problem)
{
	int result = json_read(arena, is_empty(text) ? STR("{}") : text, 0, out, NULL, problem);

	if (result == 0 && !json_is(*out, JSON_TYPE_OBJECT))
		return problem_set(problem, WEIR_EINVAL, "labels must be an object");
	return result;
}

/* The member of that name in an object, or NULL. */
static const struct json *find_member(const struct json *object, struct str key)
{
	const struct json *found = NULL;

	for (const struct json *each = object->child; each; each = each->next)
		if (str_equal(each->key, key))
			found = each;
	return found;
}

static void write_system_label(struct json_writer *writer, const char *key, struct uuid id)
{
	json_key(writer, key);
	json_puts(writer, uuid_text(id).text);
}

static void write_merged(struct json_writer *writer, const struct json *inherited, const char *key, struct uuid id,
                         const struct json *given)
{
	json_begin_object(writer);
	for (const struct json *each = inherited->child; each; each = each->next) {
		if (find_member(given, each->key) || str_is(each->key, key))
			continue;
		json_key_str(writer, each->key);
		json_raw(writer, each->raw);
	}
	if (!find_member(given, str_of(key)))
		write_system_label(writer, key, id);
	for (const struct json *each = given->child; each; each = each->next) {
		json_key_str(writer, each->key);
		json_raw(writer, each->raw);
	}
	json_end_object(writer);
}

int labels_merge(struct arena *arena, struct str inherited, const char *key, struct uuid id, struct str given,
                 struct str *out, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	const struct json *inherited_object, *given_object;
	struct json_writer writer;
	int result;

	if (is_empty(inherited) && is_empty(given)) {
		*out = arena_printf(arena, "{\"%s\":\"%s\"}", key, uuid_text(id).text);
		return 0;
	}
	result = read_object(arena, inherited, &inherited_object, problem);
	if (result == 0)
		result = read_object(arena, given, &given_object, problem);
	if (result < 0)
		return result;
	json_writer_init(&writer, &text);
	write_merged(&writer, inherited_object, key, id, given_object);
	*out = arena_str(arena, strbuf_str(&text));
	return 0;
}
