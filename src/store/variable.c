/* SPDX-License-Identifier: Apache-2.0 */
#include "store/variable.h"

#include "store/query.h"
#include "store/sql_text.h"

int store_variable_insert(struct db *db, const struct variable *variable, bool *inserted, struct problem *problem)
{
	return record_insert(db, &variable_fields, variable, "ON CONFLICT (name) DO NOTHING", inserted, problem);
}

int store_variable_update(struct db *db, const struct variable *variable, struct problem *problem)
{
	return record_update(db, &variable_fields, variable, problem);
}

int store_variable_delete(struct db *db, struct uuid id, struct problem *problem)
{
	return db_run(db, "DELETE FROM variable WHERE id = ?1", problem, "u", id);
}

int store_variable_find_name(struct db *db, struct str name, struct arena *arena, struct variable *out,
                             struct problem *problem)
{
	static struct sql_text text;
	const char *sql =
	        sql_text_get(&text, "SELECT %s FROM variable WHERE name = ?1", record_columns(&variable_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "s", name);

	return result < 0 ? result : record_first(statement, &variable_fields, arena, out, problem);
}

int store_variable_list(struct db *db, int64_t limit, record_row_fn *each, void *data, struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text, "SELECT %s FROM variable ORDER BY name LIMIT ?1",
	                               record_columns(&variable_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	struct variable row;
	int result = db_query(db, sql, &statement, problem, "i", limit > 0 ? limit : QUERY_DEFAULT_LIMIT);

	return result < 0 ? result : record_each(statement, &variable_fields, &row, each, data, problem);
}
