/* SPDX-License-Identifier: Apache-2.0 */
#include "base/setting.h"

#include "base/log.h"
#include "base/strbuf.h"
#include "base/timestamp.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

/*
 * Loading has two steps: take what was given for each row (environment, file or default), then read all rows in order. The
 * second step runs again whenever a flag is set, because a path may be made of earlier rows: --setting home=... moves the
 * database too. A wrong value never hides another one: all of them are named in one message.
 */

enum { SHOWN_VALUE_MAX = 60, WORD_MAX = 63, PASSWD_MAX_BYTES = 16384 };

/* --- Reading one value: each function fills the value from its text, or says what would be right --- */

typedef int read_fn(struct settings *settings, size_t row, struct setting_value *value, struct problem *problem);

static int read_text(struct settings *settings, size_t row, struct setting_value *value, struct problem *problem)
{
	(void)settings, (void)row, (void)problem;
	value->text = value->given;
	return 0;
}

/* Both limits 0 say that there are none. */
static bool is_limited(const struct setting *setting)
{
	return setting->minimum != 0 || setting->maximum != 0;
}

/* "must be seconds from 0 to 3600" */
static int refuse_number(const struct setting *setting, const char *what, struct problem *problem)
{
	if (!is_limited(setting))
		return problem_set(problem, WEIR_EINVAL, "must be %s", what);
	return problem_set(problem, WEIR_EINVAL, "must be %s from %.15g to %.15g", what, setting->minimum,
	                   setting->maximum);
}

static bool is_within(const struct setting *setting, double number)
{
	return !is_limited(setting) || (number >= setting->minimum && number <= setting->maximum);
}

static int read_integer(struct settings *settings, size_t row, struct setting_value *value, struct problem *problem)
{
	const struct setting *setting = &settings->rows[row];
	const char *text = value->given.data;
	char *end;
	long long number;

	value->text = value->given;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (end == text || *end || errno || !is_within(setting, (double)number))
		return refuse_number(setting, "a whole number", problem);
	value->integer = number;
	return 0;
}

static int read_seconds(struct settings *settings, size_t row, struct setting_value *value, struct problem *problem)
{
	const struct setting *setting = &settings->rows[row];
	int64_t duration_us;

	value->text = value->given;
	if (duration_parse(value->given, &duration_us, NULL) < 0 || !is_within(setting, (double)duration_us / 1e6))
		return refuse_number(setting, "seconds", problem);
	value->seconds = (double)duration_us / 1e6;
	return 0;
}

static int find_word(struct str text, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strlen(words[i]) == text.length && strncasecmp(words[i], text.data, text.length) == 0)
			return i;
	return -1;
}

static int read_boolean(struct settings *settings, size_t row, struct setting_value *value, struct problem *problem)
{
	/* by index: even ones are false */
	static const char *const words[] = { "false", "true", "0", "1", "no", "yes", "off", "on", NULL };
	int word = find_word(value->given, words);

	(void)settings, (void)row;
	if (word < 0)
		return problem_set(problem, WEIR_EINVAL, "must be true or false");
	value->integer = word % 2;
	value->text = value->given;
	return 0;
}

static int read_level(struct settings *settings, size_t row, struct setting_value *value, struct problem *problem)
{
	int level = log_level_parse(value->given);

	(void)settings, (void)row;
	if (level < 0)
		return problem_set(problem, WEIR_EINVAL,
		                   "must be DEBUG, INFO, WARNING, ERROR, CRITICAL, OFF or a number from 0 to 100");
	value->integer = level;
	value->text = value->given;
	return 0;
}

static int read_word(struct settings *settings, size_t row, struct setting_value *value, struct problem *problem)
{
	const char *const *words = settings->rows[row].words;
	int word = find_word(value->given, words);
	AUTO(strbuf_done) struct strbuf list = { 0 };

	if (word >= 0) {
		value->integer = word;
		value->text = value->given;
		return 0;
	}
	for (size_t i = 0; words[i]; i++)
		strbuf_printf(&list, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
	return problem_set(problem, WEIR_EINVAL, "must be %s", list.data);
}

/* --- Paths: the only values that depend on something else --- */

/* $HOME, or what the system's list of users says: services often run without the variable. */
static const char *home_of_user(struct arena *arena)
{
	const char *home = getenv("HOME");
	struct passwd user, *found = NULL;
	char *text;

	if (home && *home)
		return home;
	text = arena_alloc(arena, PASSWD_MAX_BYTES);
	getpwuid_r(geteuid(), &user, text, PASSWD_MAX_BYTES, &found);
	return found ? user.pw_dir : NULL;
}

/* The path setting of an earlier row whose variable has this name, else any variable of the environment. */
static const char *path_of_variable(const struct settings *settings, size_t row, struct str name)
{
	const char *value;
	char text[WORD_MAX + 1];

	for (size_t i = 0; i < row; i++)
		if (settings->rows[i].type == SETTING_PATH && str_is(name, settings->rows[i].env))
			return settings->values[i].text.data;
	if (name.length > WORD_MAX)
		return NULL;
	memcpy(text, name.data, name.length);
	text[name.length] = '\0';
	value = getenv(text);
	return value && *value ? value : NULL;
}

/* Split "~/rest" or "$NAME/rest" into the folder that the first part stands for, and the rest with its slash. Others are
   all rest, and *folder is "". */
static int expand_start(struct settings *settings, size_t row, struct str path, const char **folder, const char **rest,
                        struct problem *problem)
{
	const char *slash = strchrnul(path.data, '/');
	struct str first = { path.data, (size_t)(slash - path.data) };

	*folder = "";
	*rest = path.data;
	if (first.length == 0 || (*path.data != '~' && *path.data != '$'))
		return 0;
	*rest = slash;
	if (str_is(first, "~"))
		*folder = home_of_user(&settings->arena);
	else if (*path.data == '~')
		return problem_set(problem, WEIR_EINVAL,
		                   "must be a path: ~user is not supported, write the folder out");
	else
		*folder = path_of_variable(settings, row, (struct str){ first.data + 1, first.length - 1 });
	if (!*folder)
		return problem_set(problem, WEIR_EINVAL,
		                   "must be a path: what %.*s stands for is not known (no such "
		                   "variable is set)",
		                   STR_ARG(first));
	return 0;
}

/* Relative paths become absolute at once: a flow that changes its directory must not move its own store. */
static int read_path(struct settings *settings, size_t row, struct setting_value *value, struct problem *problem)
{
	const char *folder, *rest;
	AUTO(freep) char *cwd = NULL;
	int result = expand_start(settings, row, value->given, &folder, &rest, problem);

	if (result < 0)
		return result;
	if (*folder == '/' || (!*folder && *rest == '/')) {
		value->text = arena_printf(&settings->arena, "%s%s", folder, rest);
		return 0;
	}
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return problem_set(problem, WEIR_EINVAL,
		                   "must be an absolute path, since the working directory is not known (%s)",
		                   strerror(errno));
	value->text = arena_printf(&settings->arena, "%s/%s%s", cwd, folder, rest);
	return 0;
}

/* --- All rows --- */

static read_fn *const read_functions[] = {
	[SETTING_TEXT] = read_text,       [SETTING_INTEGER] = read_integer, [SETTING_SECONDS] = read_seconds,
	[SETTING_BOOLEAN] = read_boolean, [SETTING_LEVEL] = read_level,     [SETTING_PATH] = read_path,
	[SETTING_WORD] = read_word,
};

/* Where a value was written, as people find it again. */
static const char *source_text(struct settings *settings, const struct setting_value *value)
{
	static const char *const texts[] = {
		[SETTING_FROM_DEFAULT] = "default",
		[SETTING_FROM_ENVIRONMENT] = "environment",
		[SETTING_FROM_FLAG] = "command line",
	};

	if (value->source == SETTING_FROM_ENV_FILE)
		return arena_printf(&settings->arena, "%.*s:%u", STR_ARG(settings->env_path), value->line).data;
	return texts[value->source];
}

/* "WEIR_THREADS=none (.env:3) must be a whole number from 0 to 1024"; more than one are parted by "; ". */
static void report(struct settings *settings, size_t row, const struct problem *cause, struct strbuf *report)
{
	const struct setting_value *value = &settings->values[row];
	const struct setting *setting = &settings->rows[row];
	bool flag = value->source == SETTING_FROM_FLAG;

	strbuf_printf(report, "%s%s=%.*s%s (%s) %s", report->length ? "; " : "", flag ? setting->name : setting->env,
	              (int)MIN(value->given.length, (size_t)SHOWN_VALUE_MAX), value->given.data,
	              value->given.length > SHOWN_VALUE_MAX ? "..." : "", source_text(settings, value), cause->message);
}

/* Turn what was given into values, row by row: a path may refer to those before it. */
static int read_all(struct settings *settings, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf reports = { 0 };

	for (size_t i = 0; i < settings->count; i++) {
		struct setting_value *value = &settings->values[i];
		struct problem cause;

		value->text = STR_NULL;
		if (!value->given.data || read_functions[settings->rows[i].type](settings, i, value, &cause) == 0)
			continue;
		/* A default that is made of a wrong value is not worth a word of its own. */
		if (value->source != SETTING_FROM_DEFAULT || reports.length == 0)
			report(settings, i, &cause, &reports);
	}
	return reports.length ? problem_set(problem, WEIR_EINVAL, "%s", reports.data) : 0;
}

/* What was written for a row, and where. Nothing is checked yet. */
static void give(struct settings *settings, size_t row, const struct env_file *file)
{
	struct setting_value *value = &settings->values[row];
	const struct setting *setting = &settings->rows[row];
	struct str text = str_of(getenv(setting->env));

	value->source = SETTING_FROM_ENVIRONMENT;
	if (text.length == 0) {
		const struct env_line *line = env_find(file, str_of(setting->env));

		text = line ? line->value : STR_NULL;
		value->line = line ? line->line : 0;
		value->source = SETTING_FROM_ENV_FILE;
	}
	if (text.length == 0) {
		text = str_of(setting->fallback);
		value->source = SETTING_FROM_DEFAULT;
	}
	value->given = arena_str(&settings->arena, text);
}

int settings_load(struct settings *settings, const struct setting *rows, size_t count, const char *env_path,
                  struct problem *problem)
{
	AUTO(env_done) struct env_file file = { 0 };
	int result = 0;

	*settings = (struct settings){ .rows = rows, .count = count };
	settings->values = arena_zalloc(&settings->arena, count * sizeof *settings->values);
	if (env_path) {
		settings->env_path = arena_str(&settings->arena, str_of(env_path));
		result = env_load(&settings->arena, env_path, &file, problem);
	}
	if (result == 0) {
		for (size_t i = 0; i < count; i++)
			give(settings, i, &file);
		result = read_all(settings, problem);
	}
	if (result < 0)
		settings_done(settings);
	return result;
}

void settings_done(struct settings *settings)
{
	struct arena arena = settings->arena; /* values lie in it, settings themselves do not */

	*settings = (struct settings){ 0 };
	arena_done(&arena);
}

static int find_row(const struct settings *settings, struct str name)
{
	for (size_t i = 0; i < settings->count; i++)
		if (str_is(name, settings->rows[i].name))
			return (int)i;
	return -1;
}

/* Names are typed by hand, so say what was probably meant. */
static int refuse_name(const struct settings *settings, struct str name, struct problem *problem)
{
	AUTO(freep) const char **names = xcalloc(settings->count, sizeof *names);
	int nearest;

	for (size_t i = 0; i < settings->count; i++)
		names[i] = settings->rows[i].name;
	nearest = nearest_word(name, names, settings->count);
	if (nearest < 0)
		return problem_set(problem, WEIR_ENOTFOUND, "there is no setting \"%.*s\"", STR_ARG(name));
	return problem_set(problem, WEIR_ENOTFOUND, "there is no setting \"%.*s\": did you mean \"%s\"?", STR_ARG(name),
	                   names[nearest]);
}

int settings_set(struct settings *settings, struct str name, struct str text, struct problem *problem)
{
	int row = find_row(settings, name);
	size_t size = settings->count * sizeof *settings->values;
	AUTO(freep) struct setting_value *before = NULL;
	int result;

	if (row < 0)
		return refuse_name(settings, name, problem);
	before = memcpy(xmalloc(size), settings->values, size);
	settings->values[row] =
	        (struct setting_value){ .given = arena_str(&settings->arena, text), .source = SETTING_FROM_FLAG };
	result = read_all(settings, problem);
	if (result < 0)
		memcpy(settings->values, before, size);
	return result;
}

static size_t known_row(const struct settings *settings, const char *name)
{
	int row = find_row(settings, str_of(name));

	ASSERT(row >= 0);
	return (size_t)row;
}

const struct setting_value *settings_get(const struct settings *settings, const char *name)
{
	return &settings->values[known_row(settings, name)];
}

const char *settings_source(struct settings *settings, const char *name)
{
	return source_text(settings, &settings->values[known_row(settings, name)]);
}

/* --- "Did you mean" --- */

static char lower(char character)
{
	return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

/* Edit distance: letters put in, left out, changed, or swapped with their neighbour (Damerau, Levenshtein). */
static unsigned distance(struct str a, struct str b)
{
	/* The distances of the starts of b from the present start of a, and from the two before it. */
	unsigned rows[3][WORD_MAX + 1];
	unsigned *older = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b.length; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a.length; i++) {
		unsigned *free_row = older;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.length; j++) {
			bool same = lower(a.data[i - 1]) == lower(b.data[j - 1]);

			now[j] = MIN(MIN(last[j], now[j - 1]) + 1, last[j - 1] + !same);
			if (i > 1 && j > 1 && lower(a.data[i - 1]) == lower(b.data[j - 2]) &&
			    lower(a.data[i - 2]) == lower(b.data[j - 1]))
				now[j] = MIN(now[j], older[j - 2] + 1);
		}
		older = last;
		last = now;
		now = free_row;
	}
	return last[b.length];
}

int nearest_word(struct str word, const char *const *words, size_t count)
{
	/* A third of the letters may be wrong; more than that is another word. */
	unsigned best = (unsigned)(word.length / 3) + 1;
	int nearest = -1;

	if (word.length == 0 || word.length > WORD_MAX)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct str candidate = str_of(words[i]);
		unsigned away = candidate.length <= WORD_MAX ? distance(word, candidate) : best;

		if (away < best || (nearest < 0 && str_starts_with(candidate, word))) {
			best = away;
			nearest = (int)i;
		}
	}
	return nearest;
}
