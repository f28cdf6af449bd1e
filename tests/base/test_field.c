/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables: fallbacks, what a body may hold, what is refused with which words, and what is written. */
#include "../check.h"

#include "base/field.h"

#include <math.h>

static const char *const colours[] = { NULL, "RED", "GREEN", "BLUE", NULL };

/* A member of each type; those with a fallback have a second name. */
struct sample {
	struct uuid id;
	struct uuid owner;
	struct str name;
	struct str title;
	struct str data;
	struct str tags;
	struct str list;
	struct str labels;
	int64_t at;
	int64_t since;
	int64_t took;
	int64_t limit;
	int64_t count;
	int64_t priority;
	double ratio;
	double factor;
	bool active;
	bool done;
	int colour;
	int shade;
	struct str secret;
	int64_t total;
};

#define SAMPLE(member, kind, ...) FIELD(struct sample, member, kind, __VA_ARGS__)

static const struct field rows[] = {
	SAMPLE(id, FIELD_UUID, .help = ""),
	SAMPLE(owner, FIELD_UUID, .fallback = "\"01234567-89ab-cdef-0123-456789abcdef\""),
	SAMPLE(name, FIELD_TEXT, .minimum = 2, .maximum = 5),
	SAMPLE(title, FIELD_TEXT, .flags = FIELD_NOT_NULL, .fallback = "\"untitled\""),
	SAMPLE(data, FIELD_JSON, .help = ""),
	SAMPLE(tags, FIELD_JSON, .flags = FIELD_STRINGS | FIELD_NOT_NULL, .fallback = "[]"),
	SAMPLE(list, FIELD_JSON, .flags = FIELD_ARRAY),
	SAMPLE(labels, FIELD_JSON, .flags = FIELD_OBJECT, .fallback = "{}"),
	SAMPLE(at, FIELD_TIMESTAMP, .help = ""),
	SAMPLE(since, FIELD_TIMESTAMP, .fallback = "\"2026-01-31T08:00:00Z\""),
	SAMPLE(took, FIELD_DURATION, .fallback = "0.0"),
	SAMPLE(limit, FIELD_INTEGER, .minimum = 0, .maximum = 200),
	SAMPLE(count, FIELD_INTEGER, .flags = FIELD_NOT_NULL, .fallback = "3"),
	SAMPLE(priority, FIELD_INTEGER, .minimum = 1, .maximum = INT64_MAX),
	SAMPLE(ratio, FIELD_REAL, .help = ""),
	SAMPLE(factor, FIELD_REAL, .fallback = "0.5"),
	SAMPLE(active, FIELD_BOOLEAN, .fallback = "true"),
	SAMPLE(done, FIELD_BOOLEAN, .flags = FIELD_NOT_NULL, .fallback = "false"),
	SAMPLE(colour, FIELD_ENUM, .names = colours),
	SAMPLE(shade, FIELD_ENUM, .names = colours, .fallback = "\"GREEN\""),
	SAMPLE(secret, FIELD_TEXT, .flags = FIELD_NO_JSON),
	SAMPLE(total, FIELD_INTEGER, .flags = FIELD_READ_ONLY, .fallback = "0"),
};

static const struct field_table table = { "sample", rows, ARRAY_LENGTH(rows), sizeof(struct sample) };

/* All members as they are written without further values. */
#define OWNER "\"01234567-89ab-cdef-0123-456789abcdef\""
#define DEFAULTS                                                                                                       \
	"{\"id\":null,\"owner\":" OWNER ",\"name\":null,\"title\":\"untitled\",\"data\":null,\"tags\":[],"             \
	"\"list\":null,\"labels\":{},\"at\":null,\"since\":\"2026-01-31T08:00:00Z\",\"took\":0.0,\"limit\":null,"      \
	"\"count\":3,\"priority\":null,\"ratio\":null,\"factor\":0.5,\"active\":true,\"done\":false,\"colour\":null,"  \
	"\"shade\":\"GREEN\",\"total\":0}"

static const struct json *must_parse(struct arena *arena, const char *text)
{
	const struct json *root;
	struct problem problem;

	if (json_read(arena, str_of(text), 0, &root, NULL, &problem) < 0)
		fail_msg("%s: %s", text, problem.message);
	return root;
}

typedef void write_function(const struct field_table *fields, const void *record, struct json_writer *writer);

static const char *write_with(write_function *write, struct arena *arena, const struct field_table *fields,
                              const void *record)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &out);
	json_begin_object(&writer);
	write(fields, record, &writer);
	json_end_object(&writer);
	return arena_str(arena, strbuf_str(&out)).data;
}

/* --- fallbacks --- */

static void init_sets_the_fallbacks(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct sample sample;

	memset(&sample, 0xAA, sizeof sample);
	fields_init(&table, &sample);
	assert_true(uuid_is_nil(sample.id));
	assert_int_equal(sample.owner.bytes[15], 0xEF);
	assert_null(sample.name.data);
	check_str("title", sample.title, "untitled");
	assert_null(sample.data.data);
	check_str("tags", sample.tags, "[]");
	assert_true(sample.at == TIMESTAMP_NONE);
	assert_true(sample.since == INT64_C(1769846400000000));
	assert_true(sample.took == 0);
	assert_true(sample.limit == INTEGER_NONE);
	assert_true(sample.count == 3);
	assert_true(isnan(sample.ratio));
	assert_true(sample.factor == 0.5);
	assert_true(sample.active);
	assert_false(sample.done);
	assert_int_equal(sample.colour, 0);
	assert_int_equal(sample.shade, 2);
	assert_null(sample.secret.data);
	check_text("all of it", write_with(fields_write, &arena, &table, &sample), DEFAULTS);
	check_text("compact", write_with(fields_write_compact, &arena, &table, &sample), "{}");
}

/* --- reading --- */

/* Read a body into a fresh record and give what differs from the fallbacks, or "PATH: message". */
static const char *read_body(struct arena *arena, const char *body, bool strict)
{
	struct problem problem = { 0 };
	struct sample sample;
	uint64_t present = 0;

	fields_init(&table, &sample);
	if (fields_read(&table, arena, must_parse(arena, body), &sample, &present, strict, &problem) == 0)
		return write_with(fields_write_compact, arena, &table, &sample);
	assert_int_equal(problem.code, WEIR_EINVAL);
	return arena_printf(arena, "%s: %s", problem.path, problem.message).data;
}

struct row {
	const char *body, *expected;
};

static void check_rows(const struct row *cases, size_t count, bool strict)
{
	for (size_t i = 0; i < count; i++) {
		AUTO(arena_done) struct arena arena = { 0 };

		check_text(cases[i].body, read_body(&arena, cases[i].body, strict), cases[i].expected);
	}
}

static void every_type_is_read(void **state UNUSED)
{
	static const struct row cases[] = {
		{ "{}", "{}" },
		{ "{\"id\":\"01234567-89ab-cdef-0123-456789abcdef\"}",
		  "{\"id\":\"01234567-89ab-cdef-0123-456789abcdef\"}" },
		{ "{\"id\":\"{0123456789ABCDEF0123456789abcdef}\"}",
		  "{\"id\":\"01234567-89ab-cdef-0123-456789abcdef\"}" },
		{ "{\"name\":\"a\\u00e9\\n\"}", "{\"name\":\"a\u00E9\\n\"}" },
		{ "{\"title\":\"\"}", "{\"title\":\"\"}" },
		{ "{\"data\":{\"n\" : 1180591620717411303424}}", "{\"data\":{\"n\" : 1180591620717411303424}}" },
		{ "{\"data\":\"\\u0000\"}", "{\"data\":\"\\u0000\"}" },
		{ "{\"data\":false}", "{\"data\":false}" },
		{ "{\"tags\":[\"a\",\"b\"]}", "{\"tags\":[\"a\",\"b\"]}" },
		{ "{\"list\":[1,{}]}", "{\"list\":[1,{}]}" },
		{ "{\"labels\":{\"a\":1}}", "{\"labels\":{\"a\":1}}" },
		{ "{\"at\":\"2026-01-31T08:00:00+02:00\"}", "{\"at\":\"2026-01-31T06:00:00Z\"}" },
		{ "{\"at\":1700000000.5}", "{\"at\":\"2023-11-14T22:13:20.500000Z\"}" },
		{ "{\"at\":\"1700000000\"}", "{\"at\":\"2023-11-14T22:13:20Z\"}" },
		{ "{\"took\":1.5}", "{\"took\":1.5}" },
		{ "{\"took\":\"PT1M30S\"}", "{\"took\":90.0}" },
		{ "{\"limit\":0}", "{\"limit\":0}" },
		{ "{\"limit\":200}", "{\"limit\":200}" },
		{ "{\"limit\":\"20\"}", "{\"limit\":20}" },
		{ "{\"count\":\"+20\"}", "{\"count\":20}" },
		{ "{\"count\":\"-20.0\"}", "{\"count\":-20}" },
		{ "{\"count\":7.0}", "{\"count\":7}" },
		{ "{\"count\":1e3}", "{\"count\":1000}" },
		{ "{\"count\":9223372036854775807}", "{\"count\":9223372036854775807}" },
		{ "{\"ratio\":1}", "{\"ratio\":1.0}" },
		{ "{\"ratio\":\"0.25\"}", "{\"ratio\":0.25}" },
		{ "{\"active\":false,\"done\":true}", "{\"active\":false,\"done\":true}" },
		{ "{\"colour\":\"RED\",\"shade\":\"BLUE\"}", "{\"colour\":\"RED\",\"shade\":\"BLUE\"}" },
		/* Members in any order; of two the last counts. */
		{ "{\"shade\":\"RED\",\"count\":1,\"name\":\"abc\",\"count\":2}",
		  "{\"name\":\"abc\",\"count\":2,\"shade\":\"RED\"}" },
	};

	check_rows(cases, ARRAY_LENGTH(cases), true);
}

static void null_is_no_value_or_the_fallback(void **state UNUSED)
{
	static const struct row cases[] = {
		{ "{\"id\":null,\"name\":null,\"data\":null,\"at\":null,\"limit\":null,\"ratio\":null,\"colour\":null}",
		  "{}" },
		/* A value by default, so that null is something else. */
		{ "{\"owner\":null,\"labels\":null,\"since\":null,\"factor\":null,\"shade\":null}",
		  "{\"owner\":null,\"labels\":null,\"since\":null,\"factor\":null,\"shade\":null}" },
		/* These types always have a value. */
		{ "{\"took\":null,\"active\":null}", "{}" },
		{ "{\"title\":null}", "title: title must not be null" },
		{ "{\"tags\":null}", "tags: tags must not be null" },
		{ "{\"count\":null}", "count: count must not be null" },
		{ "{\"done\":null}", "done: done must not be null" },
		/* The nil UUID is no value. */
		{ "{\"id\":\"00000000-0000-0000-0000-000000000000\"}", "{}" },
	};

	check_rows(cases, ARRAY_LENGTH(cases), true);
}

#define COLOURS "one of RED, GREEN, BLUE"
#define TIMESTAMP "a date and time such as \"2026-01-31T08:00:00Z\""
#define DURATION "a duration in seconds, or a text such as \"PT1M30S\""
#define INTEGER "an integer of at most 64 bits"

static void wrong_members_are_refused_by_name(void **state UNUSED)
{
	static const struct row cases[] = {
		{ "[]", ": sample must be an object" },
		{ "null", ": sample must be an object" },
		{ "{\"id\":\"x\"}", "id: id must be a UUID in quotes, not \"x\"" },
		{ "{\"id\":7}", "id: id must be a UUID in quotes, not 7" },
		{ "{\"title\":7}", "title: title must be a string, not 7" },
		{ "{\"title\":[]}", "title: title must be a string, not an array" },
		{ "{\"title\":{\"a\":1}}", "title: title must be a string, not an object" },
		{ "{\"name\":\"a\"}", "name: name must be at least 2 characters long, not 1" },
		{ "{\"name\":\"\u00E9\u00E9\u00E9\u00E9\u00E9\"}", "{\"name\":\"\u00E9\u00E9\u00E9\u00E9\u00E9\"}" },
		{ "{\"name\":\"abcdef\"}", "name: name must be at most 5 characters long, not 6" },
		{ "{\"labels\":[]}", "labels: labels must be an object, not an array" },
		{ "{\"list\":{}}", "list: list must be an array, not an object" },
		{ "{\"tags\":\"a\"}", "tags: tags must be an array of strings, not \"a\"" },
		{ "{\"tags\":[\"a\",1]}", "tags: element 1 of tags must be a string, not 1" },
		{ "{\"tags\":[[]]}", "tags: element 0 of tags must be a string, not an array" },
		{ "{\"at\":true}", "at: at must be " TIMESTAMP ", not true" },
		{ "{\"at\":\"soon\"}",
		  "at: at: \"soon\" is no date and time: it must look like 2026-01-31T08:00:00Z or be "
		  "Unix seconds" },
		{ "{\"at\":1e300}",
		  "at: at: 1e+300 is no Unix time in seconds or milliseconds: it is outside the years 0001 "
		  "to 9999" },
		{ "{\"took\":[]}", "took: took must be " DURATION ", not an array" },
		{ "{\"took\":\"long\"}",
		  "took: took: \"long\" is no duration: it must look like 90, 1.5, PT1M30S, 00:01:30 "
		  "or 2 days, 00:01:30" },
		{ "{\"count\":true}", "count: count must be " INTEGER ", not true" },
		{ "{\"count\":1.5}", "count: count must be " INTEGER ", not 1.5" },
		{ "{\"count\":\"\"}", "count: count must be " INTEGER ", not \"\"" },
		{ "{\"count\":\"+-1\"}", "count: count must be " INTEGER ", not \"+-1\"" },
		{ "{\"count\":\" 1\"}", "count: count must be " INTEGER ", not \" 1\"" },
		{ "{\"count\":9223372036854775808}", "count: count must be " INTEGER ", not 9223372036854775808" },
		{ "{\"count\":-9223372036854775808}", "count: count must be " INTEGER ", not -9223372036854775808" },
		{ "{\"limit\":201}", "limit: limit must be at most 200, not 201" },
		{ "{\"limit\":-1}", "limit: limit must be at least 0, not -1" },
		{ "{\"priority\":0}", "priority: priority must be at least 1, not 0" },
		{ "{\"ratio\":\"x\"}", "ratio: ratio must be a number, not \"x\"" },
		{ "{\"ratio\":false}", "ratio: ratio must be a number, not false" },
		{ "{\"ratio\":1e400}", "ratio: ratio must be a number that a double can hold, not 1e400" },
		{ "{\"active\":1}", "active: active must be true or false, not 1" },
		{ "{\"active\":\"true\"}", "active: active must be true or false, not \"true\"" },
		{ "{\"colour\":\"red\"}", "colour: colour must be " COLOURS ", not \"red\"" },
		{ "{\"colour\":\"\"}", "colour: colour must be " COLOURS ", not \"\"" },
		{ "{\"colour\":1}", "colour: colour must be " COLOURS ", not 1" },
		{ "{\"id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
		  "id: id must be a UUID in quotes, not \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u2026" },
	};

	check_rows(cases, ARRAY_LENGTH(cases), false);
}

static void closed_members_are_ignored_unless_strict(void **state UNUSED)
{
	static const struct row lenient[] = {
		{ "{\"unknown\":1,\"total\":7,\"secret\":\"x\",\"count\":4}", "{\"count\":4}" },
		{ "{\"total\":\"not even an integer\"}", "{}" },
		{ "{\"Count\":4,\"coun\":4,\"counts\":4,\"count\\u0000\":4}", "{}" },
	};
	static const struct row strict[] = {
		{ "{\"unknown\":1}", "unknown: unknown is no field of a sample" },
		{ "{\"count\\u0000\":1}", "count: count is no field of a sample" },
		{ "{\"secret\":\"x\"}", "secret: secret is no field of a sample" },
		{ "{\"total\":7}", "total: total can't be set by the body of a sample" },
	};

	check_rows(lenient, ARRAY_LENGTH(lenient), false);
	check_rows(strict, ARRAY_LENGTH(strict), true);
}

static void only_members_that_are_present_are_written(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct sample sample;
	uint64_t present = ~UINT64_C(0);

	memset(&sample, 0, sizeof sample);
	sample.count = 77;
	sample.limit = 88;
	assert_int_equal(fields_read(&table, &arena, must_parse(&arena, "{\"limit\":5,\"id\":null,\"total\":1}"),
	                             &sample, &present, false, NULL),
	                 0);
	assert_true(sample.count == 77);
	assert_true(sample.limit == 5);
	/* Bit 0 is the row of id, bit 11 that of limit. */
	assert_true(present == (UINT64_C(1) << 0 | UINT64_C(1) << 11));
	assert_int_equal(fields_read(&table, &arena, must_parse(&arena, "{}"), &sample, &present, false, NULL), 0);
	assert_true(present == 0);
	assert_int_equal(fields_read(&table, &arena, must_parse(&arena, "{\"limit\":-5}"), &sample, NULL, false, NULL),
	                 WEIR_EINVAL);
}

static void required_members_are_asked_for(void **state UNUSED)
{
	struct pair {
		int64_t left, right;
	};
	static const struct field pair_rows[] = {
		FIELD(struct pair, left, FIELD_INTEGER, .flags = FIELD_REQUIRED | FIELD_NOT_NULL),
		FIELD(struct pair, right, FIELD_INTEGER, .flags = FIELD_REQUIRED),
	};
	static const struct field_table pair_table = { "pair", pair_rows, 2, sizeof(struct pair) };
	static const struct row cases[] = {
		{ "{\"left\":1,\"right\":2}", NULL },
		{ "{\"right\":null,\"left\":1}", NULL },
		{ "{\"left\":1}", "right is required" },
		{ "{\"right\":1}", "left is required" },
		{ "{}", "left is required" },
		{ "{\"left\":null,\"right\":2}", "left must not be null" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		struct problem problem = { 0 };
		struct pair pair;
		int result = fields_read(&pair_table, &arena, must_parse(&arena, cases[i].body), &pair, NULL, false,
		                         &problem);

		check_integer(cases[i].body, result, cases[i].expected ? WEIR_EINVAL : 0);
		check_text(cases[i].body, problem.message, cases[i].expected ? cases[i].expected : "");
	}
}

/* --- writing --- */

static void a_field_that_must_not_be_null_is_written_as_its_fallback(void **state UNUSED)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct sample sample;

	fields_init(&table, &sample);
	sample.title = STR_NULL;
	sample.tags = STR_NULL;
	sample.count = INTEGER_NONE;
	check_text("all of it", write_with(fields_write, &arena, &table, &sample), DEFAULTS);
	check_text("compact", write_with(fields_write_compact, &arena, &table, &sample), "{}");
}

static void the_compact_form_reads_back(void **state UNUSED)
{
	static const char *const bodies[] = {
		"{}",
		("{\"id\":\"01234567-89ab-cdef-0123-456789abcdef\",\"owner\":null,\"name\":\"ab\",\"title\":\"\",\"data\":[1],"
		 "\"tags\":[\"t\"],\"list\":[],\"labels\":null,\"at\":\"0001-01-01T00:00:00Z\",\"since\":null,\"took\":-1.5,"
		 "\"limit\":1,\"count\":0,\"priority\":1,\"ratio\":1e+300,\"factor\":null,\"active\":false,\"done\":true,"
		 "\"colour\":\"BLUE\",\"shade\":null}"),
	};

	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		AUTO(arena_done) struct arena arena = { 0 };
		const char *once = read_body(&arena, bodies[i], true);

		check_text("once", once, bodies[i]);
		check_text("twice", read_body(&arena, once, true), bodies[i]);
	}
}

/* --- rows --- */

static void rows_are_found_by_name(void **state UNUSED)
{
	assert_ptr_equal(field_find(&table, STR("id")), &rows[0]);
	assert_ptr_equal(field_find(&table, STR("total")), &rows[ARRAY_LENGTH(rows) - 1]);
	assert_null(field_find(&table, STR("tota")));
	assert_null(field_find(&table, STR("totals")));
	assert_null(field_find(&table, STR("")));
	assert_null(field_find(&table, (struct str){ "id\0", 3 }));
}

static void none_and_null_are_told_by_type(void **state UNUSED)
{
	struct sample sample;

	memset(&sample, 0xAA, sizeof sample);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		bool always = rows[i].type == FIELD_DURATION || rows[i].type == FIELD_BOOLEAN;

		if (!always && rows[i].type != FIELD_REAL)
			check_integer(rows[i].name, field_is_none(&rows[i], &sample), false);
		field_set_null(&rows[i], &sample);
		check_integer(rows[i].name, field_is_none(&rows[i], &sample), !always);
	}
	assert_true(sample.took == 0);
	assert_true(sample.active);
	assert_false(sample.done);
}

static void enum_values_start_at_one(void **state UNUSED)
{
	assert_int_equal(enum_value(colours, STR("RED")), 1);
	assert_int_equal(enum_value(colours, STR("BLUE")), 3);
	assert_int_equal(enum_value(colours, STR("BLU")), 0);
	assert_int_equal(enum_value(colours, STR("")), 0);
	assert_int_equal(enum_value(colours, STR_NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_sets_the_fallbacks),
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(null_is_no_value_or_the_fallback),
		cmocka_unit_test(wrong_members_are_refused_by_name),
		cmocka_unit_test(closed_members_are_ignored_unless_strict),
		cmocka_unit_test(only_members_that_are_present_are_written),
		cmocka_unit_test(required_members_are_asked_for),
		cmocka_unit_test(a_field_that_must_not_be_null_is_written_as_its_fallback),
		cmocka_unit_test(the_compact_form_reads_back),
		cmocka_unit_test(rows_are_found_by_name),
		cmocka_unit_test(none_and_null_are_told_by_type),
		cmocka_unit_test(enum_values_start_at_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
