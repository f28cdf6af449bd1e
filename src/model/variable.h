/* SPDX-License-Identifier: Apache-2.0 */
/* variable.h - a named value that all flows share. */
#ifndef WEIR_MODEL_VARIABLE_H
#define WEIR_MODEL_VARIABLE_H

#include "base/field.h"

struct variable {
	struct uuid id;
	int64_t created, updated;
	struct str name;  /* unique */
	struct str value; /* JSON */
	struct str tags;  /* JSON array of strings */
};

extern const struct field_table variable_fields;

#endif
