/* SPDX-License-Identifier: Apache-2.0 */
/* scarcity - flows that run out of descriptors or threads, and go on when there are some again. */
#include <weir.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 70000 };

static int held[MANY];
static int held_count;

/* Open until there are no more. */
static void take_all_descriptors(void)
{
	int fd;

	while (held_count < MANY && (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		held[held_count++] = fd;
}

static void give_descriptors_back(void)
{
	while (held_count)
		close(held[--held_count]);
}

static json_t *be_done(weir_run *run)
{
	(void)run;
	return json_string("done");
}

static const weir_task async_task = { .name = "async", .run = be_done, .mode = WEIR_ASYNC };
static const weir_task thread_task = { .name = "thread", .parameters = { { .name = "value" } }, .run = be_done };

/* What a call came to: its result, or the message of its failure. */
static json_t *call(weir_run *run, const weir_task *task)
{
	const weir_state *state;
	json_t *result = weir_call(run, task, NULL);

	if (result || !weir_recover(run, &state))
		return result;
	return json_sprintf("%s: %s", state->name, state->message);
}

static json_t *start_program(weir_run *run)
{
	static const char *const argv[] = { "true", NULL };
	const weir_state *state;
	json_t *result = weir_process(run, argv, NULL);

	if (result || !weir_recover(run, &state))
		return result;
	return json_string(state->message);
}

/* The first coroutine of a program needs a loop, a program needs pipes. */
static json_t *without_descriptors(weir_run *run)
{
	json_t *first, *second, *third, *fourth;

	take_all_descriptors();
	first = call(run, &async_task);
	second = start_program(run);
	give_descriptors_back();
	third = call(run, &async_task);
	fourth = start_program(run);
	return json_pack("[o,o,o,o]", first, second, third, fourth);
}

static const weir_flow descriptors_flow = { .name = "descriptors", .run = without_descriptors };

/* The pool has one thread, or none; the others can't be started. All is done all the same. */
static json_t *map_many(weir_run *run)
{
	return weir_results(weir_map(run, &thread_task, "[n,n,n,n,n,n,n,n]"));
}

static const weir_flow threads_flow = { .name = "threads", .run = map_many };

/* The loop for coroutines has a thread, which can't be started. */
static json_t *call_async(weir_run *run)
{
	return call(run, &async_task);
}

static const weir_flow loop_flow = { .name = "loop", .run = call_async };

/* A megabyte and more without a line break. */
static json_t *print_much(weir_run *run)
{
	for (int i = 0; i < 3 * 1024; i++) {
		char kilobyte[1025];

		memset(kilobyte, 'a' + i % 26, 1024);
		kilobyte[1024] = '\0';
		printf("%s", kilobyte);
	}
	weir_print(run, "%s", "the end");
	return json_null();
}

static const weir_task printing_thread = { .name = "printing-thread", .run = print_much };
static const weir_task printing_coroutine = { .name = "printing-coroutine", .run = print_much, .mode = WEIR_ASYNC };

static json_t *print_in_both(weir_run *run)
{
	json_auto_t *one = weir_call(run, &printing_thread, NULL);
	json_auto_t *other = weir_call(run, &printing_coroutine, NULL);

	return json_boolean(one && other);
}

static const weir_flow printing_flow = { .name = "printing", .run = print_in_both, .log_prints = WEIR_ON };

/* Bytes that are no UTF-8, in a line and in the message of a failure. */
static json_t *say_bytes(weir_run *run)
{
	weir_info(run, "bytes \xff\xfe and text");
	printf("printed \xc3(\n");
	return weir_fail(run, "failed with \x80");
}

static const weir_task bytes_task = { .name = "bytes", .run = say_bytes, .mode = WEIR_ASYNC };

static json_t *call_bytes(weir_run *run)
{
	return call(run, &bytes_task);
}

static const weir_flow bytes_flow = { .name = "bytes", .run = call_bytes, .log_prints = WEIR_ON };

/* A parameter that is used after the run it belonged to: for a build with the address sanitizer to find. */
static const char *kept;

static json_t *keep_parameter(weir_run *run)
{
	kept = weir_string(run, "text");
	return json_null();
}

static const weir_task keeping_task = {
	.name = "keeping",
	.parameters = { { .name = "text", .type = WEIR_STRING, .required = true } },
	.run = keep_parameter,
};

static json_t *use_dangling(weir_run *run)
{
	json_auto_t *done = weir_call(run, &keeping_task, "s", "a text of some length, on the heap");

	return done ? json_integer((json_int_t)kept[3]) : NULL;
}

static const weir_flow dangling_flow = { .name = "dangling", .run = use_dangling };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &descriptors_flow, &threads_flow,  &loop_flow, &printing_flow,
		                                  &bytes_flow,       &dangling_flow, NULL };

	return weir_main(argc, argv, flows);
}
