/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setting.h - settings: one row each, with type, default, limits and help. A value comes from, in this order: a flag of
 * the command line, the environment, the file .env of the working directory, the row's default. An empty value in the
 * environment or in the file counts as none.
 */
#ifndef WEIR_BASE_SETTING_H
#define WEIR_BASE_SETTING_H

#include "base/arena.h"
#include "base/problem.h"
#include "base/vec.h"

/* --- .env files: NAME=value lines --- */

struct env_line {
	struct str name;
	struct str value; /* unquoted: '…' literally, "…" with \n \t \" \\ \$ escapes; bare up to " #" */
	unsigned line;
};

struct env_file {
	struct str path;
	struct VEC(struct env_line) lines;
};

/*
 * Read a .env text: blank lines, # comments and "export " are allowed; quoted values may span lines. Wrong lines give
 * WEIR_ESYNTAX with "path:line". Later lines win. Texts are in the arena; done frees the vector.
 */
MUST_CHECK int env_parse(struct arena *arena, struct str path, struct str text, struct env_file *out,
                         struct problem *problem);

/* Read the file; one that does not exist is empty. At most 1 MiB. */
MUST_CHECK int env_load(struct arena *arena, const char *path, struct env_file *out, struct problem *problem);
void env_done(struct env_file *file);

/* The last line of that name, or NULL. */
const struct env_line *env_find(const struct env_file *file, struct str name);

/* --- Weir's own settings --- */

enum setting_type {
	SETTING_TEXT,
	SETTING_INTEGER,
	SETTING_SECONDS, /* "1.5", or any form that duration_parse takes: "PT90S", "00:01:30" */
	SETTING_BOOLEAN, /* true or false, yes or no, on or off, 1 or 0 */
	SETTING_LEVEL,   /* a word of log.h, or its number */
	SETTING_PATH,    /* may begin with ~/ or $NAME/ (a path setting of an earlier row, or any variable) */
	SETTING_WORD,    /* one of a list, in any case */
};

struct setting {
	const char *name; /* "log.level": as `weir config view` shows it */
	const char *env;  /* "WEIR_LOG_LEVEL" */
	enum setting_type type;
	const char *fallback;     /* text, as it would stand in the environment; NULL: unset */
	double minimum, maximum;  /* of numbers; both 0: no limit */
	const char *const *words; /* SETTING_WORD: the choices, ends with NULL */
	const char *help;         /* one line with the unit */
};

enum setting_source { SETTING_FROM_DEFAULT, SETTING_FROM_ENV_FILE, SETTING_FROM_ENVIRONMENT, SETTING_FROM_FLAG };

struct setting_value {
	struct str given; /* as it was written; STR_NULL when unset */
	struct str text;  /* the same, but paths are expanded and absolute: a flow may change its working directory */
	union {
		int64_t integer; /* SETTING_INTEGER, SETTING_LEVEL (log level), SETTING_WORD (index), SETTING_BOOLEAN */
		double seconds;
	};
	enum setting_source source;
	unsigned line; /* SETTING_FROM_ENV_FILE: in that file */
};

/* The values of a table, by row. */
struct settings {
	struct arena arena;
	const struct setting *rows;
	size_t count;
	struct setting_value *values;
	struct str env_path; /* of the .env file, for messages */
};

/*
 * Read every row; env_path is the .env file (NULL: none). Every wrong value is named in the problem, with where it came
 * from: WEIR_EINVAL. Unknown WEIR_* names in the environment are no error.
 */
MUST_CHECK int settings_load(struct settings *settings, const struct setting *rows, size_t count, const char *env_path,
                             struct problem *problem);
void settings_done(struct settings *settings);

/* A flag of the command line: "log.level", "debug". What depends on it (paths below a home) follows. WEIR_ENOTFOUND with a
   "did you mean" for an unknown name; WEIR_EINVAL, and nothing has changed, for a wrong value. */
MUST_CHECK int settings_set(struct settings *settings, struct str name, struct str text, struct problem *problem);

/* A value by name. Asking for a name that is not in the table is a programmer's error. */
const struct setting_value *settings_get(const struct settings *settings, const char *name);

/* Where a value comes from, for people: "default", "environment", ".env:3", "command line". Valid until done. */
const char *settings_source(struct settings *settings, const char *name);

/* The index of the word in the list that looks most like it, or -1 when none does: for "did you mean". */
int nearest_word(struct str word, const char *const *words, size_t count);

#endif
