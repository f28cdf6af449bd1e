/* SPDX-License-Identifier: Apache-2.0 */
/* process_mode - tasks in processes of their own, and all the ways in which those can end. The flow `call` runs one by name. */
#include <weir.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_deaf(double seconds)
{
	struct timespec left = { .tv_sec = (time_t)seconds };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* So that whoever watches can speak of this process. */
static void say_pid(weir_run *run, const char *what)
{
	weir_info(run, "%s %ld", what, (long)getpid());
}

static json_t *first_time_only(weir_run *run, void (*fault)(weir_run *run))
{
	if (weir_attempt(run) == 1)
		fault(run);
	return json_integer(weir_attempt(run));
}

/* --- Plain work ------------------------------------------------------------------------------------------------- */

static json_t *echo(weir_run *run)
{
	return json_incref(weir_value(run, "value"));
}

static json_t *count_bytes(weir_run *run)
{
	return json_integer((json_int_t)strlen(weir_string(run, "value")));
}

static json_t *make_bytes(weir_run *run)
{
	size_t size = (size_t)weir_integer(run, "value");
	char *text = malloc(size + 1);
	json_t *result;

	memset(text, 'x', size);
	text[size] = '\0';
	result = json_string(text);
	free(text);
	return result;
}

static json_t *about(weir_run *run)
{
	return json_pack("{s:s, s:s, s:i, s:b, s:I}", "id", weir_run_id(run), "name", weir_run_name(run), "attempt",
	                 weir_attempt(run), "cancelled", weir_cancelled(run), "pid", (json_int_t)getpid());
}

static json_t *say(weir_run *run)
{
	printf("printed\n");
	weir_print(run, "weir-printed %d\n", 7);
	fprintf(stderr, "to stderr\n");
	weir_debug(run, "too quiet");
	weir_info(run, "informed");
	weir_warning(run, "warned 漢字");
	if (system("echo from a program") != 0)
		return weir_fail(run, "system");
	printf("without a line break");
	return json_true();
}

static json_t *print_long(weir_run *run)
{
	for (size_t i = 0; i < 1024 * 1024; i++)
		putchar('y');
	return json_integer(weir_attempt(run));
}

static json_t *skip(weir_run *run)
{
	return weir_skip(run, "nothing to do");
}

static json_t *fail_final(weir_run *run)
{
	return weir_fail_final(run, "never again");
}

static json_t *fail_once(weir_run *run)
{
	return weir_attempt(run) == 1 ? weir_fail(run, "not the first time\n") : json_integer(2);
}

static json_t *return_nothing(weir_run *run)
{
	(void)run;
	return NULL;
}

static json_t *return_in_spite(weir_run *run)
{
	weir_fail(run, "said first");
	return json_true();
}

static json_t *sleep_a_little(weir_run *run)
{
	return json_integer(weir_sleep(run, 0.05));
}

static json_t *list_descriptors(weir_run *run)
{
	DIR *folder = opendir("/proc/self/fd");
	json_t *list = json_array();
	const struct dirent *entry;

	(void)run;
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder))
			json_array_append_new(list, json_integer(atoi(entry->d_name)));
	}
	closedir(folder);
	return list;
}

static json_t *describe_process(weir_run *run)
{
	sigset_t blocked;
	int stdin_end = (int)read(0, &(char){ 0 }, 1);
	char folder[4096];

	(void)run;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	return json_pack("{s:b, s:b, s:i, s:b, s:s}", "sigpipe_default", signal(SIGPIPE, SIG_DFL) == SIG_DFL,
	                 "sigint_blocked", sigismember(&blocked, SIGINT), "stdin", stdin_end, "leads_group",
	                 getpgrp() == getpid(), "folder", getcwd(folder, sizeof folder));
}

/* --- Ways to die ------------------------------------------------------------------------------------------------ */

static void segfault(weir_run *run)
{
	printf("last words\n");
	*(volatile int *)(uintptr_t)weir_integer(run, "value") = 1;
}

static json_t *segfault_once(weir_run *run)
{
	return first_time_only(run, segfault);
}

static json_t *segfault_always(weir_run *run)
{
	segfault(run);
	return NULL;
}

static json_t *abort_at_once(weir_run *run)
{
	(void)run;
	abort();
}

static json_t *exit_3(weir_run *run)
{
	(void)run;
	exit(3);
}

static json_t *exit_silently(weir_run *run)
{
	(void)run;
	_exit(0);
}

static void wait_for_death(weir_run *run)
{
	say_pid(run, "child");
	sleep_deaf(600);
}

static json_t *wait_once_for_death(weir_run *run)
{
	return first_time_only(run, wait_for_death);
}

static json_t *sleep_and_run_script(weir_run *run)
{
	const char *argv[] = { "sh", "-c", "echo script $$; sleep 600 & echo grandchild $!; wait", NULL };

	say_pid(run, "child");
	return weir_process(run, argv, NULL);
}

static json_t *run_program(weir_run *run)
{
	const char *argv[] = { "sh", "-c", "echo out; echo err >&2; exit 5", NULL };

	return weir_process(run, argv, NULL);
}

static json_t *use_memory(weir_run *run)
{
	size_t size = (size_t)weir_integer(run, "value");
	char *memory = malloc(size);

	if (!memory)
		return weir_fail(run, "malloc said no");
	memset(memory, 1, size);
	free(memory);
	return json_true();
}

/* What a log line of this size needs is Weir's own memory. */
static json_t *exhaust_memory(weir_run *run)
{
	weir_info(run, "%*s", (int)weir_integer(run, "value"), "");
	return json_true();
}

static json_t *return_bad_text(weir_run *run)
{
	(void)run;
	return json_string_nocheck("\xff\xfe");
}

static json_t *leave_grandchild(weir_run *run)
{
	if (fork() == 0) {
		signal(SIGTERM, SIG_IGN);
		say_pid(run, "never seen: this is not the task's process");
		sleep_deaf(600);
		_exit(0);
	}
	return json_true();
}

static json_t *fork_and_return(weir_run *run)
{
	pid_t pid = fork();
	int status = 0;

	(void)run;
	if (pid == 0)
		return json_string("the copy's");
	waitpid(pid, &status, 0);
	return json_integer(WEXITSTATUS(status));
}

static json_t *be_deaf(weir_run *run)
{
	signal(SIGTERM, SIG_IGN);
	say_pid(run, "child");
	if (fork() == 0) {
		sleep_deaf(600);
		_exit(0);
	}
	sleep_deaf(600);
	return json_true();
}

static void hear(int number)
{
	(void)number;
}

/* Outlives SIGTERM, and asks why it came. */
static json_t *end_well(weir_run *run)
{
	const struct sigaction action = { .sa_handler = hear };
	int error;

	sigaction(SIGTERM, &action, NULL);
	say_pid(run, "child");
	error = weir_sleep(run, 600);
	weir_info(run, "woken by %d, cancelled %d", error, weir_cancelled(run));
	return json_true();
}

static json_t *misbehave(weir_run *run)
{
	(void)run;
	return json_boolean(write(3, "this is no frame at all, but long enough to be read as one", 58) == 58);
}

static json_t *start_flow(weir_run *run);

/* --- The tasks -------------------------------------------------------------------------------------------------- */

#define VALUE                                                                                                          \
	{                                                                                                              \
		{                                                                                                      \
			.name = "value", .type = WEIR_ANY_VALUE                                                        \
		}                                                                                                      \
	}
#define NUMBER                                                                                                         \
	{                                                                                                              \
		{                                                                                                      \
			.name = "value", .type = WEIR_INTEGER, .fallback = "0"                                         \
		}                                                                                                      \
	}
#define RETRIED .retries = 1, .retry_delay_seconds = { 0.05 }

static const weir_task tasks[] = {
	{ .name = "echo", .run = echo, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "count-bytes",
	  .run = count_bytes,
	  .mode = WEIR_PROCESS,
	  .parameters = { { .name = "value", .type = WEIR_STRING } } },
	{ .name = "make-bytes", .run = make_bytes, .mode = WEIR_PROCESS, .parameters = NUMBER },
	{ .name = "about", .run = about, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "say", .run = say, .mode = WEIR_PROCESS, .parameters = VALUE, .log_prints = WEIR_ON },
	{ .name = "say-aloud", .run = say, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "print-long", .run = print_long, .mode = WEIR_PROCESS, .parameters = VALUE, .log_prints = WEIR_ON },
	{ .name = "skip", .run = skip, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "fail-final", .run = fail_final, .mode = WEIR_PROCESS, .parameters = VALUE, RETRIED },
	{ .name = "fail-once", .run = fail_once, .mode = WEIR_PROCESS, .parameters = VALUE, RETRIED },
	{ .name = "return-nothing", .run = return_nothing, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "return-in-spite", .run = return_in_spite, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "sleep", .run = sleep_a_little, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "list-descriptors", .run = list_descriptors, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "describe-process", .run = describe_process, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "segfault-once",
	  .run = segfault_once,
	  .mode = WEIR_PROCESS,
	  .parameters = NUMBER,
	  .log_prints = WEIR_ON,
	  RETRIED },
	{ .name = "segfault-always", .run = segfault_always, .mode = WEIR_PROCESS, .parameters = NUMBER },
	{ .name = "abort", .run = abort_at_once, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "exit-3", .run = exit_3, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "exit-silently", .run = exit_silently, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "wait-for-death", .run = wait_once_for_death, .mode = WEIR_PROCESS, .parameters = VALUE, RETRIED },
	{ .name = "run-script", .run = sleep_and_run_script, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "run-script-in-thread", .run = sleep_and_run_script, .parameters = VALUE },
	{ .name = "run-program", .run = run_program, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "use-memory",
	  .run = use_memory,
	  .mode = WEIR_PROCESS,
	  .parameters = NUMBER,
	  .memory_bytes = 300000000 },
	{ .name = "exhaust-memory",
	  .run = exhaust_memory,
	  .mode = WEIR_PROCESS,
	  .parameters = NUMBER,
	  .memory_bytes = 100000000 },
	{ .name = "return-bad-text", .run = return_bad_text, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "leave-grandchild", .run = leave_grandchild, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "fork-and-return", .run = fork_and_return, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "be-deaf", .run = be_deaf, .mode = WEIR_PROCESS, .parameters = VALUE, .timeout_seconds = 0.3 },
	{ .name = "end-well", .run = end_well, .mode = WEIR_PROCESS, .parameters = VALUE, .timeout_seconds = 0.3 },
	{ .name = "misbehave", .run = misbehave, .mode = WEIR_PROCESS, .parameters = VALUE },
	{ .name = "start-flow", .run = start_flow, .mode = WEIR_PROCESS, .parameters = VALUE },
};

static const weir_task *find_task(const char *name)
{
	for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++) {
		if (strcmp(tasks[i].name, name) == 0)
			return &tasks[i];
	}
	fprintf(stderr, "there is no task '%s'\n", name);
	exit(1);
}

static json_t *call(weir_run *run)
{
	return weir_call(run, find_task(weir_string(run, "task")), "{s:O}", "value", weir_value(run, "value"));
}

static const weir_flow call_flow = {
	.name = "call",
	.parameters = { { .name = "task", .type = WEIR_STRING, .required = true },
	                { .name = "value", .type = WEIR_ANY_VALUE, .fallback = "0" } },
	.run = call,
};

/* --- What a task's process refuses ------------------------------------------------------------------------------ */

/* value: which of the calls. */
static json_t *start_flow(weir_run *run)
{
	weir_problem problem;
	weir_future *future;

	switch (weir_value(run, "value") ? json_integer_value(weir_value(run, "value")) : 0) {
	case 0:
		return weir_call(run, &tasks[0], "i", 1);
	case 1:
		future = weir_submit(run, &tasks[0], "i", 1);
		return weir_result(future);
	case 2:
		return weir_results(weir_map(run, &tasks[0], "[i,i]", 1, 2));
	case 3:
		return weir_subflow(run, &call_flow, "{s:s}", "task", "echo");
	case 4:
		return weir_call_once(run, "key", &tasks[0], "i", 1);
	case 5:
		return weir_checkpoint(run, "key");
	case 6:
		return weir_checkpoint_set(run, "key", json_true()) == 0 ? json_true() : NULL;
	case 7:
		return weir_transaction_begin(run, "key") ? json_true() : NULL;
	case 8:
		return weir_secret(run, "name") ? json_true() : NULL;
	case 9:
		return weir_variable_get(run, "name");
	case 10:
		return weir_variable_set(run, "name", json_true()) == 0 ? json_true() : NULL;
	case 11:
		return weir_artifact_markdown(run, "key", "text", NULL) == 0 ? json_true() : NULL;
	case 12:
		return weir_concurrency(run, "name", 1) == 0 ? json_true() : NULL;
	case 13:
		return weir_server_rate_limit(run, "name", 1) == 0 ? json_true() : NULL;
	default:
		if (weir_run_flow(&call_flow, NULL, &problem, "{s:s}", "task", "echo") < 0)
			return weir_fail(run, "%s", problem.message);
		return json_true();
	}
}

/* --- Many of them ----------------------------------------------------------------------------------------------- */

static size_t count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static json_t *run_many(weir_run *run)
{
	json_int_t count = weir_integer(run, "count");
	json_t *elements = json_array();
	json_auto_t *first = weir_call(run, &tasks[0], "i", 0), *results = NULL;
	size_t before = count_descriptors();

	for (json_int_t i = 0; i < count; i++)
		json_array_append_new(elements, json_integer(i));
	results = weir_results(weir_map_json(run, &tasks[0], NULL, elements));
	if (!first || !results)
		return NULL;
	say_pid(run, "program");
	printf("done %zu %zu\n", before, count_descriptors());
	fflush(stdout);
	/* Until it is looked at. */
	if (weir_boolean(run, "wait") && weir_sleep(run, 600) < 0)
		return NULL;
	return json_integer((json_int_t)json_array_size(results));
}

static const weir_flow many_flow = {
	.name = "many",
	.parameters = { { .name = "count", .type = WEIR_INTEGER, .fallback = "200" },
	                { .name = "wait", .type = WEIR_BOOLEAN, .fallback = "false" } },
	.run = run_many,
};

/* One makes a long text, the other is given it. */
static json_t *pass_on(weir_run *run)
{
	json_auto_t *text = weir_call(run, find_task("make-bytes"), "I", weir_integer(run, "size"));

	return text ? weir_call(run, find_task("count-bytes"), "O", text) : NULL;
}

static const weir_flow passes_on = {
	.name = "passes-on",
	.parameters = { { .name = "size", .type = WEIR_INTEGER } },
	.run = pass_on,
};

/* From a coroutine: tasks in processes, and a program, all at a time. */
static json_t *mix(weir_run *run)
{
	weir_futures *echoes = weir_map(run, &tasks[0], "[i,i,i]", 1, 2, 3);
	json_t *program = run_program(run);
	json_t *results = weir_results(echoes);
	json_t *called = weir_call(run, &tasks[0], "s", "called");

	return program && results && called ? json_pack("[o,o,o]", program, results, called) : NULL;
}

static const weir_flow mixed = { .name = "mixed", .run = mix, .mode = WEIR_ASYNC };

/* With so few descriptors that a process can't be started. */
static json_t *run_without_descriptors(weir_run *run)
{
	struct rlimit limit, low;
	json_t *result;

	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	low.rlim_cur = count_descriptors() - 2; /* what is open, without . and .. and the folder, and one more */
	setrlimit(RLIMIT_NOFILE, &low);
	result = weir_call(run, find_task(weir_string(run, "task")), NULL);
	setrlimit(RLIMIT_NOFILE, &limit);
	return result;
}

static const weir_flow without_descriptors = {
	.name = "without-descriptors",
	.parameters = { { .name = "task", .type = WEIR_STRING, .fallback = "\"echo\"" } },
	.run = run_without_descriptors,
};

/* --- Tasks that the guardian does not know ---------------------------------------------------------------------- */

static json_t *call_from_heap(weir_run *run)
{
	weir_task *task = malloc(sizeof *task); /* lives as long as the program, as tasks must */

	*task = tasks[0];
	return weir_call(run, task, "i", 1);
}

static const weir_flow from_heap = { .name = "from-heap", .run = call_from_heap };

static weir_task late_task;

static json_t *call_late(weir_run *run)
{
	late_task = tasks[0];
	late_task.name = "late";
	return weir_call(run, &late_task, "i", 1);
}

static const weir_flow late = { .name = "late", .run = call_late };

/* --- A fork in a task of a thread ------------------------------------------------------------------------------- */

/* What the copy may do, and what it may not: it says so by its exit status. */
static int be_copy(weir_run *run, const char *how)
{
	weir_problem problem;

	if (strcmp(how, "return") == 0)
		return -1;
	printf("printed by the copy\n");
	weir_info(run, "logged by the copy");
	if (weir_run_flow(&call_flow, NULL, &problem, "{s:s}", "task", "echo") == 0)
		return 10;
	if (weir_call(run, &tasks[0], "i", 1))
		return 11;
	if (!weir_cancelled(run))
		return 12;
	if (strcmp(how, "sleep") == 0)
		sleep_deaf(600);
	return 7;
}

static json_t *fork_in_thread(weir_run *run)
{
	const char *how = weir_string(run, "how");
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		status = be_copy(run, how);
		if (status < 0)
			return json_true();
		exit(status);
	}
	weir_info(run, "copy %ld", (long)pid);
	if (strcmp(how, "sleep") == 0)
		sleep_deaf(600);
	waitpid(pid, &status, 0);
	return json_integer(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

static const weir_task forking_task = {
	.name = "forking-task",
	.parameters = { { .name = "how", .type = WEIR_STRING } },
	.run = fork_in_thread,
};

static json_t *call_forking(weir_run *run)
{
	return weir_call(run, &forking_task, "s", weir_string(run, "how"));
}

static const weir_flow forks = {
	.name = "forks",
	.parameters = { { .name = "how", .type = WEIR_STRING, .fallback = "\"exit\"" } },
	.run = call_forking,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &call_flow, &many_flow, &passes_on, &mixed, &without_descriptors,
		                                  &from_heap, &late,      &forks,     NULL };

	return weir_main(argc, argv, flows);
}
