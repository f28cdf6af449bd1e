/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a durable transition costs: a row of task_run_state and the update of the run's row, as a job of the writer.
 * Producers submit their next job when they are told of the last one, from the writer's thread, so that only the store is
 * measured. Beside it, in the same folder and the same run: what a synced write of 4 KiB takes there, of which a commit
 * needs at least one.
 *
 * The folder is made in TMPDIR (/tmp) and removed at the end; set TMPDIR to a folder on the disk to measure.
 */
#include "bench.h"

#include "base/clock.h"
#include "base/vec.h"
#include "store/state.h"
#include "store/store.h"
#include "store/task_run.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	PRODUCERS = 512,
	PHASE_US = 2 * 1000 * 1000,
	SYNCS = 100, /* before each phase */
	SYNC_BYTES = 4096,
	CHECKPOINT_PAUSE_US = 20 * 1000,
};

struct latencies VEC(double);

/* One that always has a job with the writer. */
struct producer {
	struct job job;
	struct task_run run;
	struct state state;
	int64_t submitted_us;
};

static struct {
	struct store *store;
	char folder[256];
	struct producer producers[PRODUCERS];
	struct latencies syncs;
	int sync_fd;

	/* of a phase; the writer's own while it runs */
	struct latencies latencies, during_checkpoint;
	double cpu_us, last_cpu_us;
	atomic_bool stop;
	atomic_bool checkpointing;
} the;

static void check(bool right, const char *what)
{
	if (!right) {
		fprintf(stderr, "bench_store: %s failed\n", what);
		exit(1);
	}
}

static void check_result(int result, const struct problem *problem)
{
	if (result < 0) {
		fprintf(stderr, "bench_store: %s\n", problem->message);
		exit(1);
	}
}

/* --- The transitions --- */

static int record_transition(struct tx *tx, void *request)
{
	struct producer *producer = request;
	int result;

	producer->state.id = producer->run.state_id = uuid_new();
	producer->state.timestamp = producer->run.state_timestamp = producer->run.updated = tx->now_us;
	producer->run.run_count++;
	result = store_task_run_update(tx->db, &producer->run, tx->problem);
	return result < 0 ? result : store_state_insert(tx->db, TASK_RUN_STATES, &producer->state, tx->problem);
}

/* Of the thread that calls it: the writer's. */
static double thread_cpu_us(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

static void submit(struct producer *producer)
{
	producer->submitted_us = clock_monotonic_us();
	executor_submit(store_executor(the.store), &producer->job);
}

static void on_told(struct job *job, int result, const struct problem *problem)
{
	struct producer *producer = CONTAINER_OF(job, struct producer, job);
	double took_us = (double)(clock_monotonic_us() - producer->submitted_us);

	check_result(result, problem);
	vec_push(&the.latencies, took_us);
	if (atomic_load(&the.checkpointing))
		vec_push(&the.during_checkpoint, took_us);
	the.last_cpu_us = thread_cpu_us();
	if (!atomic_load(&the.stop))
		submit(producer);
}

static int note_cpu(struct tx *tx, void *request)
{
	(void)tx;
	(void)request;
	the.cpu_us = thread_cpu_us();
	return 0;
}

static int make_run(struct tx *tx, void *request)
{
	struct producer *producer = request;
	struct task_run *run = &producer->run;
	struct state *state = &producer->state;
	bool inserted;

	fields_init(&task_run_fields, run);
	run->id = uuid_new();
	run->created = run->updated = run->expected_start_time = run->start_time = tx->now_us;
	run->name = STR("extract-7f3");
	run->task_key = STR("extract-0198c2d4");
	run->dynamic_key = STR("0198c2d4-6f1e");
	run->state_type = STATE_RUNNING;
	run->state_name = STR("Running");
	fields_init(&task_run_state_fields, state);
	state->run_id = run->id;
	state->type = STATE_RUNNING;
	state->name = STR("Running");
	producer->job = (struct job){ .run = record_transition, .request = producer, .told = on_told };
	return store_task_run_insert(tx->db, run, &inserted, tx->problem);
}

/* --- Synced writes --- */

static void measure_syncs(void)
{
	static const char block[SYNC_BYTES];

	for (int i = 0; i < SYNCS; i++) {
		int64_t start_us = clock_monotonic_us();

		check(write(the.sync_fd, block, sizeof block) == sizeof block && fdatasync(the.sync_fd) == 0,
		      "a synced write");
		vec_push(&the.syncs, (double)(clock_monotonic_us() - start_us));
	}
}

/* --- Phases --- */

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double percentile(struct latencies *latencies, double part)
{
	check(latencies->count > 0, "measuring anything");
	qsort(latencies->items, latencies->count, sizeof *latencies->items, compare);
	return latencies->items[(size_t)(part * (double)(latencies->count - 1))];
}

static void sleep_us(int64_t duration_us)
{
	struct timespec duration = { duration_us / 1000000, duration_us % 1000000 * 1000 };

	nanosleep(&duration, NULL);
}

/* Copy the log again and again, on a connection of its own, as the checkpoints of a store do. */
static void make_checkpoints(int64_t until_us)
{
	struct db_options options = { .path = store_path(the.store), .mode = DB_WRITE };
	struct problem problem;
	struct db *db;
	int64_t left;

	check_result(db_open(&sqlite_driver, &options, &db, &problem), &problem);
	while (clock_monotonic_us() < until_us) {
		int result;

		atomic_store(&the.checkpointing, true);
		result = db->driver->checkpoint(db, false, &left, &problem);
		atomic_store(&the.checkpointing, false);
		/* The store's own checkpoint may be at it just then. */
		check(result == 0 || result == WEIR_EBUSY, "a checkpoint");
		sleep_us(CHECKPOINT_PAUSE_US);
	}
	db_close(db);
}

/* Keep so many producers busy for a while. Returns how long it took. */
static double run_phase(int producers, bool checkpoints)
{
	struct problem problem;
	int64_t start_us;

	vec_done(&the.latencies);
	vec_done(&the.during_checkpoint);
	atomic_store(&the.stop, false);
	check_result(executor_run(store_executor(the.store), note_cpu, NULL, &problem), &problem);
	start_us = clock_monotonic_us();
	for (int i = 0; i < producers; i++)
		submit(&the.producers[i]);
	if (checkpoints)
		make_checkpoints(start_us + PHASE_US);
	else
		sleep_us(PHASE_US);
	atomic_store(&the.stop, true);
	executor_drain(store_executor(the.store));
	executor_drain(store_executor(the.store)); /* of those that were submitted during the first one */
	return (double)(clock_monotonic_us() - start_us) / 1e6;
}

PRINTF_LIKE(1, 2) static const char *figure_name(const char *format, ...)
{
	static char text[80];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return text;
}

static void measure_producers(struct bench *bench, int producers)
{
	double took_s, count;

	measure_syncs();
	took_s = run_phase(producers, false);
	count = (double)the.latencies.count;
	bench_print(bench, figure_name("store, %d producers", producers), count / took_s, "transitions/s", NULL, 0);
	bench_print(bench, figure_name("store, %d producers, CPU", producers), (the.last_cpu_us - the.cpu_us) / count,
	            "us of the writer each", NULL, 0);
	bench_print(bench, figure_name("store, %d producers, p50", producers), percentile(&the.latencies, 0.5), "us",
	            NULL, 0);
	bench_print(bench, figure_name("store, %d producers, p99", producers), percentile(&the.latencies, 0.99), "us",
	            NULL, 0);
}

static void measure_checkpoints(struct bench *bench, int producers)
{
	measure_syncs();
	run_phase(producers, true);
	bench_print(bench, figure_name("store, %d, checkpoint, p99", producers),
	            percentile(&the.during_checkpoint, 0.99), "us", NULL, 0);
}

/* --- The folder --- */

static void set_up(void)
{
	struct store_options options = { .mode = STORE_WRITE };
	const char *base = getenv("TMPDIR");
	char path[sizeof the.folder + 16];
	struct problem problem;

	snprintf(the.folder, sizeof the.folder, "%s/weir-bench-XXXXXX", base ? base : "/tmp");
	check(mkdtemp(the.folder), "making a folder");
	snprintf(path, sizeof path, "%s/sync", the.folder);
	the.sync_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	check(the.sync_fd >= 0, "making a file");
	snprintf(path, sizeof path, "%s/weir.db", the.folder);
	options.path = path;
	check_result(store_open(&options, &the.store, &problem), &problem);
	for (int i = 0; i < PRODUCERS; i++)
		check_result(store_run(the.store, make_run, &the.producers[i], &problem), &problem);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void tear_down(void)
{
	store_close(the.store);
	close(the.sync_fd);
	vec_done(&the.latencies);
	vec_done(&the.during_checkpoint);
	vec_done(&the.syncs);
	check(nftw(the.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0, "removing the folder");
}

int main(int argc, char **argv)
{
	static const int producers[] = { 1, 8, 64, 512 };
	struct bench bench;

	bench_init(&bench, argc, argv);
	set_up();
	for (size_t i = 0; i < ARRAY_LENGTH(producers); i++)
		measure_producers(&bench, producers[i]);
	measure_checkpoints(&bench, 64);
	bench_print(&bench, "fdatasync of 4 KiB, p50", percentile(&the.syncs, 0.5), "us", NULL, 0);
	bench_print(&bench, "fdatasync of 4 KiB, p99", percentile(&the.syncs, 0.99), "us", NULL, 0);
	tear_down();
	bench_done(&bench);
	return 0;
}
