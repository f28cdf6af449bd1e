/* SPDX-License-Identifier: Apache-2.0 */
#include "store/flow_run_input.h"

int store_flow_run_input_put(struct db *db, struct uuid flow_run_id, struct str key, struct str value, int64_t now_us,
                             struct problem *problem)
{
	return db_run(db,
	              "INSERT INTO flow_run_input (flow_run_id, key, value, id, created, updated) "
	              "VALUES (?1, ?2, ?3, ?4, ?5, ?5) "
	              "ON CONFLICT (flow_run_id, key) DO UPDATE SET value = excluded.value, updated = excluded.updated",
	              problem, "ussut", flow_run_id, key, value, uuid_new(), now_us);
}

int store_flow_run_input_find(struct db *db, struct uuid flow_run_id, struct str key, struct arena *arena,
                              struct str *value, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, "SELECT value FROM flow_run_input WHERE flow_run_id = ?1 AND key = ?2", &statement,
	                      problem, "us", flow_run_id, key);

	*value = STR_NULL;
	if (result == 0)
		result = db_step(statement, problem);
	if (result <= 0)
		return result;
	*value = db_column_text(statement, 0, arena);
	return 0;
}
