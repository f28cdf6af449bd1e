/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

struct settings settings;

static const weir_parameter declared[] = {
	{ .name = "data_folder", .type = WEIR_STRING, .fallback = "\"data\"" },
	{ .name = "report_folder", .type = WEIR_STRING, .fallback = "\"reports\"" },
	{ .name = "shops", .type = WEIR_ARRAY, .required = true },
	{ .name = "currency", .type = WEIR_STRING, .fallback = "\"CNY\"" },
	{ .name = NULL },
};

int settings_read(const char *env_file, weir_problem *problem)
{
	static json_t *values; /* holds the texts that the struct points to */
	int result = weir_settings_read(&values, declared, env_file, problem);

	if (result < 0)
		return result;
	settings = (struct settings){
		.data_folder = json_string_value(json_object_get(values, "data_folder")),
		.report_folder = json_string_value(json_object_get(values, "report_folder")),
		.shops = json_object_get(values, "shops"),
		.currency = json_string_value(json_object_get(values, "currency")),
	};
	return 0;
}
