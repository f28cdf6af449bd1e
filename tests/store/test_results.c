/* SPDX-License-Identifier: Apache-2.0 */
/* The storage of results: files that are whole or not there, keys that stay inside, locks between programs. */
#include "support.h"

#include "store/result_storage.h"

#include <dirent.h>
#include <stdio.h>

static struct result_storage *open_storage(void)
{
	struct result_storage *storage = NULL;
	struct problem problem = { 0 };

	assert_ok(result_storage_open(path_in("storage"), &storage, &problem), &problem);
	return storage;
}

static struct result_record record_of(const char *body)
{
	return (struct result_record){
		.cache_key = STR("key with \"quotes\""),
		.created = 1700000000000000,
		.expiration = 1700000001000000,
		.run_type = STR("task"),
		.run_name = STR("load-0"),
		.run_id = { { 1, 2, 3 } },
		.body = str_of(body),
	};
}

static void write_one(struct result_storage *storage, const char *key, const char *body)
{
	const struct result_record record = record_of(body);
	struct problem problem = { 0 };

	assert_ok(result_write(storage, str_of(key), &record, &problem), &problem);
}

/* The body under the key, or the name of the error. In a buffer that the next call reuses. */
static const char *body_of(struct result_storage *storage, const char *key)
{
	static char text[4096];
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(strbuf_done) struct strbuf file = { 0 };
	struct result_record record;
	struct problem problem = { 0 };
	int result = result_read(storage, str_of(key), &arena, &file, &record, &problem);

	if (result < 0)
		return error_name(result);
	snprintf(text, sizeof text, "%.*s", STR_ARG(record.body));
	return text;
}

static size_t count_entries(const char *name)
{
	DIR *entries = opendir(path_in(name));
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(entries);
	while ((entry = readdir(entries)))
		count += entry->d_name[0] != '.';
	closedir(entries);
	return count;
}

/* --- Writing and reading --- */

static void a_record_comes_back_whole(void **state UNUSED)
{
	struct result_storage *storage = open_storage();
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct result_record record = { 0 };
	struct problem problem = { 0 };

	write_one(storage, "one", "{\"a\": [1, 2]}");
	assert_ok(result_read(storage, STR("one"), &arena, &text, &record, &problem), &problem);
	assert_true(str_is(record.body, "{\"a\": [1, 2]}"));
	assert_true(str_is(record.cache_key, "key with \"quotes\""));
	assert_true(str_is(record.run_type, "task"));
	assert_true(str_is(record.run_name, "load-0"));
	assert_int_equal(record.created, 1700000000000000);
	assert_int_equal(record.expiration, 1700000001000000);
	assert_int_equal(record.run_id.bytes[2], 3);
	assert_string_equal(body_of(storage, "two"), "WEIR_ENOTFOUND");
	result_storage_close(storage);
}

static void the_last_one_written_stays(void **state UNUSED)
{
	struct result_storage *storage = open_storage();

	write_one(storage, "a/b/c", "1");
	write_one(storage, "a/b/c", "2");
	write_one(storage, "a/b/d", "");
	assert_string_equal(body_of(storage, "a/b/c"), "2");
	assert_string_equal(body_of(storage, "a/b/d"), "");
	result_storage_close(storage);
	storage = open_storage();
	assert_string_equal(body_of(storage, "a/b/c"), "2");
	assert_int_equal(count_entries("storage/temporary"), 1); /* the lock of this program */
	result_storage_close(storage);
	assert_int_equal(count_entries("storage/temporary"), 0);
}

static void staged_results_are_there_when_published(void **state UNUSED)
{
	struct result_storage *storage = open_storage();
	const struct result_record record = record_of("7");
	struct staged_result *kept, *dropped;
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct result_record out;
	struct problem problem = { 0 };

	assert_ok(result_stage(storage, STR("kept"), &record, &kept, &problem), &problem);
	assert_ok(result_stage(storage, STR("dropped"), &record, &dropped, &problem), &problem);
	assert_string_equal(body_of(storage, "kept"), "WEIR_ENOTFOUND");
	assert_ok(staged_result_read(kept, &arena, &text, &out, &problem), &problem);
	assert_true(str_is(out.body, "7"));
	assert_ok(staged_result_publish(kept, &problem), &problem);
	staged_result_discard(dropped);
	assert_string_equal(body_of(storage, "kept"), "7");
	assert_string_equal(body_of(storage, "dropped"), "WEIR_ENOTFOUND");
	assert_int_equal(count_entries("storage/temporary"), 1);
	result_storage_close(storage);
}

/* --- Keys --- */

static void keys_stay_inside(void **state UNUSED)
{
	static char long_name[242], long_key[1002];
	const struct {
		struct str key;
		const char *why; /* NULL: it is allowed */
	} rows[] = {
		{ STR("report"), NULL },
		{ STR("reports/2026/öl, 50 %.json"), NULL },
		{ STR("..."), NULL },
		{ STR(".hidden/..x"), NULL },
		{ STR("x/locks"), NULL },
		{ STR(""), "empty part" },
		{ STR("/etc/passwd"), "empty part" },
		{ STR("a//b"), "empty part" },
		{ STR("a/"), "empty part" },
		{ STR(".."), "leave its folder" },
		{ STR("a/../../b"), "leave its folder" },
		{ STR("a/."), "leave its folder" },
		{ STR("locks"), "storage's own" },
		{ STR("temporary/x"), "storage's own" },
		{ { "a\0b", 3 }, "control character" },
		{ STR("a\nb"), "control character" },
		{ STR("a\x7f"), "control character" },
		{ STR("a\xff"), "not UTF-8" },
		{ { long_name, 241 }, "more than 240 bytes" },
		{ { long_key, 1001 }, "more than 1000 bytes" },
	};

	memset(long_name, 'x', sizeof long_name - 1);
	memset(long_key, 'x', sizeof long_key - 1);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct problem problem = { 0 };
		int result = result_key_check(rows[i].key, &problem);

		if (result != (rows[i].why ? WEIR_EINVAL : 0) || (rows[i].why && !strstr(problem.message, rows[i].why)))
			fail_msg("row %zu: \"%.*s\" gives %d: %s", i, STR_ARG(rows[i].key), result, problem.message);
	}
}

static void a_key_that_is_a_folder_is_refused(void **state UNUSED)
{
	struct result_storage *storage = open_storage();
	const struct result_record record = record_of("1");
	struct problem problem = { 0 };

	write_one(storage, "a/b", "1");
	assert_true(result_write(storage, STR("a"), &record, &problem) < 0);
	assert_non_null(strstr(problem.message, "storage/a: "));
	assert_true(result_write(storage, STR("a/b/c"), &record, &problem) < 0);
	assert_true(result_write(storage, STR("../out"), &record, &problem) == WEIR_EINVAL);
	assert_string_equal(body_of(storage, "a/b"), "1");
	assert_int_equal(count_entries("storage/temporary"), 1);
	result_storage_close(storage);
}

/* --- Damage --- */

/* Write the file with one byte changed, or cut short; whatever is read then must not be a result. */
static void check_damage(struct result_storage *storage, struct str file, size_t place, bool cut)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct str damaged = arena_str(&arena, file);
	struct result_record record;
	struct problem problem = { 0 };
	int result;

	((char *)(uintptr_t)damaged.data)[place] ^= 4;
	write_file(path_in("storage/x"), cut ? file.data : damaged.data, cut ? place : file.length);
	result = result_read(storage, STR("x"), &arena, &text, &record, &problem);
	if (result != WEIR_ECORRUPT && result != WEIR_EVERSION)
		fail_msg("%s byte %zu gives %d", cut ? "cut at" : "changed", place, result);
	assert_non_null(strstr(problem.message, "storage/x: "));
	if (result == WEIR_ECORRUPT && exists(path_in("storage/x")))
		fail_msg("%s byte %zu leaves the file behind", cut ? "cut at" : "changed", place);
}

static void damaged_files_are_no_results(void **state UNUSED)
{
	struct result_storage *storage = open_storage();
	AUTO(arena_done) struct arena arena = { 0 };
	struct str file;

	write_one(storage, "x", "[1, 2, 3]");
	file = read_file(&arena, path_in("storage/x"));
	for (size_t i = 0; i < file.length; i++) {
		check_damage(storage, file, i, false);
		check_damage(storage, file, i, true);
	}
	write_file(path_in("storage/x"), file.data, file.length);
	assert_string_equal(body_of(storage, "x"), "[1, 2, 3]");
	/* The right file in the wrong place. */
	write_file(path_in("storage/y"), file.data, file.length);
	assert_string_equal(body_of(storage, "y"), "WEIR_ECORRUPT");
	result_storage_close(storage);
}

static void a_file_of_a_newer_version_is_left_alone(void **state UNUSED)
{
	struct result_storage *storage = open_storage();
	static const char newer[] = "{\"weir_result\": 2, \"sealed\": true}\n...";

	write_file(path_in("storage/x"), newer, sizeof newer - 1);
	assert_string_equal(body_of(storage, "x"), "WEIR_EVERSION");
	assert_true(exists(path_in("storage/x")));
	result_storage_close(storage);
}

/* --- Errors --- */

static void a_folder_that_cannot_be_made_is_named(void **state UNUSED)
{
	struct result_storage *storage = NULL;
	struct problem problem = { 0 };

	write_file(path_in("storage"), "", 0);
	assert_true(result_storage_open(path_in("storage"), &storage, &problem) < 0);
	assert_non_null(strstr(problem.message, "storage: "));
	assert_true(result_storage_open(path_in("no/such/folder"), &storage, &problem) < 0);
	assert_non_null(strstr(problem.message, "no/such/folder: the folder for results can't be made"));
}

/* --- Programs --- */

static int hold_lock_and_stage(const char *path)
{
	struct result_storage *storage;
	const struct result_record record = record_of("1");
	struct staged_result *staged;
	struct problem problem = { 0 };

	if (result_storage_open(path, &storage, &problem) < 0 ||
	    result_stage(storage, STR("x"), &record, &staged, &problem) < 0 ||
	    result_lock_try(storage, "abcdef0123", &problem) < 0)
		return 2;
	puts("ready");
	fflush(stdout);
	return getchar() == EOF;
}

static void locks_and_files_of_killed_programs_are_free(void **state UNUSED)
{
	struct result_storage *storage;
	struct process other;
	struct problem problem = { 0 };
	char line[64];

	process_start(&other, (const char *const[]){ "hold", path_in("storage"), NULL });
	assert_true(process_line(&other, line, sizeof line));
	storage = open_storage();
	assert_result(result_lock_try(storage, "abcdef0123", &problem), WEIR_EBUSY, &problem);
	assert_ok(result_lock_try(storage, "abcdef1123", &problem), &problem);
	assert_ok(result_lock_try(storage, "bbcdef0123", &problem), &problem);
	assert_int_equal(count_entries("storage/temporary"), 3); /* two locks, one file */
	process_kill(&other);
	process_end(&other);
	assert_ok(result_lock_try(storage, "abcdef0123", &problem), &problem);
	result_storage_close(storage);
	storage = open_storage();
	assert_int_equal(count_entries("storage/temporary"), 1);
	result_storage_close(storage);
}

static void a_lock_that_was_given_back_is_free(void **state UNUSED)
{
	struct result_storage *storage = open_storage(), *other = open_storage();
	struct problem problem = { 0 };

	assert_ok(result_lock_try(storage, "0123456789", &problem), &problem);
	assert_result(result_lock_try(other, "0123456789", &problem), WEIR_EBUSY, &problem);
	result_unlock(storage, "0123456789");
	assert_ok(result_lock_try(other, "0123456789", &problem), &problem);
	assert_result(result_lock_try(storage, "0123456789", &problem), WEIR_EBUSY, &problem);
	result_storage_close(other);
	assert_ok(result_lock_try(storage, "0123456789", &problem), &problem);
	result_storage_close(storage);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_record_comes_back_whole),
		TEST(the_last_one_written_stays),
		TEST(staged_results_are_there_when_published),
		TEST(keys_stay_inside),
		TEST(a_key_that_is_a_folder_is_refused),
		TEST(damaged_files_are_no_results),
		TEST(a_file_of_a_newer_version_is_left_alone),
		TEST(a_folder_that_cannot_be_made_is_named),
		TEST(locks_and_files_of_killed_programs_are_free),
		TEST(a_lock_that_was_given_back_is_free),
	};

	if (argc > 2 && strcmp(argv[1], "hold") == 0)
		return hold_lock_and_stage(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
