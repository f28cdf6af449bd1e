/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complex_data_flow - conditions and loops are those of C.
 *
 *	build/examples/complex_data_flow
 *	build/examples/complex_data_flow run complex-data-flow --param 'offline=["source_b"]'
 *
 * All sources are checked at once. Those that are there are worked off one by one, three batches of each in parallel.
 */
#include <weir.h>

#include <string.h>

static json_t *check_data_availability(weir_run *run)
{
	const char *source = weir_string(run, "source");
	const json_t *entry;
	size_t i;

	json_array_foreach (weir_value(run, "offline"), i, entry) {
		const char *offline = json_string_value(entry);

		if (offline && strcmp(offline, source) == 0)
			return json_false();
	}
	return json_true();
}

static const weir_task check_data_availability_task = {
	.name = "check-data-availability",
	.description = "检查数据源是否可用",
	.parameters = { { .name = "source", .type = WEIR_STRING, .required = true },
	                { .name = "offline", .type = WEIR_ARRAY, .fallback = "[]" } },
	.run = check_data_availability,
};

static json_t *process_batch(weir_run *run)
{
	return json_sprintf("处理完成: %s", weir_string(run, "batch"));
}

static const weir_task process_batch_task = {
	.name = "process-batch",
	.description = "处理单个批次的数据",
	.parameters = { { .name = "batch", .type = WEIR_STRING, .required = true } },
	.run = process_batch,
};

/* The names of the three batches of a source. */
static json_t *batches_of(const char *source)
{
	json_t *batches = json_array();

	for (int i = 0; i < 3; i++)
		json_array_append_new(batches, json_sprintf("%s_batch_%d", source, i));
	return batches;
}

static json_t *process_sources(weir_run *run)
{
	json_t *sources = weir_value(run, "sources");
	json_auto_t *constant = json_pack("{s:O}", "offline", weir_value(run, "offline"));
	const weir_map_options options = { .constant = constant };
	weir_futures *checks = weir_map_json(run, &check_data_availability_task, &options, json_incref(sources));
	json_auto_t *available = weir_results(checks);
	json_auto_t *results = json_array();
	json_t *source;
	size_t i;

	if (!available)
		return NULL;

	json_array_foreach (sources, i, source) {
		if (!json_is_true(json_array_get(available, i)))
			continue;

		weir_futures *batches = weir_map(run, &process_batch_task, "o", batches_of(json_string_value(source)));
		json_auto_t *done = weir_results(batches);

		if (!done)
			return NULL;
		json_array_extend(results, done);
	}

	if (json_array_size(results) == 0) {
		weir_print(run, "❌ 没有可用的数据源\n");
		return json_null();
	}
	return json_incref(results);
}

static const weir_flow complex_data_flow = {
	.name = "complex-data-flow",
	.description = "复杂的数据处理流程",
	.parameters = { { .name = "sources",
	                  .type = WEIR_ARRAY,
	                  .fallback = "[\"source_a\", \"source_b\", \"source_c\"]" },
	                { .name = "offline",
	                  .type = WEIR_ARRAY,
	                  .fallback = "[]",
	                  .description = "sources that are down" } },
	.run = process_sources,
	.log_prints = WEIR_ON,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &complex_data_flow, NULL };

	return weir_main(argc, argv, flows);
}
