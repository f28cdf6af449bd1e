/* SPDX-License-Identifier: Apache-2.0 */
#include "store/limit.h"

#include "store/query.h"
#include "store/sql_text.h"

/* --- Limits --- */

int store_limit_insert(struct db *db, const struct concurrency_limit *limit, bool *inserted, struct problem *problem)
{
	return record_insert(db, &concurrency_limit_fields, limit, "ON CONFLICT (name) DO NOTHING", inserted, problem);
}

int store_limit_update(struct db *db, const struct concurrency_limit *limit, struct problem *problem)
{
	return record_update(db, &concurrency_limit_fields, limit, problem);
}

int store_limit_delete(struct db *db, struct uuid id, struct problem *problem)
{
	return db_run(db, "DELETE FROM concurrency_limit WHERE id = ?1", problem, "u", id);
}

int store_limit_find(struct db *db, struct uuid id, struct arena *arena, struct concurrency_limit *out,
                     struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text, "SELECT %s FROM concurrency_limit WHERE id = ?1",
	                               record_columns(&concurrency_limit_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "u", id);

	return result < 0 ? result : record_first(statement, &concurrency_limit_fields, arena, out, problem);
}

int store_limit_find_name(struct db *db, struct str name, struct arena *arena, struct concurrency_limit *out,
                          struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text, "SELECT %s FROM concurrency_limit WHERE name = ?1",
	                               record_columns(&concurrency_limit_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "s", name);

	return result < 0 ? result : record_first(statement, &concurrency_limit_fields, arena, out, problem);
}

int store_limit_list(struct db *db, const struct limit_query *query, record_row_fn *each, void *data,
                     struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text,
	                               "SELECT %s FROM concurrency_limit WHERE substr(name, 1, length(?1)) = ?1"
	                               " AND active >= ?2 ORDER BY name LIMIT ?3 OFFSET ?4",
	                               record_columns(&concurrency_limit_fields, ""));
	struct str prefix = query->prefix.data ? query->prefix : STR("");
	int64_t limit = query->limit ? query->limit : QUERY_DEFAULT_LIMIT;
	AUTO(db_resetp) struct db_statement *statement = NULL;
	struct concurrency_limit row;
	int result = db_query(db, sql, &statement, problem, "sbii", prefix, query->active, limit, query->offset);

	return result < 0 ? result : record_each(statement, &concurrency_limit_fields, &row, each, data, problem);
}

/* --- Slots --- */

int store_slot_insert(struct db *db, const struct slot_row *slot, struct problem *problem)
{
	return record_insert(db, &slot_fields, slot, "", NULL, problem);
}

int store_slot_delete(struct db *db, struct uuid id, struct problem *problem)
{
	return db_run(db, "DELETE FROM slot WHERE id = ?1", problem, "u", id);
}

int store_slot_resize(struct db *db, struct uuid id, int64_t slots, struct problem *problem)
{
	return db_run(db, "UPDATE slot SET slots = ?2 WHERE id = ?1", problem, "ui", id, slots);
}

int store_slot_sum(struct db *db, struct uuid limit_id, int64_t now_us, int64_t *out, struct problem *problem)
{
	return db_integer(db,
	                  "SELECT coalesce(sum(slots), 0) FROM slot"
	                  " WHERE limit_id = ?1 AND (expires IS NULL OR expires > ?2)",
	                  out, problem, "ui", limit_id, now_us);
}

/* Each column that slots are looked for by has a text of its own, so that its index is used. */
static const char *slot_condition(const struct slot_query *query, struct uuid *key)
{
	if (!uuid_is_nil(query->holder_id)) {
		*key = query->holder_id;
		return "holder_id";
	}
	if (!uuid_is_nil(query->lease_id)) {
		*key = query->lease_id;
		return "lease_id";
	}
	if (!uuid_is_nil(query->flow_run_id)) {
		*key = query->flow_run_id;
		return "flow_run_id";
	}
	if (!uuid_is_nil(query->program_id)) {
		*key = query->program_id;
		return "program_id";
	}
	*key = query->limit_id;
	return "limit_id";
}

static int query_slots(struct db *db, const struct slot_query *query, bool newest, struct db_statement **out,
                       struct problem *problem)
{
	static struct {
		const char *column;
		struct sql_text texts[2];
	} kinds[] = { { .column = "holder_id" },
		      { .column = "lease_id" },
		      { .column = "flow_run_id" },
		      { .column = "program_id" },
		      { .column = "limit_id" } };
	struct uuid key;
	const char *column = slot_condition(query, &key), *sql;
	size_t i = 0;

	while (strcmp(kinds[i].column, column) != 0)
		i++;
	sql = sql_text_get(&kinds[i].texts[newest],
	                   "SELECT %s FROM slot WHERE %s = ?1 AND (?2 IS NULL OR limit_id = ?2) ORDER BY id%s",
	                   record_columns(&slot_fields, ""), column, newest ? " DESC LIMIT 1" : "");
	return db_query(db, sql, out, problem, "uu", key, query->limit_id);
}

int store_slot_newest(struct db *db, const struct slot_query *query, struct arena *arena, struct slot_row *out,
                      struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = query_slots(db, query, true, &statement, problem);

	return result < 0 ? result : record_first(statement, &slot_fields, arena, out, problem);
}

int store_slot_list(struct db *db, const struct slot_query *query, record_row_fn *each, void *data,
                    struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	struct slot_row row;
	int result = query_slots(db, query, false, &statement, problem);

	return result < 0 ? result : record_each(statement, &slot_fields, &row, each, data, problem);
}

/* --- Waiters --- */

int store_waiter_insert(struct db *db, const struct slot_waiter *waiter, struct problem *problem)
{
	return record_insert(db, &slot_waiter_fields, waiter, "", NULL, problem);
}

int store_waiter_delete(struct db *db, struct uuid id, bool *deleted, struct problem *problem)
{
	int result = db_run(db, "DELETE FROM slot_waiter WHERE id = ?1", problem, "u", id);

	if (result == 0 && deleted)
		*deleted = db->driver->changes(db) > 0;
	return result;
}

int store_waiter_refuse(struct db *db, struct uuid id, struct str reason, struct problem *problem)
{
	return db_run(db, "UPDATE slot_waiter SET refusal = ?2 WHERE id = ?1", problem, "us", id, reason);
}

int store_waiter_next(struct db *db, struct uuid limit_id, int64_t after, struct arena *arena, struct slot_waiter *out,
                      struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text,
	                               "SELECT %s FROM slot_waiter WHERE limit_id = ?1 AND sequence > ?2"
	                               " AND refusal IS NULL ORDER BY sequence LIMIT 1",
	                               record_columns(&slot_waiter_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "ui", limit_id, after);

	return result < 0 ? result : record_first(statement, &slot_waiter_fields, arena, out, problem);
}

int store_waiter_next_of(struct db *db, struct uuid id, int64_t after, struct arena *arena, struct slot_waiter *out,
                         struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(
	        &text, "SELECT %s FROM slot_waiter WHERE id = ?1 AND sequence > ?2 ORDER BY sequence LIMIT 1",
	        record_columns(&slot_waiter_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "ui", id, after);

	return result < 0 ? result : record_first(statement, &slot_waiter_fields, arena, out, problem);
}

int store_waiter_of_program(struct db *db, struct uuid program_id, struct arena *arena, struct slot_waiter *out,
                            struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text, "SELECT %s FROM slot_waiter WHERE program_id = ?1 LIMIT 1",
	                               record_columns(&slot_waiter_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, sql, &statement, problem, "u", program_id);

	return result < 0 ? result : record_first(statement, &slot_waiter_fields, arena, out, problem);
}

int store_waiter_ids(struct db *db, struct uuid program_id, void (*each)(void *data, struct uuid id), void *data,
                     struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, "SELECT DISTINCT id FROM slot_waiter WHERE program_id = ?1 AND refusal IS NULL",
	                      &statement, problem, "u", program_id);

	while (result == 0 && (result = db_step(statement, problem)) > 0) {
		each(data, db_column_uuid(statement, 0));
		result = 0;
	}
	return result;
}

int store_waiter_blocks(struct db *db, struct uuid limit_id, int64_t before, int64_t free, bool *out,
                        struct problem *problem)
{
	int64_t found;
	int result = db_integer(db,
	                        "SELECT EXISTS (SELECT 1 FROM slot_waiter"
	                        " WHERE limit_id = ?1 AND sequence < ?2 AND slots > ?3 AND refusal IS NULL)",
	                        &found, problem, "uii", limit_id, before, free);

	*out = result == 0 && found;
	return result;
}

int store_waiter_ahead(struct db *db, struct uuid limit_id, int64_t before, int64_t *waiters, int64_t *slots,
                       struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db,
	                      "SELECT count(*), coalesce(sum(slots), 0) FROM slot_waiter"
	                      " WHERE limit_id = ?1 AND sequence < ?2 AND refusal IS NULL",
	                      &statement, problem, "ui", limit_id, before);

	if (result == 0)
		result = db_step(statement, problem);
	if (result < 0)
		return result;
	*waiters = db_column_integer(statement, 0);
	*slots = db_column_integer(statement, 1);
	return 0;
}

int store_waiter_list(struct db *db, struct uuid holder_id, record_row_fn *each, void *data, struct problem *problem)
{
	static struct sql_text text;
	const char *sql = sql_text_get(&text, "SELECT %s FROM slot_waiter WHERE holder_id = ?1 ORDER BY sequence",
	                               record_columns(&slot_waiter_fields, ""));
	AUTO(db_resetp) struct db_statement *statement = NULL;
	struct slot_waiter row;
	int result = db_query(db, sql, &statement, problem, "u", holder_id);

	return result < 0 ? result : record_each(statement, &slot_waiter_fields, &row, each, data, problem);
}
