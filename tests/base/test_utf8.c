/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/utf8.h"

/* --- what is well-formed --- */

static const struct {
	const char *text;
	size_t valid; /* length of the well-formed prefix */
} sequences[] = {
	{ "", 0 },
	{ "ascii", 5 },
	{ "\x7F", 1 },
	{ "\xC2\x80", 2 },
	{ "\xDF\xBF", 2 },
	{ "\xE0\xA0\x80", 3 },
	{ "\xED\x9F\xBF", 3 },
	{ "\xEE\x80\x80", 3 },
	{ "\xEF\xBF\xBF", 3 },
	{ "\xF0\x90\x80\x80", 4 },
	{ "\xF4\x8F\xBF\xBF", 4 },
	/* Continuation without a first byte, first byte without continuation. */
	{ "\x80", 0 },
	{ "a\xBF", 1 },
	{ "\xC3", 0 },
	{ "\xC3("
	  "a",
	  0 },
	{ "\xE2\x82", 0 },
	{ "\xE2\x82(", 0 },
	{ "\xE2(\xAC", 0 },
	{ "\xF0\x9F\x98", 0 },
	{ "\xF0\x9F(\x80", 0 },
	{ "\xC3\xA9\xC3", 2 },
	/* Long forms. */
	{ "\xC0\x80", 0 },
	{ "\xC1\xBF", 0 },
	{ "\xE0\x9F\xBF", 0 },
	{ "\xF0\x8F\xBF\xBF", 0 },
	/* Surrogates, beyond U+10FFFF, and bytes that never occur. */
	{ "\xED\xA0\x80", 0 },
	{ "\xED\xBF\xBF", 0 },
	{ "\xF4\x90\x80\x80", 0 },
	{ "\xF5\x80\x80\x80", 0 },
	{ "\xFE", 0 },
	{ "\xFF", 0 },
};

static void the_valid_prefix_ends_at_the_first_bad_byte(void **state UNUSED)
{
	char text[64];

	/* After every number of ASCII bytes, since these are looked at in eights. */
	for (size_t i = 0; i < ARRAY_LENGTH(sequences); i++) {
		size_t length = strlen(sequences[i].text);

		for (size_t before = 0; before < 20; before++) {
			struct str copy;

			memset(text, 'a', before);
			memcpy(text + before, sequences[i].text, length);
			copy = exact_copy((struct str){ text, before + length });
			check_integer(sequences[i].text, (int64_t)utf8_valid_prefix(copy),
			              (int64_t)(before + sequences[i].valid));
			assert_int_equal(utf8_is_valid(copy), sequences[i].valid == length);
			free((char *)copy.data);
		}
	}
}

static void nul_is_a_character(void **state UNUSED)
{
	assert_true(utf8_is_valid((struct str){ "a\0b", 3 }));
	assert_true(utf8_is_valid(STR_NULL));
}

/* --- mending, clipping --- */

static void mending_replaces_each_bad_byte(void **state UNUSED)
{
	static const struct {
		const char *text, *mended;
	} rows[] = {
		{ "", "" },
		{ "fine \xC3\xA9", "fine \xC3\xA9" },
		{ "\xFF", "\xEF\xBF\xBD" },
		{ "a\xFFz", "a\xEF\xBF\xBDz" },
		{ "\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD" },
		{ "\xC3\xA9\xC3", "\xC3\xA9\xEF\xBF\xBD" },
		{ "\xED\xA0\x80!", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD!" },
		{ "a very long text of ASCII \x80 and more", "a very long text of ASCII \xEF\xBF\xBD and more" },
	};
	AUTO(arena_done) struct arena arena = { 0 };

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct str mended = utf8_mend(&arena, str_of(rows[i].text));

		check_str(rows[i].text, mended, rows[i].mended);
		if (strcmp(rows[i].text, rows[i].mended) == 0)
			assert_ptr_equal(mended.data, rows[i].text);
		else
			assert_int_equal(mended.data[mended.length], '\0');
	}
}

static void clipping_keeps_whole_characters(void **state UNUSED)
{
	static const struct {
		const char *text;
		size_t size_max;
		const char *clipped;
	} rows[] = {
		{ "short", 10, "short" },
		{ "exact", 5, "exact" },
		{ "longer", 3, "lon" },
		{ "a\xC3\xA9z", 2, "a" },
		{ "a\xC3\xA9z", 3, "a\xC3\xA9" },
		{ "\xF0\x9F\x98\x80", 3, "" },
		{ "ab\xFF"
		  "cd",
		  10, "ab" },
		{ "", 10, "" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_str(rows[i].text, utf8_clip(str_of(rows[i].text), rows[i].size_max), rows[i].clipped);
}

/* --- characters --- */

static void every_character_survives_encoding(void **state UNUSED)
{
	for (uint32_t character = 0; character <= 0x10FFFF; character++) {
		size_t expected = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
		uint32_t decoded;
		char text[4];
		size_t length;

		if (character >= 0xD800 && character < 0xE000)
			continue;
		length = utf8_encode(character, text);
		assert_int_equal(length, expected);
		assert_int_equal(utf8_sequence(text, length), length);
		assert_int_equal(utf8_decode((struct str){ text, length }, &decoded), length);
		assert_int_equal(decoded, character);
	}
}

static void count_counts_characters(void **state UNUSED)
{
	assert_int_equal(utf8_count(STR("")), 0);
	assert_int_equal(utf8_count(STR("abc")), 3);
	assert_int_equal(utf8_count(STR("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")), 3);
}

/* --- width --- */

static void width_counts_columns(void **state UNUSED)
{
	static const struct {
		const char *text;
		size_t width;
	} rows[] = {
		{ "", 0 },
		{ "plain text", 10 },
		{ "caf\u00E9", 4 },
		{ "cafe\u0301", 4 },               /* e and a combining accent */
		{ "\u65E5\u672C\u8A9E", 6 },       /* Japanese */
		{ "\u3072\u3089\u304C\u306A", 8 }, /* Hiragana */
		{ "\u304B\u3099", 2 },             /* Hiragana and a combining voice mark */
		{ "\uD55C\uAD6D", 4 },             /* Hangul syllables */
		{ "\u1112\u1161\u11AB", 2 },       /* the first of them in single letters */
		{ "\uFF21\uFF22", 4 },             /* fullwidth A, B */
		{ "\uFF71", 1 },                   /* halfwidth Katakana */
		{ "\u3000", 2 },                   /* ideographic space */
		{ "\U0001F600", 2 },               /* grinning face */
		{ "\U0001F44D\U0001F3FD", 2 },     /* thumbs up, medium skin */
		{ "\u2764\uFE0F", 1 },             /* heart and a variation selector */
		{ "\u2705", 2 },                   /* check mark as a picture */
		{ "\u2713", 1 },                   /* check mark as text */
		{ "a\u200Bb", 2 },                 /* zero-width space */
		{ "\U00020000", 2 },               /* CJK extension B */
		{ "\u05E9\u05C1", 1 },             /* Hebrew letter and point */
		{ "\u0E01\u0E34", 1 },             /* Thai consonant and vowel above */
		{ "\u0915\u093F", 2 },             /* Devanagari: a spacing vowel sign */
		{ "\u0915\u094D", 1 },             /* Devanagari: virama */
		{ "\u2500\u2502", 2 },             /* box drawing */
		{ "\t\n", 0 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_integer(rows[i].text, (int64_t)utf8_width(str_of(rows[i].text)), (int64_t)rows[i].width);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_valid_prefix_ends_at_the_first_bad_byte),
		cmocka_unit_test(nul_is_a_character),
		cmocka_unit_test(mending_replaces_each_bad_byte),
		cmocka_unit_test(clipping_keeps_whole_characters),
		cmocka_unit_test(every_character_survives_encoding),
		cmocka_unit_test(count_counts_characters),
		cmocka_unit_test(width_counts_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
