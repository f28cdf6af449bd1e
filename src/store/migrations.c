/* SPDX-License-Identifier: Apache-2.0 */
#include "store/migrations.h"

#include "base/clock.h"

/*
 * Columns are those of the field tables in src/model, stored as base/field.h says: ids are 16-byte blobs, times
 * microseconds, JSON its text. Steps that have shipped never change; new ones are added below.
 *
 * Every index costs on every transition, so the tables that tasks write to have as few as can be: a task run is found by
 * its id and by (flow run, task, call), a state by (run, id), which is also the order of their making.
 */
static const char *const step_1[] = {
	"CREATE TABLE flow ("
	" id BLOB NOT NULL PRIMARY KEY, created INTEGER NOT NULL, updated INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,"
	" tags TEXT NOT NULL, labels TEXT) WITHOUT ROWID",

	"CREATE TABLE flow_run ("
	" id BLOB NOT NULL PRIMARY KEY, created INTEGER NOT NULL, updated INTEGER NOT NULL, name TEXT NOT NULL,"
	" flow_id BLOB NOT NULL REFERENCES flow (id), state_id BLOB, state_type TEXT, state_name TEXT,"
	" state_timestamp INTEGER, deployment_id BLOB, deployment_version TEXT, work_queue_id BLOB, work_queue_name TEXT,"
	" flow_version TEXT, parameters TEXT NOT NULL, idempotency_key TEXT, context TEXT NOT NULL,"
	" empirical_policy TEXT NOT NULL, tags TEXT NOT NULL, labels TEXT, parent_task_run_id BLOB,"
	" run_count INTEGER NOT NULL, expected_start_time INTEGER, next_scheduled_start_time INTEGER, start_time INTEGER,"
	" end_time INTEGER, total_run_time INTEGER NOT NULL, auto_scheduled INTEGER NOT NULL,"
	" infrastructure_document_id BLOB, infrastructure_pid TEXT, job_variables TEXT, created_by TEXT, program_id BLOB)"
	" WITHOUT ROWID",
	"CREATE UNIQUE INDEX flow_run_idempotency ON flow_run (flow_id, idempotency_key) WHERE idempotency_key IS NOT NULL",
	"CREATE INDEX flow_run_expected ON flow_run (expected_start_time)",
	"CREATE INDEX flow_run_flow ON flow_run (flow_id, expected_start_time)",
	"CREATE INDEX flow_run_state_name ON flow_run (state_name, expected_start_time)",
	"CREATE INDEX flow_run_state_type ON flow_run (state_type, expected_start_time)",
	"CREATE INDEX flow_run_name ON flow_run (name)",
	"CREATE INDEX flow_run_due ON flow_run (next_scheduled_start_time) WHERE state_type = 'SCHEDULED'",
	"CREATE INDEX flow_run_parent ON flow_run (parent_task_run_id) WHERE parent_task_run_id IS NOT NULL",
	"CREATE INDEX flow_run_program ON flow_run (program_id, id)"
	" WHERE state_type NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')",

	"CREATE TABLE task_run ("
	" id BLOB NOT NULL PRIMARY KEY, created INTEGER NOT NULL, updated INTEGER NOT NULL, name TEXT,"
	" flow_run_id BLOB REFERENCES flow_run (id) ON DELETE CASCADE,"
	" task_key TEXT NOT NULL, dynamic_key TEXT NOT NULL, cache_key TEXT, cache_expiration INTEGER, task_version TEXT,"
	" empirical_policy TEXT NOT NULL, tags TEXT NOT NULL, labels TEXT, state_id BLOB, state_type TEXT,"
	" state_name TEXT, state_timestamp INTEGER, task_inputs TEXT NOT NULL, run_count INTEGER NOT NULL,"
	" flow_run_run_count INTEGER NOT NULL, expected_start_time INTEGER, next_scheduled_start_time INTEGER,"
	" start_time INTEGER, end_time INTEGER, total_run_time INTEGER NOT NULL) WITHOUT ROWID",
	"CREATE UNIQUE INDEX task_run_call ON task_run (flow_run_id, task_key, dynamic_key)",

	"CREATE TABLE flow_run_state ("
	" id BLOB NOT NULL, run_id BLOB NOT NULL, type TEXT NOT NULL, name TEXT, timestamp INTEGER NOT NULL,"
	" message TEXT, data TEXT, details TEXT NOT NULL, PRIMARY KEY (run_id, id)) WITHOUT ROWID",
	"CREATE UNIQUE INDEX flow_run_state_time ON flow_run_state (run_id, timestamp)",

	"CREATE TABLE task_run_state ("
	" id BLOB NOT NULL, run_id BLOB NOT NULL, type TEXT NOT NULL, name TEXT, timestamp INTEGER NOT NULL,"
	" message TEXT, data TEXT, details TEXT NOT NULL, PRIMARY KEY (run_id, id)) WITHOUT ROWID",

	"CREATE TABLE log ("
	" id BLOB NOT NULL, created INTEGER NOT NULL, name TEXT NOT NULL, level INTEGER NOT NULL, message TEXT NOT NULL,"
	" timestamp INTEGER NOT NULL, flow_run_id BLOB, task_run_id BLOB)",
	"CREATE INDEX log_flow_run ON log (flow_run_id, timestamp, id)",
	"CREATE INDEX log_task_run ON log (task_run_id, timestamp, id) WHERE task_run_id IS NOT NULL",

	"CREATE TABLE event ("
	" sequence INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, occurred INTEGER NOT NULL,"
	" event TEXT NOT NULL, resource TEXT NOT NULL, related TEXT NOT NULL, payload TEXT NOT NULL, follows BLOB)",
	NULL,
};

static const char *const step_2[] = {
	"CREATE TABLE checkpoint ("
	" flow_run_id BLOB NOT NULL REFERENCES flow_run (id) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,"
	" created INTEGER NOT NULL, PRIMARY KEY (flow_run_id, key)) WITHOUT ROWID",
	NULL,
};

static const char *const step_3[] = {
	"CREATE TABLE artifact ("
	" id BLOB NOT NULL PRIMARY KEY, created INTEGER NOT NULL, updated INTEGER NOT NULL, key TEXT, type TEXT,"
	" description TEXT, data TEXT, metadata_ TEXT, flow_run_id BLOB, task_run_id BLOB)",
	/* The newest of a key, and one of a run. */
	"CREATE INDEX artifact_key ON artifact (key, id) WHERE key IS NOT NULL",
	"CREATE INDEX artifact_flow_run ON artifact (flow_run_id, task_run_id, key)",

	"CREATE TABLE variable ("
	" id BLOB NOT NULL PRIMARY KEY, created INTEGER NOT NULL, updated INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,"
	" value TEXT, tags TEXT NOT NULL) WITHOUT ROWID",

	"CREATE TABLE secret ("
	" id BLOB NOT NULL PRIMARY KEY, created INTEGER NOT NULL, updated INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,"
	" sealed TEXT NOT NULL) WITHOUT ROWID",

	"CREATE TABLE concurrency_limit ("
	" id BLOB NOT NULL PRIMARY KEY, created INTEGER NOT NULL, updated INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,"
	" slot_limit INTEGER NOT NULL, active INTEGER NOT NULL, active_slots INTEGER NOT NULL,"
	" denied_slots INTEGER NOT NULL, slot_decay_per_second REAL NOT NULL, avg_slot_occupancy_seconds REAL NOT NULL)"
	" WITHOUT ROWID",
	"CREATE TABLE slot ("
	" id BLOB NOT NULL PRIMARY KEY, lease_id BLOB NOT NULL,"
	" limit_id BLOB NOT NULL REFERENCES concurrency_limit (id) ON DELETE CASCADE, holder_type TEXT, holder_id BLOB,"
	" flow_run_id BLOB, program_id BLOB, slots INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER)"
	" WITHOUT ROWID",
	"CREATE INDEX slot_limit ON slot (limit_id)",
	"CREATE INDEX slot_holder ON slot (holder_id)",
	"CREATE TABLE slot_waiter ("
	" sequence INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL,"
	" limit_id BLOB NOT NULL REFERENCES concurrency_limit (id) ON DELETE CASCADE, holder_type TEXT, holder_id BLOB,"
	" flow_run_id BLOB, program_id BLOB, slots INTEGER NOT NULL, mode TEXT NOT NULL, created INTEGER NOT NULL,"
	" refusal TEXT)",
	"CREATE INDEX slot_waiter_limit ON slot_waiter (limit_id, sequence)",
	"CREATE INDEX slot_waiter_id ON slot_waiter (id)",
	NULL,
};

/* What flow runs ask people for, and what they were answered. */
static const char *const step_4[] = {
	"CREATE TABLE flow_run_input ("
	" flow_run_id BLOB NOT NULL REFERENCES flow_run (id) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,"
	" id BLOB NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, sender TEXT,"
	" PRIMARY KEY (flow_run_id, key)) WITHOUT ROWID",
	NULL,
};

struct step {
	const char *const *statements;
	int min_writer_version; /* the oldest build's schema version that may write to the file afterwards */
};

static const struct step steps[] = {
	{ step_1, 1 },
	{ step_2, 1 },
	{ step_3, 3 }, /* older ones would forget dead programs without freeing their slots */
	{ step_4, 3 },
};

const int store_schema_version = ARRAY_LENGTH(steps);

static int read_meta(struct db *db, const char *name, int64_t *out, struct problem *problem)
{
	return db_integer(db, "SELECT value FROM meta WHERE name = ?1", out, problem, "s", str_of(name));
}

/* SQLite's place for saying whose file it is: "weir". */
#define APPLICATION_ID "0x77656972"

enum owner { NOBODYS, OURS, OTHERS };

/* Whose file it is; anything in it, or any mark, makes it somebody's. One statement, so that it sees one state of a file
   that another program is making just now. */
static int find_owner(struct db *db, int64_t *owner, struct problem *problem)
{
	return db_integer(db,
	                  "SELECT CASE WHEN application_id = " APPLICATION_ID " THEN 1"
	                  " WHEN application_id <> 0 OR EXISTS (SELECT 1 FROM sqlite_schema) THEN 2 ELSE 0 END"
	                  " FROM pragma_application_id",
	                  owner, problem, "");
}

int schema_check(struct db *db, const char *path, bool write, int *version, struct problem *problem)
{
	int64_t owner = NOBODYS, stored = 0, min_writer = 0;
	int result = find_owner(db, &owner, problem);

	*version = 0;
	if (result < 0 || owner == NOBODYS)
		return result;
	if (owner == OTHERS)
		return problem_set(
		        problem, WEIR_ECORRUPT,
		        "%s: is a database, but not one of Weir's (set WEIR_HOME or WEIR_DATABASE to another place)",
		        path);
	result = read_meta(db, "schema_version", &stored, problem);
	if (result == 0)
		result = read_meta(db, "min_writer_version", &min_writer, problem);
	if (result < 0)
		return result;
	*version = (int)stored;
	if (write && min_writer > store_schema_version)
		return problem_set(
		        problem, WEIR_EVERSION,
		        "%s: its schema is version %d, and this Weir knows %d: use the Weir that made it, or a newer one",
		        path, (int)stored, store_schema_version);
	if (!write && stored < store_schema_version)
		return problem_set(
		        problem, WEIR_EVERSION,
		        "%s: its schema is version %d, and this Weir reads %d: any program of flows brings it up to date",
		        path, (int)stored, store_schema_version);
	return 0;
}

static int run_step(struct db *db, int version, struct problem *problem)
{
	const struct step *step = &steps[version - 1];
	int result = 0;

	for (size_t i = 0; result == 0 && step->statements[i]; i++)
		result = db_execute(db, step->statements[i], problem);
	if (result == 0)
		result = db_run(db, "INSERT OR REPLACE INTO meta (name, value) VALUES ('schema_version', ?1)", problem,
		                "i", (int64_t)version);
	if (result == 0)
		result = db_run(db, "INSERT OR REPLACE INTO meta (name, value) VALUES ('min_writer_version', ?1)",
		                problem, "i", (int64_t)step->min_writer_version);
	return result;
}

static int make_meta(struct db *db, struct problem *problem)
{
	int result = db_execute(db, "PRAGMA application_id = " APPLICATION_ID, problem);

	if (result == 0)
		result = db_execute(
		        db, "CREATE TABLE IF NOT EXISTS meta (name TEXT NOT NULL PRIMARY KEY, value INTEGER)", problem);
	if (result == 0)
		result = db_run(db, "INSERT OR IGNORE INTO meta (name, value) VALUES ('created', ?1)", problem, "i",
		                clock_wall_us());
	return result;
}

/* All missing steps, in the transaction that is open. */
static int run_steps(struct db *db, const char *path, struct problem *problem)
{
	int version;
	int result = schema_check(db, path, true, &version, problem);

	if (result < 0 || version >= store_schema_version)
		return result;
	result = make_meta(db, problem);
	while (result == 0 && version < store_schema_version)
		result = run_step(db, ++version, problem);
	return result;
}

int schema_migrate(struct db *db, const char *path, struct problem *problem)
{
	int version;
	int result = schema_check(db, path, true, &version, problem);

	if (result < 0 || version >= store_schema_version)
		return result;
	result = db->driver->begin(db, true, problem);
	if (result < 0)
		return result;
	result = run_steps(db, path, problem);
	if (result == 0)
		result = db->driver->commit(db, problem);
	db->driver->rollback(db);
	return result;
}
