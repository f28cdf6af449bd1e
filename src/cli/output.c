/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Written in pieces of FULL_BYTES: what a pipe takes at once. */
enum { FULL_BYTES = 64 * 1024, DEFAULT_COLUMNS = 80, COLUMNS_MAX = 10000 };

/* COLUMNS is what the user prefers (POSIX), so it goes before what the terminal says. */
static size_t find_columns(int fd)
{
	const char *given = getenv("COLUMNS");
	unsigned long columns = given ? strtoul(given, NULL, 10) : 0;
	struct winsize size;

	if (columns > 0 && columns <= COLUMNS_MAX)
		return columns;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return DEFAULT_COLUMNS;
}

/* By https://no-color.org: set and not empty means no. */
static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	return !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
}

void output_init(struct output *output, int fd)
{
	*output = (struct output){ .fd = fd, .terminal = isatty(fd) };
	if (output->terminal) {
		output->columns = find_columns(fd);
		output->colour = wants_colour();
	}
}

void output_str(struct output *output, struct str text)
{
	strbuf_add_str(&output->buffer, text);
}

void output_puts(struct output *output, const char *text)
{
	strbuf_puts(&output->buffer, text);
}

void output_printf(struct output *output, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	strbuf_vprintf(&output->buffer, format, arguments);
	va_end(arguments);
}

static const char *const style_codes[] = {
	[STYLE_BOLD] = "1",    [STYLE_DIM] = "2",   [STYLE_RED] = "31",     [STYLE_GREEN] = "32",
	[STYLE_YELLOW] = "33", [STYLE_BLUE] = "34", [STYLE_MAGENTA] = "35",
};

void output_styled(struct output *output, enum style style, struct str text)
{
	bool styled = output->colour && style != STYLE_NONE && text.length > 0;

	if (styled)
		output_printf(output, "\033[%sm", style_codes[style]);
	output_str(output, text);
	if (styled)
		output_puts(output, "\033[0m");
}

/* Wait until a descriptor that somebody made non-blocking takes more. */
static bool wait_writable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	return poll(&poll_fd, 1, -1) >= 0 || errno == EINTR;
}

/* Returns 0, or the errno of what went wrong. */
static int write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, data, length);

		if (written >= 0) {
			data += written;
			length -= (size_t)written;
		} else if (errno == EAGAIN) {
			if (!wait_writable(fd))
				return errno;
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

bool output_flush(struct output *output)
{
	if (output->error_number == 0 && output->buffer.length > 0)
		output->error_number = write_all(output->fd, output->buffer.data, output->buffer.length);
	strbuf_clear(&output->buffer);
	return output->error_number == 0;
}

bool output_flush_full(struct output *output)
{
	if (output->buffer.length >= FULL_BYTES)
		return output_flush(output);
	return output->error_number == 0;
}

void output_drop(struct output *output)
{
	strbuf_clear(&output->buffer);
}

int output_finish(struct output *output, struct problem *problem)
{
	int error_number;

	output_flush(output);
	strbuf_done(&output->buffer);
	error_number = output->error_number;
	if (error_number == 0 || error_number == EPIPE)
		return 0;
	return problem_set(problem, error_number == ENOSPC ? WEIR_ENOSPC : WEIR_EIO, "can't write the output: %s",
	                   strerror(error_number));
}
