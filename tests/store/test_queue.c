/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's queue: many threads that submit and wait, its limit, and draining. */
#include "support.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
	struct executor *executor;
	struct db *reader;
} the;

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
	return folder_tear_down(state);
}

static int64_t count_rows(void)
{
	struct problem problem;
	int64_t count;

	assert_ok(db_integer(the.reader, "SELECT count(*) FROM row", &count, &problem, ""), &problem);
	return count;
}

static struct executor_stats stats(void)
{
	struct executor_stats now;

	executor_stats(the.executor, &now);
	return now;
}

/* --- Threads --- */

enum { THREADS = 8, JOBS = 200 };

struct numbered {
	struct job job;
	int thread, number;
};

struct submitter {
	pthread_t thread;
	int number;
	struct numbered jobs[JOBS];
};

/* Written by the writer alone. */
static struct {
	int next[THREADS];
	int told, disorder;
} seen;

static int insert_numbered(struct tx *tx, void *request)
{
	const struct numbered *job = request;

	return insert_row(tx, 1 + job->thread * JOBS + job->number, 10);
}

static void told_numbered(struct job *base, int result, const struct problem *problem)
{
	const struct numbered *job = CONTAINER_OF(base, struct numbered, job);

	(void)problem;
	seen.told += result == 0;
	seen.disorder += seen.next[job->thread]++ != job->number;
}

static void submit(struct numbered *job, int thread, int number)
{
	*job = (struct numbered){ .thread = thread, .number = number };
	job->job = (struct job){ .run = insert_numbered, .request = job, .told = told_numbered };
	executor_submit(the.executor, &job->job);
}

static void *submit_numbered(void *argument)
{
	struct submitter *submitter = argument;

	for (int i = 0; i < JOBS; i++)
		submit(&submitter->jobs[i], submitter->number, i);
	return NULL;
}

static void test_each_threads_jobs_stay_in_order(void **state)
{
	struct submitter *submitters = xcalloc(THREADS, sizeof *submitters);

	(void)state;
	memset(&seen, 0, sizeof seen);
	for (int i = 0; i < THREADS; i++) {
		submitters[i].number = i;
		pthread_create(&submitters[i].thread, NULL, submit_numbered, &submitters[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(submitters[i].thread, NULL);
	executor_drain(the.executor);
	assert_int_equal(seen.told, THREADS * JOBS);
	assert_int_equal(seen.disorder, 0);
	assert_int_equal(count_rows(), THREADS * JOBS);
	assert_true(stats().commits < THREADS * JOBS);
	free(submitters);
}

struct runner {
	pthread_t thread;
	int number, succeeded, refused;
};

/* Every row twice: the second is refused. */
static void *run_and_wait(void *argument)
{
	struct runner *runner = argument;

	for (int i = 0; i < 40; i++) {
		struct numbered job = { .thread = runner->number, .number = i / 2 };
		struct problem problem = { 0 };
		int result = executor_run(the.executor, insert_numbered, &job, &problem);

		runner->succeeded += result == 0 && problem.code == 0;
		runner->refused += result == WEIR_ECONFLICT && problem.code == WEIR_ECONFLICT;
	}
	return NULL;
}

static void test_many_threads_run_and_wait(void **state)
{
	struct runner runners[THREADS] = { 0 };

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		runners[i].number = i;
		pthread_create(&runners[i].thread, NULL, run_and_wait, &runners[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(runners[i].thread, NULL);
		assert_int_equal(runners[i].succeeded, 20);
		assert_int_equal(runners[i].refused, 20);
	}
	assert_int_equal(count_rows(), THREADS * 20);
}

/* --- The queue --- */

struct pusher {
	pthread_t thread;
	struct numbered jobs[6];
	atomic_int submitted;
};

static void *push(void *argument)
{
	struct pusher *pusher = argument;

	for (int i = 0; i < (int)ARRAY_LENGTH(pusher->jobs); i++) {
		submit(&pusher->jobs[i], 0, i);
		atomic_fetch_add(&pusher->submitted, 1);
	}
	return NULL;
}

static void limit_queue(unsigned limit)
{
	struct executor_options options = { .queue_limit = limit };

	executor_free(the.executor);
	the.executor = open_executor(path_in("rows.db"), NULL, &options);
}

static void test_full_queue_blocks_the_submitter(void **state)
{
	struct pusher pusher = { 0 };
	struct gate gate;

	(void)state;
	limit_queue(2);
	gate_close(&gate, the.executor); /* runs, so it does not wait any more */
	pthread_create(&pusher.thread, NULL, push, &pusher);
	while (atomic_load(&pusher.submitted) < 2)
		usleep(100);
	usleep(20000); /* long enough for another to get in, if it could */
	assert_int_equal(atomic_load(&pusher.submitted), 2);
	gate_open(&gate);
	pthread_join(pusher.thread, NULL);
	executor_drain(the.executor);
	assert_int_equal(count_rows(), 6);
}

/* What the writer itself submits: from an effect, over the limit. */
static struct numbered chained[5];

static void submit_chained(void *argument)
{
	(void)argument;
	for (int i = 0; i < (int)ARRAY_LENGTH(chained); i++)
		submit(&chained[i], 0, i);
}

static int stage_chain(struct tx *tx, void *request)
{
	(void)request;
	tx_effect(tx, submit_chained, NULL);
	return 0;
}

static void test_full_queue_never_blocks_the_writer(void **state)
{
	struct job chain = { .run = stage_chain };

	(void)state;
	limit_queue(2);
	executor_submit(the.executor, &chain);
	executor_drain(the.executor);
	executor_drain(the.executor); /* of what the first one's jobs have submitted */
	assert_int_equal(count_rows(), ARRAY_LENGTH(chained));
}

static void test_drain_of_an_idle_executor_returns(void **state)
{
	(void)state;
	executor_drain(the.executor);
	executor_drain(the.executor);
	assert_int_equal(stats().jobs, 0);
}

/* Submits itself again each time, until it is stopped. */
static atomic_bool stopped;

static int do_nothing(struct tx *tx, void *request)
{
	(void)tx;
	(void)request;
	return 0;
}

static void submit_again(struct job *job, int result, const struct problem *problem)
{
	(void)result;
	(void)problem;
	if (!atomic_load(&stopped))
		executor_submit(the.executor, job);
}

static void test_drain_does_not_wait_for_what_comes_later(void **state)
{
	struct job job = { .run = do_nothing, .told = submit_again };

	(void)state;
	atomic_store(&stopped, false);
	executor_submit(the.executor, &job);
	executor_drain(the.executor);
	executor_drain(the.executor);
	assert_true(stats().jobs >= 2);
	atomic_store(&stopped, true);
	executor_drain(the.executor);
	executor_drain(the.executor);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_each_threads_jobs_stay_in_order),   TEST(test_many_threads_run_and_wait),
		TEST(test_full_queue_blocks_the_submitter),   TEST(test_full_queue_never_blocks_the_writer),
		TEST(test_drain_of_an_idle_executor_returns), TEST(test_drain_does_not_wait_for_what_comes_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
