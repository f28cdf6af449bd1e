/* SPDX-License-Identifier: Apache-2.0 */
#include "store/flow_run.h"

#include "store/query.h"
#include "store/record.h"
#include "store/sql_text.h"

#define NOT_ENDED "state_type NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')"

int store_flow_run_insert(struct db *db, const struct flow_run *run, bool *inserted, struct problem *problem)
{
	return record_insert(db, &flow_run_fields, run, "ON CONFLICT DO NOTHING", inserted, problem);
}

int store_flow_run_update(struct db *db, const struct flow_run *run, struct problem *problem)
{
	return record_update(db, &flow_run_fields, run, problem);
}

int store_flow_run_find(struct db *db, struct uuid id, struct arena *arena, struct flow_run *out,
                        struct problem *problem)
{
	return record_find(db, &flow_run_fields, id, arena, out, problem);
}

/* Read the one row of a query. WEIR_ENOTFOUND, without the problem, when there is none. */
static int read_one(struct db_statement *statement, struct arena *arena, struct flow_run *out, struct problem *problem)
{
	int result = db_step(statement, problem);

	if (result <= 0)
		return result < 0 ? result : WEIR_ENOTFOUND;
	record_read(statement, 0, &flow_run_fields, arena, out);
	return 0;
}

int store_flow_run_find_key(struct db *db, struct uuid flow_id, struct str idempotency_key, struct arena *arena,
                            struct flow_run *out, struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text, "SELECT %s FROM flow_run WHERE flow_id = ?1 AND idempotency_key = ?2",
	                               record_columns(&flow_run_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "us", flow_id, idempotency_key);

	if (result == 0)
		result = read_one(statement, arena, out, problem);
	if (result == WEIR_ENOTFOUND)
		problem_set(problem, result, "there is no run with the idempotency key \"%.*s\"",
		            STR_ARG(idempotency_key));
	return result;
}

int store_flow_run_of_program(struct db *db, struct uuid program_id, struct uuid before, struct arena *arena,
                              struct flow_run *out, struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text,
	                               "SELECT %s FROM flow_run WHERE program_id = ?1 AND (?2 IS NULL OR id < ?2) "
	                               "AND " NOT_ENDED " ORDER BY id DESC LIMIT 1",
	                               record_columns(&flow_run_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "uu", program_id, before);

	return result < 0 ? result : read_one(statement, arena, out, problem);
}

/* --- Lists --- */

/* The conditions that a query may have; its text is made for each set of them that occurs. */
enum condition {
	OF_FLOW = 1 << 0,
	OF_PARENT = 1 << 1,
	OF_STATE_NAMES = 1 << 2,
	OF_STATE_TYPES = 1 << 3,
	BY_ID = 1 << 4,
	CONDITION_SETS = 1 << 5,
};

static unsigned find_conditions(const struct flow_run_query *query)
{
	unsigned conditions = 0;

	conditions |= uuid_is_nil(query->flow_id) ? 0 : OF_FLOW;
	conditions |= uuid_is_nil(query->parent_task_run_id) ? 0 : OF_PARENT;
	conditions |= query->state_name_count > 0 ? OF_STATE_NAMES : 0;
	conditions |= query->state_type_count > 0 ? OF_STATE_TYPES : 0;
	conditions |= query->sort == FLOW_RUN_BY_ID_DESC ? BY_ID : 0;
	return conditions;
}

static const char *plain_sql(struct sql_text *text, unsigned conditions)
{
	return sql_text_get(text,
	                    "SELECT flow.name, %s FROM flow_run AS run JOIN flow ON flow.id = run.flow_id WHERE 1%s%s "
	                    "ORDER BY %srun.id DESC LIMIT ?5 OFFSET ?6",
	                    record_columns(&flow_run_fields, "run."),
	                    conditions & OF_FLOW ? " AND run.flow_id = ?1" : "",
	                    conditions & OF_PARENT ? " AND run.parent_task_run_id = ?2" : "",
	                    conditions & BY_ID ? "" : "run.expected_start_time DESC, ");
}

/*
 * Runs of some states: for each of the wanted states the first rows in the order of its index, then the first of all
 * these. A plain IN would sort every run that is in one of the states, or walk through all that are not.
 */
static const char *by_state_sql(struct sql_text *text, unsigned conditions)
{
	bool by_name = conditions & OF_STATE_NAMES;
	const char *order = conditions & BY_ID ? "" : "expected_start_time DESC, ";

	return sql_text_get(
	        text,
	        "SELECT flow.name, %s FROM (SELECT DISTINCT value FROM json_each(%s)) AS wanted "
	        "JOIN flow_run AS run ON run.id IN (SELECT id FROM flow_run WHERE %s = wanted.value%s%s%s "
	        "ORDER BY %sid DESC LIMIT min(?5, 9223372036854775807 - ?6) + ?6) "
	        "JOIN flow ON flow.id = run.flow_id ORDER BY %s%srun.id DESC LIMIT ?5 OFFSET ?6",
	        record_columns(&flow_run_fields, "run."), by_name ? "?3" : "?4", by_name ? "state_name" : "state_type",
	        by_name && conditions & OF_STATE_TYPES ? " AND state_type IN (SELECT value FROM json_each(?4))" : "",
	        conditions & OF_FLOW ? " AND flow_id = ?1" : "",
	        conditions & OF_PARENT ? " AND parent_task_run_id = ?2" : "", order, conditions & BY_ID ? "" : "run.",
	        order);
}

static const char *list_sql(unsigned conditions)
{
	static struct sql_text texts[CONDITION_SETS];
	struct sql_text *text = &texts[conditions];

	return conditions & (OF_STATE_NAMES | OF_STATE_TYPES) ? by_state_sql(text, conditions)
	                                                      : plain_sql(text, conditions);
}

int store_flow_run_list(struct db *db, const struct flow_run_query *query, flow_run_row_fn *each, void *data,
                        struct problem *problem)
{
	AUTO(arena_done) struct arena arena = { 0 }, row_arena = { 0 };
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int64_t limit = query->limit > 0 ? query->limit : QUERY_DEFAULT_LIMIT;
	int result =
	        db_query(db, list_sql(find_conditions(query)), &statement, problem, "uussii", query->flow_id,
	                 query->parent_task_run_id, query_names(&arena, query->state_names, query->state_name_count),
	                 query_types(&arena, query->state_types, query->state_type_count), limit, query->offset);

	while (result == 0 && (result = db_step(statement, problem)) > 0) {
		struct flow_run run;

		arena_clear(&row_arena);
		record_read(statement, 1, &flow_run_fields, &row_arena, &run);
		result = each(data, &run, db_column_text(statement, 0, &row_arena));
	}
	return result;
}

int store_flow_run_candidates(struct db *db, struct uuid first, struct uuid last, struct arena *arena,
                              struct run_candidate *out, int64_t limit, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, "SELECT id, name FROM flow_run WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3",
	                      &statement, problem, "uui", first, last, limit);

	return result < 0 ? result : query_candidates(statement, arena, out, problem);
}

int store_flow_run_named(struct db *db, struct str name, struct arena *arena, struct run_candidate *out, int64_t limit,
                         struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, "SELECT id, name FROM flow_run WHERE name = ?1 ORDER BY id DESC LIMIT ?2", &statement,
	                      problem, "si", name, limit);

	return result < 0 ? result : query_candidates(statement, arena, out, problem);
}

/* --- Deletion --- */

int store_flow_run_delete(struct db *db, struct uuid id, struct problem *problem)
{
	int result = db_run(db, "DELETE FROM flow_run_state WHERE run_id = ?1", problem, "u", id);

	return result < 0 ? result : db_run(db, "DELETE FROM flow_run WHERE id = ?1", problem, "u", id);
}

int store_flow_run_orphan(struct db *db, struct uuid parent_task_run_id, struct problem *problem)
{
	return db_run(db, "UPDATE flow_run SET parent_task_run_id = NULL WHERE parent_task_run_id = ?1", problem, "u",
	              parent_task_run_id);
}
