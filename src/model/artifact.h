/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.h - something that a run has recorded for people to look at. */
#ifndef WEIR_MODEL_ARTIFACT_H
#define WEIR_MODEL_ARTIFACT_H

#include "base/field.h"

/*
 * Types are free text: "table" (data: a string that holds the rows as JSON), "markdown" (a string), "link" (a string of
 * Markdown), "progress" (a number, 0 to 100), and what clients bring along ("image", "result"). The newest of a key is what
 * people mean by the key; it is found by an index, not by a row of its own.
 */
struct artifact {
	struct uuid id;
	int64_t created, updated;
	struct str key; /* STR_NULL: found by its run only */
	struct str type;
	struct str description; /* Markdown */
	struct str data;        /* JSON */
	struct str metadata_;   /* JSON object of strings */
	struct uuid flow_run_id;
	struct uuid task_run_id;
};

extern const struct field_table artifact_fields;

#endif
