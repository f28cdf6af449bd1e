/* SPDX-License-Identifier: Apache-2.0 */
#include "store/checkpoint.h"

int store_checkpoint_put(struct db *db, struct uuid flow_run_id, struct str key, struct str value, int64_t now_us,
                         struct problem *problem)
{
	return db_run(db,
	              "INSERT INTO checkpoint (flow_run_id, key, value, created) VALUES (?1, ?2, ?3, ?4) "
	              "ON CONFLICT (flow_run_id, key) DO UPDATE SET value = excluded.value, created = excluded.created",
	              problem, "usst", flow_run_id, key, value, now_us);
}

int store_checkpoint_find(struct db *db, struct uuid flow_run_id, struct str key, struct arena *arena,
                          struct str *value, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, "SELECT value FROM checkpoint WHERE flow_run_id = ?1 AND key = ?2", &statement,
	                      problem, "us", flow_run_id, key);

	if (result == 0)
		result = db_step(statement, problem);
	if (result <= 0)
		return result < 0 ? result : WEIR_ENOTFOUND;
	*value = db_column_text(statement, 0, arena);
	return 0;
}
