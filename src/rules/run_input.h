/* SPDX-License-Identifier: Apache-2.0 */
/* run_input.h - what a paused run asks for, as JSON schema, and whether an answer fits it. */
#ifndef WEIR_RULES_RUN_INPUT_H
#define WEIR_RULES_RUN_INPUT_H

#include "base/json.h"

/* One value that is asked for. */
struct input_field {
	struct str name;
	struct str type; /* "string", "integer", …; STR_NULL: any value */
	struct str description;
	struct str fallback; /* JSON; STR_NULL: none */
	bool required;
};

/*
 * The fields of a schema ({"properties": {...}, "required": [...]}), in their order. fields gets an array in the arena;
 * returns their number, or WEIR_ECORRUPT for a text that is no such schema. STR_NULL has none.
 */
MUST_CHECK int run_input_fields(struct arena *arena, struct str schema, struct input_field **fields,
                                struct problem *problem);

/*
 * Check an answer (JSON text; STR_NULL: {}) against a schema and complete it: *out gets the object with all fields, the missing
 * ones with their defaults (null without one). WEIR_EINVAL names everything that is missing, unknown or of another type;
 * WEIR_ESYNTAX for a text that is no JSON.
 */
MUST_CHECK int run_input_check(struct arena *arena, struct str schema, struct str input, struct str *out,
                               struct problem *problem);

/* "a string", "an integer", …: a field's type for messages. */
const char *input_type_phrase(struct str type);

#endif
