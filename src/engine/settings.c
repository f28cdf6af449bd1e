/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - weir_settings_read: a program's own settings, declared like parameters. */
#include "base/setting.h"
#include "base/strbuf.h"
#include "engine/callable.h"
#include "engine/engine.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* "api_timeout" -> "API_TIMEOUT" */
static char *variable_name(struct arena *arena, const char *name)
{
	char *variable = arena_strdup(arena, name);

	for (char *letter = variable; *letter; letter++)
		*letter = (char)toupper((unsigned char)*letter);
	return variable;
}

static json_t *fallback_of(const weir_parameter *setting, struct problem *problem)
{
	json_t *value;
	json_error_t error;

	if (!setting->fallback)
		return json_null();
	value = json_loads(setting->fallback, JSON_DECODE_ANY, &error);
	if (!value)
		problem_set(problem, WEIR_EINVAL, "the fallback of '%s' is not JSON: %s", setting->name, error.text);
	return value;
}

/* The value of one setting; NULL with the problem filled, the source named in its path. */
static json_t *read_setting(struct arena *arena, const weir_parameter *setting, const struct env_file *file,
                            struct problem *problem)
{
	const char *variable = variable_name(arena, setting->name);
	const char *text = getenv(variable);
	const struct env_line *line = text ? NULL : env_find(file, str_of(variable));
	json_t *value;

	if (line)
		text = arena_str(arena, line->value).data;
	if (!text && setting->required) {
		problem_set(problem, WEIR_EINVAL, "%s is not set: it must be %s", variable, type_name(setting->type));
		return NULL;
	}
	if (!text)
		return fallback_of(setting, problem);
	value = value_from_text(setting->type, variable, text, problem);
	if (!value && line)
		problem_at(problem, "%.*s:%u", STR_ARG(file->path), line->line);
	else if (!value)
		problem_at(problem, "environment");
	return value;
}

/* All wrong settings are named, one after the other. */
static int read_all(json_t *values, const weir_parameter *declared, const struct env_file *file,
                    struct problem *problem)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	AUTO(strbuf_done) struct strbuf wrong = { 0 };

	for (; declared->name; declared++) {
		struct problem one = { 0 };
		json_t *value = read_setting(&scratch, declared, file, &one);

		if (value)
			json_object_set_new(values, declared->name, value);
		else
			strbuf_printf(&wrong, "%s%s%s%s", wrong.length ? "; " : "", one.path, one.path[0] ? ": " : "",
			              one.message);
	}
	return wrong.length ? problem_set(problem, WEIR_EINVAL, "%s", wrong.data) : 0;
}

WEIR_API int weir_settings_read(json_t **values, const weir_parameter *declared, const char *env_file,
                                weir_problem *problem)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(env_done) struct env_file file = { 0 };
	json_auto_t *object = json_object();
	struct problem why = { 0 };
	int result = env_file ? env_load(&arena, env_file, &file, &why) : 0;

	if (result == 0)
		result = read_all(object, declared, &file, &why);
	*values = result == 0 ? json_incref(object) : NULL;
	if (problem)
		*problem = (weir_problem){ 0 };
	return result < 0 ? problem_export(problem, &why) : 0;
}
