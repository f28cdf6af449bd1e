/* SPDX-License-Identifier: Apache-2.0 */
#include "store/state.h"

#include "store/record.h"
#include "store/sql_text.h"

static const struct field_table *fields_of(enum state_table table)
{
	return table == FLOW_RUN_STATES ? &flow_run_state_fields : &task_run_state_fields;
}

int store_state_insert(struct db *db, enum state_table table, const struct state *state, struct problem *problem)
{
	return record_insert(db, fields_of(table), state, "ON CONFLICT (run_id, id) DO NOTHING", NULL, problem);
}

int store_state_find(struct db *db, enum state_table table, struct uuid run_id, struct uuid id, struct arena *arena,
                     struct state *out, struct problem *problem)
{
	static struct sql_text texts[2];
	const struct field_table *fields = fields_of(table);
	const char *sql = sql_text_get(&texts[table], "SELECT %s FROM %s WHERE run_id = ?1 AND id = ?2",
	                               record_columns(fields, ""), fields->name);
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "uu", run_id, id);

	if (result == 0)
		result = db_step(statement, problem);
	if (result < 0)
		return result;
	if (result == 0)
		return problem_set(problem, WEIR_ENOTFOUND, "there is no state with the id %s", uuid_text(id).text);
	record_read(statement, 0, fields, arena, out);
	return 0;
}

int store_state_list(struct db *db, enum state_table table, struct uuid run_id, state_row_fn *each, void *data,
                     struct problem *problem)
{
	static struct sql_text texts[2];
	const struct field_table *fields = fields_of(table);
	const char *sql = sql_text_get(&texts[table], "SELECT %s FROM %s WHERE run_id = ?1 ORDER BY timestamp, id",
	                               record_columns(fields, ""), fields->name);
	AUTO(db_resetp) struct db_statement *statement = NULL;
	AUTO(arena_done) struct arena arena = { 0 };
	int result = db_query(db, sql, &statement, problem, "u", run_id);

	while (result == 0 && (result = db_step(statement, problem)) > 0) {
		struct state state;

		arena_clear(&arena);
		record_read(statement, 0, fields, &arena, &state);
		result = each(data, &state);
	}
	return result;
}

int store_state_timestamps(struct db *db, struct uuid flow_run_id, int64_t from_us, struct arena *arena,
                           const int64_t **out, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int64_t *timestamps = NULL;
	int count = 0, capacity = 0;
	int result = db_query(db,
	                      "SELECT timestamp FROM flow_run_state WHERE run_id = ?1 AND timestamp >= ?2 "
	                      "ORDER BY timestamp",
	                      &statement, problem, "ut", flow_run_id, from_us);

	while (result == 0 && (result = db_step(statement, problem)) > 0) {
		if (count == capacity) {
			const int64_t *smaller = timestamps;

			capacity = capacity ? capacity * 2 : 8;
			timestamps = arena_alloc(arena, (size_t)capacity * sizeof *timestamps);
			if (count > 0)
				memcpy(timestamps, smaller, (size_t)count * sizeof *timestamps);
		}
		timestamps[count++] = db_column_timestamp(statement, 0);
		result = 0;
	}
	*out = timestamps;
	return result < 0 ? result : count;
}

#define DELETE_STATES(run)                                                                                             \
	"DELETE FROM " run "_state WHERE run_id = ?1 AND id IN (SELECT id FROM " run "_state WHERE run_id = ?1 "       \
	"AND id IS NOT (SELECT state_id FROM " run " WHERE id = ?1) LIMIT ?2)"

int store_state_delete(struct db *db, enum state_table table, struct uuid run_id, int64_t limit,
                       struct problem *problem)
{
	static const char *const sql[] = {
		[FLOW_RUN_STATES] = DELETE_STATES("flow_run"),
		[TASK_RUN_STATES] = DELETE_STATES("task_run"),
	};
	int result = db_run(db, sql[table], problem, "ui", run_id, limit);

	return result < 0 ? result : (int)db->driver->changes(db);
}
