/* SPDX-License-Identifier: Apache-2.0 */
/* sales.c - tasks that compute with sales. */
#include "tasks.h"

#include <stdio.h>

/* "1001,2550": an order and its amount in cents. */
static bool read_sale(const char *line, json_int_t *cents)
{
	long long order, amount;
	int used = 0;

	if (!line || sscanf(line, "%lld,%lld%n", &order, &amount, &used) != 2 || line[used] != '\0' || amount < 0)
		return false;
	*cents = amount;
	return true;
}

static json_t *sum_sales(weir_run *run)
{
	const char *shop = weir_string(run, "shop");
	json_t *lines = weir_value(run, "lines");
	json_int_t orders = 0, refused = 0, total = 0, cents;
	const json_t *line;
	size_t i;

	if (json_is_null(lines))
		return json_pack("{s:s,s:n,s:i,s:i}", "shop", shop, "orders", "cents", 0, "refused", 0);

	json_array_foreach (lines, i, line) {
		const char *text = json_string_value(line);

		if (i == 0) /* the titles */
			continue;
		if (read_sale(text, &cents)) {
			orders++;
			total += cents;
		} else {
			refused++;
			weir_warning(run, "%s: line %zu is no sale: %s", shop, i + 1, text ? text : "it is not UTF-8");
		}
	}
	return json_pack("{s:s,s:I,s:I,s:I}", "shop", shop, "orders", orders, "cents", total, "refused", refused);
}

const weir_task sum_sales_task = {
	.name = "sum-sales",
	.description = "orders and turnover of a shop",
	.run_name = "sum {shop}",
	.parameters = { { .name = "shop", .type = WEIR_STRING, .required = true },
	                { .name = "lines",
	                  .type = WEIR_ANY_VALUE,
	                  .description = "of its file; null: there is none" } },
	.run = sum_sales,
};
