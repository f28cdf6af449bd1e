/* SPDX-License-Identifier: Apache-2.0 */
#include "base/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What is read, where [ ] may be left out and blanks are spaces, tabs and carriage returns:
 *
 *	file  = [byte order mark] line, line, ...
 *	line  = [blanks] [ ["export" blanks] name [blanks] "=" [blanks] value [blanks] ] [comment]
 *	name  = a letter or _, then letters, digits, _ . -
 *	value = '...' | "..." | the rest of the line, up to a # after a blank
 *
 * Other readers of .env files differ in what they do with names without "=" and with text after a closing quote: those are
 * refused here, since whatever was meant, half of the readers would get it wrong. Nothing is expanded within values.
 */
enum { ENV_FILE_MAX_BYTES = 1 << 20 };

struct parser {
	struct arena *arena;
	struct str path;
	const char *next, *end;
	unsigned line; /* of next, from 1 */
	struct problem *problem;
};

PRINTF_LIKE(3, 4) static int refuse(const struct parser *parser, unsigned line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	problem_set_args(parser->problem, WEIR_ESYNTAX, format, arguments);
	va_end(arguments);
	return problem_at(parser->problem, "%.*s:%u", STR_ARG(parser->path), line);
}

/* The next byte, or 0 at the end; a NUL byte in the text has been refused before. */
static char peek(const struct parser *parser)
{
	return parser->next < parser->end ? *parser->next : '\0';
}

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\r';
}

static void skip_blanks(struct parser *parser)
{
	while (is_blank(peek(parser)))
		parser->next++;
}

static void skip_comment(struct parser *parser)
{
	if (peek(parser) == '#')
		while (parser->next < parser->end && *parser->next != '\n')
			parser->next++;
}

/* At a line break, or at the end of the text. */
static bool at_line_end(const struct parser *parser)
{
	return parser->next == parser->end || *parser->next == '\n';
}

/* Not isalpha and the like: what a file means must not change with the locale of the program that reads it. */
static bool is_name_start(char character)
{
	return character == '_' || (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z');
}

static bool is_name_part(char character)
{
	return is_name_start(character) || (character >= '0' && character <= '9') || character == '.' ||
	       character == '-';
}

/* The name that starts here, in the input; STR_NULL, and nothing is taken, when none does. */
static struct str read_name(struct parser *parser)
{
	const char *start = parser->next;

	if (!is_name_start(peek(parser)))
		return STR_NULL;
	while (parser->next < parser->end && is_name_part(*parser->next))
		parser->next++;
	return (struct str){ start, (size_t)(parser->next - start) };
}

/* "export" is a prefix only when a name follows it: export=1 is a variable of that name. */
static void skip_export(struct parser *parser)
{
	const char *start = parser->next;

	if (!str_is(read_name(parser), "export") || !is_blank(peek(parser))) {
		parser->next = start;
		return;
	}
	skip_blanks(parser);
	if (!is_name_start(peek(parser)))
		parser->next = start;
}

/* What a backslash and this character stand for within "..."; 0: themselves. */
static char unescape(char character)
{
	switch (character) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case '"':
	case '\\':
	case '$':
		return character;
	default:
		return '\0';
	}
}

/* The text up to the closing quote, which may be some lines below. In '…' every byte stands for itself. */
static int read_quoted(struct parser *parser, struct str *out)
{
	char quote = *parser->next++;
	const char *start = parser->next;
	const char *close = start;
	unsigned first_line = parser->line;
	char *copy;
	size_t length = 0;

	/* First find the end, so that a quote that is never closed is reported where it was opened. */
	while (close < parser->end && *close != quote)
		close += quote == '"' && *close == '\\' && close + 1 < parser->end ? 2 : 1;
	if (close >= parser->end)
		return refuse(parser, first_line, "the quote %c is never closed", quote);
	copy = arena_alloc(parser->arena, (size_t)(close - start) + 1);
	for (; parser->next < close; parser->next++) {
		char plain = quote == '"' && *parser->next == '\\' ? unescape(parser->next[1]) : '\0';

		if (plain)
			parser->next++;
		else
			plain = *parser->next;
		if (*parser->next == '\n')
			parser->line++;
		copy[length++] = plain;
	}
	copy[length] = '\0';
	parser->next = close + 1;
	*out = (struct str){ copy, length };
	return 0;
}

/* The rest of the line without a comment, which begins at a # after a blank, and without blanks around it. */
static struct str read_bare(struct parser *parser)
{
	const char *start = parser->next;
	const char *end;

	while (!at_line_end(parser)) {
		if (*parser->next == '#' && (parser->next == start || is_blank(parser->next[-1])))
			break;
		parser->next++;
	}
	end = parser->next;
	while (end > start && is_blank(end[-1]))
		end--;
	return arena_str(parser->arena, (struct str){ start, (size_t)(end - start) });
}

static int read_value(struct parser *parser, struct str *out)
{
	char first = peek(parser);

	if (first != '\'' && first != '"') {
		*out = read_bare(parser);
		return 0;
	}
	return read_quoted(parser, out);
}

/* A line that is not blank, up to its line break. Names are copied as values are: the input may go away. */
static int read_line(struct parser *parser, struct env_file *out)
{
	struct env_line entry = { .line = parser->line };
	int result;

	skip_export(parser);
	entry.name = read_name(parser);
	if (!entry.name.data)
		return refuse(parser, entry.line, "a line must read NAME=value; a name begins with a letter or _");
	skip_blanks(parser);
	if (peek(parser) != '=')
		return refuse(parser, entry.line, "\"=\" is missing after the name %.*s", STR_ARG(entry.name));
	parser->next++;
	skip_blanks(parser);
	result = read_value(parser, &entry.value);
	if (result < 0)
		return result;
	skip_blanks(parser);
	skip_comment(parser);
	if (!at_line_end(parser))
		return refuse(parser, parser->line, "only a comment may follow the quoted value of %.*s",
		              STR_ARG(entry.name));
	entry.name = arena_str(parser->arena, entry.name);
	vec_push(&out->lines, entry);
	return 0;
}

static unsigned line_of(struct str text, const char *place)
{
	unsigned line = 1;

	for (const char *at = text.data; at < place; at++)
		line += *at == '\n';
	return line;
}

int env_parse(struct arena *arena, struct str path, struct str text, struct env_file *out, struct problem *problem)
{
	struct parser parser = { arena, path, text.data, text.data + text.length, 1, problem };
	const char *nul = text.length ? memchr(text.data, '\0', text.length) : NULL;

	*out = (struct env_file){ .path = arena_str(arena, path) };
	if (nul)
		return refuse(&parser, line_of(text, nul), "the file has a NUL byte: it is not text");
	if (str_starts_with(text, STR("\xEF\xBB\xBF")))
		parser.next += 3;
	while (parser.next < parser.end) {
		skip_blanks(&parser);
		skip_comment(&parser);
		if (!at_line_end(&parser)) {
			int result = read_line(&parser, out);

			if (result < 0) {
				env_done(out);
				return result;
			}
		}
		if (parser.next < parser.end) {
			parser.next++;
			parser.line++;
		}
	}
	return 0;
}

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Read the whole file; a text of data NULL says that there is none. */
static int read_file(struct arena *arena, const char *path, struct str *text, struct problem *problem)
{
	/* Non-blocking, so that a named pipe of that name is refused below rather than waited for. */
	AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char *data;
	size_t length = 0;
	ssize_t got;

	*text = STR_NULL;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &status) < 0)
		return problem_set(problem, error_of_errno(errno), "cannot read %s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return problem_set(problem, WEIR_EINVAL, "cannot read %s: it is not a plain file", path);
	data = arena_alloc(arena, ENV_FILE_MAX_BYTES + 1);
	do {
		got = read(fd, data + length, ENV_FILE_MAX_BYTES + 1 - length);
		if (got < 0 && errno != EINTR)
			return problem_set(problem, error_of_errno(errno), "cannot read %s: %s", path, strerror(errno));
		length += got > 0 ? (size_t)got : 0;
	} while (got != 0 && length <= ENV_FILE_MAX_BYTES);
	if (length > ENV_FILE_MAX_BYTES)
		return problem_set(problem, WEIR_ELIMIT, "%s is larger than 1 MiB: this cannot be a file of settings",
		                   path);
	*text = (struct str){ data, length };
	return 0;
}

int env_load(struct arena *arena, const char *path, struct env_file *out, struct problem *problem)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str text;
	int result;

	*out = (struct env_file){ 0 };
	result = read_file(&scratch, path, &text, problem);
	if (result < 0)
		return result;
	if (!text.data)
		text = STR("");
	return env_parse(arena, str_of(path), text, out, problem);
}

void env_done(struct env_file *file)
{
	vec_done(&file->lines);
}

const struct env_line *env_find(const struct env_file *file, struct str name)
{
	for (size_t i = file->lines.count; i > 0; i--)
		if (str_equal(file->lines.items[i - 1].name, name))
			return &file->lines.items[i - 1];
	return NULL;
}
