/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - commands as rows. A command is a row in its group's table (words, options, arguments, help) and a function;
 * everything else - reading the command line, help, "did you mean", output, exit status - comes from the row.
 */
#ifndef WEIR_CLI_CLI_H
#define WEIR_CLI_CLI_H

#include "base/settings_table.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/text.h"
#include "store/store.h"

enum output_format { OUTPUT_TEXT, OUTPUT_JSON };

/* Options that every command takes. */
struct cli_globals {
	int format; /* enum output_format */
	struct texts settings;
	bool help;
	bool version;
};

/* One run of the program, as a command sees it. */
struct cli {
	struct arena arena; /* until the end of the program */
	struct cli_globals globals;
	struct output out;
	int64_t now_us;
	/* opened when a command asks, closed at the end */
	struct settings *settings;
	struct store *store;
	struct db *reader;
	int exit_status; /* when a command has said all that there is to say itself: see cli_fail */
};

/* A command's function: 0, or an error with the problem filled. options is the command's struct, filled. */
typedef int command_fn(struct cli *cli, const void *options, struct problem *problem);

struct command {
	const char *name; /* "ls" */
	const char *help; /* one line, a sentence */
	command_fn *run;
	const struct cli_option *options;
	size_t option_count;
	const struct cli_argument *arguments;
	size_t argument_count;
	size_t options_size;     /* of the command's struct */
	const char *description; /* more, for the command's own help; NULL: none */
	const char *example;     /* lines, each a command */
};

struct command_group {
	const char *name; /* "flow-run"; NULL: its commands are a single word */
	const char *help;
	const struct command *const *commands;
	size_t count;
	const char *alias; /* another name, for the command line only; NULL: none */
};

extern const struct command_group flow_group;
extern const struct command_group flow_run_group;
extern const struct command_group task_run_group;
extern const struct command_group why_group;
extern const struct command_group artifact_group;
extern const struct command_group variable_group;
extern const struct command_group secret_group;
extern const struct command_group global_limit_group;
extern const struct command_group tag_limit_group;
extern const struct command_group database_group;
extern const struct command_group config_group;
extern const struct command_group version_group;

/* Read the command line, run the command it names, and return the program's exit status. */
int cli_main(const struct command_group *const *groups, size_t group_count, int argc, char **argv);

/* --- For commands --- */

/* "0.2.0" */
const char *cli_version(void);

static inline bool cli_wants_json(const struct cli *cli)
{
	return cli->globals.format == OUTPUT_JSON;
}

/* The settings, with the flags of the command line. */
MUST_CHECK int cli_settings(struct cli *cli, struct settings **out, struct problem *problem);

/* Where the database file is to be. */
MUST_CHECK int cli_database_path(struct cli *cli, const char **out, struct problem *problem);

/* Open the store to look at it. *out is NULL, and a hint on stderr, when there is no file yet: listings are empty then. */
MUST_CHECK int cli_reader_if_any(struct cli *cli, struct db **out, struct problem *problem);

/* The same, but without a file there is nothing to find: WEIR_ENOTFOUND. */
MUST_CHECK int cli_reader(struct cli *cli, struct db **out, struct problem *problem);

/* Open the store to write. Runs of programs that have died are marked Crashed first, and said on stderr. */
MUST_CHECK int cli_writer(struct cli *cli, struct store **out, struct problem *problem);

/* The same, and makes the database when there is none: for commands that a user begins with. */
MUST_CHECK int cli_maker(struct cli *cli, struct store **out, struct problem *problem);

/* Delete what has that name, and say so: of this noun, by a job that is given the name (struct str). */
MUST_CHECK int cli_delete_by_name(struct cli *cli, const char *noun, job_fn *delete, struct str name,
                                  struct problem *problem);

/* The option --limit, or the setting cli.limit without it. */
MUST_CHECK int cli_limit(struct cli *cli, int64_t given, int64_t *out, struct problem *problem);

/* A line on stderr: "weir: warning: ...", or "weir: ..." for what is no reason to worry. */
void cli_warn(const char *format, ...) PRINTF_LIKE(1, 2);
void cli_note(const char *format, ...) PRINTF_LIKE(1, 2);

/* Report a problem with one of several things a command does; the program goes on, and ends with the first one's exit
   status. */
void cli_fail(struct cli *cli, const struct problem *problem);

/* Ask on the terminal. False when the answer isn't yes. Without a terminal to ask on: WEIR_EINVAL, naming the option. */
MUST_CHECK int cli_confirm(const char *question, const char *option, bool *yes, struct problem *problem);

#endif
