/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoints - values that outlive attempts and programs, and calls that are made once. */
#include <weir.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One line, whole, by whatever program: what was done, in its order. */
static void note(const char *text, const char *more)
{
	char line[200];
	int length = snprintf(line, sizeof line, "%s%s%s\n", text, more ? " " : "", more ? more : "");
	int fd = open("computed", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, line, (size_t)length) != length)
		abort();
	close(fd);
}

static json_t *step(weir_run *run)
{
	note("step", weir_string(run, "name"));
	return strcmp(weir_string(run, "name"), "bad") == 0 ? weir_fail(run, "bad step")
	                                                    : json_sprintf("did %s", weir_string(run, "name"));
}

static const weir_task step_task = { .name = "step",
	                             .parameters = { { .name = "name", .type = WEIR_STRING, .required = true } },
	                             .run = step };

/* Fails until its third attempt; what was done before is not done again. */
static json_t *resumes(weir_run *run)
{
	json_auto_t *before = weir_checkpoint(run, "position");
	json_auto_t *one = weir_call_once(run, "one", &step_task, "[s]", "one");
	json_auto_t *two = NULL;

	if (json_integer_value(before) != weir_attempt(run) - 1)
		return weir_fail_final(run, "the checkpoint of attempt %d is lost", weir_attempt(run));
	if (weir_checkpoint_set(run, "position", json_integer(weir_attempt(run))) < 0)
		return weir_fail_final(run, "not kept");
	if (weir_attempt(run) == 1)
		return weir_fail(run, "between the steps");
	two = weir_call_once(run, "two", &step_task, "[s]", "two");
	if (weir_attempt(run) == 2)
		return weir_fail(run, "behind the steps");
	return json_pack("[O,O]", one, two);
}

static const weir_flow resumes_flow = { .name = "resumes", .run = resumes, .retries = 2 };
static const weir_flow async_resumes_flow = {
	.name = "async-resumes", .run = resumes, .retries = 2, .mode = WEIR_ASYNC
};

static json_t *checkpoint_oddly(weir_run *run)
{
	static char long_key[1002];

	memset(long_key, 'x', sizeof long_key - 1);
	if (weir_checkpoint(run, "none"))
		return weir_fail(run, "found what is not there");
	if (weir_checkpoint_set(run, "", json_true()) != WEIR_EINVAL ||
	    weir_checkpoint_set(run, long_key, json_true()) != WEIR_EINVAL ||
	    weir_checkpoint_set(run, "not \xff UTF-8", json_true()) != WEIR_EINVAL ||
	    weir_checkpoint_set(run, "value", json_string_nocheck("not \xff UTF-8")) != WEIR_EINVAL)
		return weir_fail(run, "took what can't be kept");
	if (weir_checkpoint_set(run, "deleted", json_null()) < 0)
		return weir_fail(run, "not kept");
	return weir_checkpoint(run, "deleted");
}

static const weir_flow odd_checkpoints_flow = { .name = "odd-checkpoints", .run = checkpoint_oddly };

/* Keeps a value, says so, and waits to be killed. */
static json_t *keep_and_wait(weir_run *run)
{
	json_decref(weir_call_once(run, "one", &step_task, "[s]", "one"));
	if (weir_checkpoint_set(run, "position", json_pack("{s:[i,i]}", "at", 1, 2)) == 0)
		printf("kept %s\n", weir_run_id(run));
	fflush(stdout);
	weir_sleep(run, 60);
	return NULL;
}

static const weir_flow keep_flow = { .name = "keep", .run = keep_and_wait };

/* Calls with one key at once make one call. */
static json_t *call_in_task(weir_run *run)
{
	return weir_call_once(run, "shared", &step_task, "[s]", "shared");
}

static const weir_task call_in_task_task = { .name = "calls",
	                                     .parameters = { { .name = "number", .type = WEIR_INTEGER } },
	                                     .run = call_in_task };

static json_t *once_at_once(weir_run *run)
{
	return weir_results(weir_map(run, &call_in_task_task, "[i,i,i,i,i]", 1, 2, 3, 4, 5));
}

static const weir_flow once_flow = { .name = "once-at-once", .run = once_at_once };

static json_t *once_fails(weir_run *run)
{
	json_t *value = weir_call_once(run, "bad", &step_task, "[s]", "bad");

	if (value)
		return value;
	weir_recover(run, NULL);
	return weir_call_once(run, "bad", &step_task, "[s]", "good");
}

static const weir_flow once_fails_flow = { .name = "once-fails", .run = once_fails };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = {
		&resumes_flow,    &odd_checkpoints_flow, &keep_flow, &once_flow,
		&once_fails_flow, &async_resumes_flow,   NULL,
	};

	return weir_main(argc, argv, flows);
}
