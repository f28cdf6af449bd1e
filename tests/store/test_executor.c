/* SPDX-License-Identifier: Apache-2.0 */
/* The one writer: what runs when, what is told when, and what is in the file then. */
#include "support.h"

#include "base/clock.h"

/* A job of these tests: writes its rows, stages its effects, then returns its result. */
struct step {
	struct job job;
	const char *name;
	int64_t row;         /* 0: none */
	const char *effects; /* a letter each */
	int result;
	const char *message; /* of the problem; NULL: the job leaves it empty */
};

static struct {
	struct executor *executor;
	struct db *reader;
} the;

static int64_t count_rows(void)
{
	struct problem problem;
	int64_t count;

	assert_ok(db_integer(the.reader, "SELECT count(*) FROM row", &count, &problem, ""), &problem);
	return count;
}

/* Another connection sees what is committed, and nothing else. */
static void trace_effect(void *argument)
{
	trace("effect %s (%d rows)", (const char *)argument, (int)count_rows());
}

static int run_step(struct tx *tx, void *request)
{
	const struct step *step = request;
	int result = 0;

	trace("run %s", step->name);
	if (step->row)
		result = insert_row(tx, step->row, 10);
	for (const char *letter = step->effects; letter && *letter; letter++)
		tx_effect(tx, trace_effect,
		          (void *)(uintptr_t)arena_printf(tx->arena, "%s%c", step->name, *letter).data);
	if (result == 0 && step->message)
		result = problem_set(tx->problem, step->result, "%s", step->message);
	return result < 0 ? result : step->result;
}

static void trace_told(struct job *job, int result, const struct problem *problem)
{
	const struct step *step = CONTAINER_OF(job, struct step, job);

	if (result < 0)
		trace("told %s: %s, %s", step->name, error_name(result), problem->message);
	else
		trace("told %s", step->name);
}

static int set_up(void **state)
{
	struct executor_options options = { 0 };
	int result = folder_set_up(state);

	if (result == 0) {
		the.executor = open_executor(path_in("rows.db"), NULL, &options);
		the.reader = open_rows(path_in("rows.db"), DB_READ, NULL);
	}
	return result;
}

static int tear_down(void **state)
{
	db_close(the.reader);
	executor_free(the.executor);
	the.executor = NULL;
	return folder_tear_down(state);
}

static void submit(struct step *step)
{
	step->job = (struct job){ .run = run_step, .request = step, .told = trace_told };
	executor_submit(the.executor, &step->job);
}

static struct executor_stats stats(void)
{
	struct executor_stats now;

	executor_stats(the.executor, &now);
	return now;
}

static void empty_table(void)
{
	struct db *db = open_rows(path_in("rows.db"), DB_WRITE, NULL);
	struct problem problem;

	assert_ok(db_run(db, "DELETE FROM row", &problem, ""), &problem);
	db_close(db);
}

/*
 * Submit the steps while the writer is busy, and let it go on until nothing waits. A batch also closes after 8 ms; on a
 * machine that is busy that can be after any job, so only an attempt in which the steps came into one batch counts.
 */
static void run_as_batch(struct step *steps, size_t count)
{
	for (int attempt = 0; attempt < 100; attempt++) {
		struct executor_stats before = stats();
		struct gate gate;

		trace_clear();
		gate_close(&gate, the.executor);
		for (size_t i = 0; i < count; i++)
			submit(&steps[i]);
		gate_open(&gate);
		executor_drain(the.executor);
		if (stats().batches - before.batches == 2)
			return;
		empty_table();
	}
	fail_msg("never did the jobs come into one batch");
}

static void test_gathered_jobs_share_a_commit(void **state)
{
	struct step steps[] = {
		{ .name = "A", .row = 1, .effects = "a" },
		{ .name = "B", .row = 2, .effects = "b" },
		{ .name = "C", .row = 3, .effects = "c" },
	};
	struct executor_stats before;

	(void)state;
	run_as_batch(steps, ARRAY_LENGTH(steps));
	before = stats();
	assert_trace("run A", "run B", "run C", "effect Aa (3 rows)", "told A", "effect Bb (3 rows)", "told B",
	             "effect Cc (3 rows)", "told C");
	assert_int_equal(before.reruns, 0);
}

static void test_failing_job_leaves_the_others(void **state)
{
	static const struct {
		struct step steps[3];
		const char *trace[10];
	} cases[] = {
		{ { { .name = "A", .row = 1, .effects = "a" },
		    { .name = "B", .row = 2, .effects = "b", .result = WEIR_ECONFLICT, .message = "no" },
		    { .name = "C", .row = 3, .effects = "c" } },
		  { "run A", "run B", "run C", "effect Aa (2 rows)", "told A", "told B: WEIR_ECONFLICT, no",
		    "effect Cc (2 rows)", "told C" } },
		{ { { .name = "A", .row = 1, .effects = "a", .result = WEIR_EINVAL, .message = "bad" },
		    { .name = "B", .row = 2, .effects = "b" },
		    { .name = "C", .row = 3, .effects = "c", .result = WEIR_ELIMIT } },
		  { "run A", "run B", "run C", "told A: WEIR_EINVAL, bad", "effect Bb (1 rows)", "told B",
		    "told C: WEIR_ELIMIT, over a limit" } },
		{ { { .name = "A", .row = 1, .result = WEIR_EINVAL, .message = "bad" },
		    { .name = "B", .row = 2, .result = WEIR_EINVAL },
		    { .name = "C", .row = 3, .result = WEIR_ENOTFOUND } },
		  { "run A", "run B", "run C", "told A: WEIR_EINVAL, bad", "told B: WEIR_EINVAL, invalid argument",
		    "told C: WEIR_ENOTFOUND, not found" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct step steps[3];

		memcpy(steps, cases[i].steps, sizeof steps);
		empty_table();
		run_as_batch(steps, ARRAY_LENGTH(steps));
		check_trace(cases[i].trace, __FILE__, __LINE__);
	}
}

static void test_refused_statement_undoes_its_job(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct step steps[] = {
		{ .name = "A", .row = 1 },
		{ .name = "B", .row = 1, .effects = "b" },
		{ .name = "C", .row = 3 },
	};

	(void)state;
	run_as_batch(steps, ARRAY_LENGTH(steps));
	assert_trace(
	        "run A", "run B", "run C", "told A",
	        arena_printf(&arena, "told B: WEIR_ECONFLICT, %s: UNIQUE constraint failed: row.id", path_in("rows.db"))
	                .data,
	        "told C");
	assert_string_equal(rows_of(&arena, path_in("rows.db")).data, "1 3");
}

static void test_effects_keep_their_order(void **state)
{
	struct step steps[] = { { .name = "A", .effects = "xyz" }, { .name = "B", .row = 1, .effects = "pq" } };

	(void)state;
	run_as_batch(steps, ARRAY_LENGTH(steps));
	assert_trace("run A", "run B", "effect Ax (1 rows)", "effect Ay (1 rows)", "effect Az (1 rows)", "told A",
	             "effect Bp (1 rows)", "effect Bq (1 rows)", "told B");
}

/* A transaction that can't begin leaves nothing of the jobs that were in the same places before. */
static void test_no_effect_without_a_transaction(void **state)
{
	struct executor_options options = { 0 };
	struct db_options impatient = { .path = path_in("busy.db"), .mode = DB_WRITE, .busy_timeout_us = 1000 };
	struct step first = { .name = "A", .row = 1, .effects = "a" }, second = { .name = "B", .effects = "b" };
	struct executor *before = the.executor;
	struct problem problem;
	struct db *other;

	(void)state;
	executor_free(open_executor(path_in("busy.db"), NULL, &options));
	assert_ok(db_open(&sqlite_driver, &impatient, &options.db, &problem), &problem);
	assert_ok(executor_new(&options, &the.executor, &problem), &problem);
	submit(&first);
	executor_drain(the.executor);
	other = open_rows(path_in("busy.db"), DB_WRITE, NULL);
	assert_ok(other->driver->begin(other, true, &problem), &problem);
	trace_clear();
	assert_int_equal(executor_run(the.executor, run_step, &second, &problem), WEIR_EBUSY);
	assert_non_null(strstr(problem.message, "another program holds it"));
	other->driver->rollback(other);
	assert_trace(NULL);
	assert_ok(executor_run(the.executor, run_step, &second, &problem), &problem);
	assert_trace("run B", "effect Bb (0 rows)");
	db_close(other);
	executor_free(the.executor);
	the.executor = before;
}

/* --- Long jobs --- */

/* Writes rows from..to, two for each time that it runs. */
struct long_job {
	struct job job;
	const char *name;
	int64_t from, to;
	int effects;
	bool missing; /* an effect did not find its rows committed */
	int result;
};

struct place {
	int64_t next; /* as all of a cursor 0 at first */
};

static void check_rows(void *argument)
{
	struct long_job *job = argument;
	int64_t last = job->from + 2 * job->effects + 1;

	job->effects++;
	job->missing = job->missing || !has_row(the.reader, MIN(last, job->to));
}

static int run_long(struct tx *tx, void *request)
{
	struct long_job *job = request;
	struct place *place = tx_cursor(tx);
	int64_t first = job->from + place->next;
	int result = 0;

	for (int64_t row = first; result == 0 && row <= MIN(job->to, first + 1); row++)
		result = insert_row(tx, row, 10);
	trace("run %s from %d", job->name, (int)first);
	tx_effect(tx, check_rows, job);
	place->next += 2;
	return result < 0 || job->from + place->next > job->to ? result : WEIR_EAGAIN;
}

static void told_long(struct job *base, int result, const struct problem *problem)
{
	(void)problem;
	CONTAINER_OF(base, struct long_job, job)->result = result;
}

static void submit_long(struct long_job *job)
{
	job->result = 1; /* not told */
	job->job = (struct job){ .run = run_long, .request = job, .told = told_long };
	executor_submit(the.executor, &job->job);
}

static void test_long_jobs_take_turns(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct long_job a = { .name = "A", .from = 1, .to = 5 }, b = { .name = "B", .from = 11, .to = 13 };
	struct long_job c = { .name = "C", .from = 21, .to = 21 };
	struct gate gate;

	(void)state;
	gate_close(&gate, the.executor);
	submit_long(&a);
	submit_long(&b);
	submit_long(&c);
	gate_open(&gate);
	executor_drain(the.executor);
	assert_trace("run A from 1", "run B from 11", "run C from 21", "run A from 3", "run B from 13", "run A from 5");
	/* What each turn did was committed before its effect. */
	assert_int_equal(a.effects * 100 + b.effects * 10 + c.effects, 321);
	assert_false(a.missing || b.missing || c.missing);
	assert_int_equal(a.result | b.result | c.result, 0);
	assert_string_equal(rows_of(&arena, path_in("rows.db")).data, "1 2 3 4 5 11 12 13 21");
}

static int use_budget(struct tx *tx, void *request)
{
	(void)request;
	if (tx_over_budget(tx, 0))
		return 0; /* 5 ms went by in this moment: try again */
	assert_false(tx_over_budget(tx, 0));
	return tx_over_budget(tx, 999) || !tx_over_budget(tx, 1) ? WEIR_EBUSY : WEIR_EEXISTS;
}

static void test_budget_is_a_thousand_rows(void **state)
{
	int result = WEIR_EBUSY;

	(void)state;
	/* By time it can be used up before, on a busy machine. */
	for (int attempt = 0; attempt < 100 && result != WEIR_EEXISTS; attempt++)
		result = executor_run(the.executor, use_budget, NULL, NULL);
	assert_int_equal(result, WEIR_EEXISTS);
}

static int note_time(struct tx *tx, void *request)
{
	*(int64_t *)request = tx->now_us;
	return 0;
}

static void test_clock_of_a_batch(void **state)
{
	int64_t times[3], start_us = clock_wall_us();
	struct problem problem;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(times); i++)
		assert_ok(executor_run(the.executor, note_time, &times[i], &problem), &problem);
	assert_true(start_us <= times[0] && times[0] < times[1] && times[1] < times[2]);
}

static void test_free_finishes_everything(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct long_job long_job = { .name = "L", .from = 100, .to = 104 };
	struct step steps[3] = { { .name = "A", .row = 1 }, { .name = "B", .row = 2 }, { .name = "C", .row = 3 } };
	struct executor_options options = { 0 };
	struct gate gate;

	(void)state;
	gate_close(&gate, the.executor);
	submit_long(&long_job);
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++)
		submit(&steps[i]);
	gate_open(&gate);
	executor_free(the.executor);
	the.executor = open_executor(path_in("rows.db"), NULL, &options);
	assert_string_equal(rows_of(&arena, path_in("rows.db")).data, "1 2 3 100 101 102 103 104");
}

static void note_pages(void *data, int64_t log_pages)
{
	(void)data;
	trace("commit, %s", log_pages > 0 ? "pages in the log" : "no pages in the log");
}

static void test_commits_are_told_after_their_jobs(void **state)
{
	struct executor_options options = { .on_commit = note_pages };
	struct step good = { .name = "A", .row = 1 }, bad = { .name = "B", .result = WEIR_EINVAL, .message = "bad" };

	(void)state;
	executor_free(the.executor);
	the.executor = open_executor(path_in("rows.db"), NULL, &options);
	submit(&good);
	executor_drain(the.executor);
	submit(&bad);
	executor_free(the.executor);
	options.on_commit = NULL;
	the.executor = open_executor(path_in("rows.db"), NULL, &options);
	assert_trace("run A", "told A", "commit, pages in the log", "run B", "told B: WEIR_EINVAL, bad");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_gathered_jobs_share_a_commit),     TEST(test_failing_job_leaves_the_others),
		TEST(test_refused_statement_undoes_its_job), TEST(test_effects_keep_their_order),
		TEST(test_no_effect_without_a_transaction),  TEST(test_long_jobs_take_turns),
		TEST(test_budget_is_a_thousand_rows),        TEST(test_clock_of_a_batch),
		TEST(test_free_finishes_everything),         TEST(test_commits_are_told_after_their_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
