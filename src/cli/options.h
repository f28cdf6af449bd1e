/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the one parser of the command line, driven by tables: a row for each option and each positional argument.
 * Help is printed from the same rows, so what is documented is what is accepted.
 *
 * A row gives the place of a member in the command's own struct, whose C type follows from the row's type:
 *
 *	type            member          not given            on the command line
 *	OPTION_FLAG     bool            false                --name (and --opposite, which sets false)
 *	OPTION_TEXT     struct str      STR_NULL             --name VALUE, --name=VALUE, -nVALUE, -n VALUE
 *	OPTION_INTEGER  int64_t         INTEGER_NONE         the same; without a value when the row has a bare one
 *	OPTION_WORD     int             0                    the same; one of words, in any case
 *	OPTION_TEXTS    struct texts    empty                the same, once for each value
 *
 * With a fallback, that is read in place of "not given". "--" ends the options; a lone "-" is a word.
 */
#ifndef WEIR_CLI_OPTIONS_H
#define WEIR_CLI_OPTIONS_H

#include "base/arena.h"
#include "base/problem.h"

enum option_type { OPTION_FLAG, OPTION_TEXT, OPTION_INTEGER, OPTION_WORD, OPTION_TEXTS };

/* Values of a repeated option or argument, in the reader's arena. */
struct texts {
	struct str *items;
	size_t count;
};

struct cli_option {
	const char *name;     /* "limit": without its hyphens */
	const char *alias;    /* a second name, or NULL */
	const char *opposite; /* OPTION_FLAG: the name that says no, or NULL */
	char letter;          /* of the short form, or 0 */
	enum option_type type;
	uint16_t offset;          /* of the member in the command's struct */
	const char *fallback;     /* as on the command line; NULL: none */
	const char *bare;         /* OPTION_INTEGER: the value when none is given; makes it optional */
	int64_t minimum, maximum; /* OPTION_INTEGER; both 0: no limit */
	const char *const *words; /* OPTION_WORD, and OPTION_TEXTS that takes only these; ends with NULL */
	const char *value;        /* what help calls the value: "NAME" */
	const char *setting;      /* the setting that says what happens without the option, for help; or NULL */
	const char *help;         /* one line */
};

#define OPTION(record, member, kind, ...)                                                                              \
	{                                                                                                              \
		.type = (kind), .offset = offsetof(record, member), __VA_ARGS__                                        \
	}

/* A positional argument: struct str, or struct texts (one or more) when it is repeated. */
struct cli_argument {
	const char *name; /* as help shows it: "ID" */
	uint16_t offset;
	bool repeated; /* only the last one may be */
	const char *help;
};

#define ARGUMENT(record, member, ...)                                                                                  \
	{                                                                                                              \
		.offset = offsetof(record, member), __VA_ARGS__                                                        \
	}

/* Rows and the struct that they fill. */
struct option_set {
	const struct cli_option *rows;
	size_t count;
	void *values;
};

enum { OPTION_SETS_MAX = 2 };

/* Reads a command line from left to right. The owner adds sets of options as it learns which command is meant. */
struct option_reader {
	struct arena *arena;
	const char *command; /* "weir flow-run ls": for messages */
	char *const *arguments;
	size_t count; /* of arguments */
	size_t next;
	const char *letters; /* the rest of "-abc", or NULL */
	bool only_words;     /* "--" was seen */
	struct option_set sets[OPTION_SETS_MAX];
	size_t set_count;
};

/* Add a set; its values get their fallbacks. A fallback that its own row refuses is a programmer's error. */
void options_add(struct option_reader *reader, const struct option_set *set);

/* Take in options up to the next word. Returns 1 with the word, 0 at the end, or WEIR_EINVAL with what to do. */
MUST_CHECK int options_next(struct option_reader *reader, struct str *word, struct problem *problem);

/* Put the words of the rest into the arguments' places: WEIR_EINVAL when there are too few or too many. */
MUST_CHECK int arguments_read(struct option_reader *reader, const struct cli_argument *rows, size_t count, void *values,
                              struct problem *problem);

/* "; did you mean 'x'?" when a word of the list looks like it, else "". The text lies in the arena. */
const char *did_you_mean(struct arena *arena, struct str word, const char *const *words, size_t count,
                         const char *prefix);

#endif
