/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- Folders and files --- */

static struct {
	char path[128];
	struct arena arena;
} place;

/* In memory where that can be: these tests sync thousands of times, and no test pulls the plug. */
static const char *base_folder(void)
{
	const char *base = getenv("TMPDIR");

	if (base)
		return base;
	return access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
}

int folder_set_up(void **state)
{
	(void)state;
	snprintf(place.path, sizeof place.path, "%s/weir-store-XXXXXX", base_folder());
	trace_clear();
	return mkdtemp(place.path) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

int folder_tear_down(void **state)
{
	(void)state;
	arena_done(&place.arena);
	return nftw(place.path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *folder(void)
{
	return place.path;
}

const char *path_in(const char *name)
{
	return arena_printf(&place.arena, "%s/%s", place.path, name).data;
}

void write_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

struct str read_file(struct arena *arena, const char *path)
{
	struct stat status;
	FILE *file = fopen(path, "rb");
	char *data;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &status), 0);
	data = arena_alloc(arena, (size_t)status.st_size + 1);
	assert_int_equal(fread(data, 1, (size_t)status.st_size, file), status.st_size);
	fclose(file);
	return (struct str){ data, (size_t)status.st_size };
}

bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

void copy_file(const char *from, const char *to)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct str data = read_file(&arena, from);

	write_file(to, data.data, data.length);
}

void check_result(int result, int expected, const struct problem *problem, const char *file, int line)
{
	if (result == expected)
		return;
	print_error("%s, expected %s: %s\n", error_name(result), error_name(expected),
	            result < 0 ? problem->message : "");
	_fail(file, line);
}

/* --- Rows --- */

struct db *open_rows(const char *path, enum db_mode mode, const char *vfs)
{
	struct db_options options = { .path = path, .mode = mode, .vfs = vfs };
	struct problem problem;
	struct db *db;

	assert_ok(db_open(&sqlite_driver, &options, &db, &problem), &problem);
	return db;
}

struct executor *open_executor(const char *path, const char *vfs, struct executor_options *options)
{
	struct problem problem;
	struct executor *executor;
	struct db *db = open_rows(path, DB_CREATE, NULL);

	assert_ok(db_run(db, "CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, filling BLOB)", &problem, ""),
	          &problem);
	db_close(db);
	options->db = open_rows(path, DB_WRITE, vfs);
	assert_ok(executor_new(options, &executor, &problem), &problem);
	return executor;
}

int insert_row(struct tx *tx, int64_t id, size_t filling_bytes)
{
	return db_run(tx->db, "INSERT INTO row (id, filling) VALUES (?1, zeroblob(?2))", tx->problem, "ii", id,
	              (int64_t)filling_bytes);
}

struct str rows_of(struct arena *arena, const char *path)
{
	struct db *db = open_rows(path, DB_READ, NULL);
	struct strbuf text = { 0 };
	struct db_statement *statement;
	struct problem problem;
	struct str result;

	assert_ok(db->driver->check(db, &problem), &problem);
	assert_ok(db_query(db, "SELECT id FROM row ORDER BY id", &statement, &problem, ""), &problem);
	while (db_step(statement, &problem) == 1)
		strbuf_printf(&text, "%s%ld", text.length ? " " : "", (long)db_column_integer(statement, 0));
	db_reset(statement);
	db_close(db);
	result = arena_str(arena, strbuf_str(&text));
	strbuf_done(&text);
	return result;
}

bool has_row(struct db *db, int64_t id)
{
	struct problem problem;
	int64_t count;

	assert_ok(db_integer(db, "SELECT count(*) FROM row WHERE id = ?1", &count, &problem, "i", id), &problem);
	return count > 0;
}

/* --- Traces --- */

static struct {
	pthread_mutex_t mutex;
	struct strbuf text;
} traced = { .mutex = PTHREAD_MUTEX_INITIALIZER };

void trace_clear(void)
{
	pthread_mutex_lock(&traced.mutex);
	strbuf_done(&traced.text);
	pthread_mutex_unlock(&traced.mutex);
}

void trace(const char *format, ...)
{
	va_list arguments;

	pthread_mutex_lock(&traced.mutex);
	va_start(arguments, format);
	strbuf_vprintf(&traced.text, format, arguments);
	va_end(arguments);
	strbuf_putc(&traced.text, '\n');
	pthread_mutex_unlock(&traced.mutex);
}

void check_trace(const char *const *lines, const char *file, int line)
{
	AUTO(strbuf_done) struct strbuf expected = { 0 };
	bool equal;

	for (; *lines; lines++)
		strbuf_printf(&expected, "%s\n", *lines);
	pthread_mutex_lock(&traced.mutex);
	equal = str_equal(strbuf_str(&expected), strbuf_str(&traced.text));
	if (!equal)
		print_error("--- expected\n%s--- got\n%s", strbuf_str(&expected).data, strbuf_str(&traced.text).data);
	pthread_mutex_unlock(&traced.mutex);
	trace_clear();
	if (!equal)
		_fail(file, line);
}

/* --- Gates --- */

static int enter_gate(struct tx *tx, void *request)
{
	struct gate *gate = request;

	(void)tx;
	pthread_mutex_lock(&gate->mutex);
	gate->entered = true;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
	usleep(10000);
	return 0;
}

void gate_close(struct gate *gate, struct executor *executor)
{
	*gate = (struct gate){ .job = { .run = enter_gate, .request = gate } };
	pthread_mutex_init(&gate->mutex, NULL);
	pthread_cond_init(&gate->changed, NULL);
	executor_submit(executor, &gate->job);
	pthread_mutex_lock(&gate->mutex);
	while (!gate->entered)
		pthread_cond_wait(&gate->changed, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
}

void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->mutex);
}

/* --- Processes --- */

void process_start(struct process *process, const char *const *arguments)
{
	char program[] = "test", *argv[16] = { program };
	int in[2], out[2];

	for (size_t i = 0; arguments[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)arguments[i];
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	process->pid = fork();
	assert_true(process->pid >= 0);
	if (process->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	process->in = in[1];
	process->out = out[0];
}

bool process_line(struct process *process, char *line, size_t size)
{
	size_t length = 0;
	char character;

	while (read(process->out, &character, 1) == 1) {
		if (character == '\n') {
			line[length] = '\0';
			return true;
		}
		assert_true(length + 1 < size);
		line[length++] = character;
	}
	return false;
}

void process_kill(struct process *process)
{
	kill(process->pid, SIGKILL);
}

int process_end(struct process *process)
{
	char line[256];
	int status;

	close(process->in);
	while (process_line(process, line, sizeof line))
		;
	close(process->out);
	assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
