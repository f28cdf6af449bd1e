/* SPDX-License-Identifier: Apache-2.0 */
/* values - values that are changed after they were handed over, which a program must not do. */
#include <weir.h>

static json_t *sleep_a_little(weir_run *run)
{
	if (weir_sleep(run, 0.05) < 0)
		return NULL;
	return json_incref(weir_value(run, "value"));
}

static const weir_task sleepy_task = {
	.name = "sleepy",
	.parameters = { { .name = "value" } },
	.run = sleep_a_little,
};

/* The caller changes what it has lent. */
static json_t *change_argument(weir_run *run)
{
	json_auto_t *value = json_pack("{s:i}", "number", 1);
	weir_future *future = weir_submit(run, &sleepy_task, "{s:O}", "value", value);

	json_object_set_new(value, "number", json_integer(2));
	return weir_result(future);
}

/* The task changes what it was lent. */
static json_t *change_own(weir_run *run)
{
	json_object_set_new(weir_value(run, "value"), "number", json_integer(2));
	return json_null();
}

static const weir_task changing_task = {
	.name = "changing",
	.parameters = { { .name = "value", .type = WEIR_OBJECT } },
	.run = change_own,
};

static json_t *call_changing(weir_run *run)
{
	return weir_call(run, &changing_task, "{s:{s:i}}", "value", "number", 1);
}

/* A result is changed by one who has it, and read by another. */
static json_t *change_result(weir_run *run)
{
	weir_future *future = weir_submit(run, &sleepy_task, "{s:[i]}", "value", 1);
	json_auto_t *first = weir_result(future);

	json_array_append_new(first, json_integer(2));
	return weir_result(future);
}

static const weir_flow argument_flow = { .name = "argument", .run = change_argument };
static const weir_flow own_flow = { .name = "own", .run = call_changing };
static const weir_flow result_flow = { .name = "result", .run = change_result };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &argument_flow, &own_flow, &result_flow, NULL };

	return weir_main(argc, argv, flows);
}
