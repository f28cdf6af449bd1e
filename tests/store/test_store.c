/* SPDX-License-Identifier: Apache-2.0 */
/* Opening files of every kind, the schema, readers, backups, checks. */
#include "support.h"

#include "base/clock.h"
#include "model/artifact.h"
#include "model/limit.h"
#include "model/run.h"
#include "model/secret.h"
#include "model/variable.h"
#include "store/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_store(const char *path, enum store_mode mode, struct store **out, struct problem *problem)
{
	struct store_options options = { .path = path, .mode = mode };

	return store_open(&options, out, problem);
}

static struct store *must_open(const char *path, enum store_mode mode)
{
	struct problem problem;
	struct store *store;

	assert_ok(open_store(path, mode, &store, &problem), &problem);
	return store;
}

/* "WEIR_EPERM", "WEIR_OK": how opening ends. The message must name the path. */
static const char *outcome(const char *path, enum store_mode mode)
{
	struct problem problem;
	struct store *store = NULL;
	int result = open_store(path, mode, &store, &problem);

	if (result == 0)
		store_close(store);
	else if (path[0] && !strstr(problem.message, path))
		fail_msg("the path is missing in: %s", problem.message);
	return error_name(result);
}

static void execute(const char *path, const char *const *statements)
{
	struct db *db = open_rows(path, DB_CREATE, NULL);
	struct problem problem;

	for (; *statements; statements++)
		assert_ok(db_execute(db, *statements, &problem), &problem);
	db_close(db);
}

/* --- Files of every kind --- */

static void test_missing_file(void **state)
{
	(void)state;
	assert_string_equal(outcome(path_in("deep/weir.db"), STORE_READ), "WEIR_ENOTFOUND");
	assert_false(exists(path_in("deep")));
	assert_string_equal(outcome(path_in("deep/er/weir.db"), STORE_WRITE), "WEIR_OK");
	assert_string_equal(outcome(path_in("deep/er/weir.db"), STORE_READ), "WEIR_OK");
}

static void test_made_files_are_private(void **state)
{
	struct stat status;

	(void)state;
	umask(022);
	store_close(must_open(path_in("deep/er/weir.db"), STORE_PROGRAM));
	assert_int_equal(stat(path_in("deep"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_int_equal(stat(path_in("deep/er/run"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	assert_int_equal(stat(path_in("deep/er/weir.db"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_empty_file_is_a_new_one(void **state)
{
	(void)state;
	write_file(path_in("weir.db"), "", 0);
	assert_string_equal(outcome(path_in("weir.db"), STORE_READ), "WEIR_ENOTFOUND");
	assert_string_equal(outcome(path_in("weir.db"), STORE_WRITE), "WEIR_OK");
	assert_string_equal(outcome(path_in("weir.db"), STORE_READ), "WEIR_OK");
}

static void test_paths_that_are_no_files(void **state)
{
	(void)state;
	assert_string_equal(outcome("", STORE_READ), "WEIR_EINVAL");
	assert_string_equal(outcome("", STORE_WRITE), "WEIR_EINVAL");
	assert_string_equal(outcome(folder(), STORE_READ), "WEIR_EINVAL");
	assert_string_equal(outcome(folder(), STORE_WRITE), "WEIR_EINVAL");
	write_file(path_in("file"), "x", 1);
	assert_string_equal(outcome(path_in("file/weir.db"), STORE_READ), "WEIR_ENOTFOUND");
	assert_string_equal(outcome(path_in("file/weir.db"), STORE_WRITE), "WEIR_ENOTFOUND");
}

/* Neither mode opens it, and neither leaves a byte changed or a file beside it. */
static void check_refused(const char *path, const char *expected)
{
	AUTO(arena_done) struct arena arena = { 0 };
	static const char *const endings[] = { "-writer", "-wal", "-shm", "-journal" };
	struct str before = read_file(&arena, path), after;

	assert_string_equal(outcome(path, STORE_READ), expected);
	assert_string_equal(outcome(path, STORE_WRITE), expected);
	assert_string_equal(outcome(path, STORE_PROGRAM), expected);
	after = read_file(&arena, path);
	assert_true(str_equal(before, after));
	for (size_t i = 0; i < ARRAY_LENGTH(endings); i++)
		assert_false(exists(arena_printf(&arena, "%s%s", path, endings[i]).data));
}

static void test_files_of_others_are_left_alone(void **state)
{
	static const char *const own[] = { "CREATE TABLE song (title TEXT)", "PRAGMA journal_mode=DELETE", NULL };
	static const char *const meta[] = { "CREATE TABLE meta (key TEXT, value TEXT)",
		                            "INSERT INTO meta VALUES ('schema_version', 'a')",
		                            "PRAGMA journal_mode=DELETE", NULL };
	static const char *const marked[] = { "PRAGMA application_id = 7", "PRAGMA journal_mode=DELETE", NULL };
	char text[8192];

	(void)state;
	memset(text, 'x', sizeof text);
	write_file(path_in("text.db"), text, sizeof text);
	check_refused(path_in("text.db"), "WEIR_ECORRUPT");
	write_file(path_in("short.db"), text, 10);
	check_refused(path_in("short.db"), "WEIR_ECORRUPT");
	execute(path_in("songs.db"), own);
	check_refused(path_in("songs.db"), "WEIR_ECORRUPT");
	execute(path_in("meta.db"), meta);
	check_refused(path_in("meta.db"), "WEIR_ECORRUPT");
	execute(path_in("marked.db"), marked);
	check_refused(path_in("marked.db"), "WEIR_ECORRUPT");
}

static int64_t meta_of(const char *path, const char *name)
{
	struct db *db = open_rows(path, DB_READ, NULL);
	struct problem problem;
	int64_t value;

	assert_ok(db_integer(db, "SELECT value FROM meta WHERE name = ?1", &value, &problem, "s", str_of(name)),
	          &problem);
	db_close(db);
	return value;
}

static void test_files_of_newer_versions(void **state)
{
	static const char *const newer[] = { "UPDATE meta SET value = 99 WHERE name = 'schema_version'", NULL };
	static const char *const not_ours[] = { "UPDATE meta SET value = 99 WHERE name = 'min_writer_version'", NULL };
	const char *path = path_in("weir.db");

	(void)state;
	store_close(must_open(path, STORE_WRITE));
	execute(path, newer);
	assert_string_equal(outcome(path, STORE_WRITE), "WEIR_OK"); /* what was added does not concern this one */
	assert_int_equal(meta_of(path, "schema_version"), 99);
	execute(path, not_ours);
	assert_string_equal(outcome(path, STORE_READ), "WEIR_OK");
	assert_string_equal(outcome(path, STORE_WRITE), "WEIR_EVERSION");
	assert_string_equal(outcome(path, STORE_PROGRAM), "WEIR_EVERSION");
	assert_int_equal(meta_of(path, "schema_version"), 99);
}

/* Who only looks changes nothing, so it can't bring an older file up to date; and it must not guess at its columns. */
static void test_files_of_older_versions(void **state)
{
	static const char *const older[] = { "UPDATE meta SET value = 0 WHERE name = 'schema_version'", NULL };
	const char *path = path_in("weir.db");

	(void)state;
	store_close(must_open(path, STORE_WRITE));
	execute(path, older);
	assert_string_equal(outcome(path, STORE_READ), "WEIR_EVERSION");
	assert_int_equal(meta_of(path, "schema_version"), 0);
}

/* --- Permissions, as somebody who is not root --- */

enum { NOBODY = 65534 };

/* outcome() in a process of its own that has no privileges. */
static const char *outcome_as_nobody(const char *path, enum store_mode mode)
{
	static char text[1024];
	int out[2], status;
	ssize_t length;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		struct problem problem;
		struct store *store;
		int result = WEIR_OK;

		if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(1);
		result = open_store(path, mode, &store, &problem);
		if (result == 0)
			store_close(store);
		dprintf(out[1], "%s", error_name(result));
		_exit(0);
	}
	close(out[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	length = read(out[0], text, sizeof text - 1);
	close(out[0]);
	assert_true(length > 0);
	text[length] = '\0';
	return text;
}

static void test_permissions(void **state)
{
	const char *path = path_in("home/weir.db"), *missing = path_in("home/missing.db");

	(void)state;
	store_close(must_open(path, STORE_WRITE));
	assert_int_equal(chmod(folder(), 0755), 0);
	/* The folder may not be searched. */
	assert_int_equal(chmod(path_in("home"), geteuid() == 0 ? 0700 : 0), 0);
	assert_string_equal(outcome_as_nobody(path, STORE_READ), "WEIR_EPERM");
	assert_string_equal(outcome_as_nobody(path, STORE_WRITE), "WEIR_EPERM");
	/* The file may not be read. */
	assert_int_equal(chmod(path_in("home"), 0755), 0);
	assert_int_equal(chmod(path, geteuid() == 0 ? 0600 : 0), 0);
	assert_string_equal(outcome_as_nobody(path, STORE_READ), "WEIR_EPERM");
	assert_string_equal(outcome_as_nobody(path, STORE_WRITE), "WEIR_EPERM");
	/* The file may be read and the folder not written. */
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(path_in("home"), 0555), 0);
	assert_string_equal(outcome_as_nobody(path, STORE_WRITE), "WEIR_EPERM");
	assert_string_equal(outcome_as_nobody(missing, STORE_WRITE), "WEIR_EPERM");
	assert_string_equal(outcome_as_nobody(missing, STORE_READ), "WEIR_ENOTFOUND");
	assert_string_equal(outcome_as_nobody(path, STORE_READ), "WEIR_EPERM");
	assert_int_equal(chmod(path_in("home"), 0700), 0);
}

/* --- The schema --- */

/* In a process of its own: wait for the start, open, close. */
static int open_when_told(const char *path)
{
	struct problem problem;
	struct store *store;
	char byte;

	if (read(0, &byte, 1) != 1)
		return 2;
	if (open_store(path, STORE_PROGRAM, &store, &problem) < 0) {
		fprintf(stderr, "%s\n", problem.message);
		return 1;
	}
	store_close(store);
	return 0;
}

static void test_programs_open_a_new_file_at_once(void **state)
{
	enum { PROGRAMS = 4, ROUNDS = 5 };

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		AUTO(arena_done) struct arena arena = { 0 };
		const char *path = path_in(arena_printf(&arena, "%d/weir.db", round).data);
		struct process processes[PROGRAMS];

		for (int i = 0; i < PROGRAMS; i++)
			process_start(&processes[i], (const char *const[]){ "open", path, NULL });
		for (int i = 0; i < PROGRAMS; i++)
			assert_int_equal(write(processes[i].in, "!", 1), 1);
		for (int i = 0; i < PROGRAMS; i++)
			assert_int_equal(process_end(&processes[i]), 0);
		assert_int_equal(meta_of(path, "schema_version"), store_schema_version);
		assert_string_equal(outcome(path, STORE_WRITE), "WEIR_OK");
	}
}

static void test_schema_equals_the_field_tables(void **state)
{
	static const struct field_table *const tables[] = {
		&flow_fields,           &flow_run_fields, &task_run_fields, &flow_run_state_fields,
		&task_run_state_fields, &log_fields,      &event_fields,    &artifact_fields,
		&variable_fields,       &secret_fields,   &slot_fields,     &concurrency_limit_fields,
		&slot_waiter_fields,
	};
	struct store *store = must_open(path_in("weir.db"), STORE_WRITE);
	struct problem problem;
	struct db *db;

	(void)state;
	assert_ok(store_reader(store, &db, &problem), &problem);
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		AUTO(db_resetp) struct db_statement *statement = NULL;
		AUTO(strbuf_done) struct strbuf columns = { 0 };

		assert_ok(db_query(db, "SELECT name FROM pragma_table_info(?1) ORDER BY cid", &statement, &problem, "s",
		                   str_of(tables[i]->name)),
		          &problem);
		while (db_step(statement, &problem) == 1)
			strbuf_printf(&columns, "%s%s", columns.length ? ", " : "",
			              db_column_text(statement, 0, &arena).data);
		assert_string_equal(strbuf_str(&columns).data, record_columns(tables[i], ""));
	}
	store_reader_done(store, db);
	store_close(store);
}

/* --- Readers --- */

static int insert_flow(struct tx *tx, void *request)
{
	struct flow flow;

	fields_init(&flow_fields, &flow);
	flow.id = uuid_new();
	flow.created = flow.updated = tx->now_us;
	flow.name = str_of(request);
	return record_insert(tx->db, &flow_fields, &flow, "", NULL, tx->problem);
}

static int64_t count_flows(struct db *db)
{
	struct problem problem;
	int64_t count;

	assert_ok(db_integer(db, "SELECT count(*) FROM flow", &count, &problem, ""), &problem);
	return count;
}

static void add_flow(struct store *store, const char *name)
{
	struct problem problem;

	assert_ok(store_run(store, insert_flow, (void *)(uintptr_t)name, &problem), &problem);
}

static void test_readers_are_kept_and_see_what_is_new(void **state)
{
	struct store *store = must_open(path_in("weir.db"), STORE_WRITE);
	struct db *readers[12], *again;
	struct problem problem;
	bool kept = false;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(readers); i++) {
		assert_ok(store_reader(store, &readers[i], &problem), &problem);
		assert_ok(readers[i]->driver->begin(readers[i], false, &problem), &problem);
		assert_int_equal(count_flows(readers[i]), 0);
	}
	add_flow(store, "one");
	assert_int_equal(count_flows(readers[0]), 0); /* its snapshot */
	for (size_t i = 0; i < ARRAY_LENGTH(readers); i++)
		store_reader_done(store, readers[i]);
	assert_ok(store_reader(store, &again, &problem), &problem);
	for (size_t i = 0; i < ARRAY_LENGTH(readers); i++)
		kept = kept || readers[i] == again;
	assert_true(kept);
	assert_int_equal(count_flows(again), 1);
	store_reader_done(store, again);
	store_close(store);
}

static void test_readers_write_nothing(void **state)
{
	struct store *store = must_open(path_in("weir.db"), STORE_WRITE);
	struct problem problem;
	struct db *db;

	(void)state;
	add_flow(store, "one");
	assert_ok(store_reader(store, &db, &problem), &problem);
	assert_int_equal(db_execute(db, "DELETE FROM flow", &problem), WEIR_EPERM);
	assert_int_equal(count_flows(db), 1);
	store_reader_done(store, db);
	store_close(store);
}

/* Long enough for a look at the deadline, from a hundred thousand on. */
static int count_to(struct db *db, int64_t last)
{
	struct problem problem;

	return db_run(db,
	              "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)"
	              " SELECT count(*) FROM n",
	              &problem, "i", last);
}

static void test_readers_have_deadlines(void **state)
{
	struct store *store = must_open(path_in("weir.db"), STORE_WRITE);
	struct problem problem;
	struct db *db;

	(void)state;
	assert_ok(store_reader(store, &db, &problem), &problem);
	db->driver->deadline(db, clock_monotonic_us() + 1000);
	assert_int_equal(count_to(db, 1000000000), WEIR_ETIMEDOUT);
	store_reader_done(store, db);
	assert_ok(store_reader(store, &db, &problem), &problem);
	assert_int_equal(count_to(db, 100000), 0); /* the next one has none */
	store_reader_done(store, db);
	store_close(store);
}

static void test_a_store_that_reads_has_no_writer(void **state)
{
	const char *path = path_in("weir.db");
	struct store *store, *looker;
	struct problem problem;
	struct db *db;

	(void)state;
	store = must_open(path, STORE_WRITE);
	looker = must_open(path, STORE_READ);
	assert_null(store_executor(looker));
	assert_string_equal(store_path(looker), path);
	assert_true(uuid_is_nil(store_program_id(looker)));
	assert_true(uuid_is_nil(store_program_id(store)));
	add_flow(store, "one");
	assert_ok(store_reader(looker, &db, &problem), &problem);
	assert_int_equal(count_flows(db), 1);
	store_reader_done(looker, db);
	store_close(looker);
	store_close(store);
}

/* The only foreign key of the schema is kept. */
static int delete_flows(struct tx *tx, void *request)
{
	(void)request;
	return db_run(tx->db, "DELETE FROM flow", tx->problem, "");
}

static int insert_orphan(struct tx *tx, void *request)
{
	struct flow_run run;

	(void)request;
	fields_init(&flow_run_fields, &run);
	run.id = uuid_new();
	run.created = run.updated = tx->now_us;
	run.name = STR("orphan");
	run.flow_id = uuid_new();
	return record_insert(tx->db, &flow_run_fields, &run, "", NULL, tx->problem);
}

static int insert_flow_with_run(struct tx *tx, void *request)
{
	struct flow_run run;
	struct flow flow;
	int result;

	(void)request;
	fields_init(&flow_fields, &flow);
	fields_init(&flow_run_fields, &run);
	flow.id = run.flow_id = uuid_new();
	run.id = uuid_new();
	flow.created = flow.updated = run.created = run.updated = tx->now_us;
	flow.name = run.name = STR("both");
	result = record_insert(tx->db, &flow_fields, &flow, "", NULL, tx->problem);
	return result < 0 ? result : record_insert(tx->db, &flow_run_fields, &run, "", NULL, tx->problem);
}

static void test_a_flow_that_has_runs_stays(void **state)
{
	struct store *store = must_open(path_in("weir.db"), STORE_WRITE);
	struct problem problem;
	struct db *db;
	int64_t count;

	(void)state;
	assert_int_equal(store_run(store, insert_orphan, NULL, &problem), WEIR_ECONFLICT);
	assert_ok(store_run(store, insert_flow_with_run, NULL, &problem), &problem);
	assert_ok(store_reader(store, &db, &problem), &problem);
	assert_ok(db_integer(db, "SELECT count(*) FROM flow_run", &count, &problem, ""), &problem);
	assert_int_equal(count, 1);
	assert_int_equal(store_run(store, delete_flows, NULL, &problem), WEIR_ECONFLICT);
	assert_int_equal(count_flows(db), 1);
	store_reader_done(store, db);
	store_close(store);
}

/* --- Care --- */

static void test_backup_of_a_file_in_use(void **state)
{
	struct store *store = must_open(path_in("weir.db"), STORE_WRITE), *copy;
	const char *path = path_in("backup.db");
	struct problem problem;
	struct db *db;

	(void)state;
	add_flow(store, "one");
	add_flow(store, "two");
	assert_ok(store_reader(store, &db, &problem), &problem);
	assert_ok(db->driver->backup(db, path, &problem), &problem);
	assert_int_equal(db->driver->backup(db, path, &problem), WEIR_EEXISTS);
	assert_non_null(strstr(problem.message, path));
	assert_int_equal(db->driver->backup(db, path_in("nowhere/backup.db"), &problem), WEIR_ENOTFOUND);
	store_reader_done(store, db);
	add_flow(store, "three");
	store_close(store);
	copy = must_open(path, STORE_WRITE);
	assert_ok(store_reader(copy, &db, &problem), &problem);
	assert_int_equal(count_flows(db), 2);
	assert_ok(db->driver->check(db, &problem), &problem);
	store_reader_done(copy, db);
	add_flow(copy, "three");
	store_close(copy);
}

static void test_check_finds_damage(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	const char *path = path_in("weir.db");
	struct store *store = must_open(path, STORE_WRITE);
	struct problem problem;
	struct str data;
	struct db *db;
	int64_t page = 0;

	(void)state;
	assert_ok(store_reader(store, &db, &problem), &problem);
	assert_ok(db->driver->check(db, &problem), &problem);
	assert_ok(db_integer(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'log'", &page, &problem, ""),
	          &problem);
	store_reader_done(store, db);
	store_close(store);
	data = read_file(&arena, path);
	assert_in_range(page * 4096, 8192, data.length);
	memset((char *)(uintptr_t)data.data + (page - 1) * 4096, 'x', 4096);
	write_file(path, data.data, data.length);
	db = open_rows(path, DB_READ, NULL);
	assert_int_equal(db->driver->check(db, &problem), WEIR_ECORRUPT);
	assert_non_null(strstr(problem.message, path));
	db_close(db);
}

static void test_removal(void **state)
{
	const char *path = path_in("weir.db");
	struct problem problem;
	struct store *store;

	(void)state;
	assert_int_equal(store_remove(path, &problem), WEIR_ENOTFOUND);
	store = must_open(path, STORE_PROGRAM);
	assert_int_equal(store_remove(path, &problem), WEIR_EBUSY);
	store_close(store);
	assert_ok(store_remove(path, &problem), &problem);
	assert_false(exists(path) || exists(path_in("weir.db-wal")) || exists(path_in("weir.db-shm")));
	write_file(path, "not a database", 14);
	assert_ok(store_remove(path, &problem), &problem);
	assert_false(exists(path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_missing_file),
		TEST(test_made_files_are_private),
		TEST(test_empty_file_is_a_new_one),
		TEST(test_paths_that_are_no_files),
		TEST(test_files_of_others_are_left_alone),
		TEST(test_files_of_newer_versions),
		TEST(test_files_of_older_versions),
		TEST(test_permissions),
		TEST(test_programs_open_a_new_file_at_once),
		TEST(test_schema_equals_the_field_tables),
		TEST(test_readers_are_kept_and_see_what_is_new),
		TEST(test_readers_write_nothing),
		TEST(test_readers_have_deadlines),
		TEST(test_a_store_that_reads_has_no_writer),
		TEST(test_a_flow_that_has_runs_stays),
		TEST(test_backup_of_a_file_in_use),
		TEST(test_check_finds_damage),
		TEST(test_removal),
	};

	if (argc == 3 && strcmp(argv[1], "open") == 0)
		return open_when_told(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
