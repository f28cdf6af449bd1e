/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that share a file: who is alive, who is found dead by whom, and messages. The programs are real processes. */
#include "support.h"

#include "store/file_lock.h"
#include "store/share.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = SHARE_MESSAGE_MAX + 64 };

/* --- The program: "program FOLDER" joins, prints its id, prints each message, ends with its input --- */

static void print_heard(void *data, struct str message)
{
	(void)data;
	printf("%.*s\n", STR_ARG(message));
	fflush(stdout);
}

static int run_program(const char *path)
{
	struct problem problem;
	struct share *share;
	char byte;

	if (share_open(path, true, &share, &problem) < 0 ||
	    share_join(share, (struct uuid){ 0 }, print_heard, NULL, &problem) < 0) {
		fprintf(stderr, "%s\n", problem.message);
		return 1;
	}
	printf("%s\n", uuid_text(share_id(share)).text);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	share_close(share);
	return 0;
}

/* --- The finder: "finder FOLDER" waits for a line, prints the dead that it has found, ends with its input --- */

static int run_finder(const char *path)
{
	struct problem problem;
	struct share *share;
	struct uuid *ids;
	size_t count;
	char byte;

	if (read(0, &byte, 1) != 1 || share_open(path, true, &share, &problem) < 0 ||
	    share_dead(share, &ids, &count, &problem) < 0)
		return 1;
	for (size_t i = 0; i < count; i++)
		printf("%s\n", uuid_text(ids[i]).text);
	printf("end\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	for (size_t i = 0; i < count; i++)
		share_forget(share, ids[i]);
	free(ids);
	share_close(share);
	return 0;
}

/* --- What the tests do with them --- */

static struct uuid start_program(struct process *process, const char *path)
{
	char line[LINE];
	struct uuid id;

	process_start(process, (const char *const[]){ "program", path, NULL });
	assert_true(process_line(process, line, sizeof line));
	assert_true(uuid_parse(str_of(line), &id));
	return id;
}

static void kill_program(struct process *process)
{
	process_kill(process);
	assert_int_equal(process_end(process), -SIGKILL);
}

static struct share *open_share(const char *path)
{
	struct problem problem;
	struct share *share;

	assert_ok(share_open(path, true, &share, &problem), &problem);
	return share;
}

static const char *file_of(struct uuid id, const char *ending)
{
	AUTO(arena_done) struct arena arena = { 0 };

	return path_in(arena_printf(&arena, "run/%s%s", uuid_text(id).text, ending).data);
}

static size_t count_dead(struct share *share, struct uuid *first)
{
	struct problem problem;
	struct uuid *ids;
	size_t count;

	assert_ok(share_dead(share, &ids, &count, &problem), &problem);
	if (count && first)
		*first = ids[0];
	free(ids);
	return count;
}

static void test_alive_until_it_ends(void **state)
{
	const char *run = path_in("run");
	struct share *share = open_share(run);
	struct process process;
	struct uuid id = start_program(&process, run);

	(void)state;
	assert_true(share_alive(share, id));
	assert_int_equal(count_dead(share, NULL), 0);
	assert_true(exists(file_of(id, ".lock")) && exists(file_of(id, ".sock")));
	assert_int_equal(process_end(&process), 0);
	assert_false(share_alive(share, id));
	/* It has ended in order: nothing of it is left to be found. */
	assert_int_equal(count_dead(share, NULL), 0);
	assert_false(exists(file_of(id, ".lock")) || exists(file_of(id, ".sock")));
	share_close(share);
}

/* What a program has left that was killed while it made its lock file goes with the next look; what it still makes stays. */
static void test_unfinished_lock_files(void **state)
{
	const char *run = path_in("run");
	struct share *share = open_share(run);
	char left[64], making[64], other[64];
	int fd;

	(void)state;
	snprintf(left, sizeof left, "run/%s.new", uuid_text(uuid_new()).text);
	snprintf(making, sizeof making, "run/%s.new", uuid_text(uuid_new()).text);
	snprintf(other, sizeof other, "run/%s.news", uuid_text(uuid_new()).text);
	write_file(path_in(left), "x", 1);
	write_file(path_in(making), "x", 1);
	write_file(path_in(other), "x", 1);
	fd = open(path_in(making), O_RDWR);
	assert_int_equal(file_lock_try(fd, 0), 0);
	assert_int_equal(count_dead(share, NULL), 0);
	assert_false(exists(path_in(left)));
	assert_true(exists(path_in(making)));
	assert_true(exists(path_in(other)));
	close(fd);
	assert_int_equal(count_dead(share, NULL), 0);
	assert_false(exists(path_in(making)));
	share_close(share);
}

static void test_dead_when_killed(void **state)
{
	const char *run = path_in("run");
	struct share *share = open_share(run);
	struct process living, process;
	struct uuid id = start_program(&process, run), living_id = start_program(&living, run), found;

	(void)state;
	kill_program(&process);
	assert_false(share_alive(share, id));
	assert_true(share_alive(share, living_id));
	assert_int_equal(count_dead(share, &found), 1);
	assert_true(uuid_equal(found, id));
	/* Found once; dead all the time; gone with what it left when it is forgotten. */
	assert_int_equal(count_dead(share, NULL), 0);
	assert_false(share_alive(share, id));
	assert_true(exists(file_of(id, ".lock")) && exists(file_of(id, ".sock")));
	share_forget(share, id);
	assert_false(exists(file_of(id, ".lock")) || exists(file_of(id, ".sock")));
	assert_int_equal(count_dead(share, NULL), 0);
	assert_false(share_alive(share, id));
	assert_true(share_alive(share, living_id));
	assert_int_equal(process_end(&living), 0);
	share_close(share);
}

/* Who finds the dead and ends before it has dealt with them leaves them to the next one. */
static void test_dead_are_found_again_when_not_forgotten(void **state)
{
	const char *run = path_in("run");
	struct share *first, *second;
	struct process process;
	struct uuid id = start_program(&process, run), found;

	(void)state;
	kill_program(&process);
	first = open_share(run);
	second = open_share(run);
	assert_int_equal(count_dead(first, NULL), 1);
	assert_int_equal(count_dead(second, NULL), 0);
	assert_false(share_alive(second, id)); /* being dealt with is not being alive */
	share_close(first);
	assert_int_equal(count_dead(second, &found), 1);
	assert_true(uuid_equal(found, id));
	share_close(second);
}

/* Only what this process has found is its own to remove. */
static void test_the_living_are_not_forgotten(void **state)
{
	const char *run = path_in("run");
	struct share *share = open_share(run);
	struct process process;
	struct uuid id = start_program(&process, run);

	(void)state;
	share_forget(share, id);
	assert_true(share_alive(share, id));
	assert_true(exists(file_of(id, ".sock")));
	assert_int_equal(process_end(&process), 0);
	share_close(share);
}

static void test_two_finders_share_the_dead(void **state)
{
	enum { DEAD = 6, FINDERS = 3 };
	const char *run = path_in("run");
	struct process finders[FINDERS];
	int found[DEAD] = { 0 };
	struct uuid ids[DEAD];
	struct share *share;

	(void)state;
	for (int i = 0; i < DEAD; i++) {
		struct process process;

		ids[i] = start_program(&process, run);
		kill_program(&process);
	}
	for (int i = 0; i < FINDERS; i++)
		process_start(&finders[i], (const char *const[]){ "finder", run, NULL });
	for (int i = 0; i < FINDERS; i++)
		assert_int_equal(write(finders[i].in, "!", 1), 1);
	for (int i = 0; i < FINDERS; i++) {
		char line[LINE];
		struct uuid id;

		while (process_line(&finders[i], line, sizeof line) && strcmp(line, "end") != 0) {
			assert_true(uuid_parse(str_of(line), &id));
			for (int k = 0; k < DEAD; k++)
				found[k] += uuid_equal(ids[k], id);
		}
	}
	for (int k = 0; k < DEAD; k++)
		assert_int_equal(found[k], 1);
	for (int i = 0; i < FINDERS; i++)
		assert_int_equal(process_end(&finders[i]), 0);
	share = open_share(run);
	assert_int_equal(count_dead(share, NULL), 0);
	share_close(share);
}

/* --- Messages --- */

static void check_messages(const char *path)
{
	static const char *const messages[] = { "cancel 0198", "résumé", "x" };
	struct share *share = open_share(path);
	struct problem problem;
	struct process process;
	struct uuid id = start_program(&process, path);
	char *longest = xmalloc(SHARE_MESSAGE_MAX + 1), line[LINE];

	for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
		assert_ok(share_send(share, id, str_of(messages[i]), &problem), &problem);
		assert_true(process_line(&process, line, sizeof line));
		assert_string_equal(line, messages[i]);
	}
	memset(longest, 'm', SHARE_MESSAGE_MAX + 1);
	assert_ok(share_send(share, id, (struct str){ longest, SHARE_MESSAGE_MAX }, &problem), &problem);
	assert_true(process_line(&process, line, sizeof line));
	assert_int_equal(strlen(line), SHARE_MESSAGE_MAX);
	assert_int_equal(share_send(share, id, (struct str){ longest, SHARE_MESSAGE_MAX + 1 }, &problem), WEIR_ELIMIT);
	assert_int_equal(share_send(share, id, STR(""), &problem), WEIR_ELIMIT);
	assert_int_equal(process_end(&process), 0);
	assert_int_equal(share_send(share, id, STR("late"), &problem), WEIR_ENOTFOUND);
	free(longest);
	share_close(share);
}

static void test_messages_arrive(void **state)
{
	(void)state;
	check_messages(path_in("run"));
}

/* Longer than a socket's address can be. */
static void test_messages_in_a_deep_folder(void **state)
{
	AUTO(strbuf_done) struct strbuf path = { 0 };

	(void)state;
	strbuf_puts(&path, folder());
	for (int i = 0; i < 4; i++) {
		strbuf_puts(&path, "/a-folder-with-a-name-that-is-fifty-characters-long-x");
		assert_int_equal(mkdir(path.data, 0700), 0);
	}
	strbuf_puts(&path, "/run");
	assert_true(path.length > 200);
	check_messages(path.data);
}

static void test_messages_to_the_dead(void **state)
{
	const char *run = path_in("run");
	struct share *share = open_share(run);
	struct problem problem;
	struct process process;
	struct uuid id = start_program(&process, run);

	(void)state;
	kill_program(&process);
	assert_true(exists(file_of(id, ".sock")));
	assert_int_equal(share_send(share, id, STR("cancel"), &problem), WEIR_ENOTFOUND);
	assert_non_null(strstr(problem.message, uuid_text(id).text));
	assert_int_equal(share_send(share, uuid_new(), STR("cancel"), &problem), WEIR_ENOTFOUND);
	share_close(share);
}

/* One that is stopped reads nothing: the sender is told instead of waiting. */
static void test_messages_that_nobody_reads(void **state)
{
	const char *run = path_in("run");
	struct share *share = open_share(run);
	struct problem problem;
	struct process process;
	struct uuid id = start_program(&process, run);
	int result = 0;

	(void)state;
	kill(process.pid, SIGSTOP);
	for (int i = 0; i < 100000 && result == 0; i++)
		result = share_send(share, id, STR("cancel"), &problem);
	assert_int_equal(result, WEIR_EBUSY);
	assert_true(share_alive(share, id));
	kill(process.pid, SIGCONT);
	assert_int_equal(process_end(&process), 0);
	share_close(share);
}

static void count_messages(void *data, struct str message)
{
	(void)message;
	trace("heard");
	assert_non_null(data);
}

static void test_deaf_but_alive(void **state)
{
	const char *run = path_in("run");
	struct share *share = open_share(run), *other = open_share(run);
	struct problem problem;

	(void)state;
	assert_true(uuid_is_nil(share_id(share)));
	assert_ok(share_join(share, (struct uuid){ 0 }, count_messages, share, &problem), &problem);
	share_deafen(share);
	share_deafen(share);
	assert_int_equal(share_send(other, share_id(share), STR("cancel"), &problem), WEIR_ENOTFOUND);
	assert_true(share_alive(other, share_id(share)));
	assert_int_equal(count_dead(other, NULL), 0);
	share_close(share);
	share_close(other);
	assert_trace(NULL);
}

/* --- The folder --- */

static void test_names_of_the_living(void **state)
{
	AUTO(strbuf_done) struct strbuf names = { 0 }, none = { 0 };
	AUTO(arena_done) struct arena arena = { 0 };
	const char *run = path_in("run");
	struct share *share = open_share(run);
	struct process living, dead;

	(void)state;
	start_program(&living, run);
	start_program(&dead, run);
	kill_program(&dead);
	write_file(path_in("run/notes.txt"), "x", 1);
	write_file(path_in("run/not-an-id-but-as-long-as-one-would-b.lock"), "x", 1);
	share_describe(share, &names);
	assert_string_equal(names.data, arena_printf(&arena, "test (pid %d)", (int)living.pid).data);
	assert_int_equal(count_dead(share, NULL), 1);
	assert_int_equal(process_end(&living), 0);
	share_describe(share, &none);
	assert_int_equal(none.length, 0);
	share_close(share);
}

static void test_folder_that_is_not_there(void **state)
{
	struct problem problem;
	struct share *share;

	(void)state;
	assert_int_equal(share_open(path_in("no/run"), true, &share, &problem), WEIR_ENOTFOUND);
	assert_int_equal(share_open(path_in("run"), false, &share, &problem), WEIR_ENOTFOUND);
	assert_false(exists(path_in("run")));
	write_file(path_in("file"), "x", 1);
	assert_int_equal(share_open(path_in("file"), true, &share, &problem), WEIR_ENOTFOUND);
}

/* By way of the store: every mode can ask who lives. */
static void test_store_knows_its_programs(void **state)
{
	struct store_options options = { .path = path_in("weir.db"), .mode = STORE_PROGRAM };
	struct store *program, *looker;
	struct problem problem;
	struct uuid id;

	(void)state;
	assert_ok(store_open(&options, &program, &problem), &problem);
	options.mode = STORE_READ;
	assert_ok(store_open(&options, &looker, &problem), &problem);
	id = store_program_id(program);
	assert_false(uuid_is_nil(id));
	assert_true(store_program_alive(program, id));
	assert_true(store_program_alive(looker, id));
	assert_false(store_program_alive(looker, uuid_new()));
	assert_false(store_program_alive(looker, (struct uuid){ { 0 } }));
	store_close(program);
	assert_false(store_program_alive(looker, id));
	store_close(looker);
}

/* --- Messages of jobs --- */

struct said {
	struct uuid to;
	int result;
};

static int say(struct tx *tx, void *request)
{
	const struct said *said = request;

	tx_send(tx, said->to, STR("hello"));
	return said->result ? problem_set(tx->problem, said->result, "rolled back") : 0;
}

static void hear(void *data, struct str message)
{
	(void)data;
	trace("it hears %.*s", STR_ARG(message));
}

/* A message of its own is heard before the job is told; one of a job that failed, never. */
static void test_jobs_send_after_the_commit(void **state)
{
	struct store_options options = { .path = path_in("weir.db"), .mode = STORE_PROGRAM, .on_message = hear };
	struct said said = { 0 };
	struct store *store;
	struct problem problem;

	(void)state;
	trace_clear();
	assert_ok(store_open(&options, &store, &problem), &problem);
	said.to = store_program_id(store);
	assert_ok(store_run(store, say, &said, &problem), &problem);
	assert_trace("it hears hello");
	said.result = WEIR_EFAILED;
	assert_int_equal(store_run(store, say, &said, &problem), WEIR_EFAILED);
	said = (struct said){ .to = uuid_new() }; /* nobody */
	assert_ok(store_run(store, say, &said, &problem), &problem);
	trace("no more");
	assert_trace("no more");
	store_close(store);
}

static void test_messages_to_all_that_live(void **state)
{
	struct store_options options = { .path = path_in("weir.db"), .mode = STORE_WRITE };
	const struct said to_all = { 0 };
	struct process first, second;
	struct problem problem;
	struct store *store;
	char line[LINE];

	(void)state;
	assert_ok(store_open(&options, &store, &problem), &problem);
	start_program(&first, path_in("run"));
	start_program(&second, path_in("run"));
	assert_ok(store_run(store, say, (void *)(uintptr_t)&to_all, &problem), &problem);
	assert_true(process_line(&first, line, sizeof line));
	assert_string_equal(line, "hello");
	assert_true(process_line(&second, line, sizeof line));
	assert_string_equal(line, "hello");
	assert_int_equal(process_end(&first), 0);
	assert_int_equal(process_end(&second), 0);
	store_close(store);
}

/* Files of two names in one folder are two databases, and so are their programs. */
static void test_programs_of_another_database(void **state)
{
	struct store_options first = { .path = path_in("weir.db"), .mode = STORE_PROGRAM };
	struct store_options second = { .path = path_in("other.db"), .mode = STORE_WRITE };
	AUTO(strbuf_done) struct strbuf living = { 0 };
	struct store *program, *other;
	struct problem problem;

	(void)state;
	assert_ok(store_open(&first, &program, &problem), &problem);
	assert_ok(store_open(&second, &other, &problem), &problem);
	store_living_programs(other, &living);
	assert_int_equal(living.length, 0);
	assert_false(store_program_alive(other, store_program_id(program)));
	store_close(other);
	store_close(program);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_alive_until_it_ends),
		TEST(test_dead_when_killed),
		TEST(test_unfinished_lock_files),
		TEST(test_dead_are_found_again_when_not_forgotten),
		TEST(test_the_living_are_not_forgotten),
		TEST(test_two_finders_share_the_dead),
		TEST(test_messages_arrive),
		TEST(test_messages_in_a_deep_folder),
		TEST(test_messages_to_the_dead),
		TEST(test_messages_that_nobody_reads),
		TEST(test_deaf_but_alive),
		TEST(test_names_of_the_living),
		TEST(test_folder_that_is_not_there),
		TEST(test_store_knows_its_programs),
		TEST(test_jobs_send_after_the_commit),
		TEST(test_messages_to_all_that_live),
		TEST(test_programs_of_another_database),
	};

	if (argc == 3 && strcmp(argv[1], "program") == 0)
		return run_program(argv[2]);
	if (argc == 3 && strcmp(argv[1], "finder") == 0)
		return run_finder(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
