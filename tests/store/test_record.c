/* SPDX-License-Identifier: Apache-2.0 */
/* Rows between structs and SQL: every table of the model, with every field set and with every field at "no value". */
#include "support.h"

#include "model/run.h"
#include "store/record.h"

#include <math.h>
#include <stdlib.h>

static const struct field_table *const tables[] = {
	&flow_fields,           &flow_run_fields, &task_run_fields, &flow_run_state_fields,
	&task_run_state_fields, &log_fields,      &event_fields,
};

/* Enough for a record of any of the tables. */
union record {
	struct flow flow;
	struct flow_run flow_run;
	struct task_run task_run;
	struct state state;
	struct log_line log_line;
	struct event event;
};

static struct {
	struct store *store;
	struct db *db; /* a connection of the test's own, that writes */
	struct arena arena;
} the;

static int set_up(void **state)
{
	struct store_options options = { .mode = STORE_WRITE };
	struct problem problem;
	int result = folder_set_up(state);

	if (result != 0)
		return result;
	options.path = path_in("weir.db");
	assert_ok(store_open(&options, &the.store, &problem), &problem);
	the.db = open_rows(options.path, DB_WRITE, NULL);
	/* Rows are looked at by themselves here. */
	assert_ok(db_execute(the.db, "PRAGMA foreign_keys=OFF", &problem), &problem);
	return 0;
}

static int tear_down(void **state)
{
	db_close(the.db);
	store_close(the.store);
	arena_done(&the.arena);
	return folder_tear_down(state);
}

/* --- Values --- */

/* The variant-th value of a field; differs from field to field and from variant to variant, as far as the type has
   values. */
static void set_value(const struct field *field, size_t row, int variant, void *record)
{
	static const int64_t integers[] = { 0, -1, INT64_MAX, INT64_MIN + 1, 1769846400000000 };
	static const char *const texts[] = { "", "plain", "quo'te \"and\" \\ back", "zürich 漢字 🙂", "a\nb\tc" };
	void *place = field_place(field, record);
	size_t number = row + (size_t)variant;
	int names = 0;

	switch (field->type) {
	case FIELD_UUID:
		memset(place, (int)(number % 255) + 1, sizeof(struct uuid));
		break;
	case FIELD_TEXT:
		*(struct str *)place = str_of(texts[number % ARRAY_LENGTH(texts)]);
		break;
	case FIELD_JSON:
		*(struct str *)place = arena_printf(&the.arena, "{\"n\":%zu,\"t\":\"%s\"}", number, "é\\u0000");
		break;
	case FIELD_TIMESTAMP:
	case FIELD_DURATION:
	case FIELD_INTEGER:
		*(int64_t *)place = integers[number % ARRAY_LENGTH(integers)];
		break;
	case FIELD_REAL:
		*(double *)place = 0.1 * (double)number;
		break;
	case FIELD_BOOLEAN:
		*(bool *)place = number % 2;
		break;
	case FIELD_ENUM:
		while (field->names[names + 1])
			names++;
		*(int *)place = 1 + (int)(number % (size_t)names);
		break;
	}
}

static void fill(const struct field_table *table, int variant, void *record)
{
	memset(record, 0, table->record_size);
	for (size_t i = 0; i < table->count; i++)
		set_value(&table->fields[i], i, variant, record);
}

static bool same_value(const struct field *field, const void *a, const void *b)
{
	const void *x = field_place(field, a), *y = field_place(field, b);

	switch (field->type) {
	case FIELD_UUID:
		return uuid_equal(*(const struct uuid *)x, *(const struct uuid *)y);
	case FIELD_TEXT:
	case FIELD_JSON: {
		const struct str *s = x, *t = y;

		return !s->data == !t->data && str_equal(*s, *t);
	}
	case FIELD_TIMESTAMP:
	case FIELD_DURATION:
	case FIELD_INTEGER:
		return *(const int64_t *)x == *(const int64_t *)y;
	case FIELD_REAL: {
		double p = *(const double *)x, q = *(const double *)y;

		return (isnan(p) && isnan(q)) || (p >= q && p <= q);
	}
	case FIELD_BOOLEAN:
		return *(const bool *)x == *(const bool *)y;
	case FIELD_ENUM:
		return *(const int *)x == *(const int *)y;
	}
	return false;
}

static void check_same(const struct field_table *table, const void *got, const void *expected)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];

		if (field->flags & FIELD_NO_COLUMN)
			continue;
		if (!same_value(field, got, expected))
			fail_msg("%s.%s is not what was written", table->name, field->name);
	}
}

static struct uuid id_of(const struct field_table *table, const void *record)
{
	return *(const struct uuid *)field_place(field_find(table, STR("id")), record);
}

static void find(const struct field_table *table, struct uuid id, union record *out)
{
	struct problem problem;

	assert_ok(record_find(the.db, table, id, &the.arena, out, &problem), &problem);
}

/* --- Round trips --- */

static void test_every_field_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		for (int variant = 0; variant < 5; variant++) {
			union record written, found;
			struct problem problem;
			bool inserted = false;
			struct uuid id;

			fill(tables[i], variant, &written);
			id = uuid_new();
			*(struct uuid *)field_place(field_find(tables[i], STR("id")), &written) = id;
			assert_ok(record_insert(the.db, tables[i], &written, "", &inserted, &problem), &problem);
			assert_true(inserted);
			find(tables[i], id, &found);
			check_same(tables[i], &found, &written);
			/* Other values in the same row: none of the old ones stays. */
			fill(tables[i], variant + 1, &written);
			*(struct uuid *)field_place(field_find(tables[i], STR("id")), &written) = id;
			assert_ok(record_update(the.db, tables[i], &written, &problem), &problem);
			find(tables[i], id, &found);
			check_same(tables[i], &found, &written);
			assert_ok(db_execute(the.db, arena_printf(&the.arena, "DELETE FROM %s", tables[i]->name).data,
			                     &problem),
			          &problem);
		}
	}
}

/* Columns of a table that must have a value, and are not given one by a fallback. */
static bool must_have_value(const struct field_table *table, const struct field *field)
{
	struct problem problem;
	int64_t needed;

	assert_ok(db_integer(the.db, "SELECT \"notnull\" FROM pragma_table_info(?1) WHERE name = ?2", &needed, &problem,
	                     "ss", str_of(table->name), str_of(field->name)),
	          &problem);
	return needed;
}

static void test_no_value_comes_back_as_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		union record written, found;
		struct problem problem;
		size_t none = 0;

		fields_init(tables[i], &written);
		for (size_t row = 0; row < tables[i]->count; row++) {
			const struct field *field = &tables[i]->fields[row];

			if (!must_have_value(tables[i], field)) {
				field_set_null(field, &written);
				none += field_is_none(field, &written);
			} else if (field_is_none(field, &written)) {
				set_value(field, row, 1, &written);
			}
		}
		/* An outbox row gets its number from the table. */
		if (tables[i] == &event_fields)
			written.event.sequence = INTEGER_NONE;
		assert_ok(record_insert(the.db, tables[i], &written, "", NULL, &problem), &problem);
		find(tables[i], id_of(tables[i], &written), &found);
		if (tables[i] == &event_fields)
			written.event.sequence = 1;
		check_same(tables[i], &found, &written);
		assert_true(none > 0);
		assert_ok(record_update(the.db, tables[i], &found, &problem), &problem);
		find(tables[i], id_of(tables[i], &written), &found);
		check_same(tables[i], &found, &written);
	}
}

static void test_a_needed_value_that_is_missing(void **state)
{
	struct problem problem;
	union record record;

	(void)state;
	fill(&flow_fields, 0, &record);
	record.flow.name = STR_NULL;
	assert_int_equal(record_insert(the.db, &flow_fields, &record, "", NULL, &problem), WEIR_ECONFLICT);
	assert_non_null(strstr(problem.message, "flow.name"));
}

static void test_conflicts(void **state)
{
	union record first, second, found;
	struct problem problem;
	bool inserted = true;

	(void)state;
	fill(&flow_fields, 0, &first);
	fill(&flow_fields, 1, &second);
	second.flow.id = first.flow.id;
	assert_ok(record_insert(the.db, &flow_fields, &first, "", NULL, &problem), &problem);
	assert_int_equal(record_insert(the.db, &flow_fields, &second, "", &inserted, &problem), WEIR_ECONFLICT);
	assert_ok(record_insert(the.db, &flow_fields, &second, "ON CONFLICT DO NOTHING", &inserted, &problem),
	          &problem);
	assert_false(inserted);
	find(&flow_fields, first.flow.id, &found);
	check_same(&flow_fields, &found, &first);
}

static void test_a_row_that_is_not_there(void **state)
{
	struct problem problem;
	union record record;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		fill(tables[i], 0, &record);
		assert_int_equal(record_update(the.db, tables[i], &record, &problem), WEIR_ENOTFOUND);
		assert_int_equal(
		        record_find(the.db, tables[i], id_of(tables[i], &record), &the.arena, &record, &problem),
		        WEIR_ENOTFOUND);
	}
}

/* Read behind other columns, and under another name of the table. */
static void test_columns_with_a_prefix(void **state)
{
	struct db_statement *statement;
	union record written, found;
	struct problem problem;
	const char *sql;

	(void)state;
	assert_string_equal(record_columns(&flow_fields, "f."), "f.id, f.created, f.updated, f.name, f.tags, f.labels");
	assert_ptr_equal(record_columns(&flow_fields, "f."), record_columns(&flow_fields, "f."));
	fill(&flow_fields, 1, &written);
	assert_ok(record_insert(the.db, &flow_fields, &written, "", NULL, &problem), &problem);
	sql = arena_printf(&the.arena, "SELECT 7, %s FROM flow AS f", record_columns(&flow_fields, "f.")).data;
	assert_ok(db_query(the.db, sql, &statement, &problem, ""), &problem);
	assert_int_equal(db_step(statement, &problem), 1);
	assert_int_equal(db_column_integer(statement, 0), 7);
	record_read(statement, 1, &flow_fields, &the.arena, &found);
	db_reset(statement);
	check_same(&flow_fields, &found, &written);
}

/* --- Statements --- */

static void test_arguments_of_every_kind(void **state)
{
	static const char sql[] = "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, typeof(?4), typeof(?8)";
	struct uuid id = uuid_new();
	struct db_statement *statement;
	struct problem problem;

	(void)state;
	assert_ok(db_query(the.db, sql, &statement, &problem, "irsutbnsu", (int64_t)-5, 0.5, STR("té\0xt"), id,
	                   TIMESTAMP_NONE, true, STR_NULL, (struct uuid){ { 0 } }),
	          &problem);
	assert_int_equal(db_step(statement, &problem), 1);
	assert_int_equal(db_column_integer(statement, 0), -5);
	assert_true(the.db->driver->column_real(statement, 1) > 0.4);
	assert_true(str_equal(db_column_text(statement, 2, &the.arena), STR("té\0xt")));
	assert_true(uuid_equal(db_column_uuid(statement, 3), id));
	assert_true(db_column_timestamp(statement, 4) == TIMESTAMP_NONE);
	assert_int_equal(db_column_integer(statement, 5), 1);
	assert_int_equal(the.db->driver->column_type(statement, 6), DB_NULL);
	assert_null(db_column_text(statement, 7, &the.arena).data);
	assert_true(uuid_is_nil(db_column_uuid(statement, 8)));
	assert_string_equal(db_column_text(statement, 9, &the.arena).data, "blob");
	assert_string_equal(db_column_text(statement, 10, &the.arena).data, "null");
	assert_int_equal(db_step(statement, &problem), 0);
	db_reset(statement);
}

/* A statement that is being stepped can be used once more meanwhile; and nothing stays bound from one use to the next. */
static void test_statements_within_statements(void **state)
{
	static const char sql[] = "SELECT value FROM json_each('[1, 2]') WHERE ?1 IS NULL OR value = ?1";
	struct db_statement *outer, *inner;
	struct problem problem;
	int64_t sum = 0;

	(void)state;
	for (int use = 0; use < 2; use++) {
		assert_ok(db_query(the.db, sql, &outer, &problem, ""), &problem);
		while (db_step(outer, &problem) == 1) {
			assert_ok(db_query(the.db, sql, &inner, &problem, "i", db_column_integer(outer, 0)), &problem);
			assert_int_equal(db_step(inner, &problem), 1);
			sum = sum * 10 + db_column_integer(inner, 0);
			assert_int_equal(db_step(inner, &problem), 0);
			db_reset(inner);
		}
		db_reset(outer);
		assert_ok(db_query(the.db, sql, &outer, &problem, "i", (int64_t)2), &problem);
		assert_int_equal(db_step(outer, &problem), 1);
		db_reset(outer);
	}
	assert_int_equal(sum, 1212);
}

static void test_arguments_that_do_not_fit(void **state)
{
	static const char sql[] = "SELECT ?1";
	struct problem problem;
	int64_t value;

	(void)state;
	assert_int_equal(db_integer(the.db, sql, &value, &problem, "ii", (int64_t)1, (int64_t)2), WEIR_EINTERNAL);
	assert_ok(db_integer(the.db, sql, &value, &problem, "i", (int64_t)1), &problem);
	assert_int_equal(value, 1);
	assert_ok(db_integer(the.db, "SELECT 1 WHERE 0", &value, &problem, ""), &problem);
	assert_int_equal(value, 0);
	assert_int_equal(db_execute(the.db, "SELEKT", &problem), WEIR_EINTERNAL);
	assert_non_null(strstr(problem.message, "SELEKT"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_every_field_comes_back),         TEST(test_no_value_comes_back_as_none),
		TEST(test_a_needed_value_that_is_missing), TEST(test_conflicts),
		TEST(test_a_row_that_is_not_there),        TEST(test_columns_with_a_prefix),
		TEST(test_arguments_of_every_kind),        TEST(test_statements_within_statements),
		TEST(test_arguments_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
