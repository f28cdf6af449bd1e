/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of the command line: what each way of writing an option gives, and what is said of wrong ones. */
#include "base/field.h"
#include "cli/options.h"

#include "check.h"

#include <inttypes.h>

static const char *const fruits[] = { "apple", "banana", "cherry", NULL };

struct values {
	bool flag;
	bool loud; /* with an opposite */
	struct str text;
	int64_t count;
	int64_t head; /* takes no value, too */
	int fruit;
	struct texts names;
	struct texts fruits;
	struct str first;
	struct texts rest;
};

#define ROW(member, kind, ...) OPTION(struct values, member, kind, __VA_ARGS__)

static const struct cli_option rows[] = {
	ROW(flag, OPTION_FLAG, .name = "flag", .letter = 'f'),
	ROW(loud, OPTION_FLAG, .name = "loud", .opposite = "quiet", .letter = 'l'),
	ROW(text, OPTION_TEXT, .name = "text", .alias = "words", .letter = 't', .value = "TEXT"),
	ROW(count, OPTION_INTEGER, .name = "count", .letter = 'c', .fallback = "3", .minimum = 1, .maximum = 10,
	    .value = "N"),
	ROW(head, OPTION_INTEGER, .name = "head", .bare = "20", .minimum = 1, .maximum = INT64_MAX, .value = "N"),
	ROW(fruit, OPTION_WORD, .name = "fruit", .words = fruits, .fallback = "banana", .value = "FRUIT"),
	ROW(names, OPTION_TEXTS, .name = "name", .letter = 'n', .value = "NAME"),
	ROW(fruits, OPTION_TEXTS, .name = "basket", .words = fruits, .value = "FRUIT"),
};

static const struct cli_argument argument_rows[] = {
	ARGUMENT(struct values, first, .name = "FIRST", .help = "what comes first"),
	ARGUMENT(struct values, rest, .name = "REST", .repeated = true, .help = "one or more of the rest"),
};

/* --- One line in, one trace out --- */

struct line {
	struct arena arena;
	struct values values;
	struct option_reader reader;
};

/* Words are separated by blanks; "''" is an empty one. */
static void split(struct line *line, const char *text)
{
	char **words = arena_alloc(&line->arena, (strlen(text) + 1) * sizeof *words);
	char *copy = arena_strdup(&line->arena, text);
	char *rest = NULL;

	line->reader.count = 0;
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (strcmp(word, "''") == 0)
			word += 2;
		words[line->reader.count++] = word;
	}
	line->reader.arguments = words;
}

static void begin(struct line *line, const char *text)
{
	const struct option_set set = { rows, ARRAY_LENGTH(rows), &line->values };

	*line = (struct line){ 0 };
	line->reader = (struct option_reader){ .arena = &line->arena, .command = "weir do" };
	split(line, text);
	options_add(&line->reader, &set);
}

static void trace_texts(struct strbuf *out, const char *name, const struct texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		strbuf_printf(out, "%s=%.*s ", name, STR_ARG(texts->items[i]));
}

/* What differs from an empty line. */
static void trace_values(struct strbuf *out, const struct values *values)
{
	if (values->flag)
		strbuf_puts(out, "flag ");
	if (values->loud)
		strbuf_puts(out, "loud ");
	if (values->text.data)
		strbuf_printf(out, "text=%.*s ", STR_ARG(values->text));
	if (values->count != 3)
		strbuf_printf(out, "count=%" PRId64 " ", values->count);
	if (values->head != INTEGER_NONE)
		strbuf_printf(out, "head=%" PRId64 " ", values->head);
	if (values->fruit != 1)
		strbuf_printf(out, "fruit=%s ", fruits[values->fruit]);
	trace_texts(out, "name", &values->names);
	trace_texts(out, "basket", &values->fruits);
}

struct row {
	const char *line;
	const char *expected;
};

static void check_options(const struct row *row)
{
	AUTO(strbuf_done) struct strbuf trace = { 0 };
	struct line line;
	struct problem problem;
	struct str word;
	int result;

	begin(&line, row->line);
	strbuf_puts(&trace, "");
	while ((result = options_next(&line.reader, &word, &problem)) > 0)
		strbuf_printf(&trace, "[%.*s] ", STR_ARG(word));
	if (result < 0) {
		check_integer(row->line, result, WEIR_EINVAL);
		strbuf_clear(&trace);
		strbuf_puts(&trace, problem.message);
	} else {
		trace_values(&trace, &line.values);
	}
	check_text(row->line, trace.data, row->expected);
	arena_done(&line.arena);
}

static void test_ways_of_writing(void **state)
{
	static const struct row table[] = {
		{ "", "" },
		{ "--flag", "flag " },
		{ "-f", "flag " },
		{ "--loud", "loud " },
		{ "--loud --quiet", "" },
		{ "--quiet --loud", "loud " },
		{ "--text hello", "text=hello " },
		{ "--text=hello", "text=hello " },
		{ "--words hello", "text=hello " },
		{ "-t hello", "text=hello " },
		{ "-thello", "text=hello " },
		{ "-t=hello", "text=hello " },
		{ "--text=", "text= " },
		{ "--text ''", "text= " },
		{ "--text=--flag", "text=--flag " },
		{ "--text=a=b", "text=a=b " },
		{ "--text -", "text=- " },
		{ "--text -x", "text=-x " },
		{ "--text one --text two", "text=two " },
		{ "--count 7", "count=7 " },
		{ "--count 10 -c1", "count=1 " },
		{ "--fruit cherry", "fruit=cherry " },
		{ "--fruit APPLE", "fruit=apple " },
		{ "--name a --name=b -nc -n d", "name=a name=b name=c name=d " },
		{ "--basket Cherry --basket apple", "basket=cherry basket=apple " },
		{ "-fl", "flag loud " },
		{ "-flt hello", "flag loud text=hello " },
		{ "-fthello", "flag text=hello " },
		{ "--head", "head=20 " },
		{ "--head 5", "head=5 " },
		{ "--head=5", "head=5 " },
		{ "--head run", "[run] head=20 " },
		{ "--head 5a", "[5a] head=20 " },
		{ "--head --flag", "flag head=20 " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
		check_options(&table[i]);
}

static void test_words(void **state)
{
	static const struct row table[] = {
		{ "a b", "[a] [b] " },
		{ "a --flag b", "[a] [b] flag " },
		{ "-- --flag -f", "[--flag] [-f] " },
		{ "a -- -- b", "[a] [--] [b] " },
		{ "-", "[-] " },
		{ "''", "[] " },
		{ "流程 --text 名字", "[流程] text=名字 " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
		check_options(&table[i]);
}

static void test_wrong_options(void **state)
{
	static const struct row table[] = {
		{ "--flagg", "unknown option '--flagg'; did you mean '--flag'?" },
		{ "--quite", "unknown option '--quite'; did you mean '--quiet'?" },
		{ "--wrods=x", "unknown option '--wrods'; did you mean '--words'?" },
		{ "--colour-of-the-sky", "unknown option '--colour-of-the-sky'" },
		{ "-x", "unknown option '-x'" },
		{ "-fx", "unknown option '-x'" },
		{ "--flag=yes", "option '--flag' takes no value" },
		{ "--text", "option '--text' needs a value: --text TEXT" },
		{ "--words", "option '--words' needs a value: --words TEXT" },
		{ "-t", "option '-t' needs a value: -t TEXT" },
		{ "--text --flag", "option '--text' needs a value: --text TEXT" },
		{ "--text --", "option '--text' needs a value: --text TEXT" },
		{ "--count many", "option '--count' needs a whole number, not 'many'" },
		{ "--count 3x", "option '--count' needs a whole number, not '3x'" },
		{ "--count=", "option '--count' needs a whole number, not ''" },
		{ "--count 1.5", "option '--count' needs a whole number, not '1.5'" },
		{ "--count 0", "option '--count' is 0, but must lie between 1 and 10" },
		{ "--count 11", "option '--count' is 11, but must lie between 1 and 10" },
		{ "--count -5", "option '--count' is -5, but must lie between 1 and 10" },
		{ "--count 99999999999999999999", "option '--count' needs a whole number, not '99999999999999999999'" },
		{ "--head 0", "option '--head' is 0, but must be at least 1" },
		{ "--fruit chery",
		  "option '--fruit' takes one of apple, banana, cherry, not 'chery'; did you mean 'cherry'?" },
		{ "--basket stone", "option '--basket' takes one of apple, banana, cherry, not 'stone'" },
		{ "--fruit=", "option '--fruit' takes one of apple, banana, cherry, not ''" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
		check_options(&table[i]);
}

/* --- Positional arguments --- */

static void check_arguments(const struct row *row, size_t count)
{
	AUTO(strbuf_done) struct strbuf trace = { 0 };
	struct line line;
	struct problem problem;
	int result;

	begin(&line, row->line);
	strbuf_puts(&trace, "");
	result = arguments_read(&line.reader, argument_rows, count, &line.values, &problem);
	if (result < 0) {
		check_integer(row->line, result, WEIR_EINVAL);
		strbuf_puts(&trace, problem.message);
	} else {
		trace_values(&trace, &line.values);
		strbuf_printf(&trace, "first=%.*s ", STR_ARG(line.values.first));
		trace_texts(&trace, "rest", &line.values.rest);
	}
	check_text(row->line, trace.data, row->expected);
	arena_done(&line.arena);
}

static void test_arguments(void **state)
{
	static const struct row table[] = {
		{ "a b", "first=a rest=b " },
		{ "a b c d", "first=a rest=b rest=c rest=d " },
		{ "--flag a -n x b --count 2 c", "flag count=2 name=x first=a rest=b rest=c " },
		{ "a -- --flag -", "first=a rest=--flag rest=- " },
		{ "", "'weir do' needs FIRST: what comes first" },
		{ "a", "'weir do' needs REST: one or more of the rest" },
		{ "a --flagg b", "unknown option '--flagg'; did you mean '--flag'?" },
	};
	static const struct row single[] = {
		{ "a", "first=a " },
		{ "a b", "'b' is one argument too many for 'weir do'" },
	};
	static const struct row none[] = {
		{ "", "first= " },
		{ "a", "'a' is one argument too many for 'weir do'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
		check_arguments(&table[i], 2);
	for (size_t i = 0; i < ARRAY_LENGTH(single); i++)
		check_arguments(&single[i], 1);
	for (size_t i = 0; i < ARRAY_LENGTH(none); i++)
		check_arguments(&none[i], 0);
}

/* A command's own option hides a global one of the same name; the other global ones stay. */
static void test_two_sets(void **state)
{
	struct line line;
	struct values own = { 0 };
	const struct option_set set = { rows, 1, &own }; /* --flag alone */
	struct problem problem;
	struct str word;

	(void)state;
	begin(&line, "--flag --text hello");
	options_add(&line.reader, &set);
	assert_int_equal(options_next(&line.reader, &word, &problem), 0);
	assert_true(own.flag);
	assert_false(line.values.flag);
	check_str("text", line.values.text, "hello");
	arena_done(&line.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways_of_writing), cmocka_unit_test(test_words),
		cmocka_unit_test(test_wrong_options),   cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_two_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
