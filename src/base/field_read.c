/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables: reading JSON objects into records. Input comes from outside, so each wrong member gets a clear answer. */
#include "base/field.h"

#include "base/number.h"
#include "base/utf8.h"

#include <math.h>

/* What the functions that read one member need. */
struct reading {
	const struct field *field;
	struct arena *arena;
	const struct json *value;
	void *place;
	struct problem *problem;
};

/* --- refusing --- */

/* How a message shows the value that is wrong. */
static struct str show(struct arena *arena, const struct json *value)
{
	struct str clipped = utf8_clip(value->raw, 60);

	if (value->type == JSON_TYPE_ARRAY)
		return STR("an array");
	if (value->type == JSON_TYPE_OBJECT)
		return STR("an object");
	if (clipped.length == value->raw.length)
		return clipped;
	return arena_printf(arena, "%.*s…", STR_ARG(clipped));
}

/* "level must be an integer, not true" */
static int refuse(const struct reading *reading, const char *wanted)
{
	problem_set(reading->problem, WEIR_EINVAL, "%s must be %s, not %.*s", reading->field->name, wanted,
	            STR_ARG(show(reading->arena, reading->value)));
	return problem_at(reading->problem, "%s", reading->field->name);
}

/* The value has the right form, but its parser refused it with that reason. */
static int refuse_reason(const struct reading *reading, const struct problem *reason)
{
	problem_set(reading->problem, WEIR_EINVAL, "%s: %s", reading->field->name, reason->message);
	return problem_at(reading->problem, "%s", reading->field->name);
}

static int check_limits(const struct reading *reading, int64_t amount, const char *unit)
{
	const struct field *field = reading->field;

	if ((field->minimum == 0 && field->maximum == 0) || (amount >= field->minimum && amount <= field->maximum))
		return 0;
	if (amount < field->minimum)
		problem_set(reading->problem, WEIR_EINVAL, "%s must be at least %lld%s, not %lld", field->name,
		            (long long)field->minimum, unit, (long long)amount);
	else
		problem_set(reading->problem, WEIR_EINVAL, "%s must be at most %lld%s, not %lld", field->name,
		            (long long)field->maximum, unit, (long long)amount);
	return problem_at(reading->problem, "%s", field->name);
}

/* --- the types --- */

static int read_uuid(const struct reading *reading)
{
	if (!json_is(reading->value, JSON_TYPE_STRING) ||
	    !uuid_parse_lenient(json_text(reading->arena, reading->value), reading->place))
		return refuse(reading, "a UUID in quotes");
	return 0;
}

static int read_text(const struct reading *reading)
{
	struct str text = json_text(reading->arena, reading->value);

	if (!text.data)
		return refuse(reading, "a string");
	*(struct str *)reading->place = text;
	return check_limits(reading, (int64_t)utf8_count(text), " characters long");
}

static int check_strings(const struct reading *reading)
{
	size_t index = 0;

	if (reading->value->type != JSON_TYPE_ARRAY)
		return refuse(reading, "an array of strings");
	for (const struct json *element = reading->value->child; element; element = element->next, index++) {
		if (element->type == JSON_TYPE_STRING)
			continue;
		problem_set(reading->problem, WEIR_EINVAL, "element %zu of %s must be a string, not %.*s", index,
		            reading->field->name, STR_ARG(show(reading->arena, element)));
		return problem_at(reading->problem, "%s", reading->field->name);
	}
	return 0;
}

static int read_json(const struct reading *reading)
{
	const unsigned flags = reading->field->flags;

	if (flags & FIELD_OBJECT && reading->value->type != JSON_TYPE_OBJECT)
		return refuse(reading, "an object");
	if (flags & FIELD_ARRAY && reading->value->type != JSON_TYPE_ARRAY)
		return refuse(reading, "an array");
	if (flags & FIELD_STRINGS) {
		int result = check_strings(reading);

		if (result < 0)
			return result;
	}
	*(struct str *)reading->place = reading->value->raw;
	return 0;
}

/* Text and numbers that have parsers of their own, with reasons of their own. */
static int read_time(const struct reading *reading, const char *wanted,
                     int (*parse)(struct str text, int64_t *out, struct problem *problem),
                     int (*from_number)(double number, int64_t *out, struct problem *problem))
{
	struct problem reason;
	double number;
	int result;

	if (json_to_real(reading->value, &number))
		result = from_number(number, reading->place, &reason);
	else if (json_is(reading->value, JSON_TYPE_STRING))
		result = parse(json_text(reading->arena, reading->value), reading->place, &reason);
	else
		return refuse(reading, wanted);
	return result < 0 ? refuse_reason(reading, &reason) : 0;
}

static int read_timestamp(const struct reading *reading)
{
	return read_time(reading, "a date and time such as \"2026-01-31T08:00:00Z\"", timestamp_parse,
	                 timestamp_from_number);
}

static int read_duration(const struct reading *reading)
{
	return read_time(reading, "a duration in seconds, or a text such as \"PT1M30S\"", duration_parse,
	                 duration_from_number);
}

/* A number, or a number in quotes, with an optional plus sign; STR_NULL when it is neither. */
static struct str number_text(const struct reading *reading)
{
	struct str text;

	if (json_is(reading->value, JSON_TYPE_NUMBER))
		text = reading->value->raw;
	else
		text = json_text(reading->arena, reading->value);
	if (json_is(reading->value, JSON_TYPE_STRING) && text.length > 1 && text.data[0] == '+' && text.data[1] != '-')
		text = (struct str){ text.data + 1, text.length - 1 };
	return number_is_valid(text) ? text : STR_NULL;
}

static int read_integer(const struct reading *reading)
{
	struct str text = number_text(reading);
	int64_t *out = reading->place;

	/* The smallest number of all stands for "no value". */
	if (!text.data || !integer_parse(text, out) || *out == INTEGER_NONE)
		return refuse(reading, "an integer of at most 64 bits");
	return check_limits(reading, *out, "");
}

static int read_real(const struct reading *reading)
{
	struct str text = number_text(reading);
	double *out = reading->place;

	if (!text.data)
		return refuse(reading, "a number");
	*out = real_parse(text);
	return isfinite(*out) ? 0 : refuse(reading, "a number that a double can hold");
}

static int read_boolean(const struct reading *reading)
{
	if (!json_is(reading->value, JSON_TYPE_TRUE) && !json_is(reading->value, JSON_TYPE_FALSE))
		return refuse(reading, "true or false");
	*(bool *)reading->place = reading->value->type == JSON_TYPE_TRUE;
	return 0;
}

/* Name all that is allowed: "state_type must be one of SCHEDULED, PENDING, not \"scheduled\"". */
static int refuse_enum(const struct reading *reading)
{
	AUTO(strbuf_done) struct strbuf wanted = { 0 };

	strbuf_puts(&wanted, "one of ");
	for (int value = 1; reading->field->names[value]; value++)
		strbuf_printf(&wanted, "%s%s", value > 1 ? ", " : "", reading->field->names[value]);
	return refuse(reading, wanted.data);
}

static int read_enum(const struct reading *reading)
{
	int value = enum_value(reading->field->names, json_text(reading->arena, reading->value));

	if (value == 0)
		return refuse_enum(reading);
	*(int *)reading->place = value;
	return 0;
}

static int (*const readers[])(const struct reading *reading) = {
	[FIELD_UUID] = read_uuid,           [FIELD_TEXT] = read_text,         [FIELD_JSON] = read_json,
	[FIELD_TIMESTAMP] = read_timestamp, [FIELD_DURATION] = read_duration, [FIELD_INTEGER] = read_integer,
	[FIELD_REAL] = read_real,           [FIELD_BOOLEAN] = read_boolean,   [FIELD_ENUM] = read_enum,
};

/* --- the object --- */

static int refuse_null(const struct field *field, struct problem *problem)
{
	problem_set(problem, WEIR_EINVAL, "%s must not be null", field->name);
	return problem_at(problem, "%s", field->name);
}

static int read_member(const struct field *field, struct arena *arena, const struct json *value, void *record,
                       struct problem *problem)
{
	struct reading reading = { field, arena, value, field_place(field, record), problem };
	int result = 0;

	if (json_is_none(value))
		field_set_null(field, record);
	else
		result = readers[field->type](&reading);
	/* The nil UUID is null too. */
	if (result == 0 && field->flags & FIELD_NOT_NULL && (json_is_none(value) || field_is_none(field, record)))
		return refuse_null(field, problem);
	return result;
}

/* The row of a member, sought from *next on, since clients mostly send members in the table's order. NULL: none. */
static const struct field *find_row(const struct field_table *table, struct str name, size_t *next)
{
	for (size_t i = 0; i < table->count; i++) {
		size_t row = *next + i < table->count ? *next + i : *next + i - table->count;

		if (str_is(name, table->fields[row].name)) {
			*next = row + 1 < table->count ? row + 1 : 0;
			return &table->fields[row];
		}
	}
	return NULL;
}

static int refuse_member(const struct field_table *table, struct str name, const char *why, struct problem *problem)
{
	struct str shown = utf8_clip(name, 60);

	problem_set(problem, WEIR_EINVAL, "%.*s %s %s", STR_ARG(shown), why, table->name);
	return problem_at(problem, "%.*s", STR_ARG(shown));
}

static int check_required(const struct field_table *table, uint64_t seen, struct problem *problem)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];

		if (field->flags & FIELD_REQUIRED && !(seen >> i & 1)) {
			problem_set(problem, WEIR_EINVAL, "%s is required", field->name);
			return problem_at(problem, "%s", field->name);
		}
	}
	return 0;
}

int fields_read(const struct field_table *table, struct arena *arena, const struct json *object, void *record,
                uint64_t *present, bool strict, struct problem *problem)
{
	uint64_t seen = 0;
	size_t next = 0;

	ASSERT(table->count <= 64);
	if (!json_is(object, JSON_TYPE_OBJECT))
		return problem_set(problem, WEIR_EINVAL, "%s must be an object", table->name);
	for (const struct json *member = object->child; member; member = member->next) {
		const struct field *field = find_row(table, member->key, &next);
		bool closed = !field || field->flags & (FIELD_NO_JSON | FIELD_READ_ONLY);
		int result;

		if (closed && !strict)
			continue;
		if (closed && field && field->flags & FIELD_READ_ONLY)
			return refuse_member(table, member->key, "can't be set by the body of a", problem);
		if (closed)
			return refuse_member(table, member->key, "is no field of a", problem);
		result = read_member(field, arena, member, record, problem);
		if (result < 0)
			return result;
		seen |= UINT64_C(1) << (field - table->fields);
	}
	if (present)
		*present = seen;
	return check_required(table, seen, problem);
}
