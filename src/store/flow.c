/* SPDX-License-Identifier: Apache-2.0 */
#include "store/flow.h"

#include "store/query.h"
#include "store/record.h"
#include "store/sql_text.h"

int store_flow_insert(struct db *db, const struct flow *flow, bool *inserted, struct problem *problem)
{
	return record_insert(db, &flow_fields, flow, "ON CONFLICT (name) DO NOTHING", inserted, problem);
}

int store_flow_find(struct db *db, struct uuid id, struct arena *arena, struct flow *out, struct problem *problem)
{
	return record_find(db, &flow_fields, id, arena, out, problem);
}

int store_flow_find_name(struct db *db, struct str name, struct arena *arena, struct flow *out, struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text, "SELECT %s FROM flow WHERE name = ?1", record_columns(&flow_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "s", name);

	if (result < 0)
		return result;
	result = db_step(statement, problem);
	if (result == 0)
		return problem_set(problem, WEIR_ENOTFOUND, "there is no flow named \"%.*s\"", STR_ARG(name));
	if (result < 0)
		return result;
	record_read(statement, 0, &flow_fields, arena, out);
	return 0;
}

int store_flow_list(struct db *db, const struct flow_query *query, flow_row_fn *each, void *data,
                    struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text,
	                               "SELECT %s FROM flow WHERE ?1 IS NULL OR instr(lower(name), lower(?1)) > 0 "
	                               "ORDER BY name LIMIT ?2 OFFSET ?3",
	                               record_columns(&flow_fields, ""));
	int64_t limit = query->limit > 0 ? query->limit : QUERY_DEFAULT_LIMIT;
	AUTO(db_resetp) struct db_statement *statement = NULL;
	AUTO(arena_done) struct arena row_arena = { 0 };
	int result = db_query(db, sql, &statement, problem, "sii", query->name_like, limit, query->offset);

	while (result == 0 && (result = db_step(statement, problem)) > 0) {
		struct flow flow;

		arena_clear(&row_arena);
		record_read(statement, 0, &flow_fields, &row_arena, &flow);
		result = each(data, &flow);
	}
	return result;
}
