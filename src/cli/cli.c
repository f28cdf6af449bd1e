/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "base/clock.h"
#include "cli/help.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const formats[] = { [OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", NULL };

#define GLOBAL(member, kind, ...) OPTION(struct cli_globals, member, kind, __VA_ARGS__)

static const struct cli_option global_options[] = {
	GLOBAL(format, OPTION_WORD, .name = "output", .letter = 'o', .words = formats, .fallback = "text",
	       .value = "FORMAT", .help = "for people or for programs"),
	GLOBAL(settings, OPTION_TEXTS, .name = "setting", .value = "NAME=VALUE",
	       .help = "change a setting for this command (weir config view)"),
	GLOBAL(help, OPTION_FLAG, .name = "help", .letter = 'h', .help = "show this text"),
	GLOBAL(version, OPTION_FLAG, .name = "version", .letter = 'v', .help = "show the version of Weir"),
};

static struct option_set globals_of(struct cli *cli)
{
	return (struct option_set){ global_options, ARRAY_LENGTH(global_options), &cli->globals };
}

/* --- Which command is meant --- */

/* What the words of the line have named so far. */
struct choice {
	const struct command_group *const *groups;
	size_t group_count;
	const struct command_group *group; /* NULL: none was named */
	const struct command *command;     /* NULL: none was named */
	bool help;                         /* "help" was among the words */
};

static const struct command *find_command(const struct command_group *group, struct str word)
{
	for (size_t i = 0; i < group->count; i++) {
		if (str_is(word, group->commands[i]->name))
			return group->commands[i];
	}
	return NULL;
}

/* The first word: a group's name, or a command that has no group. */
static bool choose_first(struct choice *choice, struct str word)
{
	for (size_t i = 0; i < choice->group_count; i++) {
		const struct command_group *group = choice->groups[i];

		if (group->name && !str_is(word, group->name) && !(group->alias && str_is(word, group->alias)))
			continue;
		choice->command = group->name ? NULL : find_command(group, word);
		if (group->name || choice->command) {
			choice->group = group;
			return true;
		}
	}
	return false;
}

/* A word that is a command of some group: "logs" for "flow-run logs". */
static const char *suggest_group(struct arena *arena, const struct choice *choice, struct str word)
{
	for (size_t i = 0; i < choice->group_count; i++) {
		const struct command_group *group = choice->groups[i];

		if (group->name && find_command(group, word))
			return arena_printf(arena, "; did you mean '%s %.*s'?", group->name, STR_ARG(word)).data;
	}
	return "";
}

/* What was probably meant: of the words that may stand at this place, else a command that belongs to a group. */
static const char *suggest(struct arena *arena, const struct choice *choice, struct str word)
{
	const char *words[64];
	size_t count = 0;
	const char *text;

	for (size_t i = 0; i < choice->group_count; i++) {
		const struct command_group *group = choice->groups[i];

		ASSERT(count + group->count + 1 <= ARRAY_LENGTH(words));
		if (!choice->group && group->name)
			words[count++] = group->name;
		if (choice->group ? choice->group != group : group->name != NULL)
			continue;
		for (size_t j = 0; j < group->count; j++)
			words[count++] = group->commands[j]->name;
	}
	text = did_you_mean(arena, word, words, count, "");
	return *text || choice->group ? text : suggest_group(arena, choice, word);
}

/* Read words until a command is found. Returns 0 also when the line ends before. */
static int choose(struct option_reader *reader, struct choice *choice, struct problem *problem)
{
	struct str word;
	int result;

	while (!choice->command && (result = options_next(reader, &word, problem)) != 0) {
		bool found;

		if (result < 0)
			return result;
		if (!choice->help && str_is(word, "help")) {
			choice->help = true;
			continue;
		}
		if (choice->group) {
			choice->command = find_command(choice->group, word);
			found = choice->command != NULL;
		} else {
			found = choose_first(choice, word);
		}
		if (!found)
			return problem_set(problem, WEIR_EINVAL, "unknown command '%s %.*s'%s", reader->command,
			                   STR_ARG(word), suggest(reader->arena, choice, word));
		reader->command = arena_printf(reader->arena, "%s %.*s", reader->command, STR_ARG(word)).data;
	}
	return 0;
}

/* --- Running it --- */

static void print_help(struct cli *cli, struct output *out, const struct choice *choice)
{
	struct option_set globals = globals_of(cli);

	if (choice->command)
		help_command(out, choice->group, choice->command, &globals);
	else if (choice->group)
		help_group(out, choice->group, &globals);
	else
		help_program(out, choice->groups, choice->group_count, &globals);
}

/* A line that names no command shows what there is, but on stderr and as wrong usage: a script must notice. */
static int complain_incomplete(struct cli *cli, const struct choice *choice)
{
	struct output out;

	output_init(&out, STDERR_FILENO);
	print_help(cli, &out, choice);
	cli->exit_status = error_exit_status(WEIR_EINVAL);
	return output_finish(&out, NULL);
}

/* Fill the command's struct from the rest of the line. */
static int read_arguments(struct cli *cli, struct option_reader *reader, const struct command *command, void **values,
                          struct problem *problem)
{
	struct option_set set = { command->options, command->option_count,
		                  arena_zalloc(&cli->arena, command->options_size) };

	options_add(reader, &set);
	*values = set.values;
	return arguments_read(reader, command->arguments, command->argument_count, set.values, problem);
}

/* *usage becomes false when the line itself was fine. */
static int read_and_run(struct cli *cli, struct option_reader *reader, struct choice *choice, bool *usage,
                        struct problem *problem)
{
	void *values = NULL;
	int result = choose(reader, choice, problem);

	if (result < 0)
		return result;
	if (choice->command)
		result = read_arguments(cli, reader, choice->command, &values, problem);
	/* Who asks for help need not have given all arguments. */
	if (choice->help || cli->globals.help) {
		print_help(cli, &cli->out, choice);
		return 0;
	}
	if (result < 0)
		return result;
	if (cli->globals.version) {
		output_printf(&cli->out, "%s\n", cli_version());
		return 0;
	}
	if (!choice->command)
		return complain_incomplete(cli, choice);
	*usage = false;
	/* Settings given as flags are checked even when the command needs none. */
	if (cli->globals.settings.count > 0)
		result = cli_settings(cli, &cli->settings, problem);
	return result < 0 ? result : choice->command->run(cli, values, problem);
}

/* Messages quote what is in the database and on the command line, so they are made visible like everything else. */
static void print_problem(const struct problem *problem)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str path = text_visible(&scratch, str_of(problem->path));
	struct str message = text_visible_lines(&scratch, str_of(problem->message));

	fprintf(stderr, "weir: %.*s%s%.*s\n", STR_ARG(path), path.length ? ": " : "", STR_ARG(message));
}

/*
 * A file that is opened while descriptor 1 is closed would become descriptor 1, and the output would be written into it:
 * the database. So descriptors 0 to 2 are always taken; what was closed refuses reading and writing, as before.
 */
static void take_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			abort();
	}
}

/* The reader goes back before its store is closed. */
static void close_all(struct cli *cli)
{
	if (cli->reader)
		store_reader_done(cli->store, cli->reader);
	store_close(cli->store);
	arena_done(&cli->arena);
}

int cli_main(const struct command_group *const *groups, size_t group_count, int argc, char **argv)
{
	struct cli cli = { .now_us = clock_wall_us() };
	struct option_reader reader = {
		.arena = &cli.arena, .command = "weir", .arguments = argv + 1, .count = argc > 0 ? (size_t)argc - 1 : 0
	};
	struct choice choice = { .groups = groups, .group_count = group_count };
	struct option_set globals = globals_of(&cli);
	struct problem problem;
	bool usage = true;
	int result;

	take_standard_descriptors();
	/* A write that can't be done is an error to report, not a reason to be killed in the middle of something. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	output_init(&cli.out, STDOUT_FILENO);
	options_add(&reader, &globals);
	result = read_and_run(&cli, &reader, &choice, &usage, &problem);
	if (result < 0) {
		print_problem(&problem);
		if (usage)
			fprintf(stderr, "See '%s --help'.\n", reader.command);
		cli.exit_status = error_exit_status(result);
	}
	result = output_finish(&cli.out, &problem);
	if (result < 0) {
		print_problem(&problem);
		cli.exit_status = cli.exit_status ? cli.exit_status : error_exit_status(result);
	}
	close_all(&cli);
	return cli.exit_status;
}

/* --- For commands: messages --- */

PRINTF_LIKE(2, 0) static void say(const char *before, const char *format, va_list arguments)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str text = text_visible(&scratch, arena_vprintf(&scratch, format, arguments));

	fprintf(stderr, "weir: %s%.*s\n", before, STR_ARG(text));
}

void cli_warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("warning: ", format, arguments);
	va_end(arguments);
}

void cli_note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("", format, arguments);
	va_end(arguments);
}

void cli_fail(struct cli *cli, const struct problem *problem)
{
	/* What went well before it is said before it. */
	output_flush(&cli->out);
	print_problem(problem);
	if (cli->exit_status == 0)
		cli->exit_status = error_exit_status(problem->code);
}

int cli_confirm(const char *question, const char *option, bool *yes, struct problem *problem)
{
	char answer[16];

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return problem_set(problem, WEIR_EINVAL, "%s There is no terminal to ask on: say %s to do it", question,
		                   option);
	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	*yes = fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
	return 0;
}
