/* SPDX-License-Identifier: Apache-2.0 */
/* squares - a small program of flows, for those who build with the installed library. Its result is 14. */
#include <weir/weir.h>

#include <string.h>

static json_t *square(weir_run *run)
{
	return json_integer(weir_integer(run, "n") * weir_integer(run, "n"));
}

static const weir_task square_task = {
	.name = "square",
	.parameters = { { .name = "n", .type = WEIR_INTEGER, .required = true } },
	.run = square,
};

static json_t *add_squares(weir_run *run)
{
	json_auto_t *squares = weir_results(weir_map(run, &square_task, "[i,i,i]", 1, 2, 3));
	json_int_t sum = 0;
	json_t *one;
	size_t i;

	if (!squares)
		return NULL;
	json_array_foreach (squares, i, one)
		sum += json_integer_value(one);
	return json_integer(sum);
}

static const weir_flow squares_flow = { .name = "squares", .run = add_squares };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &squares_flow, NULL };

	/* The header is that of the library which is linked. */
	if (strcmp(weir_version(), WEIR_VERSION) != 0)
		return 99;
	return weir_main(argc, argv, flows);
}
