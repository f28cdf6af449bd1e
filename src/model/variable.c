/* SPDX-License-Identifier: Apache-2.0 */
#include "model/variable.h"

#define VARIABLE(member, kind, ...) FIELD(struct variable, member, kind, __VA_ARGS__)

static const struct field rows[] = {
	VARIABLE(id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the variable"),
	VARIABLE(created, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was made"),
	VARIABLE(updated, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was last changed"),
	VARIABLE(name, FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_NOT_NULL,
	         .help = "unique; lower case letters, digits, dashes and underscores"),
	VARIABLE(value, FIELD_JSON, .fallback = "null", .help = "any JSON value of at most 5,000 characters"),
	VARIABLE(tags, FIELD_JSON, .flags = FIELD_STRINGS | FIELD_NOT_NULL, .fallback = "[]", .help = "for filters"),
};

const struct field_table variable_fields = {
	.name = "variable",
	.fields = rows,
	.count = ARRAY_LENGTH(rows),
	.record_size = sizeof(struct variable),
};
