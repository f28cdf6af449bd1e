/* SPDX-License-Identifier: Apache-2.0 */
/* .env files: what each line gives, what is refused and where. */
#include "base/setting.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The lines as text: one "LINE NAME=<value>" for each entry, or the problem as "CODE at PATH: message". */
static char *show(struct arena *arena, struct str text)
{
	AUTO(env_done) struct env_file file = { 0 };
	struct problem problem = { 0 };
	struct strbuf out = { 0 };
	int result = env_parse(arena, STR(".env"), text, &file, &problem);

	if (result < 0) {
		strbuf_printf(&out, "%s at %s: %s", error_name(result), problem.path, problem.message);
		return strbuf_take(&out);
	}
	for (size_t i = 0; i < file.lines.count; i++) {
		const struct env_line *line = &file.lines.items[i];

		strbuf_printf(&out, "%s%u %.*s=<%.*s>", i ? "\n" : "", line->line, STR_ARG(line->name),
		              STR_ARG(line->value));
	}
	return strbuf_take(&out);
}

static void check(const char *text, size_t length, const char *expected)
{
	AUTO(arena_done) struct arena arena = { 0 };
	/* A copy of the exact size, so that a sanitizer sees a read past the end. */
	AUTO(freep) char *exact = length ? memcpy(xmalloc(length), text, length) : NULL;
	AUTO(freep) char *shown = show(&arena, (struct str){ exact, length });

	assert_string_equal(shown, expected);
}

struct row {
	const char *text;
	const char *expected;
};

static void test_lines(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "\n\n  \n# only a comment\n", "" },
		{ "A=1", "1 A=<1>" },
		{ "A=1\nB=2\n", "1 A=<1>\n2 B=<2>" },
		{ "\xEF\xBB\xBF"
		  "A=1",
		  "1 A=<1>" },
		{ "  A = spaces around  \r\nB=2\r\n", "1 A=<spaces around>\n2 B=<2>" },
		{ "A=", "1 A=<>" },
		{ "A= # nothing but a comment", "1 A=<>" },
		{ "A=x # comment", "1 A=<x>" },
		{ "A=x#y", "1 A=<x#y>" },
		{ "A=x=y", "1 A=<x=y>" },
		{ "export A=1\nexport\tB=2", "1 A=<1>\n2 B=<2>" },
		{ "export=1", "1 export=<1>" },
		{ "export =1", "1 export=<1>" },
		{ "_a.b-c9=1", "1 _a.b-c9=<1>" },
		{ "A='it is $HOME \\n'", "1 A=<it is $HOME \\n>" },
		{ "A='' # empty", "1 A=<>" },
		{ "A=\"tab\\there, \\\"quoted\\\", \\\\ and \\$HOME\"", "1 A=<tab\there, \"quoted\", \\ and $HOME>" },
		{ "A=\"one\\ntwo\\r\"", "1 A=<one\ntwo\r>" },
		{ "A=\"other \\d stays\"", "1 A=<other \\d stays>" },
		{ "A=\"one\ntwo\"\nB=3", "1 A=<one\ntwo>\n3 B=<3>" },
		{ "A='one\n\ntwo'\nB=4", "1 A=<one\n\ntwo>\n4 B=<4>" },
		{ "A=\"x\"   # comment", "1 A=<x>" },
		{ "A=it's", "1 A=<it's>" },
		{ "A=\xE4\xBD\xA0\xE5\xA5\xBD", "1 A=<\xE4\xBD\xA0\xE5\xA5\xBD>" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check(rows[i].text, strlen(rows[i].text), rows[i].expected);
}

static void test_wrong_lines_are_refused_with_their_place(void **state)
{
	static const struct row rows[] = {
		{ "A=1\nB", "WEIR_ESYNTAX at .env:2: \"=\" is missing after the name B" },
		{ "export", "WEIR_ESYNTAX at .env:1: \"=\" is missing after the name export" },
		{ "export A", "WEIR_ESYNTAX at .env:1: \"=\" is missing after the name A" },
		{ "=1", "WEIR_ESYNTAX at .env:1: a line must read NAME=value; a name begins with a letter or _" },
		{ "9A=1", "WEIR_ESYNTAX at .env:1: a line must read NAME=value; a name begins with a letter or _" },
		{ "\n\nA B=1", "WEIR_ESYNTAX at .env:3: \"=\" is missing after the name A" },
		{ "A=1\nB=\"open\n\nC=2", "WEIR_ESYNTAX at .env:2: the quote \" is never closed" },
		{ "A='", "WEIR_ESYNTAX at .env:1: the quote ' is never closed" },
		{ "A=\"ends in \\\"", "WEIR_ESYNTAX at .env:1: the quote \" is never closed" },
		{ "A=\"\\", "WEIR_ESYNTAX at .env:1: the quote \" is never closed" },
		{ "A=\"x\"y", "WEIR_ESYNTAX at .env:1: only a comment may follow the quoted value of A" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check(rows[i].text, strlen(rows[i].text), rows[i].expected);
	check("A=1\nB=\0", 7, "WEIR_ESYNTAX at .env:2: the file has a NUL byte: it is not text");
}

static void test_later_lines_win(void **state)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(env_done) struct env_file file = { 0 };

	(void)state;
	assert_int_equal(env_parse(&arena, STR(".env"), STR("A=1\nB=2\nA=3\n"), &file, NULL), 0);
	assert_int_equal(env_find(&file, STR("A"))->line, 3);
	assert_int_equal(env_find(&file, STR("B"))->line, 2);
	assert_null(env_find(&file, STR("C")));
}

static void write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void check_load(const char *path, int expected, const char *message)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(env_done) struct env_file file = { 0 };
	struct problem problem = { 0 };

	assert_int_equal(env_load(&arena, path, &file, &problem), expected);
	assert_int_equal(file.lines.count, 0);
	assert_string_equal(problem.message, message);
}

static void test_load(void **state)
{
	char folder[] = "/tmp/weir-env-XXXXXX";
	size_t size = (1 << 20) + 1;
	AUTO(freep) char *large = memset(xmalloc(size), '\n', size);
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(env_done) struct env_file file = { 0 };

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	check_load("missing", 0, "");
	check_load("missing/in/no/folder", 0, "");
	check_load(".", WEIR_EINVAL, "cannot read .: it is not a plain file");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	check_load("fifo", WEIR_EINVAL, "cannot read fifo: it is not a plain file");
	write_file("large", large, size);
	check_load("large", WEIR_ELIMIT, "large is larger than 1 MiB: this cannot be a file of settings");
	write_file("large", large, size - 1);
	check_load("large", 0, "");
	write_file("good", "A='1'\n", 6);
	assert_int_equal(env_load(&arena, "good", &file, NULL), 0);
	assert_true(str_is(env_find(&file, STR("A"))->value, "1"));
	assert_true(str_is(file.path, "good"));
	assert_int_equal(unlink("good") | unlink("large") | unlink("fifo") | chdir("/") | rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_wrong_lines_are_refused_with_their_place),
		cmocka_unit_test(test_later_lines_win),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
