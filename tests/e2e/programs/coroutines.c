/* SPDX-License-Identifier: Apache-2.0 */
/* coroutines - flows and tasks on event loops, and what they share with threads. */
#include <weir.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ASYNC_TASK(identifier, text, function)                                                                         \
	static const weir_task identifier = {                                                                          \
		.name = text,                                                                                          \
		.parameters = { { .name = "value", .fallback = "null" } },                                             \
		.run = function,                                                                                       \
		.mode = WEIR_ASYNC,                                                                                    \
	}

/* --- Trees of children: each level is an async flow that maps an async task that calls the next level -------------- */

static json_t *grow(weir_run *run);
static json_t *call_grow(weir_run *run);

static const weir_flow tree_flow = {
	.name = "tree",
	.parameters = { { .name = "depth", .type = WEIR_INTEGER, .fallback = "4" },
	                { .name = "width", .type = WEIR_INTEGER, .fallback = "3" },
	                { .name = "seconds", .type = WEIR_NUMBER, .fallback = "0.05" },
	                { .name = "fail", .type = WEIR_BOOLEAN, .fallback = "false" },
	                { .name = "wait", .type = WEIR_BOOLEAN, .fallback = "true" } },
	.run = grow,
	.mode = WEIR_ASYNC,
};

static const weir_task branch_task = {
	.name = "branch",
	.parameters = { { .name = "number", .type = WEIR_INTEGER, .required = true },
	                { .name = "of", .type = WEIR_OBJECT, .required = true } },
	.run = call_grow,
	.mode = WEIR_ASYNC,
};

/* The first leaf of all fails when it is told to. */
static json_t *call_grow(weir_run *run)
{
	json_t *of = weir_value(run, "of");
	json_auto_t *parameters = json_copy(of);
	int64_t depth = json_integer_value(json_object_get(of, "depth")) - 1;

	json_object_set_new(parameters, "depth", json_integer(depth));
	if (weir_integer(run, "number") != 0)
		json_object_set_new(parameters, "fail", json_false());
	return weir_subflow(run, &tree_flow, "O", parameters);
}

static json_t *sum(json_t *numbers)
{
	json_int_t total = 0;
	size_t i;
	json_t *number;

	json_array_foreach (numbers, i, number)
		total += json_integer_value(number);
	return json_integer(total);
}

static json_t *grow(weir_run *run)
{
	json_auto_t *elements = json_array();
	json_auto_t *constant = json_pack("{s:O}", "of", weir_params(run));
	const weir_map_options options = { .constant = constant };
	weir_futures *branches;

	if (weir_integer(run, "depth") == 0) {
		if (weir_boolean(run, "fail"))
			return weir_fail(run, "the first leaf fails");
		return weir_sleep(run, weir_number(run, "seconds")) < 0 ? NULL : json_integer(1);
	}
	for (int64_t i = 0; i < weir_integer(run, "width"); i++)
		json_array_append_new(elements, json_integer(i));
	branches = weir_map_json(run, &branch_task, &options, json_incref(elements));
	if (!weir_boolean(run, "wait"))
		return json_null();

	json_auto_t *results = weir_results(branches);

	return results ? sum(results) : NULL;
}

/* --- Modes that call each other ----------------------------------------------------------------------------------- */

static json_t *add_one(weir_run *run)
{
	if (weir_sleep(run, 0.01) < 0)
		return NULL;
	return json_integer(weir_integer(run, "value") + 1);
}

static const weir_task thread_add = {
	.name = "thread-add",
	.parameters = { { .name = "value", .type = WEIR_INTEGER, .required = true } },
	.run = add_one,
};

static const weir_task async_add = {
	.name = "async-add",
	.parameters = { { .name = "value", .type = WEIR_INTEGER, .required = true } },
	.run = add_one,
	.mode = WEIR_ASYNC,
};

/* Called, submitted and mapped, in both modes; each adds one. */
static json_t *mix(weir_run *run)
{
	json_auto_t *a = weir_call(run, &thread_add, "i", 0);
	json_auto_t *b = weir_call(run, &async_add, "O", a);
	weir_future *c = weir_submit(run, &thread_add, "O", b);
	weir_future *d = weir_submit(run, &async_add, "o", weir_output_of(c));
	weir_futures *e = weir_map(run, &async_add, "[o,i,i]", weir_output_of(d), 0, 0);
	weir_futures *f = weir_map(run, &thread_add, "o", weir_outputs_of(e));

	(void)f;
	return weir_results(e);
}

static json_t *call_mix(weir_run *run);

static const weir_flow mixed_async = { .name = "mixed-async", .run = mix, .mode = WEIR_ASYNC };
static const weir_flow mixed_thread = { .name = "mixed-thread", .run = mix };

static const weir_task thread_caller = { .name = "thread-caller", .run = call_mix };

/* A thread in the middle: async flow, thread task, async flow. */
static json_t *call_mix(weir_run *run)
{
	return weir_subflow(run, &mixed_async, NULL);
}

static json_t *sandwich(weir_run *run)
{
	return weir_call(run, &thread_caller, NULL);
}

static const weir_flow sandwich_flow = { .name = "sandwich", .run = sandwich, .mode = WEIR_ASYNC };

/* --- Time limits --------------------------------------------------------------------------------------------------- */

static json_t *sleep_long_once(weir_run *run)
{
	if (weir_sleep(run, weir_attempt(run) == 1 ? 1000 : 0) < 0)
		return NULL;
	return json_integer(weir_attempt(run));
}

static const weir_task limited_task = {
	.name = "limited",
	.run = sleep_long_once,
	.mode = WEIR_ASYNC,
	.retries = 1,
	.timeout_seconds = 0.2,
};

static json_t *call_limited(weir_run *run)
{
	return weir_call(run, &limited_task, NULL);
}

static const weir_flow limited_flow = { .name = "limited", .run = call_limited, .mode = WEIR_ASYNC };

/* Hears nothing, but sleeps, which lets the others on its loop go on. */
static json_t *be_deaf(weir_run *run)
{
	time_t end = time(NULL) + 4;

	while (time(NULL) < end)
		(void)weir_sleep(run, 0.01);
	return json_null();
}

static const weir_task deaf_task = {
	.name = "deaf",
	.run = be_deaf,
	.mode = WEIR_ASYNC,
	.timeout_seconds = 0.1,
};

static json_t *call_deaf(weir_run *run)
{
	weir_future *deaf = weir_submit(run, &deaf_task, NULL);
	json_auto_t *other = weir_call(run, &async_add, "i", 1);

	if (!other)
		return NULL;
	return weir_result(deaf);
}

static const weir_flow deaf_flow = { .name = "deaf", .run = call_deaf, .mode = WEIR_ASYNC };

static const weir_flow flow_with_limit = {
	.name = "flow-with-limit",
	.parameters = { { .name = "seconds", .type = WEIR_NUMBER, .fallback = "1000" } },
	.run = sleep_long_once,
	.mode = WEIR_ASYNC,
	.timeout_seconds = 0.2,
};

/* --- What a coroutine may wait for ----------------------------------------------------------------------------------- */

static int write_soon(weir_run *run, int fd)
{
	if (weir_sleep(run, 0.05) < 0)
		return -1;
	return (int)write(fd, "ping", 4);
}

static json_t *write_to(weir_run *run)
{
	return json_integer(write_soon(run, (int)json_integer_value(weir_value(run, "value"))));
}

ASYNC_TASK(write_task, "write", write_to);

static json_t *wait_for_socket(weir_run *run)
{
	int fds[2], early, ready;
	char text[8] = "";
	json_t *result = NULL;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return weir_fail(run, "socketpair: %s", strerror(errno));
	early = weir_wait_fd(run, fds[0], POLLIN, 0.01);
	weir_submit(run, &write_task, "i", fds[1]);
	ready = weir_wait_fd(run, fds[0], POLLIN, WEIR_FOREVER);
	if (ready > 0 && read(fds[0], text, sizeof text - 1) > 0)
		result = json_pack("[b,b,s]", early == WEIR_ETIMEDOUT, (ready & POLLIN) != 0, text);
	close(fds[0]);
	close(fds[1]);
	return result;
}

static const weir_flow socket_async = { .name = "socket-async", .run = wait_for_socket, .mode = WEIR_ASYNC };
static const weir_flow socket_thread = { .name = "socket-thread", .run = wait_for_socket };

static json_t *run_program(weir_run *run)
{
	const char *const argv[] = { "sh", "-c", "sleep 0.2; echo done", NULL };

	return weir_process(run, argv, NULL);
}

ASYNC_TASK(program_task, "program", run_program);

static json_t *run_programs(weir_run *run)
{
	return weir_results(weir_map(run, &program_task, "[n,n,n,n]"));
}

static const weir_flow programs_flow = { .name = "programs", .run = run_programs, .mode = WEIR_ASYNC };

static void *block(void *argument)
{
	const struct timespec duration = { .tv_nsec = 50 * 1000 * 1000 };

	nanosleep(&duration, NULL);
	printf("blocked\n");
	return argument;
}

static json_t *call_blocking(weir_run *run)
{
	static int token;

	return json_boolean(weir_blocking(run, block, &token) == &token);
}

ASYNC_TASK(blocking_task, "blocking", call_blocking);

static json_t *block_all(weir_run *run)
{
	return weir_results(weir_map(run, &blocking_task, "[n,n,n,n,n,n]"));
}

static const weir_flow blocking_flow = {
	.name = "blocking",
	.run = block_all,
	.mode = WEIR_ASYNC,
	.log_prints = WEIR_ON,
};

/* --- Printing: the halves of a line come at different times, and belong together ------------------------------------ */

static json_t *print_halves(weir_run *run)
{
	printf("first %lld, ", (long long)json_integer_value(weir_value(run, "value")));
	if (weir_sleep(run, 0.02) < 0)
		return NULL;
	printf("second %lld\n", (long long)json_integer_value(weir_value(run, "value")));
	return json_null();
}

ASYNC_TASK(halves_task, "halves", print_halves);

static json_t *print_all(weir_run *run)
{
	return weir_results(weir_map(run, &halves_task, "[i,i,i,i]", 1, 2, 3, 4));
}

static const weir_flow printing_flow = {
	.name = "printing",
	.run = print_all,
	.mode = WEIR_ASYNC,
	.log_prints = WEIR_ON,
};

/* --- In the order of ending ------------------------------------------------------------------------------------------- */

static json_t *sleep_tenths(weir_run *run)
{
	json_t *value = weir_value(run, "value");

	return weir_sleep(run, (double)json_integer_value(value) / 10) < 0 ? NULL : json_incref(value);
}

ASYNC_TASK(tenths_task, "tenths", sleep_tenths);

static json_t *take_as_they_end(weir_run *run)
{
	weir_futures *all = weir_map(run, &tenths_task, "[i,i,i]", 3, 1, 2);
	json_t *order = json_array();
	weir_future *next;

	while ((next = weir_next(all)))
		json_array_append_new(order, weir_result(next));
	return order;
}

static const weir_flow order_flow = { .name = "order", .run = take_as_they_end, .mode = WEIR_ASYNC };

/* --- Failures --------------------------------------------------------------------------------------------------------- */

static json_t *fail_when_even(weir_run *run)
{
	json_int_t value = json_integer_value(weir_value(run, "value"));

	if (weir_sleep(run, 0.01) < 0)
		return NULL;
	return value % 2 ? json_integer(value) : weir_fail(run, "%lld is even", (long long)value);
}

ASYNC_TASK(odd_task, "odd", fail_when_even);
ASYNC_TASK(sleeper_task, "sleeper", sleep_long_once);

/* Children that sleep are cancelled with the flow that fails. */
static json_t *fail_among_sleepers(weir_run *run)
{
	weir_submit(run, &sleeper_task, NULL);
	return weir_call(run, &odd_task, "i", 2);
}

static const weir_flow failing_flow = { .name = "failing", .run = fail_among_sleepers, .mode = WEIR_ASYNC };

static json_t *recover_from_odd(weir_run *run)
{
	const weir_state *state;
	json_auto_t *none = weir_call(run, &odd_task, "i", 2);

	if (none || !weir_recover(run, &state))
		return weir_fail(run, "it should have failed");
	return json_pack("[s,s]", state->name, state->message);
}

static const weir_flow recovering_flow = { .name = "recovering", .run = recover_from_odd, .mode = WEIR_ASYNC };

/* --- A parent that somebody cancels ------------------------------------------------------------------------------------ */

static json_t *sleep_with_children(weir_run *run)
{
	weir_futures *sleepers = weir_map(run, &sleeper_task, "[n,n,n]");

	printf("started %s\n", weir_run_id(run));
	fflush(stdout);
	return weir_results(sleepers);
}

static const weir_flow sleeping_flow = { .name = "sleeping", .run = sleep_with_children, .mode = WEIR_ASYNC };

/* --- Values bound to runs and loops ------------------------------------------------------------------------------------ */

static void *make_a(void)
{
	static char name[] = "a";

	puts("make a");
	return name;
}

static void *make_b(void)
{
	static char name[] = "b";

	puts("make b");
	return name;
}

static void destroy(void *value)
{
	printf("destroy %s\n", (const char *)value);
}

static const weir_local_key key_a = { "a", make_a, destroy };
static const weir_local_key key_b = { "b", make_b, destroy };

static json_t *use_loop_locals(weir_run *run)
{
	const char *a = weir_loop_local(&key_a);
	const char *b = weir_loop_local(&key_b);

	if (weir_sleep(run, 0.01) < 0)
		return NULL;
	return json_boolean(a == weir_loop_local(&key_a) && b == weir_loop_local(&key_b));
}

ASYNC_TASK(locals_task, "locals", use_loop_locals);

static json_t *map_locals(weir_run *run)
{
	json_t *results = weir_results(weir_map(run, &locals_task, "[n,n,n]"));

	puts("function returns");
	return results;
}

static const weir_flow loop_locals_flow = { .name = "loop-locals", .run = map_locals, .mode = WEIR_ASYNC };

static json_t *use_run_locals(weir_run *run)
{
	const char *a = weir_run_local(run, &key_a);
	const char *b = weir_run_local(run, &key_b);

	puts(weir_loop_local(&key_a) ? "on a loop" : "on no loop");
	return json_boolean(a == weir_run_local(run, &key_a) && b == weir_run_local(run, &key_b));
}

static const weir_flow run_locals_flow = { .name = "run-locals", .run = use_run_locals };

/* --- Depth: calls within one coroutine end up in new ones before the stack is used up ------------------------------------ */

static json_t *call_deeper(weir_run *run);

static const weir_task deep_task = {
	.name = "deep",
	.parameters = { { .name = "depth", .type = WEIR_INTEGER, .required = true } },
	.run = call_deeper,
	.mode = WEIR_ASYNC,
};

static json_t *call_deeper(weir_run *run)
{
	char ballast[2048];
	int64_t depth = weir_integer(run, "depth");

	memset(ballast, (int)depth, sizeof ballast);
	if (depth == 0)
		return json_integer(ballast[17]);
	return weir_call(run, &deep_task, "i", (int)depth - 1);
}

static json_t *go_deep(weir_run *run)
{
	return weir_call(run, &deep_task, "i", (int)weir_integer(run, "depth"));
}

static const weir_flow deep_flow = {
	.name = "deep",
	.parameters = { { .name = "depth", .type = WEIR_INTEGER, .fallback = "500" } },
	.run = go_deep,
	.mode = WEIR_ASYNC,
};

static json_t *overflow(weir_run *run)
{
	char page[4096];

	memset(page, 1, sizeof page);
	return page[weir_attempt(run)] ? overflow(run) : json_integer(page[0]);
}

/* When its beginning has been recorded. */
static json_t *sleep_and_overflow(weir_run *run)
{
	return weir_sleep(run, 0.2) < 0 ? NULL : overflow(run);
}

static const weir_flow overflow_flow = { .name = "overflow", .run = sleep_and_overflow, .mode = WEIR_ASYNC };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = {
		&tree_flow,     &mixed_async,      &mixed_thread,    &sandwich_flow, &limited_flow,
		&deaf_flow,     &flow_with_limit,  &socket_async,    &socket_thread, &programs_flow,
		&blocking_flow, &printing_flow,    &order_flow,      &failing_flow,  &recovering_flow,
		&sleeping_flow, &loop_locals_flow, &run_locals_flow, &deep_flow,     &overflow_flow,
		NULL,
	};

	return weir_main(argc, argv, flows);
}
