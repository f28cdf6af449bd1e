/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h - declared parameters as JSON schema. */
#ifndef WEIR_ENGINE_SCHEMA_H
#define WEIR_ENGINE_SCHEMA_H

#include "weir/weir.h"

/*
 * {"title": title, "type": "object", "properties": {name: {"title", "type", "default", "description", "position"}},
 * "required": [...]}: the first `count` parameters, or those before one without a name. What is not said is left out:
 * the type of WEIR_ANY_VALUE, the default of a required one, and "required" when none is. A new reference.
 */
json_t *parameters_schema(const char *title, const weir_parameter *parameters, size_t count);

/* A string, with U+FFFD for what is not UTF-8; null for NULL. A new reference. */
json_t *json_of_text(const char *text);

#endif
