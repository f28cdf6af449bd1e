/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/run_input.h"

#include "base/utf8.h"

enum { SHOWN_BYTES = 60 };

/* --- Types --- */

static bool is_text(const struct json *value)
{
	return value->type == JSON_TYPE_STRING;
}

/* Written as one: for C programs 3.0 is no integer. */
static bool is_integer(const struct json *value)
{
	int64_t number;

	for (size_t i = 0; i < value->raw.length; i++) {
		if (strchr(".eE", value->raw.data[i]))
			return false;
	}
	return json_to_integer(value, &number);
}

static bool is_number(const struct json *value)
{
	double number;

	return json_to_real(value, &number);
}

static bool is_boolean(const struct json *value)
{
	return value->type == JSON_TYPE_TRUE || value->type == JSON_TYPE_FALSE;
}

static bool is_array(const struct json *value)
{
	return value->type == JSON_TYPE_ARRAY;
}

static bool is_object(const struct json *value)
{
	return value->type == JSON_TYPE_OBJECT;
}

static const struct input_type {
	const char *name, *phrase;
	bool (*fits)(const struct json *value);
} types[] = {
	{ "string", "a string", is_text },   { "integer", "an integer", is_integer },
	{ "number", "a number", is_number }, { "boolean", "a boolean", is_boolean },
	{ "array", "an array", is_array },   { "object", "an object", is_object },
};

/* NULL: any value, or a type of which nothing is known here. */
static const struct input_type *find_type(struct str name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		if (str_is(name, types[i].name))
			return &types[i];
	}
	return NULL;
}

const char *input_type_phrase(struct str type)
{
	const struct input_type *found = find_type(type);

	return found ? found->phrase : "any value";
}

/* --- Schemas --- */

static bool is_required(struct arena *arena, const struct json *required, struct str name)
{
	for (const struct json *each = required ? required->child : NULL; each; each = each->next) {
		if (str_equal(json_text(arena, each), name))
			return true;
	}
	return false;
}

int run_input_fields(struct arena *arena, struct str schema, struct input_field **fields, struct problem *problem)
{
	const struct json *read = NULL, *properties, *required, *fallback;
	int count = 0;

	*fields = NULL;
	if (!schema.data)
		return 0;
	if (json_read(arena, schema, JSON_ALLOW_NAN, &read, NULL, NULL) < 0 || !json_is(read, JSON_TYPE_OBJECT))
		return problem_set(problem, WEIR_ECORRUPT, "the schema of the run's input can't be read");
	properties = json_get(read, "properties");
	required = json_get(read, "required");
	if (!json_is(properties, JSON_TYPE_OBJECT))
		return 0;
	*fields = arena_zalloc(arena, properties->count * sizeof **fields + 1);
	for (const struct json *each = properties->child; each; each = each->next) {
		struct input_field *field = &(*fields)[count++];

		field->name = each->key;
		field->type = json_text(arena, json_get(each, "type"));
		field->description = json_text(arena, json_get(each, "description"));
		fallback = json_get(each, "default");
		field->fallback = fallback ? fallback->raw : STR_NULL;
		field->required = is_required(arena, required, each->key);
	}
	return count;
}

/* --- Answers --- */

struct answer {
	struct arena *arena;
	const struct input_field *fields;
	size_t count;
	const struct json *input;
	struct strbuf wrong; /* all that is */
};

static void say_wrong(struct answer *answer, struct str text)
{
	strbuf_printf(&answer->wrong, "%s%.*s", answer->wrong.length ? "; " : "", STR_ARG(text));
}

static void list_fields(const struct answer *answer, struct strbuf *out)
{
	for (size_t i = 0; i < answer->count; i++)
		strbuf_printf(out, "%s%.*s", i ? ", " : "", STR_ARG(answer->fields[i].name));
}

/* Names that are not asked for. */
static void check_names(struct answer *answer)
{
	AUTO(strbuf_done) struct strbuf known = { 0 };

	list_fields(answer, &known);
	for (const struct json *each = answer->input->child; each; each = each->next) {
		bool found = false;

		for (size_t i = 0; i < answer->count; i++)
			found = found || str_equal(each->key, answer->fields[i].name);
		if (!found)
			say_wrong(answer, arena_printf(answer->arena, "'%.*s' is not asked for (asked for: %s)",
			                               STR_ARG(each->key), known.length ? known.data : "nothing"));
	}
}

/* The value of a field as JSON, or STR_NULL after it was said what is wrong. */
static struct str check_field(struct answer *answer, const struct input_field *field)
{
	const struct input_type *type = find_type(field->type);
	const struct json *value = json_get(answer->input, arena_str(answer->arena, field->name).data);

	if (!value && field->required)
		say_wrong(answer, arena_printf(answer->arena, "'%.*s' is missing: it must be %s", STR_ARG(field->name),
		                               input_type_phrase(field->type)));
	else if (!value)
		return field->fallback.data ? field->fallback : STR("null");
	else if (type && !type->fits(value) && (field->required || value->type != JSON_TYPE_NULL))
		say_wrong(answer, arena_printf(answer->arena, "'%.*s' must be %s, not %.*s", STR_ARG(field->name),
		                               type->phrase, STR_ARG(utf8_clip(value->raw, SHOWN_BYTES))));
	else
		return value->raw;
	return STR_NULL;
}

static struct str complete(struct answer *answer)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct json_writer writer;

	check_names(answer);
	json_writer_init(&writer, &text);
	json_begin_object(&writer);
	for (size_t i = 0; i < answer->count; i++) {
		json_key_str(&writer, answer->fields[i].name);
		json_raw(&writer, check_field(answer, &answer->fields[i]));
	}
	json_end_object(&writer);
	return arena_str(answer->arena, strbuf_str(&text));
}

int run_input_check(struct arena *arena, struct str schema, struct str input, struct str *out, struct problem *problem)
{
	struct answer answer = { .arena = arena };
	struct input_field *fields;
	int count = run_input_fields(arena, schema, &fields, problem);
	int result;

	if (count < 0)
		return count;
	result = json_read(arena, input.data ? input : STR("{}"), 0, &answer.input, NULL, problem);
	if (result < 0)
		return result;
	if (!json_is(answer.input, JSON_TYPE_OBJECT))
		return problem_set(problem, WEIR_EINVAL, "the input must be a JSON object");
	answer.fields = fields;
	answer.count = (size_t)count;
	*out = complete(&answer);
	if (answer.wrong.length)
		result = problem_set(problem, WEIR_EINVAL, "%s", answer.wrong.data);
	strbuf_done(&answer.wrong);
	return result;
}
