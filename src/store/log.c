/* SPDX-License-Identifier: Apache-2.0 */
#include "store/log.h"

#include "store/record.h"
#include "store/sql_text.h"

int store_log_insert(struct db *db, const struct log_line *line, struct problem *problem)
{
	return record_insert(db, &log_fields, line, "", NULL, problem);
}

/* The conditions that a query may have; its text is made for each set of them that occurs. */
enum condition {
	OF_FLOW_RUN = 1 << 0,
	OF_TASK_RUN = 1 << 1,
	NEWEST_FIRST = 1 << 2,
	AFTER = 1 << 3,
	CONDITION_SETS = 1 << 4,
};

static const char *list_sql(const struct log_query *query)
{
	static struct sql_text texts[CONDITION_SETS];
	unsigned conditions = 0;

	conditions |= uuid_is_nil(query->flow_run_id) ? 0 : OF_FLOW_RUN;
	conditions |= uuid_is_nil(query->task_run_id) ? 0 : OF_TASK_RUN;
	conditions |= query->newest_first ? NEWEST_FIRST : 0;
	conditions |= uuid_is_nil(query->after_id) ? 0 : AFTER;
	return sql_text_get(
	        &texts[conditions],
	        "SELECT %s FROM log WHERE level >= ?3%s%s%s%s ORDER BY timestamp%s, id%s LIMIT ?4 OFFSET ?5",
	        record_columns(&log_fields, ""), conditions & OF_FLOW_RUN ? " AND flow_run_id = ?1" : "",
	        conditions & OF_TASK_RUN ? " AND task_run_id = ?2" : "",
	        conditions & AFTER ? " AND (timestamp, id) " : "",
	        conditions & AFTER ? query->newest_first ? "< (?6, ?7)" : "> (?6, ?7)" : "",
	        query->newest_first ? " DESC" : "", query->newest_first ? " DESC" : "");
}

int store_log_list(struct db *db, const struct log_query *query, log_row_fn *each, void *data, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	AUTO(arena_done) struct arena arena = { 0 };
	int64_t limit = query->limit > 0 ? query->limit : -1; /* SQL's "all" */
	const char *arguments = uuid_is_nil(query->after_id) ? "uuiii" : "uuiiiiu";
	int result =
	        db_query(db, list_sql(query), &statement, problem, arguments, query->flow_run_id, query->task_run_id,
	                 query->level_from, limit, query->offset, query->after_timestamp, query->after_id);

	while (result == 0 && (result = db_step(statement, problem)) > 0) {
		struct log_line line;

		arena_clear(&arena);
		record_read(statement, 0, &log_fields, &arena, &line);
		result = each(data, &line);
	}
	return result;
}

int store_log_delete(struct db *db, struct uuid flow_run_id, struct uuid task_run_id, int64_t limit,
                     struct problem *problem)
{
	static const char of_flow_run[] =
	        "DELETE FROM log WHERE rowid IN (SELECT rowid FROM log WHERE flow_run_id = ?1 LIMIT ?2)";
	static const char of_task_run[] =
	        "DELETE FROM log WHERE rowid IN (SELECT rowid FROM log WHERE task_run_id = ?1 LIMIT ?2)";
	const bool by_task = uuid_is_nil(flow_run_id);
	int result = db_run(db, by_task ? of_task_run : of_flow_run, problem, "ui", by_task ? task_run_id : flow_run_id,
	                    limit);

	return result < 0 ? result : (int)db->driver->changes(db);
}
