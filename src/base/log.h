/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - the program's own log: a line for each entry, as text or as JSON. Only programs (weir_main, the binary) log;
 * libraries return errors. A sink that is full or closed never blocks and never kills: what cannot be written at once
 * is kept in a bounded buffer; when that is full the newest entries are dropped and counted, and a line in their place
 * tells how many, once the sink takes lines again. errno is left alone.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "base/base.h"

/* Python's numbers, which are also those of the API. */
enum log_level { LOG_DEBUG = 10, LOG_INFO = 20, LOG_WARNING = 30, LOG_ERROR = 40, LOG_CRITICAL = 50, LOG_OFF = 100 };

enum log_format { LOG_TEXT, LOG_JSON };

struct log_options {
	int fd; /* of the sink: a file, a pipe, a terminal or a socket. The log works on a second descriptor for it, which
	           it keeps until the next log_init, and leaves this one alone */
	enum log_level level; /* below it nothing is written */
	enum log_format format;
	bool colour; /* text only */
};

/* Set up the process's log; may be called again to change it. Before the first call: warnings, text, stderr. */
void log_init(const struct log_options *options);

/* Try to write what is buffered for at most so many microseconds, e.g. before the program ends. */
void log_flush(int64_t timeout_us);

bool log_enabled(enum log_level level);

/*
 * One entry. name is who speaks ("weir.store", "Flow run 'calm-otter'"); the line reads
 * "08:00:00.000 | INFO    | Flow run 'calm-otter' - message". Thread-safe; line breaks in the message are kept (JSON
 * escapes them). Bytes that are not UTF-8 become U+FFFD. What a message has over 64 KiB is cut, and the line says so.
 */
void log_write(enum log_level level, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
void log_write_str(enum log_level level, struct str name, struct str message);

/* How many entries were dropped since the start. */
uint64_t log_dropped(void);

/* "DEBUG" … "CRITICAL" for a number (the nearest one below), and back, in any case; also "WARN", "OFF", or a number up to
   100; -1 for an unknown word. */
const char *log_level_name(int level);
int log_level_parse(struct str word);

#endif
