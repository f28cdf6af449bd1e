/* SPDX-License-Identifier: Apache-2.0 */
#include "../tasks/tasks.h"
#include "flows.h"

static json_t *process(weir_run *run)
{
	json_t *arguments = json_array();
	const char *shop;
	json_t *lines;

	json_object_foreach (weir_value(run, "files"), shop, lines)
		json_array_append_new(arguments, json_pack("{s:s,s:O}", "shop", shop, "lines", lines));
	return weir_results(weir_map(run, &sum_sales_task, "o", arguments));
}

const weir_flow data_processing_flow = {
	.name = "data-processing",
	.description = "orders and turnover of each shop",
	.parameters = { { .name = "files",
	                  .type = WEIR_OBJECT,
	                  .required = true,
	                  .description = "lines of each shop's file, or null" } },
	.run = process,
};
