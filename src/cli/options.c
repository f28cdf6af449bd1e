/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include "base/field.h"
#include "base/setting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

/* An option as it was met: its row, where its value goes, and how it was written (for messages). */
struct met {
	const struct cli_option *row;
	void *place;
	struct str written;
	bool opposite;
};

const char *did_you_mean(struct arena *arena, struct str word, const char *const *words, size_t count,
                         const char *prefix)
{
	int nearest = nearest_word(word, words, count);

	if (nearest < 0)
		return "";
	return arena_printf(arena, "; did you mean '%s%s'?", prefix, words[nearest]).data;
}

/* --- Values --- */

static int read_integer(const struct met *met, struct str text, struct problem *problem)
{
	const struct cli_option *row = met->row;
	char digits[32];
	char *end;
	int64_t value;

	if (text.length == 0 || text.length >= sizeof digits)
		return problem_set(problem, WEIR_EINVAL, "option '%.*s' needs a whole number, not '%.*s'",
		                   STR_ARG(met->written), STR_ARG(text));
	memcpy(digits, text.data, text.length);
	digits[text.length] = '\0';
	errno = 0;
	value = strtoll(digits, &end, 10);
	/* strtoll skips leading blanks, which is not a number as anybody writes it. */
	if (*end || errno || digits[0] <= ' ')
		return problem_set(problem, WEIR_EINVAL, "option '%.*s' needs a whole number, not '%s'",
		                   STR_ARG(met->written), digits);
	if (value < row->minimum && row->maximum == INT64_MAX)
		return problem_set(problem, WEIR_EINVAL, "option '%.*s' is %" PRId64 ", but must be at least %" PRId64,
		                   STR_ARG(met->written), value, row->minimum);
	if ((row->minimum || row->maximum) && (value < row->minimum || value > row->maximum))
		return problem_set(problem, WEIR_EINVAL,
		                   "option '%.*s' is %" PRId64 ", but must lie between %" PRId64 " and %" PRId64,
		                   STR_ARG(met->written), value, row->minimum, row->maximum);
	*(int64_t *)met->place = value;
	return 0;
}

static size_t count_words(const char *const *words)
{
	size_t count = 0;

	while (words[count])
		count++;
	return count;
}

static int refuse_word(struct arena *arena, const struct met *met, struct str text, struct problem *problem)
{
	const char *const *words = met->row->words;
	struct str list = STR("");

	for (int i = 0; words[i]; i++)
		list = arena_printf(arena, "%.*s%s%s", STR_ARG(list), i ? ", " : "", words[i]);
	return problem_set(problem, WEIR_EINVAL, "option '%.*s' takes one of %.*s, not '%.*s'%s", STR_ARG(met->written),
	                   STR_ARG(list), STR_ARG(text), did_you_mean(arena, text, words, count_words(words), ""));
}

static int find_word(const struct cli_option *row, struct str text)
{
	for (int i = 0; row->words[i]; i++) {
		if (strlen(row->words[i]) == text.length && strncasecmp(row->words[i], text.data, text.length) == 0)
			return i;
	}
	return -1;
}

static int read_word(struct arena *arena, const struct met *met, struct str text, struct problem *problem)
{
	int index = find_word(met->row, text);

	if (index < 0)
		return refuse_word(arena, met, text, problem);
	*(int *)met->place = index;
	return 0;
}

/* No command line has more words than the reader has arguments, so one allocation is enough. */
static void add_text(struct option_reader *reader, struct texts *texts, struct str text)
{
	if (!texts->items)
		texts->items = arena_alloc(reader->arena, (reader->count + 1) * sizeof *texts->items);
	texts->items[texts->count++] = text;
}

static int read_texts(struct option_reader *reader, const struct met *met, struct str text, struct problem *problem)
{
	if (met->row->words) {
		int index = find_word(met->row, text);

		if (index < 0)
			return refuse_word(reader->arena, met, text, problem);
		text = str_of(met->row->words[index]);
	}
	add_text(reader, met->place, text);
	return 0;
}

static int read_value(struct option_reader *reader, const struct met *met, struct str text, struct problem *problem)
{
	switch (met->row->type) {
	case OPTION_FLAG:
		*(bool *)met->place = !met->opposite;
		return 0;
	case OPTION_TEXT:
		*(struct str *)met->place = text;
		return 0;
	case OPTION_INTEGER:
		return read_integer(met, text, problem);
	case OPTION_WORD:
		return read_word(reader->arena, met, text, problem);
	case OPTION_TEXTS:
		return read_texts(reader, met, text, problem);
	}
	ASSERT(!"a type of option that does not exist");
}

/* --- Rows --- */

void options_add(struct option_reader *reader, const struct option_set *set)
{
	ASSERT(reader->set_count < OPTION_SETS_MAX);
	for (size_t i = 0; i < set->count; i++) {
		const struct cli_option *row = &set->rows[i];
		struct met met = { row, (char *)set->values + row->offset, str_of(row->name), false };

		if (row->type == OPTION_INTEGER)
			*(int64_t *)met.place = INTEGER_NONE;
		if (row->fallback) {
			int result = read_value(reader, &met, str_of(row->fallback), NULL);

			ASSERT(result == 0);
		}
	}
	reader->sets[reader->set_count++] = *set;
}

static bool match_name(const struct cli_option *row, struct str name, struct met *met)
{
	met->opposite = row->opposite && str_is(name, row->opposite);
	return met->opposite || str_is(name, row->name) || (row->alias && str_is(name, row->alias));
}

/* Find by long name, or by letter when name has no data. The command's options hide global ones of the same name. */
static bool find_row(const struct option_reader *reader, struct str name, char letter, struct met *met)
{
	for (size_t i = reader->set_count; i-- > 0;) {
		const struct option_set *set = &reader->sets[i];

		for (size_t j = 0; j < set->count; j++) {
			const struct cli_option *row = &set->rows[j];

			if (name.data ? !match_name(row, name, met) : row->letter != letter)
				continue;
			met->row = row;
			met->place = (char *)set->values + row->offset;
			return true;
		}
	}
	return false;
}

static int refuse_unknown(const struct option_reader *reader, struct str name, struct problem *problem)
{
	const char **words;
	size_t count = 0;

	for (size_t i = 0; i < reader->set_count; i++)
		count += reader->sets[i].count * 3;
	words = arena_alloc(reader->arena, count * sizeof *words);
	count = 0;
	for (size_t i = 0; i < reader->set_count; i++) {
		for (size_t j = 0; j < reader->sets[i].count; j++) {
			const struct cli_option *row = &reader->sets[i].rows[j];

			words[count++] = row->name;
			if (row->alias)
				words[count++] = row->alias;
			if (row->opposite)
				words[count++] = row->opposite;
		}
	}
	return problem_set(problem, WEIR_EINVAL, "unknown option '--%.*s'%s", STR_ARG(name),
	                   did_you_mean(reader->arena, name, words, count, "--"));
}

/* --- Reading --- */

static bool is_digits(const char *text)
{
	size_t length = strspn(text, "0123456789");

	return length > 0 && text[length] == '\0';
}

/* The value that follows as an argument of its own. What looks like a long option is not taken for a value: most often
   the value was forgotten, and "--name=--value" still says it. */
static int take_value(struct option_reader *reader, const struct met *met, struct str *value, struct problem *problem)
{
	const char *following = reader->next < reader->count ? reader->arguments[reader->next] : NULL;

	if (met->row->bare && !(following && is_digits(following))) {
		*value = str_of(met->row->bare);
		return 0;
	}
	if (!following || strncmp(following, "--", 2) == 0)
		return problem_set(problem, WEIR_EINVAL, "option '%.*s' needs a value: %.*s %s", STR_ARG(met->written),
		                   STR_ARG(met->written), met->row->value);
	reader->next++;
	*value = str_of(following);
	return 0;
}

static int read_long(struct option_reader *reader, const char *argument, struct problem *problem)
{
	const char *equals = strchr(argument, '=');
	struct str name = { argument + 2, equals ? (size_t)(equals - argument - 2) : strlen(argument) - 2 };
	struct str value = STR_NULL;
	struct met met = { .written = { argument, name.length + 2 } };
	int result;

	if (!find_row(reader, name, 0, &met))
		return refuse_unknown(reader, name, problem);
	if (equals && met.row->type == OPTION_FLAG)
		return problem_set(problem, WEIR_EINVAL, "option '%.*s' takes no value", STR_ARG(met.written));
	if (equals)
		value = str_of(equals + 1);
	else if (met.row->type != OPTION_FLAG) {
		result = take_value(reader, &met, &value, problem);
		if (result < 0)
			return result;
	}
	return read_value(reader, &met, value, problem);
}

/* One letter of "-abc". A letter with a value takes the rest ("-ojson", "-o=json"), or the next argument. */
static int read_letter(struct option_reader *reader, struct problem *problem)
{
	char letter = *reader->letters++;
	char written[3] = { '-', letter, '\0' };
	struct met met = { .written = str_of(written) };
	struct str value = STR_NULL;
	int result;

	if (!find_row(reader, STR_NULL, letter, &met))
		return problem_set(problem, WEIR_EINVAL, "unknown option '-%c'", letter);
	if (met.row->type != OPTION_FLAG && *reader->letters) {
		value = str_of(reader->letters + (*reader->letters == '='));
		reader->letters = NULL;
	} else if (met.row->type != OPTION_FLAG) {
		result = take_value(reader, &met, &value, problem);
		if (result < 0)
			return result;
	}
	return read_value(reader, &met, value, problem);
}

int options_next(struct option_reader *reader, struct str *word, struct problem *problem)
{
	int result = 0;

	while (result == 0) {
		const char *argument;

		if (reader->letters && *reader->letters) {
			result = read_letter(reader, problem);
			continue;
		}
		reader->letters = NULL;
		if (reader->next == reader->count)
			return 0;
		argument = reader->arguments[reader->next++];
		if (reader->only_words || argument[0] != '-' || argument[1] == '\0') {
			*word = str_of(argument);
			return 1;
		}
		if (strcmp(argument, "--") == 0)
			reader->only_words = true;
		else if (argument[1] == '-')
			result = read_long(reader, argument, problem);
		else
			reader->letters = argument + 1;
	}
	return result;
}

int arguments_read(struct option_reader *reader, const struct cli_argument *rows, size_t count, void *values,
                   struct problem *problem)
{
	size_t filled = 0;
	bool repeats = false;
	struct str word;
	int result;

	while ((result = options_next(reader, &word, problem)) > 0) {
		const struct cli_argument *row;
		void *place;

		if (filled == count && !repeats)
			return problem_set(problem, WEIR_EINVAL, "'%.*s' is one argument too many for '%s'",
			                   STR_ARG(word), reader->command);
		row = repeats ? &rows[count - 1] : &rows[filled++];
		repeats = row->repeated;
		place = (char *)values + row->offset;
		if (repeats)
			add_text(reader, place, word);
		else
			*(struct str *)place = word;
	}
	if (result == 0 && filled < count)
		return problem_set(problem, WEIR_EINVAL, "'%s' needs %s: %s", reader->command, rows[filled].name,
		                   rows[filled].help);
	return result;
}
