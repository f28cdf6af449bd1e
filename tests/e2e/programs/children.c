/* SPDX-License-Identifier: Apache-2.0 */
/* children - flows that start tasks and flows in every way: nested, mapped, waiting for each other, given back early. */
#include <weir.h>

#include <stdio.h>

/* --- Tasks ----------------------------------------------------------------------------------------------------- */

static json_t *do_nothing(weir_run *run)
{
	return json_incref(weir_value(run, "value"));
}

static const weir_task noop = {
	.name = "noop",
	.parameters = { { .name = "value", .type = WEIR_ANY_VALUE } },
	.run = do_nothing,
};

static json_t *add(weir_run *run)
{
	return json_integer(weir_integer(run, "left") + weir_integer(run, "right"));
}

static const weir_task add_task = {
	.name = "add",
	.parameters = { { .name = "left", .type = WEIR_INTEGER, .required = true },
	                { .name = "right", .type = WEIR_INTEGER, .required = true } },
	.run = add,
};

/* Sleeps, then returns its seconds, or fails when it is told to. */
static json_t *rest(weir_run *run)
{
	if (weir_sleep(run, weir_number(run, "seconds")) < 0)
		return NULL;
	if (weir_boolean(run, "fail"))
		return weir_fail(run, "slept badly");
	return json_real(weir_number(run, "seconds"));
}

static const weir_task rest_task = {
	.name = "rest",
	.parameters = { { .name = "seconds", .type = WEIR_NUMBER, .fallback = "0" },
	                { .name = "fail", .type = WEIR_BOOLEAN, .fallback = "false" } },
	.run = rest,
};

/* --- Flows in flows -------------------------------------------------------------------------------------------- */

static const weir_flow nested;

static json_t *nest(weir_run *run)
{
	json_int_t depth = weir_integer(run, "depth");
	int submitted = weir_boolean(run, "submitted");
	json_auto_t *below = NULL;

	if (depth == 0)
		return json_integer(0);
	if (submitted)
		below = weir_result(weir_submit_flow(run, &nested, "[I,b]", depth - 1, submitted));
	else
		below = weir_subflow(run, &nested, "[I,b]", depth - 1, submitted);
	return below ? json_integer(json_integer_value(below) + 1) : NULL;
}

static const weir_flow nested = {
	.name = "nested",
	.parameters = { { .name = "depth", .type = WEIR_INTEGER, .required = true },
	                { .name = "submitted", .type = WEIR_BOOLEAN, .fallback = "false" } },
	.run = nest,
};

static json_t *tell_id(weir_run *run)
{
	json_auto_t *done = weir_call(run, &noop, "i", 1);

	return done ? json_string(weir_run_id(run)) : NULL;
}

static const weir_flow step = { .name = "step", .run = tell_id };

/* Prints the id of each subflow once its end is confirmed: from then on it has to be in the database, come what may. */
static json_t *confirm(weir_run *run)
{
	int64_t count = weir_integer(run, "count");

	for (int64_t i = 0; i < count && !weir_cancelled(run); i++) {
		json_auto_t *id = weir_subflow(run, &step, NULL);

		if (!id)
			return NULL;
		printf("confirmed %s\n", json_string_value(id));
		fflush(stdout);
	}
	return json_integer(count);
}

static const weir_flow confirms = {
	.name = "confirms",
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .required = true } },
	.run = confirm,
};

/* --- Maps ------------------------------------------------------------------------------------------------------ */

static json_t *map_many(weir_run *run)
{
	int64_t count = weir_integer(run, "count");
	json_t *elements = json_array();
	json_int_t sum = 0;
	const json_t *value;
	size_t i;

	for (int64_t n = 0; n < count; n++)
		json_array_append_new(elements, json_integer(n));

	json_auto_t *values = weir_results(weir_map(run, &noop, "o", elements));

	if (!values)
		return NULL;
	json_array_foreach (values, i, value)
		sum += json_integer_value(value);
	return json_integer(sum);
}

static const weir_flow maps_many = {
	.name = "maps-many",
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .required = true } },
	.run = map_many,
};

static json_t *map_with_constant(weir_run *run)
{
	json_auto_t *constant = json_pack("{s:i}", "right", 100);
	const weir_map_options options = { .constant = constant, .submit = { .name = "adding", .tags = { "sum" } } };
	weir_futures *sums = weir_map_json(run, &add_task, &options, json_pack("[i,i,i]", 1, 2, 3));

	if (weir_count(sums) != 3)
		return weir_fail(run, "3 elements gave %zu children", weir_count(sums));
	if (weir_wait(sums, WEIR_ALL, WEIR_FOREVER) < 0)
		return NULL;

	json_auto_t *last = weir_result(weir_at(sums, 2));

	return json_pack("{s:o,s:O}", "all", weir_results(sums), "last", last);
}

static const weir_flow maps_with_constant = { .name = "maps-with-constant", .run = map_with_constant };

/* One of five fails: the others run to their end. */
static json_t *map_failing(weir_run *run)
{
	return weir_results(weir_map(run, &rest_task, "[i,i,{s:i,s:b},i,i]", 0, 0, "seconds", 0, "fail", 1, 0, 0));
}

static const weir_flow maps_failing = { .name = "maps-failing", .run = map_failing };

/* --- Dependencies ---------------------------------------------------------------------------------------------- */

static json_t *run_in_order(weir_run *run)
{
	int fails = weir_boolean(run, "fail");
	const weir_submit_options first_options = { .name = "first" };
	weir_future *first = weir_submit_with(run, &rest_task, &first_options, "[f,b]", 0.2, fails);
	weir_future *const waited[] = { first, NULL };
	const weir_submit_options second_options = { .name = "second", .tags = { "late" }, .wait_for = waited };
	weir_future *second = weir_submit_with(run, &noop, &second_options, "s", "after the first");

	return weir_result(second);
}

static const weir_flow waits_for = {
	.name = "waits-for",
	.parameters = { { .name = "fail", .type = WEIR_BOOLEAN, .fallback = "false" } },
	.run = run_in_order,
};

/* (1 + 2) twice, added up, and once more within a structure. */
static json_t *pass_outputs(weir_run *run)
{
	const char *right = weir_boolean(run, "fail") ? "two" : NULL;
	weir_future *three =
	        right ? weir_submit(run, &add_task, "[i,s]", 1, right) : weir_submit(run, &add_task, "[i,i]", 1, 2);
	weir_future *six = weir_submit(run, &add_task, "[o,o]", weir_output_of(three), weir_output_of(three));
	weir_future *inside = weir_submit(run, &noop, "{s:{s:[i,o]}}", "value", "deep", 0, weir_output_of(six));
	weir_futures *all = weir_map(run, &noop, "[i,o]", 5, weir_output_of(six));
	weir_future *gathered = weir_submit(run, &noop, "{s:o}", "value", weir_outputs_of(all));

	return json_pack("{s:o,s:o}", "inside", weir_result(inside), "gathered", weir_result(gathered));
}

static const weir_flow passes_outputs = {
	.name = "passes-outputs",
	.parameters = { { .name = "fail", .type = WEIR_BOOLEAN, .fallback = "false" } },
	.run = pass_outputs,
};

/* --- Waiting --------------------------------------------------------------------------------------------------- */

/* The results in the order in which the children end. */
static json_t *take_next(weir_run *run)
{
	weir_futures *rests = weir_map(run, &rest_task, "[f,f,f]", 0.9, 0.05, 0.45);
	json_auto_t *order = json_array();
	weir_future *next;

	while ((next = weir_next(rests)) != NULL)
		json_array_append_new(order, weir_result(next));
	return json_incref(order);
}

static const weir_flow takes_next = { .name = "takes-next", .run = take_next };

/* What weir_wait answers: nothing has ended yet; one has; all have. */
static json_t *wait_in_steps(weir_run *run)
{
	weir_futures *rests = weir_map(run, &rest_task, "[f,f]", 0.3, 1.2);
	int at_once = weir_wait(rests, WEIR_ANY, 0);
	int any = weir_wait(rests, WEIR_ANY, WEIR_FOREVER);
	const weir_state *slow = weir_state_of(weir_at(rests, 1));
	int slow_type = slow->type;
	int all = weir_wait(rests, WEIR_ALL, WEIR_FOREVER);
	const weir_state *ended = weir_state_of(weir_at(rests, 1));

	return json_pack("[i,i,b,i,s]", at_once, any, slow_type != WEIR_COMPLETED, all, ended->name);
}

static const weir_flow waits_in_steps = { .name = "waits-in-steps", .run = wait_in_steps };

/* More children than a program would keep handles of. */
static json_t *release_all(weir_run *run)
{
	int64_t count = weir_integer(run, "count");

	weir_release(NULL);
	for (int64_t i = 0; i < count; i++)
		weir_release(weir_submit(run, &noop, "I", (json_int_t)i));
	return json_integer(count);
}

static const weir_flow releases = {
	.name = "releases",
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .required = true } },
	.run = release_all,
};

/* Returns while a child still runs: the run ends after it. */
static json_t *leave_child(weir_run *run)
{
	weir_submit(run, &rest_task, "f", 0.3);
	return json_string("left");
}

static const weir_flow leaves_child = { .name = "leaves-child", .run = leave_child };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = {
		&nested,         &confirms,   &maps_many,      &maps_with_constant, &maps_failing, &waits_for,
		&passes_outputs, &takes_next, &waits_in_steps, &releases,           &leaves_child, NULL,
	};

	return weir_main(argc, argv, flows);
}
