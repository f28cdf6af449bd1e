/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/line_log.h"

static void log_line(struct line_log *log)
{
	run_log_str(log->run, log->level, strbuf_str(&log->line));
	strbuf_clear(&log->line);
}

void line_log_add(struct line_log *log, struct str text)
{
	while (text.length) {
		const char *line_break = memchr(text.data, '\n', text.length);
		size_t room = log->max_bytes - log->line.length;
		size_t length = line_break ? (size_t)(line_break - text.data) : text.length;
		bool whole = line_break && length <= room;

		length = MIN(length, room);
		strbuf_add(&log->line, text.data, length);
		length += whole; /* the line break itself is not kept */
		text = (struct str){ text.data + length, text.length - length };
		if (whole || log->line.length == log->max_bytes)
			log_line(log);
	}
}

void line_log_end(struct line_log *log)
{
	if (log->line.length)
		log_line(log);
	strbuf_done(&log->line);
}
