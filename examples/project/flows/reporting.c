/* SPDX-License-Identifier: Apache-2.0 */
#include "../config/settings.h"
#include "../tasks/tasks.h"
#include "flows.h"

/* "| shop | orders | turnover |" of one sum. */
static json_t *row_of(const json_t *sum)
{
	const char *shop = json_string_value(json_object_get(sum, "shop"));
	json_int_t cents = json_integer_value(json_object_get(sum, "cents"));

	if (json_is_null(json_object_get(sum, "orders")))
		return json_sprintf("| %s | – | – |\n", shop);
	return json_sprintf("| %s | %" JSON_INTEGER_FORMAT " | %" JSON_INTEGER_FORMAT ".%02d %s |\n", shop,
	                    json_integer_value(json_object_get(sum, "orders")), cents / 100, (int)(cents % 100),
	                    settings.currency);
}

/* The report as Markdown, a JSON string. */
static json_t *write_report(const char *day, const json_t *sums)
{
	json_t *text = json_sprintf("# Sales of %s\n\n| shop | orders | turnover |\n| --- | --- | --- |\n", day);
	const json_t *sum;
	size_t i;

	json_array_foreach (sums, i, sum) {
		json_auto_t *before = text;
		json_auto_t *row = row_of(sum);

		text = json_sprintf("%s%s", json_string_value(before), json_string_value(row));
	}
	return text;
}

static json_t *report(weir_run *run)
{
	const char *day = weir_string(run, "day");
	json_auto_t *text = write_report(day, weir_value(run, "sums"));
	json_auto_t *path = json_sprintf("%s/%s.md", settings.report_folder, day);

	/* For `weir artifact inspect daily-sales`. A report that is only in its file is a report all the same. */
	if (weir_artifact_markdown(run, "daily-sales", json_string_value(text), NULL) < 0)
		weir_warning(run, "the report could not be recorded as an artifact");
	return weir_call(run, &write_text_task, "{s:O,s:O}", "path", path, "text", text);
}

const weir_flow reporting_flow = {
	.name = "reporting",
	.description = "write the report of a day",
	.parameters = { { .name = "day", .type = WEIR_STRING, .required = true, .description = "as 2026-01-05" },
	                { .name = "sums", .type = WEIR_ARRAY, .required = true, .description = "of data-processing" } },
	.run = report,
};
