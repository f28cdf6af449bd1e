/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello - one flow, one task: the least that a program of flows needs.
 *
 *	build/examples/hello                 run the flow: the log on stderr, its result on stdout
 *	build/examples/hello ls              list the flows of this program
 *	build/examples/hello run my-flow     run one by name
 *	weir flow-run ls                     what ran, and what has become of it
 */
#include <weir.h>

/* A task is a function: its parameters come with the run, what it returns is its result. */
static json_t *greet(weir_run *run)
{
	const char *name = weir_string(run, "name");

	weir_print(run, "Hello, %s!\n", name);
	return json_sprintf("Processed %s", name);
}

static const weir_task my_task = {
	.name = "my-task",
	.description = "greet somebody",
	.parameters = { { .name = "name", .type = WEIR_STRING, .required = true } },
	.run = greet,
};

/* A flow calls tasks. A task that fails gives NULL, which json_pack passes on: the flow then fails for the same reason. */
static json_t *greet_both(weir_run *run)
{
	json_t *alice = weir_call(run, &my_task, "s", "Alice");
	json_t *bob = weir_call(run, &my_task, "s", "Bob");

	return json_pack("[o,o]", alice, bob);
}

static const weir_flow my_flow = {
	.name = "my-flow",
	.description = "greet Alice and Bob",
	.run = greet_both,
	.log_prints = WEIR_ON,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &my_flow, NULL };

	return weir_main(argc, argv, flows);
}
