/* SPDX-License-Identifier: Apache-2.0 */
#include "../config/settings.h"
#include "../tasks/tasks.h"
#include "flows.h"

#include <ctype.h>
#include <string.h>

/* The day becomes part of a path, so it must be one. */
static bool is_day(const char *text)
{
	static const char form[] = "dddd-dd-dd";
	size_t i;

	for (i = 0; text[i] && form[i]; i++) {
		if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	}
	return text[i] == '\0' && form[i] == '\0';
}

static json_t *extract(weir_run *run)
{
	const char *day = weir_string(run, "day");
	json_t *paths = json_array();
	json_t *files = json_object();
	const json_t *shop;
	size_t i;

	if (!is_day(day)) {
		json_decref(paths);
		json_decref(files);
		return weir_fail_final(run, "'%s' is no day: write it as 2026-01-05", day);
	}
	json_array_foreach (settings.shops, i, shop)
		json_array_append_new(paths,
		                      json_sprintf("%s/%s/%s.csv", settings.data_folder, day, json_string_value(shop)));

	/* All shops at once. A file that is not there skips its task, and gives null. */
	json_auto_t *lines = weir_results(weir_map(run, &read_lines_task, "o", paths));

	json_array_foreach (settings.shops, i, shop)
		json_object_set(files, json_string_value(shop), json_array_get(lines, i));
	if (!lines) {
		json_decref(files);
		return NULL;
	}
	return files;
}

const weir_flow data_extraction_flow = {
	.name = "data-extraction",
	.description = "read what the shops have sent",
	.parameters = { { .name = "day", .type = WEIR_STRING, .required = true, .description = "as 2026-01-05" } },
	.run = extract,
};
