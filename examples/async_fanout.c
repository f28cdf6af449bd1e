/* SPDX-License-Identifier: Apache-2.0 */
/*
 * async_fanout - ten thousand tasks that sleep at once, on one thread.
 *
 *	build/examples/async_fanout
 *	build/examples/async_fanout --param children=100000 --param seconds=10
 *
 * Each is a coroutine with a stack of its own, of which a sleeping one touches a page or two.
 */
#include <weir.h>

static json_t *nap(weir_run *run)
{
	if (weir_sleep(run, weir_number(run, "seconds")) < 0)
		return NULL;
	return json_integer(1);
}

static const weir_task nap_task = {
	.name = "nap",
	.parameters = { { .name = "seconds", .type = WEIR_NUMBER, .required = true } },
	.run = nap,
	.mode = WEIR_ASYNC,
};

/* One argument for each child. */
static json_t *repeat(double seconds, int64_t times)
{
	json_t *all = json_array();

	for (int64_t i = 0; i < times; i++)
		json_array_append_new(all, json_real(seconds));
	return all;
}

static json_t *fan_out(weir_run *run)
{
	json_t *seconds = repeat(weir_number(run, "seconds"), weir_integer(run, "children"));
	weir_futures *naps = weir_map_json(run, &nap_task, NULL, seconds);
	json_auto_t *results = weir_results(naps);

	if (!results)
		return NULL;
	weir_info(run, "%zu children slept and woke", json_array_size(results));
	return json_integer((json_int_t)json_array_size(results));
}

static const weir_flow fan_out_flow = {
	.name = "async-fanout",
	.parameters = { { .name = "children", .type = WEIR_INTEGER, .fallback = "10000" },
	                { .name = "seconds", .type = WEIR_NUMBER, .fallback = "2" } },
	.run = fan_out,
	.mode = WEIR_ASYNC,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &fan_out_flow, NULL };

	return weir_main(argc, argv, flows);
}
