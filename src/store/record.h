/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - rows between structs and SQL, by field table: no column list is written twice. */
#ifndef WEIR_STORE_RECORD_H
#define WEIR_STORE_RECORD_H

#include "base/field.h"
#include "store/db.h"

/*
 * "a, b, c": the columns of a table in the order of its rows (those that are not FIELD_NO_COLUMN), prefix put before
 * each ("run." or ""). The text is made once and lives as long as the process.
 */
const char *record_columns(const struct field_table *table, const char *prefix);

/* INSERT the record; conflict is the SQL after the values, "" or "ON CONFLICT DO NOTHING", a literal. *inserted, unless
   NULL, tells whether a row came in. */
MUST_CHECK int record_insert(struct db *db, const struct field_table *table, const void *record, const char *conflict,
                             bool *inserted, struct problem *problem);

/* The same for a conflict clause that ends in RETURNING: prepared and bound, for db_step. The record must live until
   db_reset. */
MUST_CHECK int record_insert_query(struct db *db, const struct field_table *table, const void *record,
                                   const char *conflict, struct db_statement **out, struct problem *problem);

/* UPDATE all columns of the row with the record's id. WEIR_ENOTFOUND when there is none. */
MUST_CHECK int record_update(struct db *db, const struct field_table *table, const void *record,
                             struct problem *problem);

/* Read the present row of a query whose columns from first on are record_columns. Texts are copied into the arena. */
void record_read(struct db_statement *statement, int first, const struct field_table *table, struct arena *arena,
                 void *record);

/* The first row of such a query, that is bound and whose first column is the table's first: 0, or WEIR_ENOTFOUND without a
   word. */
MUST_CHECK int record_first(struct db_statement *statement, const struct field_table *table, struct arena *arena,
                            void *record, struct problem *problem);

/* Read all rows of such a query into the record, one after the other, and call each for them; its texts live for the call.
   Stops when that gives another value than 0, and returns it. */
typedef int record_row_fn(void *data, const void *record);
MUST_CHECK int record_each(struct db_statement *statement, const struct field_table *table, void *record,
                           record_row_fn *each, void *data, struct problem *problem);

/* SELECT by id. WEIR_ENOTFOUND with "<noun> not found" when there is none. */
MUST_CHECK int record_find(struct db *db, const struct field_table *table, struct uuid id, struct arena *arena,
                           void *record, struct problem *problem);

#endif
