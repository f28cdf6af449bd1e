/* SPDX-License-Identifier: Apache-2.0 */
/* results - stored results, caches and transactions. Tasks that compute write a line to the file "computed". */
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

/* --- Caches ---------------------------------------------------------------------------------------------------- */

#define SQUARE_PARAMETERS                                                                                              \
	{                                                                                                              \
		{ .name = "number", .type = WEIR_INTEGER, .required = true },                                          \
		{                                                                                                      \
			.name = "seconds", .type = WEIR_NUMBER, .fallback = "0"                                        \
		}                                                                                                      \
	}

static json_t *square(weir_run *run)
{
	int64_t number = weir_integer(run, "number");
	char text[32];

	snprintf(text, sizeof text, "%lld", (long long)number);
	note("square", text);
	if (weir_sleep(run, weir_number(run, "seconds")) < 0)
		return NULL;
	return json_integer(number * number);
}

static const weir_task square_task = {
	.name = "square",
	.version = "1",
	.parameters = SQUARE_PARAMETERS,
	.run = square,
	.cache_by = WEIR_CACHE_INPUTS | WEIR_CACHE_SOURCE,
};

/* Leaves a copy of the program behind, which lives on when this one is killed. */
static json_t *fork_and_hang(weir_run *run)
{
	if (weir_integer(run, "seconds") == 0)
		return json_string("computed");
	if (fork() == 0) {
		pause();
		_exit(0);
	}
	note("forked", NULL);
	return weir_sleep(run, 600) < 0 ? NULL : json_null();
}

static json_t *give_one_key(weir_run *run)
{
	(void)run;
	return json_string("one-key");
}

static const weir_task forking_task = {
	.name = "forking",
	.parameters = { { .name = "seconds", .type = WEIR_INTEGER, .required = true } },
	.run = fork_and_hang,
	.cache_key = give_one_key,
};

static json_t *call_forking(weir_run *run)
{
	return weir_call(run, &forking_task, "I", weir_integer(run, "seconds"));
}

static const weir_flow forking_flow = {
	.name = "forking",
	.parameters = { { .name = "seconds", .type = WEIR_INTEGER, .fallback = "0" } },
	.run = call_forking,
};

static const weir_task async_square_task = {
	.name = "square",
	.version = "1",
	.parameters = SQUARE_PARAMETERS,
	.run = square,
	.mode = WEIR_ASYNC,
	.cache_by = WEIR_CACHE_INPUTS | WEIR_CACHE_SOURCE,
};

static const weir_task process_square_task = {
	.name = "square",
	.version = "1",
	.parameters = SQUARE_PARAMETERS,
	.run = square,
	.mode = WEIR_PROCESS,
	.cache_by = WEIR_CACHE_INPUTS | WEIR_CACHE_SOURCE,
};

static const weir_task expiring_task = {
	.name = "square",
	.parameters = SQUARE_PARAMETERS,
	.run = square,
	.cache_by = WEIR_CACHE_INPUTS,
	.cache_expiration_seconds = 1,
};

static const weir_task refreshed_task = {
	.name = "square",
	.version = "1",
	.parameters = SQUARE_PARAMETERS,
	.run = square,
	.cache_by = WEIR_CACHE_INPUTS | WEIR_CACHE_SOURCE,
	.refresh_cache = WEIR_ON,
};

static const weir_task by_run_task = {
	.name = "square",
	.parameters = SQUARE_PARAMETERS,
	.run = square,
	.cache_by = WEIR_CACHE_DEFAULT,
};

static const weir_task by_build_task = {
	.name = "square",
	.parameters = SQUARE_PARAMETERS,
	.run = square,
	.cache_by = WEIR_CACHE_INPUTS | WEIR_CACHE_SOURCE,
};

static const weir_task by_flow_task = {
	.name = "square",
	.parameters = SQUARE_PARAMETERS,
	.run = square,
	.cache_by = WEIR_CACHE_INPUTS | WEIR_CACHE_FLOW_PARAMETERS,
};

static const struct {
	const char *name;
	const weir_task *task;
} squares[] = {
	{ "plain", &square_task },      { "async", &async_square_task },  { "process", &process_square_task },
	{ "expiring", &expiring_task }, { "refreshed", &refreshed_task }, { "by-run", &by_run_task },
	{ "by-build", &by_build_task }, { "by-flow", &by_flow_task },
};

static const weir_task *square_of(const char *name)
{
	for (size_t i = 0; i < sizeof squares / sizeof *squares; i++) {
		if (strcmp(squares[i].name, name) == 0)
			return squares[i].task;
	}
	abort();
}

#define SQUARE_FLOW_PARAMETERS                                                                                         \
	{                                                                                                              \
		{ .name = "task", .type = WEIR_STRING, .fallback = "\"plain\"" },                                      \
		        { .name = "number", .type = WEIR_INTEGER, .fallback = "7" },                                   \
		        { .name = "seconds", .type = WEIR_NUMBER, .fallback = "0" },                                   \
		        { .name = "times", .type = WEIR_INTEGER, .fallback = "1" },                                    \
		        { .name = "note", .type = WEIR_ANY_VALUE },                                                    \
	}

/* The task, so many times one after the other. */
static json_t *repeat(weir_run *run)
{
	json_t *results = json_array();

	printf("started\n");
	fflush(stdout);
	for (int64_t i = 0; i < weir_integer(run, "times"); i++)
		json_array_append_new(results,
		                      weir_call(run, square_of(weir_string(run, "task")), "[i,f]",
		                                (int)weir_integer(run, "number"), weir_number(run, "seconds")));
	return results;
}

static const weir_flow repeat_flow = { .name = "repeat", .parameters = SQUARE_FLOW_PARAMETERS, .run = repeat };

/* The same key, so many times at once. */
static json_t *at_once(weir_run *run)
{
	json_t *elements = json_array();

	for (int64_t i = 0; i < weir_integer(run, "times"); i++)
		json_array_append_new(elements, json_pack("[I,f]", (json_int_t)weir_integer(run, "number"),
		                                          weir_number(run, "seconds")));
	return weir_results(weir_map_json(run, square_of(weir_string(run, "task")), NULL, elements));
}

static const weir_flow at_once_flow = { .name = "at-once", .parameters = SQUARE_FLOW_PARAMETERS, .run = at_once };
static const weir_flow async_at_once_flow = {
	.name = "async-at-once",
	.parameters = SQUARE_FLOW_PARAMETERS,
	.run = at_once,
	.mode = WEIR_ASYNC,
};

/* --- Key functions --- */

static json_t *key_as_told(weir_run *run)
{
	return json_incref(weir_value(run, "key"));
}

static json_t *tell_key(weir_run *run)
{
	char *text = json_dumps(weir_value(run, "key"), JSON_ENCODE_ANY);

	note("keyed", text);
	free(text);
	return json_string("done");
}

#define KEY_PARAMETERS                                                                                                 \
	{                                                                                                              \
		{                                                                                                      \
			.name = "key", .type = WEIR_ANY_VALUE                                                          \
		}                                                                                                      \
	}

static const weir_task keyed_task = {
	.name = "keyed", .parameters = KEY_PARAMETERS, .run = tell_key, .cache_key = key_as_told
};
static const weir_task other_keyed_task = {
	.name = "other-keyed", .parameters = KEY_PARAMETERS, .run = tell_key, .cache_key = key_as_told
};

static json_t *keyed(weir_run *run)
{
	for (int i = 0; i < 2; i++) {
		json_decref(weir_call(run, &keyed_task, "{s:O}", "key", weir_value(run, "key")));
		json_decref(weir_call(run, &other_keyed_task, "{s:O}", "key", weir_value(run, "key")));
	}
	return weir_recover(run, NULL) ? weir_fail(run, "a key was refused") : json_null();
}

static const weir_flow keyed_flow = { .name = "keyed", .parameters = KEY_PARAMETERS, .run = keyed };

/* --- Failures and recursion --- */

static json_t *fail_twice(weir_run *run)
{
	note("fails", weir_run_name(run));
	if (weir_attempt(run) < 3 && weir_boolean(run, "fails"))
		return weir_fail(run, "not yet");
	return json_string(weir_run_name(run));
}

static const weir_task retried_task = {
	.name = "retried",
	.parameters = { { .name = "fails", .type = WEIR_BOOLEAN } },
	.run = fail_twice,
	.retries = 2,
	.retry_delay_seconds = { 0.05 },
	.cache_by = WEIR_CACHE_INPUTS,
};

static json_t *fail_once(weir_run *run)
{
	note("fails", NULL);
	return access("failed", F_OK) == 0 || close(open("failed", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) != 0
	               ? json_true()
	               : weir_fail(run, "the first one fails");
}

static const weir_task failing_once_task = { .name = "failing-once", .run = fail_once, .cache_by = WEIR_CACHE_INPUTS };

/* Two with one key at once: the one keeps the key over its retries, and the other takes its result. */
static json_t *retries(weir_run *run)
{
	return weir_results(weir_map(run, &retried_task, "[b,b]", 1, 1));
}

static const weir_flow retries_flow = { .name = "retries", .run = retries };

/* The one that has the key fails: the next one computes. */
static json_t *hands_over(weir_run *run)
{
	weir_futures *two = weir_map(run, &failing_once_task, "[{},{},{}]");
	int completed = 0;

	if (weir_wait(two, WEIR_ALL, WEIR_FOREVER) < 0)
		return NULL;
	for (size_t i = 0; i < weir_count(two); i++)
		completed += weir_state_of(weir_at(two, i))->type == WEIR_COMPLETED;
	return json_integer(completed);
}

static const weir_flow hands_over_flow = { .name = "hands-over", .run = hands_over };

static const weir_task nested_task;

static json_t *call_itself(weir_run *run)
{
	note("nested", weir_boolean(run, "deeper") ? "outer" : "inner");
	return weir_boolean(run, "deeper") ? weir_call(run, &nested_task, "[b]", 0) : json_true();
}

static json_t *one_key(weir_run *run)
{
	(void)run;
	return json_string("one key");
}

static const weir_task nested_task = {
	.name = "nested",
	.parameters = { { .name = "deeper", .type = WEIR_BOOLEAN } },
	.run = call_itself,
	.cache_key = one_key,
};

static json_t *nested(weir_run *run)
{
	return weir_call(run, &nested_task, "[b]", 1);
}

static const weir_flow nested_flow = { .name = "nested", .run = nested };

/* --- Results --- */

static json_t *give(weir_run *run)
{
	const char *what = weir_string(run, "what");
	json_t *value = NULL;

	if (strcmp(what, "large") == 0) {
		value = json_array();
		for (int i = 0; i < 100000; i++)
			json_array_append_new(value, json_string("0123456789"));
	} else if (strcmp(what, "invalid") == 0) {
		value = json_pack("{s:[i,o]}", "rows", 1, json_string_nocheck("not \xff UTF-8"));
	} else if (strcmp(what, "deep") == 0) {
		value = json_array();
		for (int i = 0; i < 2000; i++)
			value = json_pack("[o]", value);
	} else {
		value = json_string(what);
	}
	return value;
}

#define GIVE_PARAMETERS                                                                                                \
	{                                                                                                              \
		{                                                                                                      \
			.name = "what", .type = WEIR_STRING, .fallback = "\"text\""                                    \
		}                                                                                                      \
	}

static const weir_task persisted_task = {
	.name = "persisted", .parameters = GIVE_PARAMETERS, .run = give, .persist_result = WEIR_ON
};
static const weir_task unsaid_task = { .name = "unsaid", .parameters = GIVE_PARAMETERS, .run = give };
static const weir_task never_task = {
	.name = "never", .parameters = GIVE_PARAMETERS, .run = give, .persist_result = WEIR_OFF
};
static const weir_task named_task = {
	.name = "named",
	.parameters = GIVE_PARAMETERS,
	.run = give,
	.persist_result = WEIR_ON,
	.result_key = "reports/{what}/{flow_name}-{task_name}",
};

static const weir_task *const givers[] = { &persisted_task, &unsaid_task, &never_task, &named_task };

static json_t *gives(weir_run *run)
{
	for (size_t i = 0; i < sizeof givers / sizeof *givers; i++) {
		if (strcmp(givers[i]->name, weir_string(run, "task")) == 0)
			return weir_call(run, givers[i], "[s]", weir_string(run, "what"));
	}
	return weir_fail(run, "there is no such task");
}

#define GIVES_PARAMETERS                                                                                               \
	{                                                                                                              \
		{ .name = "task", .type = WEIR_STRING, .fallback = "\"persisted\"" },                                  \
		{                                                                                                      \
			.name = "what", .type = WEIR_STRING, .fallback = "\"text\""                                    \
		}                                                                                                      \
	}

static const weir_flow gives_flow = { .name = "gives", .parameters = GIVES_PARAMETERS, .run = gives };
static const weir_flow kept_flow = {
	.name = "kept", .parameters = GIVES_PARAMETERS, .run = gives, .persist_result = WEIR_ON
};

/* --- Transactions ---------------------------------------------------------------------------------------------- */

static void committed(weir_run *run, const weir_state *state)
{
	json_auto_t *value = weir_transaction_get(run, "file");
	char text[100];

	snprintf(text, sizeof text, "%s %s %s", weir_string(run, "name"), state->name, json_string_value(value));
	note("commit", text);
}

static void rolled_back(weir_run *run, const weir_state *state)
{
	json_auto_t *value = weir_transaction_get(run, "file");
	char text[100];

	snprintf(text, sizeof text, "%s %s %s", weir_string(run, "name"), state->name, json_string_value(value));
	note("rollback", text);
	weir_info(run, "undone");
}

static json_t *write_part(weir_run *run)
{
	const char *name = weir_string(run, "name");

	note("write", name);
	weir_transaction_set(run, "file", json_sprintf("file-%s", name));
	if (strncmp(name, "skip", 4) == 0)
		return weir_skip(run, "nothing to do");
	if (strncmp(name, "bad", 3) == 0)
		return weir_fail(run, "%s fails", name);
	if (strncmp(name, "slow", 4) == 0 && weir_sleep(run, 0.3) < 0)
		return NULL;
	return json_string(name);
}

#define PART_PARAMETERS                                                                                                \
	{                                                                                                              \
		{                                                                                                      \
			.name = "name", .type = WEIR_STRING, .required = true                                          \
		}                                                                                                      \
	}

static const weir_task part_task = {
	.name = "part",
	.parameters = PART_PARAMETERS,
	.run = write_part,
	.on_commit = committed,
	.on_rollback = rolled_back,
};
static const weir_task cached_part_task = {
	.name = "cached-part",
	.parameters = PART_PARAMETERS,
	.run = write_part,
	.cache_by = WEIR_CACHE_INPUTS,
	.on_commit = committed,
	.on_rollback = rolled_back,
};

static const weir_task process_part_task = {
	.name = "process-part",
	.parameters = PART_PARAMETERS,
	.run = write_part,
	.mode = WEIR_PROCESS,
	.on_commit = committed,
	.on_rollback = rolled_back,
};

/* What a process can't do is refused. */
static json_t *begin_in_process(weir_run *run)
{
	if (weir_transaction_begin(run, NULL) || weir_checkpoint(run, "key"))
		return json_false();
	return weir_checkpoint_set(run, "key", json_null()) < 0 ? NULL : json_false();
}

static const weir_task process_refused_task = { .name = "refused", .run = begin_in_process, .mode = WEIR_PROCESS };

/* A task that calls parts: they are part of what it is part of. */
static json_t *call_parts(weir_run *run)
{
	json_decref(weir_call(run, &part_task, "[s]", "grandchild"));
	return strcmp(weir_string(run, "name"), "bad") == 0 ? weir_fail_final(run, "after its child") : json_true();
}

static const weir_task calling_task = {
	.name = "calling",
	.parameters = PART_PARAMETERS,
	.run = call_parts,
	.on_commit = committed,
	.on_rollback = rolled_back,
};

static void part(weir_run *run, const char *name)
{
	json_decref(weir_call(run, &part_task, "[s]", name));
}

/* What a script does, a word each: parts by name; begin, commit, rollback; recover, fail, end (without a commit). */
static json_t *transact(weir_run *run)
{
	weir_transaction *open[8] = { NULL };
	size_t depth = 0, i;
	json_t *word;

	json_array_foreach (weir_value(run, "script"), i, word) {
		const char *text = json_string_value(word);

		if (strcmp(text, "begin") == 0)
			open[depth++] = weir_transaction_begin(run, NULL);
		else if (strcmp(text, "commit") == 0)
			note("committed", weir_transaction_commit(open[--depth]) == 0 ? "yes" : "no");
		else if (strcmp(text, "rollback") == 0)
			weir_transaction_rollback(open[--depth]);
		else if (strcmp(text, "submit") == 0)
			weir_submit(run, &part_task, "[s]", "slow");
		else if (strcmp(text, "recover") == 0)
			weir_recover(run, NULL);
		else if (strcmp(text, "cached") == 0)
			json_decref(weir_call(run, &cached_part_task, "[s]", "cached"));
		else if (strncmp(text, "calling", 7) == 0)
			json_decref(weir_call(run, &calling_task, "[s]", text[7] ? text + 8 : "fine"));
		else if (strncmp(text, "process", 7) == 0)
			json_decref(weir_call(run, &process_part_task, "[s]", text));
		else if (strcmp(text, "refused") == 0)
			json_decref(weir_call(run, &process_refused_task, NULL));
		else if (strcmp(text, "fail") == 0)
			return weir_fail(run, "told to");
		else if (strcmp(text, "hang") == 0)
			weir_sleep(run, 60);
		else if (strcmp(text, "set") == 0)
			weir_transaction_set(run, "file", json_string("set by the flow"));
		else if (strcmp(text, "get") == 0) {
			json_auto_t *value = weir_transaction_get(run, "file");

			note("get", value ? json_string_value(value) : "nothing");
		} else {
			part(run, text);
		}
	}
	return json_true();
}

#define TRANSACT_PARAMETERS                                                                                            \
	{                                                                                                              \
		{                                                                                                      \
			.name = "script", .type = WEIR_ARRAY, .required = true                                         \
		}                                                                                                      \
	}

static const weir_flow transact_flow = { .name = "transact", .parameters = TRANSACT_PARAMETERS, .run = transact };
static const weir_flow async_transact_flow = {
	.name = "async-transact", .parameters = TRANSACT_PARAMETERS, .run = transact, .mode = WEIR_ASYNC
};

/* Two programs, one key: what is between begin and commit is not interleaved. */
static json_t *exclusive(weir_run *run)
{
	for (int i = 0; i < 5; i++) {
		weir_transaction *outer = weir_transaction_begin(run, "the table");
		weir_transaction *inner = weir_transaction_begin(run, "the table"); /* has it already */

		if (!outer || !inner)
			return NULL;
		note("enter", weir_run_id(run));
		weir_sleep(run, 0.01);
		note("leave", weir_run_id(run));
		if (weir_transaction_commit(outer) < 0)
			return weir_fail(run, "not committed");
	}
	return json_true();
}

static const weir_flow exclusive_flow = { .name = "exclusive", .run = exclusive };

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = {
		&repeat_flow,    &at_once_flow,        &async_at_once_flow, &keyed_flow, &retries_flow,
		&nested_flow,    &hands_over_flow,     &gives_flow,         &kept_flow,  &transact_flow,
		&exclusive_flow, &async_transact_flow, &forking_flow,       NULL,
	};

	return weir_main(argc, argv, flows);
}
