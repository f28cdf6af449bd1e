/* SPDX-License-Identifier: Apache-2.0 */
/* The log: how a line looks, and that no sink, whatever becomes of it, blocks or kills the program. */
#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

enum { READ, WRITE, FLUSH_US = 20 * 1000 * 1000 };

static void start(int fd, enum log_level level, enum log_format format, bool colour)
{
	const struct log_options options = { .fd = fd, .level = level, .format = format, .colour = colour };

	log_init(&options);
}

/* After each test: no entry waits, and no gap is to be told. */
static int tear_down(void **state)
{
	int null = open("/dev/null", O_WRONLY);

	(void)state;
	start(null, LOG_OFF, LOG_TEXT, false);
	log_flush(FLUSH_US);
	return close(null);
}

/* What is in a pipe, a socket or a terminal now. */
static void read_now(int fd, struct strbuf *out)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	while (poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN)) {
		char *end = strbuf_reserve(out, 65536);
		ssize_t got = read(fd, end, 65536);

		if (got <= 0)
			break;
		out->length += (size_t)got;
		end[got] = '\0';
	}
}

/* One entry through a pipe, without the time of day at the start of a text line. */
static void check_line(enum log_format format, bool colour, enum log_level level, struct str name, struct str message,
                       const char *expected)
{
	AUTO(strbuf_done) struct strbuf line = { 0 };
	int hour, minute, second, millisecond;
	int at = 0;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[WRITE], F_SETPIPE_SZ, 1 << 17), 1 << 17);
	start(ends[WRITE], LOG_DEBUG, format, colour);
	log_write_str(level, name, message);
	read_now(ends[READ], &line);
	assert_int_equal(sscanf(line.data, "%2d:%2d:%2d.%3d%n", &hour, &minute, &second, &millisecond, &at), 4);
	assert_int_equal(at, 12);
	assert_string_equal(line.data + at, expected);
	close(ends[READ]);
	close(ends[WRITE]);
}

/* Must be the first test: the log of this process has not been set up yet. */
static void test_before_it_is_set_up_warnings_go_to_stderr(void **state)
{
	AUTO(strbuf_done) struct strbuf output = { 0 };
	int ends[2];
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		dup2(ends[WRITE], STDERR_FILENO);
		log_write(LOG_INFO, "weir", "%s", "not shown");
		log_write(LOG_WARNING, "weir", "number %d", 7);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	read_now(ends[READ], &output);
	assert_int_equal(output.length, strlen("08:00:00.000 | WARNING | weir - number 7\n"));
	assert_string_equal(output.data + 12, " | WARNING | weir - number 7\n");
	close(ends[READ]);
	close(ends[WRITE]);
}

static void test_text(void **state)
{
	(void)state;
	check_line(LOG_TEXT, false, LOG_INFO, STR("Flow run 'calm-otter'"), STR("message"),
	           " | INFO    | Flow run 'calm-otter' - message\n");
	check_line(LOG_TEXT, false, LOG_CRITICAL, STR("weir"), STR("two\nlines"), " | CRITICAL | weir - two\nlines\n");
	check_line(LOG_TEXT, false, LOG_DEBUG, STR("weir"), STR(""), " | DEBUG   | weir - \n");
	check_line(LOG_TEXT, true, LOG_ERROR, STR("weir"), STR("red"), " | \033[31mERROR  \033[0m | weir - red\n");
	check_line(LOG_TEXT, false, LOG_INFO, STR("a\xFF"), STR("b\xC3(\xE2\x82"),
	           " | INFO    | a\xEF\xBF\xBD - b\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\n");
}

static void test_json(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(strbuf_done) struct strbuf line = { 0 };
	const struct json *json;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	start(ends[WRITE], LOG_DEBUG, LOG_JSON, true);
	log_write_str(LOG_WARNING, STR("weir.store"), STR("two\nlines \"and\" \xFF"));
	read_now(ends[READ], &line);
	assert_ptr_equal(strchr(line.data, '\n'), line.data + line.length - 1);
	assert_int_equal(json_read(&arena, strbuf_str(&line), 0, &json, NULL, NULL), 0);
	assert_int_equal(json->count, 4);
	assert_true(json_is(json_get(json, "timestamp"), JSON_TYPE_STRING));
	assert_true(str_is(json_text(&arena, json_get(json, "level")), "WARNING"));
	assert_true(str_is(json_text(&arena, json_get(json, "logger")), "weir.store"));
	assert_true(str_is(json_text(&arena, json_get(json, "message")), "two\nlines \"and\" \xEF\xBF\xBD"));
	close(ends[READ]);
	close(ends[WRITE]);
}

static void test_levels(void **state)
{
	AUTO(strbuf_done) struct strbuf output = { 0 };
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	start(ends[WRITE], LOG_ERROR, LOG_TEXT, false);
	assert_false(log_enabled(LOG_WARNING));
	assert_true(log_enabled(LOG_ERROR));
	log_write(LOG_WARNING, "weir", "no");
	log_write_str(LOG_WARNING, STR("weir"), STR("no"));
	start(ends[WRITE], LOG_OFF, LOG_TEXT, false);
	assert_false(log_enabled(LOG_CRITICAL));
	log_write(LOG_CRITICAL, "weir", "no");
	read_now(ends[READ], &output);
	assert_int_equal(output.length, 0);
	close(ends[READ]);
	close(ends[WRITE]);
}

static void test_level_names(void **state)
{
	static const struct {
		const char *word;
		int level;
	} rows[] = {
		{ "DEBUG", LOG_DEBUG }, { "info", LOG_INFO }, { "Warning", LOG_WARNING },     { "WARN", LOG_WARNING },
		{ "error", LOG_ERROR }, { "off", LOG_OFF },   { "CRITICAL", LOG_CRITICAL },   { "35", 35 },
		{ "100", LOG_OFF },     { "101", -1 },        { "99999999999999999999", -1 }, { "", -1 },
		{ "INF", -1 },          { "-1", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_int_equal(log_level_parse(str_of(rows[i].word)), rows[i].level);
	assert_string_equal(log_level_name(0), "DEBUG");
	assert_string_equal(log_level_name(LOG_WARNING), "WARNING");
	assert_string_equal(log_level_name(LOG_WARNING - 1), "INFO");
	assert_string_equal(log_level_name(99), "CRITICAL");
}

static void test_long_messages_are_cut_between_characters(void **state)
{
	AUTO(strbuf_done) struct strbuf message = { 0 };
	AUTO(strbuf_done) struct strbuf expected = { 0 };

	(void)state;
	/* 21,845 characters of three bytes are 65,535 bytes: the next one would cross the limit of 65,536. */
	strbuf_puts(&expected, " | INFO    | weir - ");
	for (int i = 0; i < 22000; i++) {
		strbuf_puts(&message, "\xE2\x82\xAC");
		if (i < 21845)
			strbuf_puts(&expected, "\xE2\x82\xAC");
	}
	strbuf_printf(&expected, "... (%d more bytes)\n", 3 * (22000 - 21845));
	check_line(LOG_TEXT, false, LOG_INFO, STR("weir"), strbuf_str(&message), expected.data);
}

static void test_errno_is_left_alone(void **state)
{
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(fd >= 0);
	start(fd, LOG_INFO, LOG_TEXT, false);
	errno = 77;
	log_write(LOG_INFO, "weir", "message");
	assert_int_equal(errno, 77);
	close(fd);
}

/* --- Full sinks --- */

enum { ENTRIES = 5000 };

static void write_entries(void)
{
	for (int i = 0; i < ENTRIES; i++)
		log_write(LOG_INFO, "weir", "entry %d of a sink that nobody reads: %0100d", i, 0);
}

/*
 * Everything that arrives: entries 0, 1, 2, … without a hole, then one line that tells how many are missing, then the
 * entry that was written after the sink had been read again. Terminals end lines in \r\n.
 */
static void check_gap(char *text, uint64_t missing)
{
	char expected[128];
	char *line;
	int count = 0;

	snprintf(expected, sizeof expected, "%llu log entries were dropped here", (unsigned long long)missing);
	assert_true(missing > 0 && missing < ENTRIES);
	for (line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n"), count++) {
		int number;

		if (count == ENTRIES - (int)missing)
			assert_non_null(strstr(line, expected));
		else if (count == ENTRIES - (int)missing + 1)
			assert_non_null(strstr(line, "weir - after the gap"));
		else
			assert_true(sscanf(line + 12, " | INFO | weir - entry %d of", &number) == 1 && number == count);
	}
	assert_int_equal(count, ENTRIES - (int)missing + 2);
}

static void *flush_log(void *argument)
{
	log_flush(FLUSH_US);
	return argument;
}

/* Fill a sink that nobody reads, then read it while the log is flushed. */
static void check_full(int read_fd, int write_fd)
{
	AUTO(strbuf_done) struct strbuf output = { 0 };
	int flags = fcntl(write_fd, F_GETFL);
	uint64_t before = log_dropped();
	uint64_t missing;
	pthread_t thread;

	start(write_fd, LOG_INFO, LOG_TEXT, false);
	write_entries();
	missing = log_dropped() - before;
	assert_int_equal(fcntl(write_fd, F_GETFL), flags);
	assert_int_equal(pthread_create(&thread, NULL, flush_log, NULL), 0);
	while (pthread_tryjoin_np(thread, NULL) == EBUSY)
		read_now(read_fd, &output);
	log_write(LOG_INFO, "weir", "after the gap");
	read_now(read_fd, &output);
	check_gap(output.data, missing);
	assert_int_equal(log_dropped() - before, missing);
	close(read_fd);
	close(write_fd);
}

static void test_full_pipe(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	check_full(ends[READ], ends[WRITE]);
}

/* A pipe that may not be opened a second time, as another user's: the log asks poll before each piece. */
static void test_full_pipe_of_another_user(void **state)
{
	uid_t user = geteuid();
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fchmod(ends[WRITE], 0), 0);
	if (user == 0)
		assert_int_equal(seteuid(65534), 0);
	check_full(ends[READ], ends[WRITE]);
	if (user == 0)
		assert_int_equal(seteuid(0), 0);
}

static void test_full_socket(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	check_full(ends[READ], ends[WRITE]);
}

static void test_stopped_terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	int terminal;

	(void)state;
	if (master < 0)
		skip(); /* no pseudo-terminals here */
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	check_full(master, terminal);
}

/* While the disk is full entries wait; they are written when there is room, or go where the log is pointed next. */
static void test_full_disk(void **state)
{
	AUTO(strbuf_done) struct strbuf output = { 0 };
	int full = open("/dev/full", O_WRONLY);
	uint64_t before = log_dropped();
	int ends[2];

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(pipe(ends), 0);
	start(full, LOG_INFO, LOG_TEXT, false);
	log_write(LOG_INFO, "weir", "one");
	log_write(LOG_INFO, "weir", "two");
	log_flush(1000);
	start(ends[WRITE], LOG_INFO, LOG_TEXT, false);
	log_flush(FLUSH_US);
	read_now(ends[READ], &output);
	assert_non_null(strstr(output.data, "weir - one\n"));
	assert_non_null(strstr(strstr(output.data, "weir - one\n"), "weir - two\n"));
	assert_int_equal(log_dropped(), before);
	close(full);
	close(ends[READ]);
	close(ends[WRITE]);
}

/* A file at RLIMIT_FSIZE would end the program by SIGXFSZ. */
static void test_file_at_its_size_limit(void **state)
{
	FILE *file = tmpfile();
	const struct rlimit limit = { 10, 10 };
	uint64_t before = log_dropped();
	char text[16] = "";
	int status;
	pid_t child;

	(void)state;
	assert_non_null(file);
	child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_FSIZE, &limit);
		start(fileno(file), LOG_INFO, LOG_TEXT, false);
		log_write(LOG_INFO, "weir", "longer than the limit");
		log_write(LOG_INFO, "weir", "another");
		_exit(log_dropped() == before ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(pread(fileno(file), text, sizeof text, 0), 10);
	fclose(file);
}

/* --- Closed sinks --- */

static bool is_pending(int number)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, number);
}

static void check_closed(int read_fd, int write_fd)
{
	uint64_t before = log_dropped();

	close(read_fd);
	start(write_fd, LOG_INFO, LOG_TEXT, false);
	log_write(LOG_INFO, "weir", "one");
	log_write(LOG_INFO, "weir", "two");
	log_flush(FLUSH_US);
	assert_int_equal(log_dropped() - before, 2);
	close(write_fd);
}

/* SIGPIPE has its default action here: it would end the test. */
static void test_closed_sinks(void **state)
{
	sigset_t set, before;
	int ends[2];

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	assert_int_equal(pipe(ends), 0);
	check_closed(ends[READ], ends[WRITE]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	check_closed(ends[READ], ends[WRITE]);

	/* A host that blocks SIGPIPE finds none from the log, and one of its own stays. */
	pthread_sigmask(SIG_BLOCK, &set, &before);
	assert_int_equal(pipe(ends), 0);
	check_closed(ends[READ], ends[WRITE]);
	assert_false(is_pending(SIGPIPE));
	raise(SIGPIPE);
	assert_int_equal(pipe(ends), 0);
	check_closed(ends[READ], ends[WRITE]);
	assert_true(is_pending(SIGPIPE));
	assert_int_equal(sigtimedwait(&set, NULL, &(struct timespec){ 0 }), SIGPIPE);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The reader goes away while entries wait for it: all that it did not read whole is counted. */
static void test_reader_that_goes_away(void **state)
{
	uint64_t before = log_dropped();
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[WRITE], F_SETPIPE_SZ, 4096), 4096);
	start(ends[WRITE], LOG_INFO, LOG_TEXT, false);
	for (int i = 0; i < 10; i++)
		log_write(LOG_INFO, "weir", "%01000d", i);
	assert_int_equal(log_dropped(), before);
	close(ends[READ]);
	log_flush(FLUSH_US);
	/* 4,096 bytes hold three lines of 1,033 bytes; a pipe takes no part of a piece as small as these. */
	assert_int_equal(log_dropped() - before, 10 - 3);
	close(ends[WRITE]);
}

static void test_no_sink(void **state)
{
	uint64_t before = log_dropped();

	(void)state;
	start(-1, LOG_INFO, LOG_TEXT, false);
	log_write(LOG_INFO, "weir", "into nothing");
	assert_int_equal(log_dropped() - before, 1);
}

/* --- Threads --- */

enum { THREADS = 4, LINES = 300 };

static void *write_lines(void *argument)
{
	for (int i = 0; i < LINES; i++)
		log_write(LOG_INFO, "thread", "%d:%d", *(int *)argument, i);
	return NULL;
}

static void test_lines_of_threads_stay_whole_and_in_order(void **state)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];
	int next[THREADS] = { 0 };
	char line[256];
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	start(fileno(file), LOG_INFO, LOG_TEXT, false);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	rewind(file);
	while (fgets(line, sizeof line, file)) {
		int thread, number;

		assert_int_equal(sscanf(line + 12, " | INFO | thread - %d:%d", &thread, &number), 2);
		assert_true(thread >= 0 && thread < THREADS);
		assert_int_equal(number, next[thread]++);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(next[i], LINES);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_before_it_is_set_up_warnings_go_to_stderr, tear_down),
		cmocka_unit_test_teardown(test_text, tear_down),
		cmocka_unit_test_teardown(test_json, tear_down),
		cmocka_unit_test_teardown(test_levels, tear_down),
		cmocka_unit_test_teardown(test_level_names, tear_down),
		cmocka_unit_test_teardown(test_long_messages_are_cut_between_characters, tear_down),
		cmocka_unit_test_teardown(test_errno_is_left_alone, tear_down),
		cmocka_unit_test_teardown(test_full_pipe, tear_down),
		cmocka_unit_test_teardown(test_full_pipe_of_another_user, tear_down),
		cmocka_unit_test_teardown(test_full_socket, tear_down),
		cmocka_unit_test_teardown(test_stopped_terminal, tear_down),
		cmocka_unit_test_teardown(test_full_disk, tear_down),
		cmocka_unit_test_teardown(test_file_at_its_size_limit, tear_down),
		cmocka_unit_test_teardown(test_closed_sinks, tear_down),
		cmocka_unit_test_teardown(test_reader_that_goes_away, tear_down),
		cmocka_unit_test_teardown(test_no_sink, tear_down),
		cmocka_unit_test_teardown(test_lines_of_threads_stay_whole_and_in_order, tear_down),
	};

	alarm(100); /* a log that blocks ends the test */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
