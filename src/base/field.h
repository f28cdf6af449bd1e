/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.h - field tables: one row for each field of a record. Validation, JSON in both directions and SQL columns come
 * from it, so that a field is written down once (the struct declares it, the table describes it).
 *
 * A record is a plain struct; a row gives the member's place. The C type of the member follows from the row's type:
 *
 *	type              member          "no value"       JSON                        SQL column
 *	FIELD_UUID        struct uuid     nil              text                        BLOB, 16 bytes
 *	FIELD_TEXT        struct str      data NULL        string                      TEXT
 *	FIELD_JSON        struct str      data NULL        the raw text                TEXT
 *	FIELD_TIMESTAMP   int64_t, us     TIMESTAMP_NONE   "…Z"                        INTEGER
 *	FIELD_DURATION    int64_t, us     (never)          seconds, a real             INTEGER
 *	FIELD_INTEGER     int64_t         INTEGER_NONE     integer                     INTEGER
 *	FIELD_REAL        double          NaN              real                        REAL
 *	FIELD_BOOLEAN     bool            (never)          true, false                 INTEGER
 *	FIELD_ENUM        int             0                names[value]                TEXT
 */
#ifndef WEIR_BASE_FIELD_H
#define WEIR_BASE_FIELD_H

#include "base/json.h"
#include "base/timestamp.h"
#include "base/uuid.h"

#define INTEGER_NONE INT64_MIN

enum field_type {
	FIELD_UUID,
	FIELD_TEXT,
	FIELD_JSON,
	FIELD_TIMESTAMP,
	FIELD_DURATION,
	FIELD_INTEGER,
	FIELD_REAL,
	FIELD_BOOLEAN,
	FIELD_ENUM,
};

enum field_flag {
	FIELD_REQUIRED = 1 << 0,  /* a body without it is refused */
	FIELD_NOT_NULL = 1 << 1,  /* null is refused; without a value the fallback is written */
	FIELD_NO_COLUMN = 1 << 2, /* derived: in replies, not in the table */
	FIELD_NO_JSON = 1 << 3,   /* internal: in the table, never in replies or bodies */
	FIELD_READ_ONLY = 1 << 4, /* a body may not set it */
	FIELD_OBJECT = 1 << 5,    /* FIELD_JSON: must be an object */
	FIELD_ARRAY = 1 << 6,     /* FIELD_JSON: must be an array */
	FIELD_STRINGS = 1 << 7,   /* FIELD_JSON: must be an array of strings */
};

struct field {
	const char *name; /* JSON key and SQL column */
	enum field_type type;
	uint16_t offset;          /* of the member in the record */
	uint16_t flags;           /* enum field_flag */
	const char *fallback;     /* JSON text of the default; NULL: null */
	int64_t minimum, maximum; /* of integers, or of a text's length in characters; both 0: no limit */
	const char *const *names; /* FIELD_ENUM: by value, names[0] NULL for "no value", ends with NULL */
	const char *help;         /* one line, for OpenAPI and documentation */
	const char *column;       /* of SQL, when the name is a word of SQL; NULL: the name */
};

struct field_table {
	const char *name; /* of the SQL table, or of the schema */
	const struct field *fields;
	size_t count; /* at most 64: sets of fields are bits of a uint64_t, by row */
	size_t record_size;
};

#define FIELD(record, member, kind, ...)                                                                               \
	{                                                                                                              \
		.name = #member, .type = (kind), .offset = offsetof(record, member), __VA_ARGS__                       \
	}

/* Set every field to its fallback, or to "no value". The record is zeroed first. */
void fields_init(const struct field_table *table, void *record);

/*
 * Read an object into the record: only members that are present are written, and set in *present (bits by row; may be
 * NULL), so that PATCH can tell absent from null. Unknown members are ignored unless strict. Every wrong member is
 * refused with its path ("state.type"): WEIR_EINVAL. Texts are decoded into the arena, raw JSON points into the input.
 * Integers and reals may stand in quotes. FIELD_READ_ONLY and FIELD_NO_JSON members count as unknown. A missing
 * FIELD_REQUIRED member is refused always, so a PATCH has a table of its own.
 */
MUST_CHECK int fields_read(const struct field_table *table, struct arena *arena, const struct json *object,
                           void *record, uint64_t *present, bool strict, struct problem *problem);

/* Write all fields that are not FIELD_NO_JSON as members of the object that is open in the writer. */
void fields_write(const struct field_table *table, const void *record, struct json_writer *writer);

/* The same, but only those that differ from their fallback: the compact form in which details are stored. */
void fields_write_compact(const struct field_table *table, const void *record, struct json_writer *writer);

/* Has the field no value? */
bool field_is_none(const struct field *field, const void *record);

/* Set it as null in a body does: to "no value"; to the fallback where the type always has a value. */
void field_set_null(const struct field *field, void *record);

/* A row by name, or NULL. */
const struct field *field_find(const struct field_table *table, struct str name);

/* The place of a field's member in a record. */
static inline void *field_place(const struct field *field, const void *record)
{
	return (char *)(uintptr_t)record + field->offset;
}

/* The value of a name in a FIELD_ENUM's list, 0 when there is none. */
int enum_value(const char *const *names, struct str name);

#endif
