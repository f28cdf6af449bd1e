/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record.h"

#include "base/strbuf.h"
#include "base/vec.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

/* The SQL texts of a table are made once; statements are cached by their address. */
struct record_sql {
	const struct field_table *table;
	const char *kind; /* which text: its template's address, or the literal that varies it */
	const char *prefix;
	char *text;
};

static struct {
	pthread_rwlock_t lock;
	struct VEC(struct record_sql) texts;
} made = { .lock = PTHREAD_RWLOCK_INITIALIZER };

static bool has_column(const struct field *field)
{
	return !(field->flags & FIELD_NO_COLUMN);
}

static const char *column_of(const struct field *field)
{
	return field->column ? field->column : field->name;
}

static void add_columns(struct strbuf *sql, const struct field_table *table, const char *prefix)
{
	const char *comma = "";

	for (size_t i = 0; i < table->count; i++) {
		if (!has_column(&table->fields[i]))
			continue;
		strbuf_printf(sql, "%s%s%s", comma, prefix, column_of(&table->fields[i]));
		comma = ", ";
	}
}

static void make_columns(struct strbuf *sql, const struct field_table *table, const char *prefix)
{
	add_columns(sql, table, prefix);
}

static void make_insert(struct strbuf *sql, const struct field_table *table, const char *conflict)
{
	unsigned number = 0;

	strbuf_printf(sql, "INSERT INTO %s (", table->name);
	add_columns(sql, table, "");
	strbuf_puts(sql, ") VALUES (");
	for (size_t i = 0; i < table->count; i++) {
		if (!has_column(&table->fields[i]))
			continue;
		number++;
		strbuf_printf(sql, "%s?%u", number > 1 ? ", " : "", number);
	}
	strbuf_printf(sql, ") %s", conflict);
}

static void make_update(struct strbuf *sql, const struct field_table *table, const char *unused)
{
	unsigned number = 0, id = 0;
	const char *comma = "";

	(void)unused;
	strbuf_printf(sql, "UPDATE %s SET ", table->name);
	for (size_t i = 0; i < table->count; i++) {
		if (!has_column(&table->fields[i]))
			continue;
		number++;
		if (strcmp(table->fields[i].name, "id") == 0) {
			id = number;
			continue;
		}
		strbuf_printf(sql, "%s%s = ?%u", comma, column_of(&table->fields[i]), number);
		comma = ", ";
	}
	strbuf_printf(sql, " WHERE id = ?%u", id);
}

static void make_find(struct strbuf *sql, const struct field_table *table, const char *unused)
{
	(void)unused;
	strbuf_puts(sql, "SELECT ");
	add_columns(sql, table, "");
	strbuf_printf(sql, " FROM %s WHERE id = ?1", table->name);
}

typedef void make_fn(struct strbuf *sql, const struct field_table *table, const char *detail);

static const char *find_text(const struct field_table *table, const char *kind, const char *detail)
{
	for (size_t i = 0; i < made.texts.count; i++) {
		const struct record_sql *sql = &made.texts.items[i];

		if (sql->table == table && sql->kind == kind &&
		    (sql->prefix == detail || strcmp(sql->prefix, detail) == 0))
			return sql->text;
	}
	return NULL;
}

/* The text of a kind for a table, made on first use. kind is a literal that names it. */
static const char *text_of(const struct field_table *table, const char *kind, make_fn *make, const char *detail)
{
	struct strbuf sql = { 0 };
	const char *text;

	pthread_rwlock_rdlock(&made.lock);
	text = find_text(table, kind, detail);
	pthread_rwlock_unlock(&made.lock);
	if (text)
		return text;
	pthread_rwlock_wrlock(&made.lock);
	text = find_text(table, kind, detail);
	if (!text) {
		make(&sql, table, detail);
		text = strbuf_take(&sql);
		vec_push(&made.texts, ((struct record_sql){ table, kind, detail, (char *)(uintptr_t)text }));
	}
	pthread_rwlock_unlock(&made.lock);
	return text;
}

static const char COLUMNS[] = "columns", INSERT[] = "insert", UPDATE[] = "update", FIND[] = "find";

const char *record_columns(const struct field_table *table, const char *prefix)
{
	return text_of(table, COLUMNS, make_columns, prefix);
}

/* --- Values --- */

static void bind_field(const struct db_driver *driver, struct db_statement *statement, int index,
                       const struct field *field, const void *record)
{
	const void *place = field_place(field, record);

	if (field_is_none(field, record)) {
		driver->bind_null(statement, index);
		return;
	}
	switch (field->type) {
	case FIELD_UUID:
		driver->bind_blob(statement, index, place, sizeof(struct uuid));
		break;
	case FIELD_TEXT:
	case FIELD_JSON:
		driver->bind_text(statement, index, *(const struct str *)place);
		break;
	case FIELD_TIMESTAMP:
	case FIELD_DURATION:
	case FIELD_INTEGER:
		driver->bind_integer(statement, index, *(const int64_t *)place);
		break;
	case FIELD_REAL:
		driver->bind_real(statement, index, *(const double *)place);
		break;
	case FIELD_BOOLEAN:
		driver->bind_integer(statement, index, *(const bool *)place);
		break;
	case FIELD_ENUM:
		driver->bind_text(statement, index, str_of(field->names[*(const int *)place]));
		break;
	}
}

static void bind_record(struct db_statement *statement, const struct field_table *table, const void *record)
{
	const struct db_driver *driver = statement->db->driver;
	int index = 0;

	for (size_t i = 0; i < table->count; i++) {
		if (has_column(&table->fields[i]))
			bind_field(driver, statement, ++index, &table->fields[i], record);
	}
}

static void read_field(struct db_statement *statement, int column, const struct field *field, struct arena *arena,
                       void *record)
{
	const struct db_driver *driver = statement->db->driver;
	void *place = field_place(field, record);

	switch (field->type) {
	case FIELD_UUID:
		*(struct uuid *)place = db_column_uuid(statement, column);
		break;
	case FIELD_TEXT:
	case FIELD_JSON:
		*(struct str *)place = db_column_text(statement, column, arena);
		break;
	case FIELD_TIMESTAMP:
	case FIELD_INTEGER: /* INTEGER_NONE and TIMESTAMP_NONE are one value */
		*(int64_t *)place = db_column_timestamp(statement, column);
		break;
	case FIELD_DURATION:
		*(int64_t *)place = driver->column_integer(statement, column);
		break;
	case FIELD_REAL:
		*(double *)place = driver->column_type(statement, column) == DB_NULL
		                           ? (double)NAN
		                           : driver->column_real(statement, column);
		break;
	case FIELD_BOOLEAN:
		*(bool *)place = driver->column_integer(statement, column) != 0;
		break;
	case FIELD_ENUM:
		*(int *)place = enum_value(field->names, driver->column_text(statement, column));
		break;
	}
}

void record_read(struct db_statement *statement, int first, const struct field_table *table, struct arena *arena,
                 void *record)
{
	int column = first;

	memset(record, 0, table->record_size);
	for (size_t i = 0; i < table->count; i++) {
		if (has_column(&table->fields[i]))
			read_field(statement, column++, &table->fields[i], arena, record);
	}
}

/* --- Statements --- */

static int query_record(struct db *db, const char *sql, const struct field_table *table, const void *record,
                        struct db_statement **out, struct problem *problem)
{
	int result = db_query(db, sql, out, problem, "");

	if (result == 0)
		bind_record(*out, table, record);
	return result;
}

static int run_record(struct db *db, const char *sql, const struct field_table *table, const void *record,
                      struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = query_record(db, sql, table, record, &statement, problem);

	return result < 0 ? result : db_step(statement, problem);
}

int record_insert_query(struct db *db, const struct field_table *table, const void *record, const char *conflict,
                        struct db_statement **out, struct problem *problem)
{
	return query_record(db, text_of(table, INSERT, make_insert, conflict), table, record, out, problem);
}

int record_insert(struct db *db, const struct field_table *table, const void *record, const char *conflict,
                  bool *inserted, struct problem *problem)
{
	int result = run_record(db, text_of(table, INSERT, make_insert, conflict), table, record, problem);

	if (result == 0 && inserted)
		*inserted = db->driver->changes(db) > 0;
	return result;
}

int record_update(struct db *db, const struct field_table *table, const void *record, struct problem *problem)
{
	int result = run_record(db, text_of(table, UPDATE, make_update, ""), table, record, problem);

	if (result == 0 && db->driver->changes(db) == 0)
		return problem_set(problem, WEIR_ENOTFOUND, "%s not found", table->name);
	return result;
}

int record_find(struct db *db, const struct field_table *table, struct uuid id, struct arena *arena, void *record,
                struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db_query(db, text_of(table, FIND, make_find, ""), &statement, problem, "u", id);

	if (result == 0)
		result = db_step(statement, problem);
	if (result < 0)
		return result;
	if (result == 0)
		return problem_set(problem, WEIR_ENOTFOUND, "%s %s not found", table->name, uuid_text(id).text);
	record_read(statement, 0, table, arena, record);
	return 0;
}

int record_first(struct db_statement *statement, const struct field_table *table, struct arena *arena, void *record,
                 struct problem *problem)
{
	int result = db_step(statement, problem);

	if (result <= 0)
		return result < 0 ? result : WEIR_ENOTFOUND;
	record_read(statement, 0, table, arena, record);
	return 0;
}

int record_each(struct db_statement *statement, const struct field_table *table, void *record, record_row_fn *each,
                void *data, struct problem *problem)
{
	AUTO(arena_done) struct arena arena = { 0 };
	int result = 0;

	while (result == 0 && (result = db_step(statement, problem)) > 0) {
		arena_clear(&arena);
		record_read(statement, 0, table, &arena, record);
		result = each(data, record);
	}
	return result;
}
