/* SPDX-License-Identifier: Apache-2.0 */
/* slots - flows and tasks that share limits. Who has a slot says so in a file: see tests/e2e/test_concurrency.py. */
#include <weir.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Append a line to the file "trace" in the working folder. */
static void trace(const char *what, const char *who)
{
	char line[256];
	int fd = open("trace", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int length = snprintf(line, sizeof line, "%s %s\n", what, who);

	if (write(fd, line, (size_t)length) < 0)
		perror("trace");
	close(fd);
}

/* Wait for a file of that name to be there, asking Weir now and then. */
static int wait_for_file(weir_run *run, const char *name)
{
	while (access(name, F_OK) < 0) {
		int error = weir_sleep(run, 0.02);

		if (error < 0)
			return error;
	}
	return 0;
}

/* --- Tasks with a tag ------------------------------------------------------------------------------------------- */

static json_t *work(weir_run *run)
{
	int error;

	trace("begin", weir_run_name(run));
	error = weir_sleep(run, weir_number(run, "seconds"));
	trace("end", weir_run_name(run));
	return error < 0 ? NULL : json_true();
}

#define SECONDS                                                                                                        \
	{                                                                                                              \
		.name = "seconds", .type = WEIR_NUMBER, .fallback = "0.05"                                             \
	}

static const weir_task tagged_task = { .name = "work", .tags = { "db" }, .parameters = { SECONDS }, .run = work };
static const weir_task async_task = {
	.name = "work", .tags = { "db" }, .parameters = { SECONDS }, .run = work, .mode = WEIR_ASYNC
};
static const weir_task two_tags_task = {
	.name = "work", .tags = { "db", "net" }, .parameters = { SECONDS }, .run = work
};

static json_t *map_work(weir_run *run)
{
	const char *mode = weir_string(run, "mode");
	const weir_task *task = strcmp(mode, "async") == 0 ? &async_task
	                        : strcmp(mode, "two") == 0 ? &two_tags_task
	                                                   : &tagged_task;
	json_t *all = json_array();

	for (int64_t i = 0; i < weir_integer(run, "count"); i++)
		json_array_append_new(all, json_real(weir_number(run, "seconds")));
	return weir_results(weir_map_json(run, task, NULL, all));
}

static const weir_flow mapped = {
	.name = "mapped",
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .fallback = "8" },
	                { .name = "mode", .type = WEIR_STRING, .fallback = "\"thread\"" },
	                SECONDS },
	.run = map_work,
};

/* One after the other. */
static json_t *call_work(weir_run *run)
{
	for (int64_t i = 0; i < weir_integer(run, "count"); i++) {
		json_auto_t *done = weir_call(run, &tagged_task, "f", weir_number(run, "seconds"));

		if (!done)
			return NULL;
	}
	return json_true();
}

static const weir_flow serial = {
	.name = "serial",
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .fallback = "8" }, SECONDS },
	.run = call_work,
};

/* --- Slots that a function asks for ------------------------------------------------------------------------------ */

/* Hold a slot until a file is there; says when it has it. */
static json_t *hold(weir_run *run)
{
	const char *who = weir_string(run, "who");
	int error;

	printf("asks %s\n", weir_run_id(run));
	fflush(stdout);
	error = weir_concurrency(run, "db", (int)weir_integer(run, "slots"));
	if (error < 0)
		return weir_fail(run, "%s", weir_strerror(error));
	trace("has", who);
	printf("has %s\n", who);
	fflush(stdout);
	error = wait_for_file(run, weir_string(run, "until"));
	trace("gives", who);
	return error < 0 ? NULL : json_true();
}

static const weir_flow holder = {
	.name = "holder",
	.parameters = { { .name = "who", .type = WEIR_STRING, .fallback = "\"it\"" },
	                { .name = "until", .type = WEIR_STRING, .fallback = "\"never\"" },
	                { .name = "slots", .type = WEIR_INTEGER, .fallback = "1" } },
	.run = hold,
};

static json_t *ask_within(weir_run *run)
{
	int error = weir_concurrency_within(run, "db", (int)weir_integer(run, "slots"), weir_number(run, "seconds"));

	return json_string(weir_strerror(error));
}

static const weir_flow asker = {
	.name = "asker",
	.parameters = { { .name = "slots", .type = WEIR_INTEGER, .fallback = "1" }, SECONDS },
	.run = ask_within,
};

/* Takes one, gives three back, and takes one again: somebody else could have it in between. */
static json_t *give_too_much(weir_run *run)
{
	if (weir_concurrency(run, "db", 1) < 0)
		return NULL;
	weir_concurrency_release(run, "db", 3);
	weir_concurrency_release(run, "nothing", 1);
	return json_integer(weir_concurrency_within(run, "db", 1, 0));
}

static const weir_flow generous = { .name = "generous", .run = give_too_much };

static json_t *use_rate(weir_run *run)
{
	for (int64_t i = 0; i < weir_integer(run, "count"); i++) {
		int error = weir_server_rate_limit(run, "api", 1);

		if (error < 0)
			return weir_fail(run, "%s", weir_strerror(error));
		trace("used", "one");
	}
	return json_true();
}

static const weir_flow rated = {
	.name = "rated",
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .fallback = "4" } },
	.run = use_rate,
};

/* --- One after the other: the children begin to wait in the order of their numbers ------------------------------- */

static json_t *queue_up(weir_run *run)
{
	const char *who = weir_string(run, "who");

	if (weir_concurrency(run, "db", 1) < 0)
		return NULL;
	trace("has", who);
	weir_concurrency_release(run, "db", 1);
	return json_true();
}

static const weir_task queue_task = {
	.name = "queue",
	.parameters = { { .name = "who", .type = WEIR_STRING, .required = true } },
	.run = queue_up,
};

/* Only one is started at a time, when the one before stands in the queue: it tells so in the log. */
static json_t *in_order(weir_run *run)
{
	weir_future *children[8];

	if (weir_concurrency(run, "db", 1) < 0)
		return NULL;
	for (size_t i = 0; i < 8; i++) {
		char who[8], file[16];

		snprintf(who, sizeof who, "%zu", i);
		snprintf(file, sizeof file, "waits-%zu", i);
		children[i] = weir_submit(run, &queue_task, "{s:s}", "who", who);
		printf("started %zu\n", i);
		fflush(stdout);
		if (wait_for_file(run, file) < 0)
			return NULL;
	}
	weir_concurrency_release(run, "db", 1);
	for (size_t i = 0; i < 8; i++)
		json_decref(weir_result(children[i]));
	return json_true();
}

static const weir_flow ordered = { .name = "ordered", .run = in_order };

/* --- An attempt that is given up --------------------------------------------------------------------------------- */

static json_t *be_deaf(weir_run *run)
{
	if (weir_concurrency(run, "db", 1) < 0)
		return NULL;
	trace("has", "deaf");
	poll(NULL, 0, 3000);
	trace("gives", weir_strerror(weir_concurrency(run, "db", 1)));
	return json_true();
}

static const weir_task deaf_task = { .name = "deaf", .run = be_deaf, .timeout_seconds = 0.2 };

static json_t *call_deaf(weir_run *run)
{
	json_decref(weir_call(run, &deaf_task, NULL));
	weir_recover(run, NULL);
	return json_integer(weir_concurrency_within(run, "db", 1, 30));
}

static const weir_flow deaf = { .name = "deaf", .run = call_deaf };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &mapped, &serial,  &holder, &asker, &generous,
		                                  &rated,  &ordered, &deaf,   NULL };

	return weir_main(argc, argv, flows);
}
