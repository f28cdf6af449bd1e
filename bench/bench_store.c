/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_store - what it costs to make a state transition durable, in a folder of its own under $TMPDIR (or /tmp), which
 * is removed at the end. A transition is one job: insert a row of task_run_state, update its row of task_run. Before the
 * figures stands what the disk itself needs to sync 4 KiB, measured in the same run; without it they say little.
 */
#include "bench.h"

#include "base/clock.h"
#include "model/run.h"
#include "store/record.h"
#include "store/store.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	PRODUCERS_MAX = 512,
	SYNCS = 400,
	ROUND_US = 1500 * 1000, /* of each figure */
	SAMPLES_MAX = 1 << 20,
};

static char folder[256], path[300];

NORETURN static void give_up(const char *what, const struct problem *problem)
{
	fprintf(stderr, "bench_store: %s: %s\n", what, problem->message);
	exit(1);
}

/* --- Samples --- */

struct samples {
	double *us;
	size_t count;
};

static void add_sample(struct samples *samples, int64_t us)
{
	if (samples->count < SAMPLES_MAX)
		samples->us[samples->count++] = (double)us;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* The samples are sorted by the first call. */
static double percentile(struct samples *samples, double share)
{
	qsort(samples->us, samples->count, sizeof *samples->us, compare);
	return samples->count ? samples->us[(size_t)(share * (double)(samples->count - 1))] : 0;
}

static void print_percentiles(struct bench *bench, const char *what, struct samples *samples)
{
	char name[96];

	snprintf(name, sizeof name, "%s, p50", what);
	bench_print(bench, name, percentile(samples, 0.5), "us", NULL, 0);
	snprintf(name, sizeof name, "%s, p99", what);
	bench_print(bench, name, percentile(samples, 0.99), "us", NULL, 0);
}

/* --- The disk --- */

static void measure_disk(struct bench *bench, struct samples *samples)
{
	char name[300], block[4096] = { 1 };
	int fd;

	snprintf(name, sizeof name, "%s/sync", folder);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	samples->count = 0;
	for (int i = 0; i < SYNCS; i++) {
		int64_t begun_us = clock_monotonic_us();

		block[0] = (char)i;
		if (pwrite(fd, block, sizeof block, 0) != (ssize_t)sizeof block || fdatasync(fd) < 0) {
			perror(name);
			exit(1);
		}
		add_sample(samples, clock_monotonic_us() - begun_us);
	}
	close(fd);
	print_percentiles(bench, "fdatasync of 4 KiB", samples);
}

/* --- Transitions --- */

/* Submits its next transition when it is told of the last one. */
struct producer {
	struct job job;
	struct task_run run;
	int64_t number;
	int64_t begun_us;
	struct load *load;
	pthread_t thread;
};

struct load {
	struct executor *executor;
	job_fn *transition;
	int64_t until_us;
	atomic_int_least64_t done;
	struct samples *latencies; /* added to by the writer's thread alone */
};

static struct state next_state(struct producer *producer, struct tx *tx)
{
	struct state state;

	fields_init(&task_run_state_fields, &state);
	state.id = uuid_new();
	state.run_id = producer->run.id;
	state.type = producer->number % 2 ? STATE_RUNNING : STATE_COMPLETED;
	state.name = str_of(state_type_title(state.type));
	state.timestamp = tx->now_us;
	producer->number++;
	return state;
}

/* What core/ does: all columns of both, by field table. */
static int enter_state(struct tx *tx, void *request)
{
	struct producer *producer = request;
	struct state state = next_state(producer, tx);
	struct task_run run = producer->run;
	int result = record_insert(tx->db, &task_run_state_fields, &state, "", NULL, tx->problem);

	run.state_id = state.id;
	run.state_type = state.type;
	run.state_name = state.name;
	run.state_timestamp = run.updated = state.timestamp;
	return result < 0 ? result : record_update(tx->db, &task_run_fields, &run, tx->problem);
}

/* The same by SQL that sets nothing but what has changed. */
static int enter_state_by_sql(struct tx *tx, void *request)
{
	struct producer *producer = request;
	struct state state = next_state(producer, tx);
	struct str type = str_of(state_type_names[state.type]);
	int result = db_run(tx->db,
	                    "INSERT INTO task_run_state (id, run_id, type, name, timestamp, details)"
	                    " VALUES (?1, ?2, ?3, ?4, ?5, '{}')",
	                    tx->problem, "uusst", state.id, state.run_id, type, state.name, state.timestamp);

	if (result < 0)
		return result;
	return db_run(tx->db,
	              "UPDATE task_run SET state_id = ?2, state_type = ?3, state_name = ?4, state_timestamp = ?5,"
	              " updated = ?5 WHERE id = ?1",
	              tx->problem, "uusst", state.run_id, state.id, type, state.name, state.timestamp);
}

static void check_told(int result, const struct problem *problem)
{
	if (result < 0)
		give_up("a transition", problem);
}

static void submit(struct producer *producer)
{
	producer->begun_us = clock_monotonic_us();
	executor_submit(producer->load->executor, &producer->job);
}

static void go_on(struct job *job, int result, const struct problem *problem)
{
	struct producer *producer = CONTAINER_OF(job, struct producer, job);
	struct load *load = producer->load;
	int64_t now_us = clock_monotonic_us();

	check_told(result, problem);
	add_sample(load->latencies, now_us - producer->begun_us);
	atomic_fetch_add(&load->done, 1);
	if (now_us < load->until_us)
		submit(producer);
}

static int insert_run(struct tx *tx, void *request)
{
	struct producer *producer = request;
	struct task_run *run = &producer->run;
	char key[32];

	fields_init(&task_run_fields, run);
	snprintf(key, sizeof key, "%p", request);
	run->id = uuid_new();
	run->flow_run_id = uuid_new();
	run->created = run->updated = tx->now_us;
	run->name = STR("transform-7");
	run->task_key = STR("transform");
	run->dynamic_key = arena_str(tx->arena, str_of(key));
	return record_insert(tx->db, &task_run_fields, run, "", NULL, tx->problem);
}

static void make_producers(struct producer *producers, size_t count, struct load *load)
{
	struct problem problem;

	for (size_t i = 0; i < count; i++) {
		producers[i] = (struct producer){ .load = load };
		producers[i].job = (struct job){ .run = load->transition, .request = &producers[i], .told = go_on };
		if (executor_run(load->executor, insert_run, &producers[i], &problem) < 0)
			give_up("a task run", &problem);
		producers[i].run.dynamic_key = STR("0"); /* its text was the transaction's; it is not written again */
	}
}

static double cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Run the load until its time is over; what each transition cost, in CPU time, goes to *cost_us. Returns their rate. */
static double run_load(struct load *load, struct producer *producers, size_t count, double *cost_us)
{
	int64_t begun_us = clock_monotonic_us();
	double cpu_before = cpu_us(), seconds, done;

	load->until_us = begun_us + ROUND_US;
	load->latencies->count = 0;
	atomic_store(&load->done, 0);
	for (size_t i = 0; i < count; i++)
		submit(&producers[i]);
	executor_drain(load->executor);
	while (clock_monotonic_us() < load->until_us)
		executor_drain(load->executor);
	executor_drain(load->executor);
	seconds = (double)(clock_monotonic_us() - begun_us) / 1e6;
	done = (double)atomic_load(&load->done);
	*cost_us = (cpu_us() - cpu_before) / done;
	return done / seconds;
}

static void measure_load(struct bench *bench, const char *what, struct store *store, job_fn *transition, size_t count,
                         struct samples *samples)
{
	static struct producer producers[PRODUCERS_MAX];
	struct load load = { .executor = store_executor(store), .transition = transition, .latencies = samples };
	double rate, cost_us;
	char name[96];

	make_producers(producers, count, &load);
	rate = run_load(&load, producers, count, &cost_us);
	bench_print(bench, what, rate, "1/s", NULL, 0);
	snprintf(name, sizeof name, "%s, CPU", what);
	bench_print(bench, name, cost_us, "us each", NULL, 0);
	snprintf(name, sizeof name, "%s, told", what);
	print_percentiles(bench, name, samples);
}

/* --- Threads that wait --- */

static void *run_and_wait(void *argument)
{
	struct producer *producer = argument;
	struct load *load = producer->load;
	struct problem problem;

	while (clock_monotonic_us() < load->until_us) {
		check_told(executor_run(load->executor, load->transition, producer, &problem), &problem);
		atomic_fetch_add(&load->done, 1);
	}
	return NULL;
}

static double measure_threads(struct store *store, size_t count)
{
	static struct producer producers[64];
	struct load load = { .executor = store_executor(store), .transition = enter_state };

	make_producers(producers, count, &load);
	load.until_us = clock_monotonic_us() + ROUND_US;
	for (size_t i = 0; i < count; i++)
		pthread_create(&producers[i].thread, NULL, run_and_wait, &producers[i]);
	for (size_t i = 0; i < count; i++)
		pthread_join(producers[i].thread, NULL);
	return (double)atomic_load(&load.done) * 1e6 / ROUND_US;
}

/* --- Checkpoints all the time --- */

static atomic_bool checkpoints_end;

static void *make_checkpoints(void *argument)
{
	struct db_options options = { .path = argument, .mode = DB_WRITE };
	struct problem problem;
	struct db *db;
	int64_t left;

	if (db_open(&sqlite_driver, &options, &db, &problem) < 0)
		give_up("a connection", &problem);
	while (!atomic_load(&checkpoints_end))
		(void)db->driver->checkpoint(db, false, &left, NULL); /* the store's own may be at it */
	db_close(db);
	return NULL;
}

static void measure_beside_checkpoints(struct bench *bench, struct store *store, struct samples *samples)
{
	pthread_t thread;

	pthread_create(&thread, NULL, make_checkpoints, path);
	measure_load(bench, "64 producers beside checkpoints", store, enter_state, 64, samples);
	atomic_store(&checkpoints_end, true);
	pthread_join(thread, NULL);
}

/* --- One program --- */

static struct store *open_store(void)
{
	struct store_options options = { .path = path, .mode = STORE_WRITE };
	struct problem problem;
	struct store *store;

	if (store_open(&options, &store, &problem) < 0)
		give_up("the store", &problem);
	return store;
}

static void measure_all(struct bench *bench, struct samples *samples)
{
	static const size_t counts[] = { 1, 8, 64, 512 };
	struct store *store = open_store();
	char name[64];

	measure_disk(bench, samples);
	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
		snprintf(name, sizeof name, "%zu producer%s", counts[i], counts[i] > 1 ? "s" : "");
		measure_load(bench, name, store, enter_state, counts[i], samples);
	}
	measure_load(bench, "64 producers, changed columns", store, enter_state_by_sql, 64, samples);
	measure_beside_checkpoints(bench, store, samples);
	bench_print(bench, "16 threads that wait", measure_threads(store, 16), "1/s", "one thread",
	            measure_threads(store, 1));
	store_close(store);
}

static int remove_entry(const char *name, const struct stat *status UNUSED, int type UNUSED, struct FTW *walk UNUSED)
{
	return remove(name);
}

int main(int argc, char **argv)
{
	const char *parent = getenv("TMPDIR");
	struct samples samples = { .us = xmalloc(SAMPLES_MAX * sizeof *samples.us) };
	struct bench bench;

	bench_init(&bench, argc, argv);
	snprintf(folder, sizeof folder, "%s/weir-bench-XXXXXX", parent ? parent : "/tmp");
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	snprintf(path, sizeof path, "%s/weir.db", folder);
	measure_all(&bench, &samples);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	bench_done(&bench);
	free(samples.us);
	return 0;
}
