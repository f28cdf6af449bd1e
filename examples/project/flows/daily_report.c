/* SPDX-License-Identifier: Apache-2.0 */
#include "flows.h"

/* Each step waits for the one before. One that fails gives NULL, and the flow ends for the same reason. */
static json_t *report_day(weir_run *run)
{
	const char *day = weir_string(run, "day");
	json_t *files = weir_subflow(run, &data_extraction_flow, "s", day);
	json_t *sums = files ? weir_subflow(run, &data_processing_flow, "{s:o}", "files", files) : NULL;

	return sums ? weir_subflow(run, &reporting_flow, "{s:s,s:o}", "day", day, "sums", sums) : NULL;
}

const weir_flow daily_report_flow = {
	.name = "daily-report",
	.description = "extract, process and report the sales of a day",
	.run_name = "report of {day}",
	.tags = { "daily" },
	.parameters = { { .name = "day", .type = WEIR_STRING, .required = true, .description = "as 2026-01-05" } },
	.run = report_day,
	.timeout_seconds = 3600,
};
