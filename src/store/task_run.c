/* SPDX-License-Identifier: Apache-2.0 */
#include "store/task_run.h"

#include "store/query.h"
#include "store/record.h"
#include "store/sql_text.h"

int store_task_run_insert(struct db *db, const struct task_run *run, bool *inserted, struct problem *problem)
{
	return record_insert(db, &task_run_fields, run, "ON CONFLICT DO NOTHING", inserted, problem);
}

int store_task_run_update(struct db *db, const struct task_run *run, struct problem *problem)
{
	return record_update(db, &task_run_fields, run, problem);
}

/*
 * "column = excluded.column, …" for what a newer state changes. The keys are left out: on one conflict they are the same
 * anyway, and a column that is set is written to its index again.
 */
static struct str updated_columns(struct arena *arena)
{
	static const char *const kept[] = { "id", "created", "flow_run_id", "task_key", "dynamic_key" };
	AUTO(strbuf_done) struct strbuf text = { 0 };

	for (size_t i = 0; i < task_run_fields.count; i++) {
		const char *name = task_run_fields.fields[i].name;
		bool keeps = task_run_fields.fields[i].flags & FIELD_NO_COLUMN;

		for (size_t k = 0; k < ARRAY_LENGTH(kept); k++)
			keeps |= strcmp(name, kept[k]) == 0;
		if (!keeps)
			strbuf_printf(&text, "%s%s = excluded.%s", text.length > 0 ? ", " : "", name, name);
	}
	return arena_str(arena, strbuf_str(&text));
}

static const char *upsert_conflict(void)
{
	static struct sql_text text;
	AUTO(arena_done) struct arena arena = { 0 };
	struct str columns;

	if (text.text)
		return text.text;
	columns = updated_columns(&arena);
	return sql_text_get(&text,
	                    "ON CONFLICT (flow_run_id, task_key, dynamic_key) DO UPDATE SET %s "
	                    "WHERE excluded.state_timestamp > coalesce(task_run.state_timestamp, 0) "
	                    "ON CONFLICT (id) DO UPDATE SET %s "
	                    "WHERE excluded.state_timestamp > coalesce(task_run.state_timestamp, 0) RETURNING id",
	                    columns.data, columns.data);
}

/* The row that a newer state kept from being written. Its keys come before its id, as in the conflict clauses. */
static int find_newer(struct db *db, const struct task_run *run, struct uuid *id, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result =
	        db_query(db, "SELECT id FROM task_run WHERE flow_run_id = ?1 AND task_key = ?2 AND dynamic_key = ?3",
	                 &statement, problem, "uss", run->flow_run_id, run->task_key, run->dynamic_key);

	if (result == 0)
		result = db_step(statement, problem);
	if (result < 0)
		return result;
	*id = result > 0 ? db_column_uuid(statement, 0) : run->id;
	return 0;
}

int store_task_run_upsert(struct db *db, const struct task_run *run, struct uuid *id, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = record_insert_query(db, &task_run_fields, run, upsert_conflict(), &statement, problem);

	if (result == 0)
		result = db_step(statement, problem);
	if (result < 0)
		return result;
	if (result == 0)
		return find_newer(db, run, id, problem);
	*id = db_column_uuid(statement, 0);
	return 0;
}

int store_task_run_find(struct db *db, struct uuid id, struct arena *arena, struct task_run *out,
                        struct problem *problem)
{
	return record_find(db, &task_run_fields, id, arena, out, problem);
}

int store_task_run_find_keys(struct db *db, struct uuid flow_run_id, struct str task_key, struct str dynamic_key,
                             struct arena *arena, struct task_run *out, struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(
	        &text, "SELECT %s FROM task_run WHERE flow_run_id IS ?1 AND task_key = ?2 AND dynamic_key = ?3",
	        record_columns(&task_run_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "uss", flow_run_id, task_key, dynamic_key);

	if (result < 0)
		return result;
	result = db_step(statement, problem);
	if (result == 0)
		return problem_set(problem, WEIR_ENOTFOUND, "there is no task run with the keys \"%.*s\", \"%.*s\"",
		                   STR_ARG(task_key), STR_ARG(dynamic_key));
	if (result < 0)
		return result;
	record_read(statement, 0, &task_run_fields, arena, out);
	return 0;
}

/* The one id that the query gives. */
static int read_id(struct db_statement *statement, struct uuid *out, struct problem *problem)
{
	int result = db_step(statement, problem);

	if (result <= 0)
		return result < 0 ? result : WEIR_ENOTFOUND;
	*out = db_column_uuid(statement, 0);
	return 0;
}

int store_task_run_first(struct db *db, struct uuid flow_run_id, struct uuid *out, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result =
	        db_query(db, "SELECT id FROM task_run WHERE flow_run_id = ?1 ORDER BY task_key, dynamic_key LIMIT 1",
	                 &statement, problem, "u", flow_run_id);

	return result < 0 ? result : read_id(statement, out, problem);
}

#define NOT_ENDED "state_type NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')"

/* In the order of the index on (flow run, task, call), so that what was passed is not looked at again: the later calls
   of the same task, then the tasks after it. SQLite would not use both columns for a comparison of pairs. */
int store_task_run_unfinished(struct db *db, struct uuid flow_run_id, struct uuid after_id, struct uuid *out,
                              struct problem *problem)
{
	static const char first[] = "SELECT id FROM task_run WHERE flow_run_id = ?1 AND " NOT_ENDED
	                            " ORDER BY task_key, dynamic_key LIMIT 1";
	static const char later[] =
	        "SELECT id FROM (SELECT id FROM task_run WHERE flow_run_id = ?1 AND " NOT_ENDED
	        " AND task_key = (SELECT task_key FROM task_run WHERE id = ?2)"
	        " AND dynamic_key > (SELECT dynamic_key FROM task_run WHERE id = ?2) ORDER BY dynamic_key LIMIT 1)"
	        " UNION ALL "
	        "SELECT id FROM (SELECT id FROM task_run WHERE flow_run_id = ?1 AND " NOT_ENDED
	        " AND task_key > (SELECT task_key FROM task_run WHERE id = ?2)"
	        " ORDER BY task_key, dynamic_key LIMIT 1) LIMIT 1";
	AUTO(db_resetp) struct db_statement *statement = NULL;
	const bool is_first = uuid_is_nil(after_id);
	int result = db_query(db, is_first ? first : later, &statement, problem, is_first ? "u" : "uu", flow_run_id,
	                      after_id);

	return result < 0 ? result : read_id(statement, out, problem);
}

/* --- Lists --- */

/* The conditions that a query may have; its text is made for each set of them that occurs. */
enum condition {
	OF_FLOW_RUN = 1 << 0,
	OF_STATE_NAMES = 1 << 1,
	OF_STATE_TYPES = 1 << 2,
	BY_END = 1 << 3,
	BY_ID_DESC = 1 << 4,
	CONDITION_SETS = 1 << 5,
};

static const char *list_sql(const struct task_run_query *query)
{
	static struct sql_text texts[CONDITION_SETS];
	unsigned conditions = 0;

	conditions |= uuid_is_nil(query->flow_run_id) ? 0 : OF_FLOW_RUN;
	conditions |= query->state_name_count > 0 ? OF_STATE_NAMES : 0;
	conditions |= query->state_type_count > 0 ? OF_STATE_TYPES : 0;
	conditions |= query->sort == TASK_RUN_BY_END ? BY_END : 0;
	conditions |= query->sort == TASK_RUN_BY_ID_DESC ? BY_ID_DESC : 0;
	return sql_text_get(
	        &texts[conditions], "SELECT %s FROM task_run WHERE 1%s%s%s ORDER BY %sid%s LIMIT ?4 OFFSET ?5",
	        record_columns(&task_run_fields, ""), conditions & OF_FLOW_RUN ? " AND flow_run_id = ?1" : "",
	        conditions & OF_STATE_NAMES ? " AND state_name IN (SELECT value FROM json_each(?2))" : "",
	        conditions & OF_STATE_TYPES ? " AND state_type IN (SELECT value FROM json_each(?3))" : "",
	        conditions & BY_END ? "end_time, " : "", conditions & BY_ID_DESC ? " DESC" : "");
}

int store_task_run_list(struct db *db, const struct task_run_query *query, task_run_row_fn *each, void *data,
                        struct problem *problem)
{
	AUTO(arena_done) struct arena arena = { 0 }, row_arena = { 0 };
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int64_t limit = query->limit > 0 ? query->limit : QUERY_DEFAULT_LIMIT;
	int result = db_query(db, list_sql(query), &statement, problem, "ussii", query->flow_run_id,
	                      query_names(&arena, query->state_names, query->state_name_count),
	                      query_types(&arena, query->state_types, query->state_type_count), limit, query->offset);

	while (result == 0 && (result = db_step(statement, problem)) > 0) {
		struct task_run run;

		arena_clear(&row_arena);
		record_read(statement, 0, &task_run_fields, &row_arena, &run);
		result = each(data, &run);
	}
	return result;
}

int store_task_run_count(struct db *db, struct uuid flow_run_id, int64_t counts[STATE_TYPE_COUNT],
                         struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	AUTO(arena_done) struct arena arena = { 0 };
	int result =
	        db_query(db, "SELECT state_type, count(*) FROM task_run WHERE flow_run_id = ?1 GROUP BY state_type",
	                 &statement, problem, "u", flow_run_id);

	memset(counts, 0, STATE_TYPE_COUNT * sizeof *counts);
	while (result == 0 && (result = db_step(statement, problem)) > 0) {
		int type = enum_value(state_type_names, db_column_text(statement, 0, &arena));

		counts[type] += db_column_integer(statement, 1);
		result = 0;
	}
	return result;
}

int store_task_run_candidates(struct db *db, struct uuid first, struct uuid last, struct arena *arena,
                              struct run_candidate *out, int64_t limit, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, "SELECT id, name FROM task_run WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3",
	                      &statement, problem, "uui", first, last, limit);

	return result < 0 ? result : query_candidates(statement, arena, out, problem);
}

int store_task_run_named(struct db *db, struct str name, struct arena *arena, struct run_candidate *out, int64_t limit,
                         struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, "SELECT id, name FROM task_run WHERE name = ?1 ORDER BY id DESC LIMIT ?2", &statement,
	                      problem, "si", name, limit);

	return result < 0 ? result : query_candidates(statement, arena, out, problem);
}

/* --- Deletion --- */

int store_task_run_delete(struct db *db, struct uuid id, struct problem *problem)
{
	int result = db_run(db, "DELETE FROM task_run_state WHERE run_id = ?1", problem, "u", id);

	return result < 0 ? result : db_run(db, "DELETE FROM task_run WHERE id = ?1", problem, "u", id);
}

int store_task_run_calls(struct db *db, struct uuid flow_run_id, task_calls_fn *each, void *data,
                         struct problem *problem)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, "SELECT task_key, count(*) FROM task_run WHERE flow_run_id = ?1 GROUP BY task_key",
	                      &statement, problem, "u", flow_run_id);

	while (result == 0 && (result = db_step(statement, problem)) > 0)
		result = each(data, db_column_text(statement, 0, &scratch), db_column_integer(statement, 1));
	return result;
}
