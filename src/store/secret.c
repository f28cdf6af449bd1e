/* SPDX-License-Identifier: Apache-2.0 */
#include "store/secret.h"

#include "store/query.h"
#include "store/sql_text.h"

int store_secret_insert(struct db *db, const struct secret *secret, bool *inserted, struct problem *problem)
{
	return record_insert(db, &secret_fields, secret, "ON CONFLICT (name) DO NOTHING", inserted, problem);
}

int store_secret_update(struct db *db, const struct secret *secret, struct problem *problem)
{
	return record_update(db, &secret_fields, secret, problem);
}

int store_secret_delete(struct db *db, struct uuid id, struct problem *problem)
{
	return db_run(db, "DELETE FROM secret WHERE id = ?1", problem, "u", id);
}

int store_secret_find_name(struct db *db, struct str name, struct arena *arena, struct secret *out,
                           struct problem *problem)
{
	static struct sql_text text;
	const char *sql =
	        sql_text_get(&text, "SELECT %s FROM secret WHERE name = ?1", record_columns(&secret_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "s", name);

	return result < 0 ? result : record_first(statement, &secret_fields, arena, out, problem);
}

int store_secret_list(struct db *db, int64_t limit, record_row_fn *each, void *data, struct problem *problem)
{
	static struct sql_text text;
	const char *sql =
	        sql_text_get(&text, "SELECT %s FROM secret ORDER BY name LIMIT ?1", record_columns(&secret_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	struct secret row;
	int result = db_query(db, sql, &statement, problem, "i", limit > 0 ? limit : QUERY_DEFAULT_LIMIT);

	return result < 0 ? result : record_each(statement, &secret_fields, &row, each, data, problem);
}
