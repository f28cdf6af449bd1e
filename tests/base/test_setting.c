/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: where a value comes from, what each type takes, what is refused and how it is said. */
#include "base/log.h"
#include "base/settings_table.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const fruits[] = { "apple", "banana", "cherry", NULL };

static const struct setting rows[] = {
	{ "home", "T_HOME", SETTING_PATH, .fallback = "~/.t" },
	{ "text", "T_TEXT", SETTING_TEXT },
	{ "count", "T_COUNT", SETTING_INTEGER, .fallback = "3", .minimum = 1, .maximum = 10 },
	{ "free", "T_FREE", SETTING_INTEGER, .fallback = "0" },
	{ "wait", "T_WAIT", SETTING_SECONDS, .fallback = "1.5", .maximum = 3600 },
	{ "flag", "T_FLAG", SETTING_BOOLEAN, .fallback = "false" },
	{ "level", "T_LEVEL", SETTING_LEVEL, .fallback = "INFO" },
	{ "fruit", "T_FRUIT", SETTING_WORD, .fallback = "apple", .words = fruits },
	{ "file", "T_FILE", SETTING_PATH, .fallback = "$T_HOME/file.db" },
};

static char folder[] = "/tmp/weir-setting-XXXXXX";

/* Each test begins in an empty folder and without any of these variables. */
static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		unsetenv(rows[i].env);
	for (size_t i = 0; i < weir_settings_row_count; i++)
		unsetenv(weir_settings_rows[i].env);
	unsetenv("NO_COLOR");
	setenv("HOME", "/home/otter", 1);
	unlink(".env");
	return 0;
}

static int load(struct settings *settings, struct problem *problem)
{
	return settings_load(settings, rows, ARRAY_LENGTH(rows), ".env", problem);
}

static void write_env(const char *text)
{
	FILE *file = fopen(".env", "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void check_text(const struct settings *settings, const char *name, const char *expected)
{
	struct str text = settings_get(settings, name)->text;

	assert_non_null(text.data);
	assert_string_equal(text.data, expected);
}

static void test_defaults(void **state)
{
	AUTO(settings_done) struct settings settings;

	(void)state;
	assert_int_equal(load(&settings, NULL), 0);
	check_text(&settings, "home", "/home/otter/.t");
	check_text(&settings, "file", "/home/otter/.t/file.db");
	assert_null(settings_get(&settings, "text")->text.data);
	assert_int_equal(settings_get(&settings, "count")->integer, 3);
	assert_true(settings_get(&settings, "wait")->seconds == 1.5);
	assert_int_equal(settings_get(&settings, "level")->integer, LOG_INFO);
	assert_int_equal(settings_get(&settings, "fruit")->integer, 0);
	assert_string_equal(settings_source(&settings, "count"), "default");
}

static void test_order_of_sources(void **state)
{
	AUTO(settings_done) struct settings settings;

	(void)state;
	write_env("T_COUNT=4\nT_FREE=4\nT_WAIT=4\nT_TEXT=4\n");
	setenv("T_FREE", "5", 1);
	setenv("T_WAIT", "5", 1);
	setenv("T_TEXT", "", 1); /* an empty variable counts as none */
	assert_int_equal(load(&settings, NULL), 0);
	assert_int_equal(settings_set(&settings, STR("wait"), STR("6"), NULL), 0);
	assert_int_equal(settings_get(&settings, "count")->integer, 4);
	assert_string_equal(settings_source(&settings, "count"), ".env:1");
	assert_int_equal(settings_get(&settings, "free")->integer, 5);
	assert_string_equal(settings_source(&settings, "free"), "environment");
	assert_true(settings_get(&settings, "wait")->seconds == 6);
	assert_string_equal(settings_source(&settings, "wait"), "command line");
	check_text(&settings, "text", "4");
	assert_string_equal(settings_source(&settings, "text"), ".env:4");
}

struct good {
	const char *name, *text;
	double expected;
};

static void test_values(void **state)
{
	static const struct good goods[] = {
		{ "count", "1", 1 },
		{ "count", "10", 10 },
		{ "free", "-9007199254740993", -9007199254740992.0 }, /* the comparison rounds, the value does not */
		{ "wait", "0", 0 },
		{ "wait", "2.25", 2.25 },
		{ "wait", "PT1M30S", 90 },
		{ "wait", "00:01:30", 90 },
		{ "flag", "true", 1 },
		{ "flag", "ON", 1 },
		{ "flag", "Yes", 1 },
		{ "flag", "1", 1 },
		{ "flag", "off", 0 },
		{ "flag", "no", 0 },
		{ "flag", "0", 0 },
		{ "level", "debug", LOG_DEBUG },
		{ "level", "Warn", LOG_WARNING },
		{ "level", "OFF", LOG_OFF },
		{ "level", "15", 15 },
		{ "fruit", "Cherry", 2 },
	};
	AUTO(settings_done) struct settings settings;

	(void)state;
	assert_int_equal(load(&settings, NULL), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(goods); i++) {
		const struct good *good = &goods[i];
		const struct setting_value *value;

		assert_int_equal(settings_set(&settings, str_of(good->name), str_of(good->text), NULL), 0);
		value = settings_get(&settings, good->name);
		if (strcmp(good->name, "wait") == 0)
			assert_true(value->seconds == good->expected);
		else
			assert_true((double)value->integer == good->expected);
	}
	assert_int_equal(settings_get(&settings, "free")->integer, INT64_C(-9007199254740993));
}

struct bad {
	const char *name, *text, *message;
};

static void test_wrong_values_change_nothing(void **state)
{
	static const struct bad bads[] = {
		{ "count", "0", "count=0 (command line) must be a whole number from 1 to 10" },
		{ "count", "11", "count=11 (command line) must be a whole number from 1 to 10" },
		{ "count", "4x", "count=4x (command line) must be a whole number from 1 to 10" },
		{ "count", "4.5", "count=4.5 (command line) must be a whole number from 1 to 10" },
		{ "count", "", "count= (command line) must be a whole number from 1 to 10" },
		{ "free", "99999999999999999999", "free=99999999999999999999 (command line) must be a whole number" },
		{ "wait", "soon", "wait=soon (command line) must be seconds from 0 to 3600" },
		{ "wait", "-1", "wait=-1 (command line) must be seconds from 0 to 3600" },
		{ "wait", "nan", "wait=nan (command line) must be seconds from 0 to 3600" },
		{ "wait", "2h", "wait=2h (command line) must be seconds from 0 to 3600" },
		{ "flag", "maybe", "flag=maybe (command line) must be true or false" },
		{ "flag", "tru", "flag=tru (command line) must be true or false" },
		{ "level", "LOUD",
		  "level=LOUD (command line) must be DEBUG, INFO, WARNING, ERROR, CRITICAL, OFF or a number from 0 to "
		  "100" },
		{ "level", "101",
		  "level=101 (command line) must be DEBUG, INFO, WARNING, ERROR, CRITICAL, OFF or a number from 0 to "
		  "100" },
		{ "fruit", "plum", "fruit=plum (command line) must be apple, banana or cherry" },
		{ "home", "~root/x",
		  "home=~root/x (command line) must be a path: ~user is not supported, write the folder out" },
		{ "file", "$T_NOWHERE/x",
		  "file=$T_NOWHERE/x (command line) must be a path: what $T_NOWHERE stands for is not known (no such "
		  "variable is set)" },
		{ "count", "1234567890123456789012345678901234567890123456789012345678901234567890",
		  "count=123456789012345678901234567890123456789012345678901234567890... (command line) must be a whole "
		  "number from 1 to 10" },
	};
	AUTO(settings_done) struct settings settings;

	(void)state;
	assert_int_equal(load(&settings, NULL), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(bads); i++) {
		struct setting_value before = *settings_get(&settings, bads[i].name);
		struct problem problem = { 0 };

		assert_int_equal(settings_set(&settings, str_of(bads[i].name), str_of(bads[i].text), &problem),
		                 WEIR_EINVAL);
		assert_string_equal(problem.message, bads[i].message);
		assert_memory_equal(&before, settings_get(&settings, bads[i].name), sizeof before);
	}
}

static void test_every_wrong_value_is_named_with_its_source(void **state)
{
	struct settings settings;
	struct problem problem;

	(void)state;
	write_env("# numbers\nT_COUNT=many\nT_WAIT=1\n");
	setenv("T_FLAG", "perhaps", 1);
	assert_int_equal(load(&settings, &problem), WEIR_EINVAL);
	assert_string_equal(problem.message, "T_COUNT=many (.env:2) must be a whole number from 1 to 10; "
	                                     "T_FLAG=perhaps (environment) must be true or false");
}

static void test_a_wrong_file_is_refused(void **state)
{
	struct settings settings;
	struct problem problem;

	(void)state;
	write_env("T_COUNT=4\nT_TEXT='open\n");
	assert_int_equal(load(&settings, &problem), WEIR_ESYNTAX);
	assert_string_equal(problem.path, ".env:2");
	assert_string_equal(problem.message, "the quote ' is never closed");
}

static void test_paths(void **state)
{
	static const struct {
		const char *given, *expected;
	} paths[] = {
		{ "/var/lib/t", "/var/lib/t" },    { "~", "/home/otter" }, { "~/state", "/home/otter/state" },
		{ "$T_BASE/state", "/srv/state" }, { "$T_BASE", "/srv" },  { "/a$b/~c", "/a$b/~c" },
	};
	AUTO(settings_done) struct settings settings;
	char expected[sizeof folder + 16];

	(void)state;
	setenv("T_BASE", "/srv", 1);
	assert_int_equal(load(&settings, NULL), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		assert_int_equal(settings_set(&settings, STR("home"), str_of(paths[i].given), NULL), 0);
		check_text(&settings, "home", paths[i].expected);
		assert_string_equal(settings_get(&settings, "home")->given.data, paths[i].given);
	}
	unsetenv("T_BASE");
	/* A relative path is that of the working directory at this time, and what lies below follows. */
	assert_int_equal(settings_set(&settings, STR("home"), STR("here"), NULL), 0);
	snprintf(expected, sizeof expected, "%s/here/file.db", folder);
	check_text(&settings, "file", expected);
}

static void test_home_without_variable_is_that_of_the_user(void **state)
{
	AUTO(settings_done) struct settings settings;

	(void)state;
	unsetenv("HOME");
	assert_int_equal(load(&settings, NULL), 0);
	assert_int_equal(*settings_get(&settings, "home")->text.data, '/');
}

static void test_unknown_names(void **state)
{
	static const struct bad bads[] = {
		{ "cuont", "", "there is no setting \"cuont\": did you mean \"count\"?" },
		{ "lev", "", "there is no setting \"lev\": did you mean \"level\"?" },
		{ "something", "", "there is no setting \"something\"" },
		{ "", "", "there is no setting \"\"" },
	};
	AUTO(settings_done) struct settings settings;

	(void)state;
	assert_int_equal(load(&settings, NULL), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(bads); i++) {
		struct problem problem;

		assert_int_equal(settings_set(&settings, str_of(bads[i].name), STR("1"), &problem), WEIR_ENOTFOUND);
		assert_string_equal(problem.message, bads[i].message);
	}
}

static void test_nearest_word(void **state)
{
	static const char *const words[] = { "flow-run", "task-run", "config", "version", "why", "flow" };
	static const struct {
		const char *word;
		int expected;
	} cases[] = {
		{ "flow", 5 },    { "flwo-run", 0 }, { "task-runs", 1 }, { "CONFIG", 2 },
		{ "verison", 3 }, { "wyh", 4 },      { "conf", 2 },      { "deployment", -1 },
		{ "", -1 },       { "x", -1 },       { "flow-runs", 0 }, { "zzzzzzzzzzzzzzzzzzzzzzzzz", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		assert_int_equal(nearest_word(str_of(cases[i].word), words, ARRAY_LENGTH(words)), cases[i].expected);
}

/* A row whose default its own limits refuse, or that has no help, would be found by the first user. */
static void test_the_table(void **state)
{
	AUTO(settings_done) struct settings settings;
	struct problem problem = { 0 };

	(void)state;
	if (settings_load(&settings, weir_settings_rows, weir_settings_row_count, NULL, &problem) < 0)
		fail_msg("%s", problem.message);
	for (size_t i = 0; i < weir_settings_row_count; i++) {
		const struct setting *row = &weir_settings_rows[i];

		assert_true(row->help && *row->help);
		assert_int_equal(strncmp(row->env, "WEIR_", 5), 0);
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(row->name, weir_settings_rows[j].name);
			assert_string_not_equal(row->env, weir_settings_rows[j].env);
		}
	}
	check_text(&settings, "store.path", "/home/otter/.weir/weir.db");
	assert_true(settings_thread_limit(&settings) >= 2);
	assert_int_equal(settings_set(&settings, STR("engine.threads"), STR("1"), NULL), 0);
	assert_int_equal(settings_thread_limit(&settings), 1);
}

static void test_log_options(void **state)
{
	AUTO(settings_done) struct settings settings;
	struct log_options options;

	(void)state;
	setenv("WEIR_LOG_LEVEL", "error", 1);
	setenv("WEIR_LOG_FORMAT", "json", 1);
	assert_int_equal(settings_load(&settings, weir_settings_rows, weir_settings_row_count, NULL, NULL), 0);
	options = settings_log_options(&settings, STDERR_FILENO);
	assert_int_equal(options.fd, STDERR_FILENO);
	assert_int_equal(options.level, LOG_ERROR);
	assert_int_equal(options.format, LOG_JSON);
	/* What was asked for holds for any sink, also beside NO_COLOR. */
	assert_int_equal(settings_set(&settings, STR("log.colour"), STR("always"), NULL), 0);
	setenv("NO_COLOR", "1", 1);
	assert_true(settings_log_options(&settings, STDERR_FILENO).colour);
	assert_int_equal(settings_set(&settings, STR("log.colour"), STR("never"), NULL), 0);
	assert_false(settings_log_options(&settings, STDERR_FILENO).colour);
}

static void test_colour_of_terminals(void **state)
{
	AUTO(settings_done) struct settings settings;
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	int ends[2];

	(void)state;
	if (master < 0)
		skip(); /* no pseudo-terminals here */
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(settings_load(&settings, weir_settings_rows, weir_settings_row_count, NULL, NULL), 0);
	assert_true(settings_log_options(&settings, master).colour);
	assert_false(settings_log_options(&settings, ends[1]).colour);
	setenv("NO_COLOR", "", 1);
	assert_true(settings_log_options(&settings, master).colour);
	setenv("NO_COLOR", "1", 1);
	assert_false(settings_log_options(&settings, master).colour);
	close(master);
	close(ends[0]);
	close(ends[1]);
}

/* The process's own: refused while wrong, read once it is right, and then kept. */
static void test_process_settings(void **state)
{
	struct settings *settings;
	struct problem problem = { 0 };

	(void)state;
	setenv("WEIR_THREADS", "several", 1);
	assert_null(weir_settings(&problem));
	assert_string_equal(problem.message,
	                    "WEIR_THREADS=several (environment) must be a whole number from 0 to 1024");
	setenv("WEIR_THREADS", "7", 1);
	settings = weir_settings(&problem);
	assert_non_null(settings);
	setenv("WEIR_THREADS", "8", 1);
	assert_ptr_equal(weir_settings(&problem), settings);
	assert_int_equal(settings_thread_limit(settings), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_defaults, set_up),
		cmocka_unit_test_setup(test_order_of_sources, set_up),
		cmocka_unit_test_setup(test_values, set_up),
		cmocka_unit_test_setup(test_wrong_values_change_nothing, set_up),
		cmocka_unit_test_setup(test_every_wrong_value_is_named_with_its_source, set_up),
		cmocka_unit_test_setup(test_a_wrong_file_is_refused, set_up),
		cmocka_unit_test_setup(test_paths, set_up),
		cmocka_unit_test_setup(test_home_without_variable_is_that_of_the_user, set_up),
		cmocka_unit_test_setup(test_unknown_names, set_up),
		cmocka_unit_test_setup(test_nearest_word, set_up),
		cmocka_unit_test_setup(test_the_table, set_up),
		cmocka_unit_test_setup(test_log_options, set_up),
		cmocka_unit_test_setup(test_colour_of_terminals, set_up),
		cmocka_unit_test_setup(test_process_settings, set_up),
	};
	int failed;

	if (!mkdtemp(folder) || chdir(folder) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(".env");
	return chdir("/") < 0 || rmdir(folder) < 0 ? 1 : failed;
}
