/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *status UNUSED, int type UNUSED, struct FTW *walk UNUSED)
{
	return remove(path);
}

int world_setup(void **state)
{
	struct world *world = xcalloc(1, sizeof *world);
	const char *base = getenv("TMPDIR");

	snprintf(world->folder, sizeof world->folder, "%s/weir-core-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->path, sizeof world->path, "%s/weir.db", world->folder);
	world_open(world, STORE_PROGRAM);
	*state = world;
	return 0;
}

int world_teardown(void **state)
{
	struct world *world = *state;

	store_close(world->store);
	nftw(world->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	arena_done(&world->arena);
	free(world);
	return 0;
}

void world_open(struct world *world, enum store_mode mode)
{
	struct store_options options = { .path = world->path, .mode = mode };

	if (store_open(&options, &world->store, &world->problem) < 0)
		fail_msg("store_open: %s", world->problem.message);
}

void world_run(struct world *world, job_fn *run, void *request)
{
	int result = store_run(world->store, run, request, &world->problem);

	if (result < 0)
		fail_msg("%s: %s", error_name(result), world->problem.message);
}

struct db *world_reader(struct world *world)
{
	struct db *db;

	assert_int_equal(store_reader(world->store, &db, &world->problem), 0);
	return db;
}

void world_reader_done(struct world *world, struct db *db)
{
	store_reader_done(world->store, db);
}

/* --- Operations --- */

/* A job's arena ends with it: keep what it gave. */
static void keep_texts(struct arena *arena, const struct field_table *table, void *record)
{
	for (size_t i = 0; i < table->count; i++) {
		struct str *text = field_place(&table->fields[i], record);

		if (table->fields[i].type == FIELD_TEXT || table->fields[i].type == FIELD_JSON)
			*text = arena_str(arena, *text);
	}
}

struct request {
	struct world *world;
	const void *in;
	const struct state *state;
	void *out;
};

static int ensure_flow(struct tx *tx, void *data)
{
	struct request *request = data;
	int result = flow_ensure(tx, str_of(request->in), STR_NULL, STR_NULL, request->out, NULL);

	keep_texts(&request->world->arena, &flow_fields, request->out);
	return result;
}

struct flow world_flow(struct world *world, const char *name)
{
	struct flow flow;
	struct request request = { .world = world, .in = name, .out = &flow };

	world_run(world, ensure_flow, &request);
	return flow;
}

static int create_flow_run(struct tx *tx, void *data)
{
	struct request *request = data;
	struct flow_run_create in = { .run = *(const struct flow_run *)request->in, .state = request->state };
	int result = flow_run_create(tx, &in, request->out, NULL);

	keep_texts(&request->world->arena, &flow_run_fields, request->out);
	return result;
}

struct flow_run world_flow_run(struct world *world, const struct flow_run *run, const struct state *state)
{
	struct flow_run out;
	struct request request = { .world = world, .in = run, .state = state, .out = &out };

	world_run(world, create_flow_run, &request);
	return out;
}

struct flow_run world_read_run(struct world *world, struct uuid run_id, struct state *state)
{
	struct db *db = world_reader(world);
	struct flow_run run;
	struct state ignored;

	if (flow_run_get(db, run_id, &world->arena, &run, state ? state : &ignored, &world->problem) < 0)
		fail_msg("flow_run_get: %s", world->problem.message);
	world_reader_done(world, db);
	return run;
}

struct task_run world_read_task(struct world *world, struct uuid run_id, struct state *state)
{
	struct db *db = world_reader(world);
	struct task_run run;
	struct state ignored;

	if (task_run_get(db, run_id, &world->arena, &run, state ? state : &ignored, &world->problem) < 0)
		fail_msg("task_run_get: %s", world->problem.message);
	world_reader_done(world, db);
	return run;
}

static void keep_result(struct arena *arena, struct set_state_result *result)
{
	result->verdict.reason = arena_str(arena, result->verdict.reason);
	keep_texts(arena, &flow_run_state_fields, &result->state);
}

static int set_flow_state(struct tx *tx, void *data)
{
	struct request *request = data;
	int result = flow_run_set_state(tx, request->in, request->out);

	if (result == 0)
		keep_result(&request->world->arena, request->out);
	return result;
}

struct set_state_result world_set_flow_state(struct world *world, const struct set_state *in)
{
	struct set_state_result out;
	struct request request = { .world = world, .in = in, .out = &out };

	world_run(world, set_flow_state, &request);
	return out;
}

static int set_task_state(struct tx *tx, void *data)
{
	struct request *request = data;
	int result = task_run_set_state(tx, request->in, request->out);

	if (result == 0)
		keep_result(&request->world->arena, request->out);
	return result;
}

struct set_state_result world_set_task_state(struct world *world, const struct set_state *in)
{
	struct set_state_result out;
	struct request request = { .world = world, .in = in, .out = &out };

	world_run(world, set_task_state, &request);
	return out;
}

static int record(struct tx *tx, void *data)
{
	struct request *request = data;
	struct task_run row = *(const struct task_run *)request->in;

	return task_run_record(tx, &row, request->state, 1);
}

void world_record(struct world *world, const struct task_run *run, const struct state *state)
{
	struct request request = { .world = world, .in = run, .state = state };

	world_run(world, record, &request);
}

/* --- Looking into the tables --- */

int64_t world_count(struct world *world, const char *sql)
{
	struct db *db = world_reader(world);
	int64_t count;

	assert_int_equal(db_integer(db, sql, &count, &world->problem, ""), 0);
	world_reader_done(world, db);
	return count;
}

static void add_column(struct strbuf *text, struct db_statement *statement, int column)
{
	const struct db_driver *driver = statement->db->driver;

	switch (driver->column_type(statement, column)) {
	case DB_NULL:
		strbuf_puts(text, "-");
		break;
	case DB_BLOB:
		strbuf_puts(text, uuid_text(db_column_uuid(statement, column)).text);
		break;
	default:
		strbuf_add_str(text, driver->column_text(statement, column));
	}
}

/* Columns end where the driver gives a type no more; so the query says how many there are. */
const char *world_rows(struct world *world, const char *sql)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct db *db = world_reader(world);
	int columns = 1;

	for (const char *next = sql; *next && strncmp(next, " FROM ", 6) != 0; next++)
		columns += *next == ',';
	assert_int_equal(db_query(db, sql, &statement, &world->problem, ""), 0);
	while (db_step(statement, &world->problem) > 0) {
		for (int i = 0; i < columns; i++) {
			strbuf_puts(&text, i > 0 ? " | " : "");
			add_column(&text, statement, i);
		}
		strbuf_puts(&text, "\n");
	}
	db_reset(statement);
	statement = NULL;
	world_reader_done(world, db);
	return arena_str(&world->arena, strbuf_str(&text)).data;
}
