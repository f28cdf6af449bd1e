/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables: what each type of field is without a value, its fallback, and how it is written. field_read.c reads. */
#include "base/field.h"

#include "base/number.h"

#include <math.h>

/* What a type of field can do. place points to the member. */
struct kind {
	void (*parse)(const struct field *field, struct str fallback, void *place); /* fallback: not null */
	bool (*is_none)(const void *place);                                         /* NULL: never */
	bool (*equal)(const void *a, const void *b);
	void (*write)(const struct field *field, const void *place, struct json_writer *writer);
};

/* A fallback is written by a programmer, so what is wrong in it is asserted, not reported. */
static struct str unquote(struct str json)
{
	ASSERT(json.length >= 2 && json.data[0] == '"' && json.data[json.length - 1] == '"');
	ASSERT(!memchr(json.data, '\\', json.length));
	return (struct str){ json.data + 1, json.length - 2 };
}

/* --- FIELD_UUID --- */

static void parse_uuid(const struct field *field UNUSED, struct str fallback, void *place)
{
	bool is_uuid = uuid_parse(unquote(fallback), place);

	ASSERT(is_uuid);
}

static bool is_none_uuid(const void *place)
{
	return uuid_is_nil(*(const struct uuid *)place);
}

static bool equal_uuid(const void *a, const void *b)
{
	return uuid_equal(*(const struct uuid *)a, *(const struct uuid *)b);
}

static void write_uuid(const struct field *field UNUSED, const void *place, struct json_writer *writer)
{
	char quoted[UUID_TEXT_LENGTH + 2];

	quoted[0] = quoted[UUID_TEXT_LENGTH + 1] = '"';
	uuid_write(*(const struct uuid *)place, quoted + 1);
	json_raw(writer, (struct str){ quoted, sizeof quoted });
}

/* --- FIELD_TEXT, FIELD_JSON --- */

static void parse_text(const struct field *field UNUSED, struct str fallback, void *place)
{
	*(struct str *)place = unquote(fallback);
}

static void parse_json(const struct field *field UNUSED, struct str fallback, void *place)
{
	*(struct str *)place = fallback;
}

static bool is_none_str(const void *place)
{
	return !((const struct str *)place)->data;
}

static bool equal_str(const void *a, const void *b)
{
	return is_none_str(a) == is_none_str(b) && str_equal(*(const struct str *)a, *(const struct str *)b);
}

static void write_text(const struct field *field UNUSED, const void *place, struct json_writer *writer)
{
	json_str(writer, *(const struct str *)place);
}

static void write_json(const struct field *field UNUSED, const void *place, struct json_writer *writer)
{
	json_raw(writer, *(const struct str *)place);
}

/* --- FIELD_TIMESTAMP, FIELD_DURATION, FIELD_INTEGER --- */

static void parse_timestamp(const struct field *field UNUSED, struct str fallback, void *place)
{
	int result = timestamp_parse(unquote(fallback), place, NULL);

	ASSERT(result == 0);
}

static void parse_duration(const struct field *field UNUSED, struct str fallback, void *place)
{
	int result = duration_parse(fallback, place, NULL);

	ASSERT(result == 0);
}

static void parse_integer(const struct field *field UNUSED, struct str fallback, void *place)
{
	bool is_integer = integer_parse(fallback, place);

	ASSERT(is_integer);
}

/* TIMESTAMP_NONE and INTEGER_NONE are the same number. */
static bool is_none_integer(const void *place)
{
	return *(const int64_t *)place == INTEGER_NONE;
}

static bool equal_integer(const void *a, const void *b)
{
	return *(const int64_t *)a == *(const int64_t *)b;
}

static void write_timestamp(const struct field *field UNUSED, const void *place, struct json_writer *writer)
{
	char quoted[TIMESTAMP_TEXT_SIZE + 2];
	size_t length = timestamp_write(*(const int64_t *)place, quoted + 1);

	quoted[0] = quoted[length + 1] = '"';
	json_raw(writer, (struct str){ quoted, length + 2 });
}

static void write_duration(const struct field *field UNUSED, const void *place, struct json_writer *writer)
{
	json_double(writer, (double)*(const int64_t *)place / 1e6);
}

static void write_integer(const struct field *field UNUSED, const void *place, struct json_writer *writer)
{
	json_int(writer, *(const int64_t *)place);
}

/* --- FIELD_REAL --- */

static void parse_real(const struct field *field UNUSED, struct str fallback, void *place)
{
	*(double *)place = real_parse(fallback);
}

static bool is_none_real(const void *place)
{
	return isnan(*(const double *)place);
}

static bool equal_real(const void *a, const void *b)
{
	return (is_none_real(a) && is_none_real(b)) || *(const double *)a == *(const double *)b;
}

static void write_real(const struct field *field UNUSED, const void *place, struct json_writer *writer)
{
	json_double(writer, *(const double *)place);
}

/* --- FIELD_BOOLEAN --- */

static void parse_boolean(const struct field *field UNUSED, struct str fallback, void *place)
{
	*(bool *)place = str_is(fallback, "true");
}

static bool equal_boolean(const void *a, const void *b)
{
	return *(const bool *)a == *(const bool *)b;
}

static void write_boolean(const struct field *field UNUSED, const void *place, struct json_writer *writer)
{
	json_bool(writer, *(const bool *)place);
}

/* --- FIELD_ENUM --- */

int enum_value(const char *const *names, struct str name)
{
	for (int value = 1; names[value]; value++) {
		if (str_is(name, names[value]))
			return value;
	}
	return 0;
}

static void parse_enum(const struct field *field, struct str fallback, void *place)
{
	*(int *)place = enum_value(field->names, unquote(fallback));
	ASSERT(*(int *)place > 0);
}

static bool is_none_enum(const void *place)
{
	return *(const int *)place == 0;
}

static bool equal_enum(const void *a, const void *b)
{
	return *(const int *)a == *(const int *)b;
}

static void write_enum(const struct field *field, const void *place, struct json_writer *writer)
{
	json_puts(writer, field->names[*(const int *)place]);
}

/* --- the types --- */

static const struct kind kinds[] = {
	[FIELD_UUID] = { parse_uuid, is_none_uuid, equal_uuid, write_uuid },
	[FIELD_TEXT] = { parse_text, is_none_str, equal_str, write_text },
	[FIELD_JSON] = { parse_json, is_none_str, equal_str, write_json },
	[FIELD_TIMESTAMP] = { parse_timestamp, is_none_integer, equal_integer, write_timestamp },
	[FIELD_DURATION] = { parse_duration, NULL, equal_integer, write_duration },
	[FIELD_INTEGER] = { parse_integer, is_none_integer, equal_integer, write_integer },
	[FIELD_REAL] = { parse_real, is_none_real, equal_real, write_real },
	[FIELD_BOOLEAN] = { parse_boolean, NULL, equal_boolean, write_boolean },
	[FIELD_ENUM] = { parse_enum, is_none_enum, equal_enum, write_enum },
};

/* Room for a member of any type. */
union member {
	struct uuid uuid;
	struct str text;
	int64_t integer;
	double real;
	bool boolean;
	int choice;
};

static bool has_fallback(const struct field *field)
{
	return field->fallback && strcmp(field->fallback, "null") != 0;
}

bool field_is_none(const struct field *field, const void *record)
{
	bool (*is_none)(const void *place) = kinds[field->type].is_none;

	return is_none && is_none(field_place(field, record));
}

static void put_none(const struct field *field, void *place)
{
	switch (field->type) {
	case FIELD_UUID:
		*(struct uuid *)place = (struct uuid){ 0 };
		break;
	case FIELD_TEXT:
	case FIELD_JSON:
		*(struct str *)place = STR_NULL;
		break;
	case FIELD_TIMESTAMP:
	case FIELD_INTEGER:
		*(int64_t *)place = INTEGER_NONE;
		break;
	case FIELD_DURATION:
		*(int64_t *)place = 0;
		break;
	case FIELD_REAL:
		*(double *)place = NAN;
		break;
	case FIELD_BOOLEAN:
		*(bool *)place = false;
		break;
	case FIELD_ENUM:
		*(int *)place = 0;
		break;
	}
}

static void put_fallback(const struct field *field, void *place)
{
	if (has_fallback(field))
		kinds[field->type].parse(field, str_of(field->fallback), place);
	else
		put_none(field, place);
}

void field_set_null(const struct field *field, void *record)
{
	if (kinds[field->type].is_none)
		put_none(field, field_place(field, record));
	else
		put_fallback(field, field_place(field, record));
}

void fields_init(const struct field_table *table, void *record)
{
	memset(record, 0, table->record_size);
	for (size_t i = 0; i < table->count; i++)
		put_fallback(&table->fields[i], field_place(&table->fields[i], record));
}

static void write_field(const struct field *field, const void *record, struct json_writer *writer)
{
	json_key(writer, field->name);
	if (!field_is_none(field, record))
		kinds[field->type].write(field, field_place(field, record), writer);
	else if (field->flags & FIELD_NOT_NULL)
		json_raw(writer, str_of(field->fallback));
	else
		json_none(writer);
}

void fields_write(const struct field_table *table, const void *record, struct json_writer *writer)
{
	for (size_t i = 0; i < table->count; i++) {
		if (!(table->fields[i].flags & FIELD_NO_JSON))
			write_field(&table->fields[i], record, writer);
	}
}

/* Would reading an object without this member give the same? */
static bool is_fallback(const struct field *field, const void *record)
{
	union member fallback;

	if (field->flags & FIELD_NOT_NULL && field_is_none(field, record))
		return true;
	put_fallback(field, &fallback);
	return kinds[field->type].equal(field_place(field, record), &fallback);
}

void fields_write_compact(const struct field_table *table, const void *record, struct json_writer *writer)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];

		if (!(field->flags & FIELD_NO_JSON) && !is_fallback(field, record))
			write_field(field, record, writer);
	}
}

const struct field *field_find(const struct field_table *table, struct str name)
{
	for (size_t i = 0; i < table->count; i++) {
		if (str_is(name, table->fields[i].name))
			return &table->fields[i];
	}
	return NULL;
}
