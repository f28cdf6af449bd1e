/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_cli - what a person waits for who asks the command line: whole processes of `weir`, from start to end, on a
 * database of a million flow runs (or BENCH_RUNS), and on a log of as many lines. The database is made in a folder of its
 * own below TMPDIR, which is removed at the end; it takes about 1 KB for each run.
 */
#include "bench.h"

#include "base/clock.h"
#include "core/core.h"
#include "store/record.h"

#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { FLOWS = 100, BATCH = 50000, ROUNDS = 31, LOG_ROUNDS = 3, ARGUMENTS_MAX = 8 };

static void must(int result, const struct problem *problem)
{
	if (result < 0) {
		fprintf(stderr, "bench_cli: %s\n", problem->message);
		exit(1);
	}
}

NORETURN static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* --- The database --- */

struct maker {
	struct db *db;
	int64_t now_us;
	int64_t count;
	struct uuid flows[FLOWS];
	struct uuid first_run;
};

/* The first run: that of the log, and the one that is looked for by its name. */
#define FIRST_RUN "00000000-run"

/* As a service's history looks: nearly all went well, a few percent did not, hardly any were cancelled, ten run now. */
static enum state_type pick_state(const struct maker *maker, int64_t number)
{
	if (number >= maker->count - 10)
		return STATE_RUNNING;
	if (number % 10007 == 0)
		return STATE_CANCELLED;
	if (number % 100 == 0)
		return STATE_CRASHED;
	return number % 33 == 0 ? STATE_FAILED : STATE_COMPLETED;
}

static void make_flow(struct maker *maker, int number)
{
	char name[32];
	struct problem problem;
	struct flow flow;

	fields_init(&flow_fields, &flow);
	flow.id = maker->flows[number] = uuid_new();
	flow.created = flow.updated = maker->now_us;
	snprintf(name, sizeof name, "flow-%d", number);
	flow.name = str_of(name);
	must(record_insert(maker->db, &flow_fields, &flow, "", NULL, &problem), &problem);
}

static void make_run(struct maker *maker, int64_t number)
{
	char name[32];
	struct problem problem;
	struct flow_run run;
	struct state state;

	fields_init(&flow_run_fields, &run);
	fields_init(&flow_run_state_fields, &state);
	run.id = state.run_id = uuid_new();
	state.id = run.state_id = uuid_new();
	state.type = run.state_type = pick_state(maker, number);
	state.name = run.state_name = str_of(state_type_title(state.type));
	state.timestamp = maker->now_us - (maker->count - number) * 1000000;
	run.state_timestamp = run.created = run.updated = run.expected_start_time = run.start_time = state.timestamp;
	run.end_time = state_type_is_terminal(state.type) ? state.timestamp : TIMESTAMP_NONE;
	run.flow_id = maker->flows[number % FLOWS];
	if (number == 0)
		maker->first_run = run.id;
	snprintf(name, sizeof name, "%08x-run", (unsigned)(number * 2654435761u));
	run.name = str_of(name);
	run.tags = STR("[\"nightly\", \"etl\"]");
	run.parameters = STR("{\"day\": \"2026-01-31\", \"shard\": 7, \"dry_run\": false}");
	must(record_insert(maker->db, &flow_run_fields, &run, "", NULL, &problem), &problem);
	must(record_insert(maker->db, &flow_run_state_fields, &state, "", NULL, &problem), &problem);
}

static void make_log_line(struct maker *maker, int64_t number)
{
	char message[64];
	struct problem problem;
	struct log_line line;

	fields_init(&log_fields, &line);
	line.id = uuid_new();
	line.created = line.timestamp = maker->now_us + number;
	line.name = STR("prefect.flow_runs");
	line.level = 20;
	snprintf(message, sizeof message, "line %lld of a log that is long", (long long)number);
	line.message = str_of(message);
	line.flow_run_id = maker->first_run;
	must(record_insert(maker->db, &log_fields, &line, "", NULL, &problem), &problem);
}

static void make_rows(struct maker *maker, void (*make)(struct maker *maker, int64_t number))
{
	struct problem problem;

	for (int64_t number = 0; number < maker->count; number++) {
		if (number % BATCH == 0)
			must(maker->db->driver->begin(maker->db, true, &problem), &problem);
		make(maker, number);
		if ((number + 1) % BATCH == 0 || number + 1 == maker->count)
			must(maker->db->driver->commit(maker->db, &problem), &problem);
	}
}

/* The schema by the store itself, then rows straight into it: as the core would leave them, at twenty times the speed. */
static void make_database(const char *path, int64_t count)
{
	const struct store_options store_options = { .path = path, .mode = STORE_WRITE };
	const struct db_options db_options = { .path = path, .mode = DB_WRITE };
	struct maker maker = { .now_us = clock_wall_us(), .count = count };
	struct problem problem;
	struct store *store;

	must(store_open(&store_options, &store, &problem), &problem);
	store_close(store);
	must(db_open(&sqlite_driver, &db_options, &maker.db, &problem), &problem);
	must(maker.db->driver->begin(maker.db, true, &problem), &problem);
	for (int i = 0; i < FLOWS; i++)
		make_flow(&maker, i);
	must(maker.db->driver->commit(maker.db, &problem), &problem);
	make_rows(&maker, make_run);
	make_rows(&maker, make_log_line);
	db_close(maker.db);
}

/* --- The program --- */

static char program[PATH_MAX];

/* The weir of the same build: beside the folder of this program. */
static void find_program(void)
{
	char self[PATH_MAX - 16];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

	if (length < 0)
		fail("/proc/self/exe");
	self[length] = '\0';
	snprintf(program, sizeof program, "%s/../weir", dirname(self));
	if (access(program, X_OK) < 0)
		fail(program);
}

/* Run it to its end with its output thrown away; milliseconds. */
static double run_ms(const char *const *words)
{
	char *arguments[ARGUMENTS_MAX] = { program };
	posix_spawn_file_actions_t actions;
	int64_t start_us = clock_monotonic_us();
	int status;
	pid_t pid;

	for (int i = 0; words[i]; i++)
		arguments[i + 1] = (char *)(uintptr_t)words[i];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, program, &actions, NULL, arguments, environ) != 0 || waitpid(pid, &status, 0) != pid)
		fail(program);
	posix_spawn_file_actions_destroy(&actions);
	if (status != 0) {
		fprintf(stderr, "bench_cli: weir %s failed\n", words[0]);
		exit(1);
	}
	return (double)(clock_monotonic_us() - start_us) / 1e3;
}

static double median_ms(const char *const *words, int rounds)
{
	double times[ROUNDS];

	for (int i = 0; i < rounds; i++)
		times[i] = run_ms(words);
	return bench_median(times, (size_t)rounds);
}

struct figure {
	const char *name;
	const char *words[ARGUMENTS_MAX - 1];
};

static const struct figure figures[] = {
	{ "weir version", { "version" } },
	{ "flow-run ls", { "flow-run", "ls" } },
	{ "flow-run ls -o json", { "flow-run", "ls", "-o", "json" } },
	{ "flow-run ls --state Completed", { "flow-run", "ls", "--state", "Completed" } },
	{ "flow-run ls --state Cancelled", { "flow-run", "ls", "--state", "Cancelled" } },
	{ "flow-run ls, two states", { "flow-run", "ls", "--state", "Failed", "--state", "Crashed" } },
	{ "flow-run ls --state-type FAILED", { "flow-run", "ls", "--state-type", "FAILED" } },
	{ "flow-run ls --flow", { "flow-run", "ls", "--flow", "flow-7" } },
	{ "flow-run ls, flow and state", { "flow-run", "ls", "--flow", "flow-7", "--state", "Failed" } },
	{ "flow-run inspect NAME", { "flow-run", "inspect", FIRST_RUN } },
	{ "flow ls", { "flow", "ls" } },
};

/* Opening alone, in this process: to look, and to write. */
static void measure_opening(struct bench *bench, const char *path)
{
	static const struct {
		const char *name;
		enum store_mode mode;
	} modes[] = { { "open to read", STORE_READ }, { "open to write", STORE_WRITE } };

	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
		const struct store_options options = { .path = path, .mode = modes[i].mode };
		double times[ROUNDS];

		for (int round = 0; round < ROUNDS; round++) {
			int64_t start_us = clock_monotonic_us();
			struct problem problem;
			struct store *store;

			must(store_open(&options, &store, &problem), &problem);
			times[round] = (double)(clock_monotonic_us() - start_us) / 1e3;
			store_close(store);
		}
		bench_print(bench, modes[i].name, bench_median(times, ROUNDS), "ms", NULL, 0);
	}
}

/* --- The folder --- */

static char home[PATH_MAX];

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static void remove_home(void)
{
	if (nftw(home, remove_entry, 8, FTW_DEPTH | FTW_PHYS) < 0)
		perror(home);
}

static void make_home(void)
{
	const char *folder = getenv("TMPDIR");

	snprintf(home, sizeof home, "%s/bench-cli-XXXXXX", folder ? folder : "/tmp");
	if (!mkdtemp(home) || setenv("WEIR_HOME", home, 1) < 0 || unsetenv("WEIR_DATABASE") < 0 ||
	    atexit(remove_home) != 0)
		fail(home);
}

int main(int argc, char **argv)
{
	static const char *const logs[] = { "flow-run", "logs", FIRST_RUN, NULL };
	const char *given = getenv("BENCH_RUNS");
	int64_t count = given ? strtoll(given, NULL, 10) : 1000000;
	char path[PATH_MAX + 8];
	int64_t start_us;
	struct bench bench;
	struct stat status;

	bench_init(&bench, argc, argv);
	find_program();
	make_home();
	snprintf(path, sizeof path, "%s/weir.db", home);
	start_us = clock_monotonic_us();
	make_database(path, count);
	if (stat(path, &status) < 0)
		fail(path);
	printf("%lld flow runs, %lld log lines: %.0f MB, made in %.1f s\n", (long long)count, (long long)count,
	       (double)status.st_size / 1e6, (double)(clock_monotonic_us() - start_us) / 1e6);
	measure_opening(&bench, path);
	for (size_t i = 0; i < ARRAY_LENGTH(figures); i++)
		bench_print(&bench, figures[i].name, median_ms(figures[i].words, ROUNDS), "ms", NULL, 0);
	bench_print(&bench, "flow-run logs", (double)count / median_ms(logs, LOG_ROUNDS), "lines/ms", NULL, 0);
	bench_done(&bench);
	return 0;
}
