/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include "base/utf8.h"

#include <inttypes.h>

/* Help is laid out for 80 columns whatever the terminal has: it is also read in documents and in pipes. */
enum { HELP_WIDTH = 80, LEFT_MAX = 26, INDENT = 2 };

/* --- Layout --- */

/* The next line of a text that is wrapped at blanks; moves *text past it. */
static struct str take_line(struct str *text, size_t width)
{
	struct str line = *text;
	/* A line break ends the line as the width does; a word that is longer than the width is broken. */
	const char *newline = memchr(text->data, '\n', text->length);
	size_t length = newline ? (size_t)(newline - text->data) : text->length;
	size_t used = length;

	if (length > width) {
		used = width;
		while (used > 0 && text->data[used] != ' ')
			used--;
		if (used == 0)
			used = width;
	}
	line.length = used;
	if (used < text->length)
		used++;
	*text = (struct str){ text->data + used, text->length - used };
	return line;
}

/* Text from the present column on, wrapped, further lines indented to that column. */
static void put_wrapped(struct output *out, struct str text, size_t column)
{
	bool first = true;

	while (text.length > 0) {
		struct str line = take_line(&text, HELP_WIDTH - column);

		output_printf(out, "%*s%.*s\n", first ? 0 : (int)column, "", STR_ARG(line));
		first = false;
	}
}

/* "  left      right" with the right part wrapped. A left part that is too long has a line of its own. */
static void put_row(struct output *out, struct str left, size_t left_width, struct str right)
{
	size_t column = INDENT + left_width + 2;

	if (left.length > left_width)
		output_printf(out, "%*s%.*s\n%*s", INDENT, "", STR_ARG(left), (int)column, "");
	else
		output_printf(out, "%*s%-*.*s  ", INDENT, "", (int)left_width, STR_ARG(left));
	put_wrapped(out, right, column);
}

static void put_heading(struct output *out, const char *title)
{
	output_puts(out, "\n");
	output_styled(out, STYLE_BOLD, str_of(title));
	output_puts(out, "\n");
}

/* --- Options and arguments --- */

/* "-o, --output FORMAT"; a value that may be left out stands in brackets. */
static struct str option_words(struct arena *arena, const struct cli_option *row)
{
	struct str words = row->letter ? arena_printf(arena, "-%c, --%s", row->letter, row->name)
	                               : arena_printf(arena, "--%s", row->name);

	if (row->alias)
		words = arena_printf(arena, "%.*s, --%s", STR_ARG(words), row->alias);
	if (row->opposite)
		words = arena_printf(arena, "%.*s, --%s", STR_ARG(words), row->opposite);
	if (row->type == OPTION_FLAG)
		return words;
	return arena_printf(arena, row->bare ? "%.*s [%s]" : "%.*s %s", STR_ARG(words), row->value);
}

static void add_note(struct strbuf *notes, const char *format, ...) PRINTF_LIKE(2, 3);

static void add_note(struct strbuf *notes, const char *format, ...)
{
	va_list arguments;

	strbuf_puts(notes, notes->length ? "; " : " [");
	va_start(arguments, format);
	strbuf_vprintf(notes, format, arguments);
	va_end(arguments);
}

/* " [1 to 9; without N: 20; default: 5]", or "". */
static struct str option_notes(struct arena *arena, const struct cli_option *row)
{
	AUTO(strbuf_done) struct strbuf notes = { 0 };

	for (int i = 0; row->words && row->words[i]; i++) {
		if (i == 0)
			add_note(&notes, "%s", row->words[i]);
		else
			strbuf_printf(&notes, ", %s", row->words[i]);
	}
	if (row->maximum == INT64_MAX)
		add_note(&notes, "at least %" PRId64, row->minimum);
	else if (row->minimum || row->maximum)
		add_note(&notes, "%" PRId64 " to %" PRId64, row->minimum, row->maximum);
	if (row->bare)
		add_note(&notes, "without %s: %s", row->value, row->bare);
	if (row->setting)
		add_note(&notes, "default: setting %s", row->setting);
	else if (row->fallback)
		add_note(&notes, "default: %s", row->fallback);
	if (row->type == OPTION_TEXTS)
		add_note(&notes, "may be repeated");
	if (notes.length > 0)
		strbuf_puts(&notes, "]");
	return arena_str(arena, strbuf_str(&notes));
}

static void put_options(struct output *out, const char *title, const struct cli_option *rows, size_t count)
{
	AUTO(arena_done) struct arena scratch = { 0 };

	if (count == 0)
		return;
	put_heading(out, title);
	for (size_t i = 0; i < count; i++) {
		struct str notes = option_notes(&scratch, &rows[i]);

		put_row(out, option_words(&scratch, &rows[i]), LEFT_MAX,
		        arena_printf(&scratch, "%s%.*s", rows[i].help, STR_ARG(notes)));
	}
}

static void put_globals(struct output *out, const struct option_set *globals)
{
	put_options(out, "Global options:", globals->rows, globals->count);
}

static void put_arguments(struct output *out, const struct command *command)
{
	if (command->argument_count == 0)
		return;
	put_heading(out, "Arguments:");
	for (size_t i = 0; i < command->argument_count; i++)
		put_row(out, str_of(command->arguments[i].name), LEFT_MAX, str_of(command->arguments[i].help));
}

/* --- Commands --- */

static struct str command_words(struct arena *arena, const struct command_group *group, const struct command *command)
{
	return arena_printf(arena, "%s%s%s", group->name ? group->name : "", group->name ? " " : "", command->name);
}

/* A line for each command of the group. */
static void put_commands(struct output *out, const struct command_group *group)
{
	AUTO(arena_done) struct arena scratch = { 0 };

	for (size_t i = 0; i < group->count; i++)
		put_row(out, command_words(&scratch, group, group->commands[i]), 18, str_of(group->commands[i]->help));
}

void help_program(struct output *out, const struct command_group *const *groups, size_t count,
                  const struct option_set *globals)
{
	output_puts(out, "Usage: weir [OPTIONS] COMMAND [ARGUMENTS]\n\n"
	                 "Look at what flows and tasks have done, and act on their runs.\n");
	for (size_t i = 0; i < count; i++) {
		put_heading(out, groups[i]->help);
		put_commands(out, groups[i]);
	}
	put_globals(out, globals);
	output_puts(out, "\nMore about a command: weir help COMMAND, or weir COMMAND --help\n");
}

void help_group(struct output *out, const struct command_group *group, const struct option_set *globals)
{
	output_printf(out, "Usage: weir %s COMMAND [OPTIONS] [ARGUMENTS]\n", group->name);
	put_heading(out, group->help);
	put_commands(out, group);
	put_globals(out, globals);
	if (group->alias)
		output_printf(out, "\nInstead of '%s', '%s' may be written.\n", group->name, group->alias);
	output_printf(out, "\nMore about a command: weir %s COMMAND --help\n", group->name);
}

/* "Usage: weir flow-run logs [OPTIONS] ID" */
static void put_usage(struct output *out, struct str words, const struct command *command)
{
	output_printf(out, "Usage: weir %.*s [OPTIONS]", STR_ARG(words));
	for (size_t i = 0; i < command->argument_count; i++)
		output_printf(out, " %s%s", command->arguments[i].name, command->arguments[i].repeated ? " ..." : "");
	output_puts(out, "\n\n");
}

void help_command(struct output *out, const struct command_group *group, const struct command *command,
                  const struct option_set *globals)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str example = str_of(command->example);

	put_usage(out, command_words(&scratch, group, command), command);
	put_wrapped(out, str_of(command->help), 0);
	if (command->description) {
		output_puts(out, "\n");
		put_wrapped(out, str_of(command->description), 0);
	}
	put_arguments(out, command);
	put_options(out, "Options:", command->options, command->option_count);
	put_globals(out, globals);
	put_heading(out, "Example:");
	while (example.length > 0) {
		struct str line = take_line(&example, SIZE_MAX);

		output_printf(out, "%*s%.*s\n", INDENT, "", STR_ARG(line));
	}
}
