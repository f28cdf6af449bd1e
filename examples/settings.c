/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings - declared settings from the environment and a .env file.
 *
 *	build/examples/settings
 *	API_TIMEOUT=30 build/examples/settings
 *	echo 'TIMEZONE=Europe/Berlin' > .env && build/examples/settings
 *	API_TIMEOUT=soon build/examples/settings        fails, and names every setting that is wrong
 */
#include <weir.h>

/* Each is read from the variable of its name in upper case, else from the file, else it is the fallback. */
static const weir_parameter settings[] = {
	{ .name = "database_url",
	  .type = WEIR_STRING,
	  .fallback = "\"sqlite:///data.db\"",
	  .description = "数据库配置" },
	{ .name = "api_timeout", .type = WEIR_INTEGER, .fallback = "300", .description = "seconds" },
	{ .name = "api_retries", .type = WEIR_INTEGER, .fallback = "3", .description = "API 配置" },
	{ .name = "timezone", .type = WEIR_STRING, .fallback = "\"Asia/Shanghai\"", .description = "调度配置" },
	{ .name = NULL },
};

static json_t *show_settings(weir_run *run)
{
	const char *name;
	json_t *value;

	json_object_foreach (weir_value(run, "settings"), name, value) {
		if (json_is_integer(value))
			weir_info(run, "%s = %" JSON_INTEGER_FORMAT, name, json_integer_value(value));
		else
			weir_info(run, "%s = %s", name, json_string_value(value));
	}
	return json_true();
}

static const weir_task show_settings_task = {
	.name = "show-settings",
	.parameters = { { .name = "settings", .type = WEIR_OBJECT, .required = true } },
	.run = show_settings,
};

static json_t *read_settings(weir_run *run)
{
	json_auto_t *values = NULL;
	weir_problem problem;

	/* Reading again does not help, hence final. */
	if (weir_settings_read(&values, settings, weir_string(run, "env_file"), &problem) < 0)
		return weir_fail_final(run, "%s", problem.message);

	json_auto_t *shown = weir_call(run, &show_settings_task, "{s:O}", "settings", values);

	return shown ? json_incref(values) : NULL;
}

static const weir_flow settings_flow = {
	.name = "settings-flow",
	.description = "read the settings and show them",
	.parameters = { { .name = "env_file", .type = WEIR_STRING, .fallback = "\".env\"" } },
	.run = read_settings,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &settings_flow, NULL };

	return weir_main(argc, argv, flows);
}
