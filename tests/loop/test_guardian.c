/* SPDX-License-Identifier: Apache-2.0 */
/* A real guardian with real children, forked off this test before anything else. */
#include "base/strbuf.h"
#include "check.h"
#include "loop/guardian.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- The calls: the payload is the name of one --- */

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(99);
}

static void say_number(int fd, long number)
{
	char text[32];

	snprintf(text, sizeof text, "%ld\n", number);
	say(fd, text);
}

static void call_hello(int report)
{
	say(report, "hello");
}

static void call_segfault(int report)
{
	raise(SIGSEGV);
	say(report, "still here");
}

static void call_exit(int report)
{
	(void)report;
	_exit(5);
}

static void call_sleep(int report)
{
	say_number(report, (long)getpid());
	for (;;)
		pause();
}

static void call_deaf(int report)
{
	signal(SIGTERM, SIG_IGN);
	call_sleep(report);
}

static void call_family(int report)
{
	if (fork() == 0)
		call_deaf(report);
	call_sleep(report);
}

static void call_leave(int report)
{
	if (fork() == 0)
		call_deaf(report);
}

static void call_group(int report)
{
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	dprintf(report, "leader %d, blocked %d, ignored %d\n", getpgrp() == getpid(), sigismember(&blocked, SIGTERM),
	        signal(SIGPIPE, SIG_DFL) == SIG_IGN);
}

static void call_descriptors(int report)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;

	while ((entry = readdir(folder))) {
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder))
			dprintf(report, "%s ", entry->d_name);
	}
}

static const struct {
	const char *name;
	void (*run)(int report);
} calls[] = {
	{ "hello", call_hello }, { "segfault", call_segfault }, { "exit", call_exit },
	{ "sleep", call_sleep }, { "deaf", call_deaf },         { "family", call_family },
	{ "leave", call_leave }, { "group", call_group },       { "descriptors", call_descriptors },
};

static void run_call(int payload, int report)
{
	struct str name;

	if (memory_file_map(payload, &name, NULL) < 0)
		_exit(98);
	for (size_t i = 0; i < ARRAY_LENGTH(calls); i++) {
		if (str_is(name, calls[i].name))
			calls[i].run(report);
	}
}

/* --- The owner's side --- */

static int guardian_socket;
static pid_t guardian_pid;

static int start_guardian(void **state)
{
	struct problem problem;

	(void)state;
	return guardian_fork(run_call, &guardian_socket, &guardian_pid, &problem);
}

static int end_guardian(void **state)
{
	(void)state;
	close(guardian_socket);
	guardian_wait(guardian_pid, 10 * 1000 * 1000);
	return kill(guardian_pid, 0) < 0 && errno == ESRCH ? 0 : -1;
}

struct child {
	int leash;
	int report; /* ours */
	pid_t pid;
	struct guardian_event end;
};

static struct guardian_event hear(int leash)
{
	struct guardian_event event;
	struct pollfd fd = { .fd = leash, .events = POLLIN };

	for (;;) {
		int result = guardian_hear(leash, &event);

		if (result == 0)
			return event;
		assert_int_equal(result, WEIR_EAGAIN);
		assert_int_equal(poll(&fd, 1, 30000), 1); /* did not hang */
	}
}

static struct child start(const char *name)
{
	struct child child;
	struct problem problem;
	int pair[2];
	struct guardian_order order = {
		.kind = GUARDIAN_CALL, .name = name, .grace_us = 100000, .in = -1, .out = 1, .err = 2
	};

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(memory_file(str_of(name), &order.payload, &problem), 0);
	order.report = pair[1];
	assert_int_equal(guardian_send(guardian_socket, &order, &child.leash, &problem), 0);
	close(pair[1]);
	close(order.payload);
	child.report = pair[0];
	assert_int_equal(hear(child.leash).kind, GUARDIAN_TAKEN);
	child.end = hear(child.leash);
	assert_int_equal(child.end.kind, GUARDIAN_STARTED);
	child.pid = child.end.pid;
	return child;
}

static void finish(struct child *child)
{
	child->end = hear(child->leash);
	assert_int_equal(child->end.kind, GUARDIAN_ENDED);
	close(child->leash);
}

/* What it reports until the end of its stream, which is when nobody of its family lives any more. */
static void read_report(const struct child *child, char *out, size_t size)
{
	size_t length = 0;
	ssize_t read_now;

	while (length + 1 < size && (read_now = read(child->report, out + length, size - length - 1)) > 0)
		length += (size_t)read_now;
	out[length] = '\0';
	close(child->report);
}

static void wait_for_line(const struct child *child)
{
	char text[32];

	assert_true(read(child->report, text, sizeof text) > 0);
}

/* --- Tests --- */

static void test_a_call_reports_and_ends(void **state)
{
	struct child child = start("hello");
	char text[100];

	(void)state;
	read_report(&child, text, sizeof text);
	finish(&child);
	assert_string_equal(text, "hello");
	assert_true(WIFEXITED(child.end.status) && WEXITSTATUS(child.end.status) == 0);
	assert_true(child.end.peak_bytes > 0);
	assert_false(child.end.killed);
}

static void test_deaths_are_told(void **state)
{
	struct child child = start("segfault");

	(void)state;
	finish(&child);
	close(child.report);
	assert_true(WIFSIGNALED(child.end.status));
	assert_int_equal(WTERMSIG(child.end.status), SIGSEGV);
	child = start("exit");
	finish(&child);
	close(child.report);
	assert_int_equal(WEXITSTATUS(child.end.status), 5);
}

static void test_the_guardian_holds_nothing_of_its_owner(void **state)
{
	char path[64], target[64];

	(void)state;
	for (int fd = 0; fd <= 2; fd++) {
		ssize_t length;

		snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)guardian_pid, fd);
		length = readlink(path, target, sizeof target - 1);
		assert_true(length > 0);
		target[length] = '\0';
		assert_string_equal(target, "/dev/null");
	}
}

static void test_a_child_begins_clean(void **state)
{
	struct child child = start("group");
	char text[200];

	(void)state;
	read_report(&child, text, sizeof text);
	finish(&child);
	assert_string_equal(text, "leader 1, blocked 0, ignored 0\n");
	child = start("descriptors");
	read_report(&child, text, sizeof text);
	finish(&child);
	assert_string_equal(text, "0 1 2 3 4 ");
}

static void test_stopping_ends_the_whole_family(void **state)
{
	struct child child = start("family");
	char text[200];

	(void)state;
	wait_for_line(&child);
	guardian_stop(child.leash, 100000);
	finish(&child);
	assert_int_equal(WTERMSIG(child.end.status), SIGTERM);
	/* The grandchild ignores SIGTERM, and holds the stream: it has been killed when this returns. */
	read_report(&child, text, sizeof text);
}

static void test_a_deaf_one_is_killed(void **state)
{
	struct child child = start("deaf");

	(void)state;
	wait_for_line(&child);
	guardian_stop(child.leash, 50000);
	finish(&child);
	close(child.report);
	assert_int_equal(WTERMSIG(child.end.status), SIGKILL);
	assert_true(child.end.killed);
}

static void test_letting_go_of_the_leash_stops_it(void **state)
{
	struct child child = start("family");
	char text[200];

	(void)state;
	close(child.leash);
	read_report(&child, text, sizeof text);
}

static void test_a_call_leaves_nothing_behind(void **state)
{
	struct child child = start("leave");
	char text[200];

	(void)state;
	finish(&child);
	read_report(&child, text, sizeof text);
	assert_true(WIFEXITED(child.end.status));
}

static void test_the_end_of_the_owner_is_that_of_all(void **state)
{
	struct child one = start("family"), other = start("deaf");
	char text[200];

	(void)state;
	wait_for_line(&one);
	wait_for_line(&other);
	close(guardian_socket);
	read_report(&one, text, sizeof text);
	read_report(&other, text, sizeof text);
	guardian_wait(guardian_pid, 10 * 1000 * 1000);
	assert_int_equal(kill(guardian_pid, 0), -1);
	assert_int_equal(start_guardian(NULL), 0);
}

static void test_the_end_of_the_guardian_is_heard(void **state)
{
	struct child child = start("sleep");
	struct guardian_event event;
	struct guardian_order order = { .kind = GUARDIAN_CALL, .in = -1, .out = -1, .err = -1, .report = -1 };
	struct pollfd fd = { .fd = child.leash, .events = POLLIN };
	struct problem problem;
	int leash;
	char text[200];

	(void)state;
	kill(guardian_pid, SIGKILL);
	read_report(&child, text, sizeof text); /* it dies as well */
	assert_int_equal(poll(&fd, 1, 30000), 1);
	assert_int_equal(guardian_hear(child.leash, &event), WEIR_ENOTFOUND);
	guardian_wait(guardian_pid, 10 * 1000 * 1000);
	assert_int_equal(memory_file(STR("hello"), &order.payload, &problem), 0);
	/* The system may take its time to close its socket: what is sent until then comes to nothing, and that is heard. */
	while (guardian_send(guardian_socket, &order, &leash, &problem) == 0) {
		fd.fd = leash;
		assert_int_equal(poll(&fd, 1, 30000), 1);
		assert_int_equal(guardian_hear(leash, &event), WEIR_ENOTFOUND);
		close(leash);
	}
	assert_int_equal(problem.code, WEIR_EAGAIN);
	close(order.payload);
	close(guardian_socket);
	assert_int_equal(start_guardian(NULL), 0);
}

/* --- Programs --- */

struct ran {
	struct guardian_event end;
	char text[200];
};

static struct ran run_program(const char *path, const char *cwd, const char *const *argv, const char *const *env)
{
	struct guardian_order order = {
		.kind = GUARDIAN_PROGRAM, .grace_us = 100000, .in = -1, .err = 2, .report = -1
	};
	struct problem problem;
	struct ran ran = { 0 };
	int fds[2], leash;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(program_pack(path, cwd, argv, env, &order.payload, &problem), 0);
	order.out = fds[1];
	assert_int_equal(guardian_send(guardian_socket, &order, &leash, &problem), 0);
	close(fds[1]);
	close(order.payload);
	if (read(fds[0], ran.text, sizeof ran.text - 1) < 0)
		fail();
	close(fds[0]);
	do
		ran.end = hear(leash);
	while (ran.end.kind <= GUARDIAN_STARTED);
	close(leash);
	return ran;
}

static void test_a_program_has_its_arguments_environment_and_folder(void **state)
{
	const char *argv[] = { "sh",   "-c",      "echo \"$0 $1 $NAME $(pwd) ${PATH:-no path}\"; exit 4",
		               "zero", "one two", NULL };
	const char *env[] = { "NAME=value", NULL };
	struct ran ran = run_program("/usr/bin:/bin", "/", argv, env);

	(void)state;
	assert_non_null(strstr(ran.text, "zero one two value / "));
	assert_int_equal(ran.end.kind, GUARDIAN_ENDED);
	assert_int_equal(WEXITSTATUS(ran.end.status), 4);
}

static void test_a_program_that_is_not_there(void **state)
{
	const char *argv[] = { "no-program-of-this-name", NULL };
	const char *there[] = { "sh", NULL };
	const char *env[] = { NULL };

	(void)state;
	assert_int_equal(run_program("/usr/bin:/bin", NULL, argv, env).end.kind, GUARDIAN_FAILED);
	assert_int_equal(run_program("/usr/bin:/bin", NULL, argv, env).end.error, ENOENT);
	assert_int_equal(run_program("/nowhere", NULL, there, env).end.error, ENOENT);
	assert_int_equal(run_program("/usr/bin:/bin", "/nowhere", there, env).end.error, ENOENT);
}

static void test_large_arguments(void **state)
{
	char *large = malloc(100001);
	const char *argv[] = { "sh", "-c", "echo ${#1}", "sh", large, NULL };
	const char *env[] = { NULL };

	(void)state;
	memset(large, 'a', 100000);
	large[100000] = '\0';
	assert_string_equal(run_program("/usr/bin:/bin", NULL, argv, env).text, "100000\n");
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_reports_and_ends),
		cmocka_unit_test(test_deaths_are_told),
		cmocka_unit_test(test_the_guardian_holds_nothing_of_its_owner),
		cmocka_unit_test(test_a_child_begins_clean),
		cmocka_unit_test(test_stopping_ends_the_whole_family),
		cmocka_unit_test(test_a_deaf_one_is_killed),
		cmocka_unit_test(test_letting_go_of_the_leash_stops_it),
		cmocka_unit_test(test_a_call_leaves_nothing_behind),
		cmocka_unit_test(test_the_end_of_the_owner_is_that_of_all),
		cmocka_unit_test(test_the_end_of_the_guardian_is_heard),
		cmocka_unit_test(test_a_program_has_its_arguments_environment_and_folder),
		cmocka_unit_test(test_a_program_that_is_not_there),
		cmocka_unit_test(test_large_arguments),
	};

	return cmocka_run_group_tests(tests, start_guardian, end_guardian);
}
