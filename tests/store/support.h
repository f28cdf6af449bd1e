/* SPDX-License-Identifier: Apache-2.0 */
/* support.h - what the tests of the store share: folders, rows, traces, gates, and other processes. */
#ifndef WEIR_TESTS_STORE_SUPPORT_H
#define WEIR_TESTS_STORE_SUPPORT_H

#include "base/strbuf.h"
#include "store/store.h"

#include <pthread.h>
#include <setjmp.h>
#include <sys/types.h>

#include <cmocka.h>

/* Set-up and tear-down of each test: a folder of its own, which is removed afterwards. */
int folder_set_up(void **state);
int folder_tear_down(void **state);

/* The folder; and a path in it, good until the test ends. */
const char *folder(void);
const char *path_in(const char *name);

void write_file(const char *path, const void *data, size_t size);
struct str read_file(struct arena *arena, const char *path);
bool exists(const char *path);
void copy_file(const char *from, const char *to);

/* Fail the test with the problem's message when result is not what is expected. */
#define assert_result(result, expected, problem) check_result((result), (expected), (problem), __FILE__, __LINE__)
#define assert_ok(result, problem) assert_result(result, 0, problem)
void check_result(int result, int expected, const struct problem *problem, const char *file, int line);

/* --- A database of one table: row (id INTEGER PRIMARY KEY, filling BLOB) --- */

struct db *open_rows(const char *path, enum db_mode mode, const char *vfs);

/* Open it, make the table when it is missing, and an executor on it. options->db is set here. */
struct executor *open_executor(const char *path, const char *vfs, struct executor_options *options);

int insert_row(struct tx *tx, int64_t id, size_t filling_bytes);

/* "1 2 5": the ids in the file, in their order; after PRAGMA integrity_check. */
struct str rows_of(struct arena *arena, const char *path);
bool has_row(struct db *db, int64_t id);

/* --- A trace: lines that any thread adds --- */

void trace_clear(void);
void trace(const char *format, ...) PRINTF_LIKE(1, 2);
#define assert_trace(...) check_trace((const char *const[]){ __VA_ARGS__, NULL }, __FILE__, __LINE__)
void check_trace(const char *const *lines, const char *file, int line);

/* --- A gate: a job that keeps the writer busy until it is opened, and longer than a batch lasts: it is alone in its --- */

struct gate {
	struct job job;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool entered, open;
};

/* Submit the gate's job and wait until the writer runs it. */
void gate_close(struct gate *gate, struct executor *executor);
void gate_open(struct gate *gate);

/* --- Other processes: this program again, in a mode that its main knows --- */

struct process {
	pid_t pid;
	int in, out; /* its standard input and output */
};

/* arguments end with NULL; the first is the mode. */
void process_start(struct process *process, const char *const *arguments);
/* A line of its output, without the newline. False: it has ended. */
bool process_line(struct process *process, char *line, size_t size);
void process_kill(struct process *process);
/* Close its input, read its output to the end and return its exit status. */
int process_end(struct process *process);

#endif
