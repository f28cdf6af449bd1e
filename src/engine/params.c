/* SPDX-License-Identifier: Apache-2.0 */
/* params.c - the parameters of a run, as its function asks for them. */
#include "engine/run.h"

#include <stdio.h>
#include <stdlib.h>

NORETURN static void refuse(const weir_run *run, const char *name, const char *why)
{
	const struct callable *what = &run->run->what;

	fprintf(stderr, "weir: %s '%s' asks for parameter '%s', %s\n", callable_noun(what), what->name, name, why);
	abort();
}

/* The value of a declared parameter; NULL when it is null. Anything else is a programmer's error. */
static json_t *value_of(const weir_run *run, const char *name, enum weir_type type)
{
	const weir_parameter *declared = callable_parameter(&run->run->what, name);
	json_t *value = json_object_get(run->arguments, name);

	if (!declared)
		refuse(run, name, "which is not declared: add it to .parameters");
	if (json_is_null(value))
		return NULL;
	if (!value_has_type(value, type))
		refuse(run, name, "which is declared as another type");
	return value;
}

WEIR_API const char *weir_string(const weir_run *run, const char *name)
{
	return json_string_value(value_of(run, name, WEIR_STRING));
}

WEIR_API int64_t weir_integer(const weir_run *run, const char *name)
{
	return json_integer_value(value_of(run, name, WEIR_INTEGER));
}

WEIR_API double weir_number(const weir_run *run, const char *name)
{
	return json_number_value(value_of(run, name, WEIR_NUMBER));
}

WEIR_API bool weir_boolean(const weir_run *run, const char *name)
{
	return json_is_true(value_of(run, name, WEIR_BOOLEAN));
}

WEIR_API json_t *weir_value(const weir_run *run, const char *name)
{
	json_t *value = value_of(run, name, WEIR_ANY_VALUE);

	return value ? value : json_object_get(run->arguments, name);
}

WEIR_API json_t *weir_params(const weir_run *run)
{
	return run->arguments;
}
