/* SPDX-License-Identifier: Apache-2.0 */
/* The last word of a program that crashes: children do it in every way, and the file tells which. Compiled a second time
   with canaries in place of guards. */
#include "in_child.h"
#include "loop/crash.h"
#include "loop/thread.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include <cmocka.h>

#include "in_coroutine.h"

static char folder[] = "/tmp/weir-crash-XXXXXX";
static char path[sizeof folder + 16];

static size_t describe(char *text, size_t size)
{
	const char *local = control_local();
	size_t length = local ? strlen(local) : 0;

	length = MIN(length, size);
	if (length)
		memcpy(text, local, length);
	return length;
}

static void install(void)
{
	struct problem problem;

	if (crash_install(path, describe, &problem) < 0)
		_exit(99);
}

/* What runs on this thread from now on. */
static void run_as(const char *what)
{
	control_set_local((void *)(intptr_t)what);
}

/* Read what a child has written, and remove it. */
static void assert_line(const char *expected)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct problem problem;

	assert_int_equal(crash_read(path, &text, &problem), 0);
	assert_string_equal(strbuf_str(&text).data, expected);
	unlink(path);
}

/* Let a child die by an action. Sanitizers, whose handlers come next, may choose another signal than it died of. */
static void assert_dies(void (*action)(void), int number)
{
	int status = run_in_child(action);

	assert_true(WIFSIGNALED(status));
	if (!has_sanitizer())
		assert_int_equal(WTERMSIG(status), number);
}

/* --- Ways to crash --- */

static void touch_address_16(void)
{
	static volatile intptr_t address = 16;

	*(volatile int *)address = 1;
}

static void fault_in_a_run(void)
{
	install();
	run_as("task run 'load' (17)");
	touch_address_16();
}

static void fault_in_no_run(void)
{
	install();
	touch_address_16();
}

static void call_abort(void)
{
	install();
	run_as("flow run 'nightly'");
	abort();
}

static void be_killed(void)
{
	install();
	kill(getpid(), SIGBUS);
}

static unsigned dig(unsigned depth)
{
	volatile char page[2048];

	memset((char *)page, (int)(depth | 1), sizeof page);
	if (coroutine_stack_left() > SIZE_MAX / 2 && coroutine_current())
		coroutine_yield(); /* it has gone through the end by a bit */
	if (depth == UINT32_MAX)
		return 0;
	return dig(depth + 1) + (unsigned)page[depth % sizeof page];
}

static void overflow_in_coroutine(void *data)
{
	(void)data;
	run_as("task run 'deep'");
	dig(0);
}

static void overflow_coroutine(void)
{
	install();
	run_in_coroutine(overflow_in_coroutine, NULL);
}

static void *overflow_in_thread(void *argument)
{
	run_as("task run 'thread'");
	dig(0);
	return argument;
}

static void overflow_thread(void)
{
	pthread_t thread;
	struct problem problem;

	install();
	if (thread_start(&thread, "deep", overflow_in_thread, NULL, &problem) == 0)
		pthread_join(thread, NULL);
}

static void overflow_main_thread(void)
{
	struct rlimit limit = { .rlim_cur = 1 << 20, .rlim_max = 1 << 20 };

	setrlimit(RLIMIT_STACK, &limit);
	install();
	dig(0);
}

static void die_in_describing(void)
{
	install();
	control_set_local((void *)(intptr_t)16);
	abort();
}

static void handle_and_exit(int number)
{
	_exit(number == SIGBUS ? 42 : 43);
}

static void have_a_handler(void)
{
	struct sigaction action = { .sa_handler = handle_and_exit };

	sigaction(SIGBUS, &action, NULL);
	be_killed();
}

static void ignore_it(void)
{
	signal(SIGBUS, SIG_IGN);
	be_killed();
	_exit(44);
}

static void fork_and_let_the_child_die(void)
{
	install();
	_exit(WIFSIGNALED(run_in_child(touch_address_16)) ? 45 : 46);
}

static void uninstall_and_die(void)
{
	struct problem problem;

	install();
	if (crash_install(path, describe, &problem) != WEIR_ECONFLICT)
		_exit(98);
	crash_uninstall();
	crash_uninstall();
	touch_address_16();
}

/* --- Tests --- */

static void line_tells_signal_and_run(void **state)
{
	(void)state;
	assert_dies(fault_in_a_run, SIGSEGV);
	assert_line("SIGSEGV at address 0x10 in task run 'load' (17)");
	assert_dies(fault_in_no_run, SIGSEGV);
	assert_line("SIGSEGV at address 0x10");
	assert_dies(call_abort, SIGABRT);
	assert_line("SIGABRT in flow run 'nightly'");
	assert_dies(be_killed, SIGBUS);
	assert_line("SIGBUS");
}

static void stack_overflow_of_a_coroutine_is_told(void **state)
{
	(void)state;
#ifdef WEIR_STACK_CANARIES
	assert_dies(overflow_coroutine, SIGABRT);
	assert_line("SIGABRT, stack overflow of a coroutine (256 KiB) in task run 'deep'");
#else
	assert_dies(overflow_coroutine, SIGSEGV);
	assert_line("SIGSEGV, stack overflow of a coroutine (256 KiB) in task run 'deep'");
#endif
}

static void stack_overflow_of_a_thread_is_told(void **state)
{
	(void)state;
	assert_dies(overflow_thread, SIGSEGV);
	assert_line("SIGSEGV, stack overflow of a thread in task run 'thread'");
	assert_dies(overflow_main_thread, SIGSEGV);
	assert_line("SIGSEGV, stack overflow of a thread");
}

static void signal_is_kept_when_describing_crashes(void **state)
{
	(void)state;
	assert_true(WIFSIGNALED(run_in_child(die_in_describing)));
	assert_line("SIGABRT");
}

static void handlers_of_the_host_are_called(void **state)
{
	int status = run_in_child(have_a_handler);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
	assert_line("SIGBUS");
	status = run_in_child(ignore_it);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 44);
	assert_line("");
}

static void forked_children_leave_the_file_alone(void **state)
{
	int status = run_in_child(fork_and_let_the_child_die);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 45);
	assert_line("");
}

static void nothing_is_left_when_uninstalled(void **state)
{
	(void)state;
	assert_dies(uninstall_and_die, SIGSEGV);
	assert_int_equal(access(path, F_OK), -1);
	assert_line("");
}

static void write_file(const char *data, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, length), length);
	close(fd);
}

static void reading_makes_text_of_anything(void **state)
{
	static const struct {
		struct str data;
		const char *expected;
	} cases[] = {
		{ { "", 0 }, "" },
		{ { "SIGSEGV", 7 }, "SIGSEGV" },
		{ { "SIGSEGV in a\nSIGBUS\n", 20 }, "SIGSEGV in a" },
		{ { "a\0b\x1b[1m\x7f\xc3\xa4\xc3", 11 }, "a?b?[1m?\xc3\xa4?" },
	};
	char much[5000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		write_file(cases[i].data.data, cases[i].data.length);
		assert_line(cases[i].expected);
	}
	memset(much, 'x', sizeof much);
	write_file(much, sizeof much);
	much[2048] = '\0';
	assert_line(much);
}

static void errors_name_the_file(void **state)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct problem problem;

	(void)state;
	assert_int_equal(crash_install("/nowhere/at/all", NULL, &problem), WEIR_ENOTFOUND);
	assert_non_null(strstr(problem.message, "/nowhere/at/all"));
	assert_true(crash_read(folder, &text, &problem) < 0);
	assert_non_null(strstr(problem.message, folder));
	assert_int_equal(text.length, 0);
	crash_uninstall();
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	strcat(strcpy(path, folder), "/crash");
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_tells_signal_and_run),
		cmocka_unit_test(stack_overflow_of_a_coroutine_is_told),
		cmocka_unit_test(stack_overflow_of_a_thread_is_told),
		cmocka_unit_test(signal_is_kept_when_describing_crashes),
		cmocka_unit_test(handlers_of_the_host_are_called),
		cmocka_unit_test(forked_children_leave_the_file_alone),
		cmocka_unit_test(nothing_is_left_when_uninstalled),
		cmocka_unit_test(reading_makes_text_of_anything),
		cmocka_unit_test(errors_name_the_file),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
