/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments: whatever is passed, it binds to values of the declared types or is refused with a sentence. */
#include "engine/callable.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *nothing(weir_run *run)
{
	(void)run;
	return NULL;
}

static const weir_task task = {
	.name = "fuzzed",
	.parameters = { { .name = "text", .type = WEIR_STRING, .required = true },
	                { .name = "count", .type = WEIR_INTEGER, .fallback = "3" },
	                { .name = "ratio", .type = WEIR_NUMBER },
	                { .name = "yes", .type = WEIR_BOOLEAN },
	                { .name = "list", .type = WEIR_ARRAY },
	                { .name = "object", .type = WEIR_OBJECT, .fallback = "{}" },
	                { .name = "any" } },
	.run = nothing,
};

static void check_bound(const struct callable *callable, const json_t *bound)
{
	for (size_t i = 0; callable->parameters[i].name; i++) {
		const json_t *value = json_object_get(bound, callable->parameters[i].name);

		ASSERT(value);
		ASSERT(value_has_type(value, callable->parameters[i].type) ||
		       (json_is_null(value) && !callable->parameters[i].required));
	}
}

/* As a program passes them: JSON of any shape. */
static void bind_value(const char *text, size_t size)
{
	struct callable callable = callable_of_task(&task);
	struct problem problem = { 0 };
	json_t *arguments = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	json_t *bound = NULL;

	if (!arguments)
		return;
	if (callable_bind(&callable, arguments, NULL, &bound, &problem) < 0) {
		ASSERT(problem.code == WEIR_EINVAL && problem.message[0] && !bound);
		return;
	}
	check_bound(&callable, bound);
	json_decref(bound);
}

/* As a command line passes them: text for a declared type. */
static void read_text(enum weir_type type, const char *text)
{
	struct problem problem = { 0 };
	json_t *value = value_from_text(type, "p", text, &problem);

	ASSERT(value ? value_has_type(value, type) : problem.code == WEIR_EINVAL && problem.message[0]);
	json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	bind_value((const char *)data, size);
	read_text((enum weir_type)(data[0] % (WEIR_OBJECT + 1)), text);
	free(text);
	return 0;
}
