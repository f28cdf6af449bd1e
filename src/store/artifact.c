/* SPDX-License-Identifier: Apache-2.0 */
#include "store/artifact.h"

#include "store/query.h"
#include "store/sql_text.h"

int store_artifact_insert(struct db *db, const struct artifact *artifact, struct problem *problem)
{
	return record_insert(db, &artifact_fields, artifact, "", NULL, problem);
}

int store_artifact_update(struct db *db, const struct artifact *artifact, struct problem *problem)
{
	return record_update(db, &artifact_fields, artifact, problem);
}

int store_artifact_delete(struct db *db, struct uuid id, bool *deleted, struct problem *problem)
{
	int result = db_run(db, "DELETE FROM artifact WHERE id = ?1", problem, "u", id);

	*deleted = result == 0 && db->driver->changes(db) > 0;
	return result;
}

int store_artifact_delete_key(struct db *db, struct str key, int64_t *count, struct problem *problem)
{
	int result = db_run(db, "DELETE FROM artifact WHERE key = ?1", problem, "s", key);

	*count = result == 0 ? db->driver->changes(db) : 0;
	return result;
}

int store_artifact_find(struct db *db, struct uuid id, struct arena *arena, struct artifact *out,
                        struct problem *problem)
{
	static struct sql_text text;
	const char *sql =
	        sql_text_get(&text, "SELECT %s FROM artifact WHERE id = ?1", record_columns(&artifact_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "u", id);

	return result < 0 ? result : record_first(statement, &artifact_fields, arena, out, problem);
}

int store_artifact_find_key(struct db *db, struct str key, struct arena *arena, struct artifact *out,
                            struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text, "SELECT %s FROM artifact WHERE key = ?1 ORDER BY id DESC LIMIT 1",
	                               record_columns(&artifact_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "s", key);

	return result < 0 ? result : record_first(statement, &artifact_fields, arena, out, problem);
}

int store_artifact_find_run(struct db *db, struct uuid flow_run_id, struct uuid task_run_id, struct str type,
                            struct str key, struct arena *arena, struct artifact *out, struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text,
	                               "SELECT %s FROM artifact WHERE flow_run_id IS ?1 AND task_run_id IS ?2"
	                               " AND key IS ?3 AND type = ?4 ORDER BY id DESC LIMIT 1",
	                               record_columns(&artifact_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "uuss", flow_run_id, task_run_id, key, type);

	return result < 0 ? result : record_first(statement, &artifact_fields, arena, out, problem);
}

/* The conditions that a query may have; its text is made for each set of them that occurs. */
enum condition { OF_KEY = 1 << 0, OF_FLOW_RUN = 1 << 1, LATEST = 1 << 2, CONDITION_SETS = 1 << 3 };

static const char *list_sql(const struct artifact_query *query)
{
	static struct sql_text texts[CONDITION_SETS];
	unsigned conditions = 0;

	conditions |= query->key.data ? OF_KEY : 0;
	conditions |= uuid_is_nil(query->flow_run_id) ? 0 : OF_FLOW_RUN;
	conditions |= query->latest ? LATEST : 0;
	return sql_text_get(&texts[conditions],
	                    "SELECT %s FROM artifact WHERE 1%s%s%s ORDER BY id DESC LIMIT ?3 OFFSET ?4",
	                    record_columns(&artifact_fields, ""), conditions & OF_KEY ? " AND key = ?1" : "",
	                    conditions & OF_FLOW_RUN ? " AND flow_run_id = ?2" : "",
	                    conditions & LATEST ? " AND id = (SELECT newest.id FROM artifact AS newest"
	                                          " WHERE newest.key = artifact.key ORDER BY newest.id DESC LIMIT 1)"
	                                        : "");
}

int store_artifact_list(struct db *db, const struct artifact_query *query, record_row_fn *each, void *data,
                        struct problem *problem)
{
	int64_t limit = query->limit > 0 ? query->limit : QUERY_DEFAULT_LIMIT;
	AUTO(db_resetp) struct db_statement *statement = NULL;
	struct artifact row;
	int result = db_query(db, list_sql(query), &statement, problem, "suii", query->key, query->flow_run_id, limit,
	                      query->offset);

	return result < 0 ? result : record_each(statement, &artifact_fields, &row, each, data, problem);
}
