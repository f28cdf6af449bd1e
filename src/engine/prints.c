/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prints.c - printed text as log lines. stdout is replaced by an unbuffered stream whose writes go to the attempt that
 * runs on the printing thread, if its run has log_prints on, and to the real standard output otherwise.
 */
#include "engine/forked.h"
#include "engine/process_child.h"
#include "engine/run.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* A line longer than this is logged in pieces. */
enum { PRINT_LINE_MAX = 1024 * 1024 };

bool run_logs_prints(const weir_future *run)
{
	enum weir_toggle own = run->what.log_prints;

	return (own == WEIR_DEFAULT ? run->flow->log_prints : own) == WEIR_ON;
}

/* Called with the attempt's mutex held; lets go of it while it logs. */
static void log_line_of(weir_run *attempt)
{
	struct strbuf line = attempt->print_line;

	attempt->print_line = (struct strbuf){ 0 };
	pthread_mutex_unlock(&attempt->mutex);
	run_log_str(attempt->run, 20, strbuf_str(&line));
	strbuf_done(&line);
	pthread_mutex_lock(&attempt->mutex);
}

void prints_add(weir_run *attempt, struct str text)
{
	pthread_mutex_lock(&attempt->mutex);
	while (text.length) {
		const char *line_break = memchr(text.data, '\n', text.length);
		size_t room = PRINT_LINE_MAX - attempt->print_line.length;
		size_t length = line_break ? (size_t)(line_break - text.data) : text.length;
		bool whole = line_break && length <= room;

		length = MIN(length, room);
		strbuf_add(&attempt->print_line, text.data, length);
		length += whole; /* the line break itself is not kept */
		text = (struct str){ text.data + length, text.length - length };
		if (whole || attempt->print_line.length == PRINT_LINE_MAX)
			log_line_of(attempt);
	}
	pthread_mutex_unlock(&attempt->mutex);
}

void prints_flush(weir_run *attempt)
{
	pthread_mutex_lock(&attempt->mutex);
	if (attempt->print_line.length)
		log_line_of(attempt);
	pthread_mutex_unlock(&attempt->mutex);
}

WEIR_API void weir_print(weir_run *run, const char *format, ...)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	va_list arguments;

	va_start(arguments, format);
	strbuf_vprintf(&text, format, arguments);
	va_end(arguments);
	if (run_logs_prints(run->run) && !process_child_is(run) && !forked_is_copy())
		prints_add(run, strbuf_str(&text));
	else
		fwrite(text.data, 1, text.length, stdout);
}

/* All of it, or an error for the printing function to see: a closed or full standard output is the program's matter. */
static ssize_t write_through(const char *data, size_t size)
{
	size_t written = 0;

	while (written < size) {
		ssize_t result = write(STDOUT_FILENO, data + written, size - written);

		if (result < 0 && errno == EINTR)
			continue;
		if (result < 0)
			return written ? (ssize_t)written : 0;
		written += (size_t)result;
	}
	return (ssize_t)size;
}

static ssize_t write_print(void *cookie, const char *data, size_t size)
{
	weir_run *attempt = attempt_current();

	(void)cookie;
	if (!attempt || !run_logs_prints(attempt->run))
		return write_through(data, size);
	prints_add(attempt, (struct str){ data, size });
	return (ssize_t)size;
}

int prints_install(struct problem *problem)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_print });

	if (!stream)
		return problem_set(problem, error_of_errno(errno), "log_prints: %s", strerror(errno));
	setvbuf(stream, NULL, _IONBF, 0);
	fflush(stdout);
	stdout = stream;
	return 0;
}
