/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Full and failing disks, at every point where one can fail: each job is told once, told success if and only if its row
 * is in the file, and its effects happened if and only if it was told success.
 */
#include "fault_vfs.h"
#include "support.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS = 10, FILLING = 3000 };

/* A job that writes its row, and what became of it. */
struct row_job {
	struct job job;
	int64_t row;
	int runs, effects, told, result;
	bool problem_fits;
	int interrupts;    /* so many runs of it are interrupted */
	int after, beside; /* results of its insert after the interrupt, and of one after that */
};

static void count_effect(void *argument)
{
	struct row_job *job = argument;

	job->effects++;
}

static int write_row(struct tx *tx, void *request)
{
	struct row_job *job = request;

	job->runs++;
	tx_effect(tx, count_effect, job);
	return insert_row(tx, job->row, FILLING);
}

static void note_told(struct job *base, int result, const struct problem *problem)
{
	struct row_job *job = CONTAINER_OF(base, struct row_job, job);

	job->told++;
	job->result = result;
	/* What a job is told of its failure is about this failure. */
	job->problem_fits = result < 0 ? problem->code == result : !problem;
}

/* The cache is made so small that pages go to the log in the midst of jobs, not only with the commit. */
static int shrink_cache(struct tx *tx, void *request)
{
	(void)request;
	return db_run(tx->db, "PRAGMA cache_size = 5", tx->problem, "");
}

static struct executor *open_faulty(struct executor_options *options)
{
	struct executor *executor = open_executor(path_in("rows.db"), FAULT_VFS, options);
	struct problem problem;

	assert_ok(executor_run(executor, shrink_cache, NULL, &problem), &problem);
	return executor;
}

static void empty_file(void)
{
	struct db *db = open_rows(path_in("rows.db"), DB_CREATE, NULL);
	struct problem problem;

	assert_ok(db_run(db, "CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, filling BLOB)", &problem, ""),
	          &problem);
	assert_ok(db_run(db, "DELETE FROM row", &problem, ""), &problem);
	db_close(db);
}

static void submit(struct executor *executor, struct row_job *job, int64_t row, job_fn *run, unsigned flags)
{
	*job = (struct row_job){ .row = row };
	job->job = (struct job){ .run = run, .request = job, .told = note_told, .flags = flags };
	executor_submit(executor, &job->job);
}

/* Row i is there if and only if job i was told success. */
static void check_jobs(const struct row_job *jobs, size_t count, const char *path)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct strbuf expected = { 0 };

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(jobs[i].told, 1);
		assert_true(jobs[i].problem_fits);
		assert_int_equal(jobs[i].effects, jobs[i].result == 0);
		if (jobs[i].result == 0)
			strbuf_printf(&expected, "%s%ld", expected.length ? " " : "", (long)jobs[i].row);
	}
	assert_string_equal(rows_of(&arena, path).data, strbuf_str(&expected).data);
	strbuf_done(&expected);
}

/* What another machine would find on the disk had this one lost its power now: success that was told must be there. */
static void check_after_power_loss(const struct row_job *jobs, size_t count)
{
	const char *path = path_in("crash.db"), *log = path_in("crash.db-wal");
	AUTO(arena_done) struct arena arena = { 0 };
	struct db *db;

	copy_file(path_in("rows.db"), path);
	copy_file(path_in("rows.db-wal"), log);
	db = open_rows(path, DB_WRITE, NULL);
	for (size_t i = 0; i < count; i++)
		assert_true(jobs[i].result < 0 || has_row(db, jobs[i].row));
	db_close(db);
	rows_of(&arena, path);
}

static size_t count_succeeded(const struct row_job *jobs, size_t count)
{
	size_t succeeded = 0;

	for (size_t i = 0; i < count; i++)
		succeeded += jobs[i].result == 0;
	return succeeded;
}

/* --- Every point --- */

struct fault_case {
	const char *name;
	unsigned kinds;
	int code;   /* of SQLite */
	int result; /* what a job is told */
	int times;
};

/* A batch of jobs with a fault at the call of this number. False: no fault came. */
static bool run_batch_with_fault(const struct fault_case *row, int number)
{
	struct executor_options options = { 0 };
	struct row_job jobs[JOBS];
	struct executor *executor;
	struct gate gate;
	int fired;

	empty_file();
	executor = open_faulty(&options);
	gate_close(&gate, executor);
	for (int i = 0; i < JOBS; i++)
		submit(executor, &jobs[i], i + 1, write_row, 0);
	fault_arm(row->kinds, row->code, number, row->times);
	gate_open(&gate);
	executor_drain(executor);
	fired = fault_disarm();
	check_after_power_loss(jobs, JOBS);
	executor_free(executor);
	check_jobs(jobs, JOBS, path_in("rows.db"));
	for (int i = 0; i < JOBS; i++)
		assert_true(jobs[i].result == 0 || jobs[i].result == row->result);
	/* Of one fault the batch recovers: each job runs again by itself. */
	if (row->times == 1)
		assert_int_equal(count_succeeded(jobs, JOBS), JOBS);
	else if (fired)
		assert_true(count_succeeded(jobs, JOBS) < JOBS);
	return fired > 0;
}

static void test_fault_at_every_point(void **state)
{
	static const struct fault_case cases[] = {
		{ "full once", FAULT_WRITE | FAULT_TRUNCATE, SQLITE_FULL, WEIR_ENOSPC, 1 },
		{ "full", FAULT_WRITE | FAULT_TRUNCATE, SQLITE_FULL, WEIR_ENOSPC, FAULT_FOR_EVER },
		{ "write error once", FAULT_WRITE | FAULT_TRUNCATE, SQLITE_IOERR_WRITE, WEIR_EIO, 1 },
		{ "write error", FAULT_WRITE | FAULT_TRUNCATE, SQLITE_IOERR_WRITE, WEIR_EIO, FAULT_FOR_EVER },
		{ "sync error once", FAULT_SYNC, SQLITE_IOERR_FSYNC, WEIR_EIO, 1 },
		{ "sync error", FAULT_SYNC, SQLITE_IOERR_FSYNC, WEIR_EIO, FAULT_FOR_EVER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int number = 1;

		while (run_batch_with_fault(&cases[i], number))
			number++;
		print_message("%s: %d points\n", cases[i].name, number - 1);
		assert_true(number > 1);
	}
}

/* Two or more failures: the batch dies, and one of the jobs alone as well. */
static void test_some_of_the_jobs_fail_alone(void **state)
{
	bool some = false;

	(void)state;
	for (int times = 2; times <= 5; times++) {
		struct executor_options options = { 0 };
		struct row_job jobs[JOBS];
		struct executor *executor;
		struct gate gate;
		size_t succeeded;

		empty_file();
		executor = open_faulty(&options);
		gate_close(&gate, executor);
		for (int i = 0; i < JOBS; i++)
			submit(executor, &jobs[i], i + 1, write_row, 0);
		fault_arm(FAULT_SYNC, SQLITE_IOERR_FSYNC, 1, times);
		gate_open(&gate);
		executor_drain(executor);
		fault_disarm();
		executor_free(executor);
		check_jobs(jobs, JOBS, path_in("rows.db"));
		succeeded = count_succeeded(jobs, JOBS);
		some = some || (succeeded > 0 && succeeded < JOBS);
	}
	assert_true(some);
}

/* --- Interruption --- */

/* An interrupt meets whatever the connection does; here a query that is still open, and the job's insert. */
static int write_row_interrupted(struct tx *tx, void *request)
{
	AUTO(db_resetp) struct db_statement *query = NULL;
	struct row_job *job = request;
	struct problem problem;
	struct tx beside = { .db = tx->db, .problem = &problem };
	int result;

	tx_effect(tx, count_effect, job);
	if (job->runs++ >= job->interrupts)
		return insert_row(tx, job->row, FILLING);
	result = db_query(tx->db, "SELECT 1 UNION ALL SELECT 2", &query, tx->problem, "");
	if (result == 0)
		result = db_step(query, tx->problem);
	if (result < 0)
		return result;
	tx->db->driver->interrupt(tx->db);
	job->after = insert_row(tx, job->row, FILLING);
	/* The transaction is gone. A job that goes on all the same gets nothing into the file beside it. */
	db_reset(query);
	query = NULL;
	job->beside = insert_row(&beside, 1000 + job->row, FILLING);
	return job->after;
}

/* So that the interrupt meets the statement, not its preparation: that would leave the transaction alone. */
static int prepare_insert(struct tx *tx, void *request)
{
	int result = insert_row(tx, 5000, FILLING);

	(void)request;
	return result < 0 ? result : WEIR_EEXISTS;
}

static void test_interrupt_in_any_job(void **state)
{
	(void)state;
	for (int interrupts = 1; interrupts <= 2; interrupts++) {
		for (int k = 0; k < JOBS; k++) {
			struct executor_options options = { 0 };
			struct row_job jobs[JOBS];
			struct executor *executor;
			struct gate gate;

			empty_file();
			executor = open_faulty(&options);
			assert_int_equal(executor_run(executor, prepare_insert, NULL, NULL), WEIR_EEXISTS);
			gate_close(&gate, executor);
			for (int i = 0; i < JOBS; i++) {
				submit(executor, &jobs[i], i + 1, write_row_interrupted, 0);
				jobs[i].interrupts = i == k ? interrupts : 0; /* the gate is closed: none has run */
			}
			gate_open(&gate);
			executor_free(executor);
			check_jobs(jobs, JOBS, path_in("rows.db"));
			for (int i = 0; i < JOBS; i++) {
				bool fails = i == k && jobs[i].runs == interrupts;

				assert_int_equal(jobs[i].result, fails ? WEIR_ECANCELED : 0);
			}
			assert_int_equal(jobs[k].runs, 2);
			assert_int_equal(jobs[k].after, WEIR_ECANCELED);
			assert_int_equal(jobs[k].beside, WEIR_EIO);
		}
	}
}

/* --- Long jobs --- */

struct long_job {
	struct job job;
	int64_t to;
	int told, result;
};

/* A row for each turn: its number is the cursor's. */
static int write_long(struct tx *tx, void *request)
{
	const struct long_job *job = request;
	int64_t *row = tx_cursor(tx);
	int result = insert_row(tx, ++*row, FILLING);

	return result < 0 || *row == job->to ? result : WEIR_EAGAIN;
}

static void told_long(struct job *base, int result, const struct problem *problem)
{
	struct long_job *job = CONTAINER_OF(base, struct long_job, job);

	(void)problem;
	job->told++;
	job->result = result;
}

/* Its cursor moves with the commits: no turn is lost, none is done twice. */
static void test_cursor_moves_with_the_commit(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	bool fired = true;

	(void)state;
	for (int number = 1; fired; number++) {
		struct executor_options options = { 0 };
		struct long_job job = { .to = 4 };
		struct executor *executor;

		empty_file();
		executor = open_faulty(&options);
		fault_arm(FAULT_WRITE | FAULT_SYNC, SQLITE_IOERR_WRITE, number, 1);
		job.job = (struct job){ .run = write_long, .request = &job, .told = told_long };
		executor_submit(executor, &job.job);
		executor_drain(executor);
		fired = fault_disarm() > 0;
		executor_free(executor);
		assert_int_equal(job.told, 1);
		assert_int_equal(job.result, 0);
		assert_string_equal(rows_of(&arena, path_in("rows.db")).data, "1 2 3 4");
	}
}

/* --- Holding --- */

struct holder {
	bool mend; /* when it is told that the writer holds */
};

static void on_hold(void *data, const struct problem *problem)
{
	const struct holder *holder = data;

	trace("%s", problem ? error_name(problem->code) : "goes on");
	if (problem && holder->mend)
		fault_disarm();
}

static void test_held_jobs_wait_for_the_disk(void **state)
{
	static const int codes[] = { SQLITE_FULL, SQLITE_IOERR_WRITE };

	(void)state;
	for (size_t c = 0; c < ARRAY_LENGTH(codes); c++) {
		struct holder holder = { .mend = true };
		struct executor_options options = { .on_hold = on_hold, .data = &holder };
		struct row_job jobs[JOBS];
		struct executor *executor;
		struct executor_stats stats;
		struct gate gate;

		empty_file();
		executor = open_faulty(&options);
		gate_close(&gate, executor);
		for (int i = 0; i < JOBS; i++)
			submit(executor, &jobs[i], i + 1, write_row, i >= 2 ? JOB_HOLD : 0);
		fault_arm(FAULT_WRITE, codes[c], 1, FAULT_FOR_EVER);
		gate_open(&gate);
		executor_drain(executor);
		executor_stats(executor, &stats);
		executor_free(executor);
		assert_trace(codes[c] == SQLITE_FULL ? "WEIR_ENOSPC" : "WEIR_EIO", "goes on");
		assert_int_equal(stats.holds, 1);
		/* Those that did not ask for it are told at once: the two before the first that did. */
		assert_int_equal(count_succeeded(jobs, JOBS), JOBS - 2);
		assert_true(jobs[0].result < 0 && jobs[1].result < 0);
		check_jobs(jobs, JOBS, path_in("rows.db"));
	}
}

static int run_row(struct executor *executor, int64_t row)
{
	struct row_job job;

	submit(executor, &job, row, write_row, JOB_HOLD);
	executor_drain(executor);
	assert_int_equal(job.told, 1);
	assert_int_equal(job.effects, job.result == 0);
	return job.result;
}

static void test_hold_runs_out(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct holder holder = { 0 };
	struct executor_options options = { .on_hold = on_hold, .data = &holder, .hold_seconds = 0.5 };
	struct executor *executor;
	struct executor_stats stats;

	(void)state;
	empty_file();
	executor = open_faulty(&options);
	fault_arm(FAULT_WRITE, SQLITE_FULL, 1, FAULT_FOR_EVER);
	trace("1: %s", error_name(run_row(executor, 1)));
	trace("2: %s", error_name(run_row(executor, 2))); /* is not held again */
	fault_disarm();
	trace("3: %s", error_name(run_row(executor, 3)));
	holder.mend = true;
	fault_arm(FAULT_WRITE, SQLITE_FULL, 1, FAULT_FOR_EVER);
	trace("4: %s", error_name(run_row(executor, 4)));
	executor_stats(executor, &stats);
	executor_free(executor);
	assert_int_equal(stats.holds, 2);
	assert_trace("WEIR_ENOSPC", "1: WEIR_ENOSPC", "2: WEIR_ENOSPC", "goes on", "3: WEIR_OK", "WEIR_ENOSPC",
	             "goes on", "4: WEIR_OK");
	assert_string_equal(rows_of(&arena, path_in("rows.db")).data, "3 4");
}

/* A job can fail for lack of room although its transaction lives on; it is held like any other: in the batch, and alone. */
static int fail_twice(struct tx *tx, void *request)
{
	struct row_job *job = request;

	tx_effect(tx, count_effect, job);
	if (job->runs++ < 2)
		return problem_set(tx->problem, WEIR_ENOSPC, "no room beside the database");
	return insert_row(tx, job->row, FILLING);
}

static void test_held_without_a_dead_transaction(void **state)
{
	struct holder holder = { 0 };
	struct executor_options options = { .on_hold = on_hold, .data = &holder };
	struct row_job jobs[3];
	struct executor *executor;
	struct gate gate;

	(void)state;
	empty_file();
	executor = open_faulty(&options);
	gate_close(&gate, executor);
	submit(executor, &jobs[0], 1, write_row, 0);
	submit(executor, &jobs[1], 2, fail_twice, JOB_HOLD);
	submit(executor, &jobs[2], 3, write_row, 0);
	gate_open(&gate);
	executor_free(executor);
	assert_int_equal(count_succeeded(jobs, 3), 3);
	assert_int_equal(jobs[1].runs, 3);
	assert_trace("WEIR_ENOSPC", "goes on");
	check_jobs(jobs, 3, path_in("rows.db"));
}

/* --- A disk that is really full --- */

enum { FULL_JOBS = 100, FULL_BYTES = 256 * 1024 };

/* In a process of its own: files may not grow beyond a limit. Prints the rows that were told success. */
static void fill_up(int out)
{
	struct rlimit limit = { .rlim_cur = FULL_BYTES, .rlim_max = FULL_BYTES };
	struct executor_options options = { 0 };
	struct executor *executor;

	signal(SIGXFSZ, SIG_IGN);
	executor = open_faulty(&options);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		_exit(9);
	for (int row = 1; row <= FULL_JOBS; row++) {
		struct row_job job;

		submit(executor, &job, row, write_row, 0);
		executor_drain(executor);
		if (job.told != 1 || job.effects != (job.result == 0))
			_exit(8);
		if (job.result < 0 && job.result != WEIR_EIO && job.result != WEIR_ENOSPC)
			_exit(7);
		if (job.result == 0)
			dprintf(out, "%s%d", row > 1 ? " " : "", row);
	}
	executor_free(executor);
	_exit(0);
}

static void test_full_disk(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	char told[1024];
	int out[2], status;
	ssize_t length;
	pid_t pid;

	(void)state;
	empty_file();
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0)
		fill_up(out[1]);
	close(out[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	length = read(out[0], told, sizeof told - 1);
	close(out[0]);
	assert_true(length > 0);
	told[length] = '\0';
	assert_string_equal(rows_of(&arena, path_in("rows.db")).data, told);
	assert_null(strstr(told, "100"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_fault_at_every_point),
		TEST(test_some_of_the_jobs_fail_alone),
		TEST(test_interrupt_in_any_job),
		TEST(test_cursor_moves_with_the_commit),
		TEST(test_held_jobs_wait_for_the_disk),
		TEST(test_hold_runs_out),
		TEST(test_held_without_a_dead_transaction),
		TEST(test_full_disk),
	};

	fault_vfs_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
