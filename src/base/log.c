/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An entry is written at once if the sink takes it; else it waits in a queue of at most QUEUE_MAX_BYTES. When that is
 * full the newest entries are dropped, so that what is shown has one gap, at one place, where a line tells its size.
 *
 * Writing must not block, and the sink's O_NONBLOCK flag must not be touched: it belongs to the open file, which other
 * programs share (the shell's terminal, the other end of `2>&1 |`). So the log has a descriptor of its own:
 *  - a pipe or a terminal is opened a second time through /proc, without blocking. Where that is refused (no /proc,
 *    another user's terminal), each piece is written only when poll says that there is room for it;
 *  - on a socket each send says MSG_DONTWAIT;
 *  - a file takes what it is given, or is full.
 */
#include "base/log.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	QUEUE_MAX_BYTES = 256 * 1024,
	MESSAGE_MAX_BYTES = 64 * 1024, /* longer ones are cut, and say so */
	NAME_MAX_BYTES = 256,
	TERMINAL_PIECE_BYTES = 256, /* a terminal that poll calls writable takes this much */
	FLUSH_PAUSE_US = 5000,
};

/* How to write without blocking. */
enum sink_kind {
	SINK_DIRECT, /* write does not block: a file, or a second, non-blocking open of a pipe or a terminal */
	SINK_POLLED, /* ask poll before each piece */
	SINK_SOCKET,
};

struct entry {
	struct entry *next;
	uint64_t told; /* the line tells that so many were dropped; 0: it is an entry itself */
	size_t length;
	size_t sent;
	char data[];
};

static struct {
	pthread_mutex_t mutex;
	bool ready;
	int fd; /* the log's own; -1: there is no sink, all is dropped */
	enum sink_kind kind;
	size_t piece_bytes; /* SINK_POLLED: what a sink that is ready takes at least */
	enum log_format format;
	bool colour;
	struct entry *first, **last; /* waiting; last is where the next one is linked */
	size_t queued_bytes;
	uint64_t gap; /* entries dropped since the last that was taken */
	struct strbuf line;
} sink = { .mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .last = &sink.first };

static atomic_int lowest_level = LOG_WARNING;
static atomic_ullong dropped;

struct level_row {
	int level;
	const char *name;
	const char *colour; /* escape sequence */
};

static const struct level_row level_rows[] = {
	{ LOG_DEBUG, "DEBUG", "\033[2m" },          { LOG_INFO, "INFO", "\033[36m" },
	{ LOG_WARNING, "WARNING", "\033[33m" },     { LOG_ERROR, "ERROR", "\033[31m" },
	{ LOG_CRITICAL, "CRITICAL", "\033[1;31m" },
};

static const struct level_row *level_find(int level)
{
	const struct level_row *found = level_rows;

	for (size_t i = 0; i < ARRAY_LENGTH(level_rows); i++)
		if (level_rows[i].level <= level)
			found = &level_rows[i];
	return found;
}

const char *log_level_name(int level)
{
	return level_find(level)->name;
}

static bool word_is(struct str word, const char *name)
{
	return word.length == strlen(name) && strncasecmp(word.data, name, word.length) == 0;
}

int log_level_parse(struct str word)
{
	int number = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(level_rows); i++)
		if (word_is(word, level_rows[i].name))
			return level_rows[i].level;
	if (word_is(word, "OFF"))
		return LOG_OFF;
	if (word_is(word, "WARN"))
		return LOG_WARNING;
	if (word.length == 0)
		return -1;
	for (size_t i = 0; i < word.length; i++) {
		if (word.data[i] < '0' || word.data[i] > '9' || number > LOG_OFF)
			return -1;
		number = number * 10 + (word.data[i] - '0');
	}
	return number <= LOG_OFF ? number : -1;
}

/* --- The sink --- */

/* A second open of what a descriptor refers to, so that not blocking is this log's affair alone. -1 when refused. */
static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Set sink.fd and how to write to it. The descriptor is a new one also for files and sockets, so that a program that
   closes its own does not send the log into whatever is opened next under that number. */
static void open_sink(int fd)
{
	struct stat status;

	sink.fd = -1;
	sink.kind = SINK_DIRECT;
	if (fstat(fd, &status) < 0)
		return;
	if (S_ISSOCK(status.st_mode)) {
		sink.kind = SINK_SOCKET;
	} else if (S_ISFIFO(status.st_mode) || isatty(fd)) {
		sink.fd = open_again(fd);
		if (sink.fd >= 0)
			return;
		sink.kind = SINK_POLLED;
		sink.piece_bytes = S_ISFIFO(status.st_mode) ? PIPE_BUF : TERMINAL_PIECE_BYTES;
	}
	sink.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* Returns the bytes taken, or -1 with errno; EAGAIN also when poll sees no room. A sink that another program fills
   between poll and write can still make SINK_POLLED wait: that is why it is only the second choice. */
static ssize_t write_piece(const char *data, size_t length)
{
	struct pollfd ready = { .fd = sink.fd, .events = POLLOUT };

	if (sink.fd < 0) {
		errno = EBADF;
		return -1;
	}
	if (sink.kind == SINK_SOCKET)
		return send(sink.fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sink.kind == SINK_POLLED) {
		if (poll(&ready, 1, 0) <= 0) {
			errno = EAGAIN;
			return -1;
		}
		length = MIN(length, sink.piece_bytes);
	}
	return write(sink.fd, data, length);
}

/* A full sink will take the rest later; any other error means that nobody will read it. */
static bool is_full(int error_number)
{
	return error_number == EAGAIN || error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG ||
	       error_number == ENOBUFS || error_number == ENOMEM;
}

/* What became of a line. */
enum outcome {
	SENT,
	FULL,   /* the sink took a part or nothing, and may take the rest later */
	CLOSED, /* it will take nothing more */
};

static enum outcome write_all(const char *data, size_t length, size_t *sent)
{
	while (*sent < length) {
		ssize_t taken = write_piece(data + *sent, length - *sent);

		if (taken > 0)
			*sent += (size_t)taken;
		else if (taken == 0 || is_full(errno))
			return FULL;
		else if (errno != EINTR)
			return CLOSED;
	}
	return SENT;
}

/* A line that tells of a gap makes a gap of the same size when it is lost; it was never an entry. */
static void drop(uint64_t told)
{
	sink.gap += told ? told : 1;
	if (told == 0)
		atomic_fetch_add(&dropped, 1);
}

static struct entry *take_first(void)
{
	struct entry *entry = sink.first;

	sink.first = entry->next;
	if (!sink.first)
		sink.last = &sink.first;
	sink.queued_bytes -= entry->length;
	return entry;
}

/* Write what waits. Entries for a closed sink are dropped. */
static enum outcome drain(void)
{
	while (sink.first) {
		enum outcome outcome = write_all(sink.first->data, sink.first->length, &sink.first->sent);

		if (outcome == FULL)
			return FULL;
		if (outcome == CLOSED)
			drop(sink.first->told);
		free(take_first());
	}
	return SENT;
}

/* Keep a line of which so many bytes are written: a line that was begun must be ended before any other. */
static void enqueue(struct str line, size_t sent, uint64_t told)
{
	struct entry *entry = xmalloc(sizeof *entry + line.length);

	*entry = (struct entry){ .told = told, .length = line.length, .sent = sent };
	memcpy(entry->data, line.data, line.length);
	*sink.last = entry;
	sink.last = &entry->next;
	sink.queued_bytes += line.length;
}

/* Write a line at once, if none waits before it, or keep it. Whether the queue has room is the caller's question. */
static void put(struct str line, uint64_t told)
{
	size_t sent = 0;
	enum outcome outcome = FULL;

	if (!sink.first)
		outcome = write_all(line.data, line.length, &sent);
	if (outcome == CLOSED)
		drop(told);
	else if (outcome == FULL)
		enqueue(line, sent, told);
}

/* --- Signals: a closed pipe and a file at its size limit must not kill the host program --- */

struct signal_guard {
	sigset_t caught; /* SIGPIPE and SIGXFSZ, less those that were pending before: they are not ours */
	sigset_t before;
	int error_number; /* a log call must not change the caller's errno */
};

/* A library may install no handler and must not change what the host has set, so the signals are blocked in this thread
   for as long as it writes. One that was pending before stays pending. */
static void signals_hold(struct signal_guard *guard)
{
	static const int signals[] = { SIGPIPE, SIGXFSZ };
	sigset_t held, pending;

	guard->error_number = errno;
	sigemptyset(&held);
	sigemptyset(&guard->caught);
	sigpending(&pending);
	for (size_t i = 0; i < ARRAY_LENGTH(signals); i++) {
		sigaddset(&held, signals[i]);
		if (!sigismember(&pending, signals[i]))
			sigaddset(&guard->caught, signals[i]);
	}
	pthread_sigmask(SIG_BLOCK, &held, &guard->before);
}

/* Both signals go to the thread that writes, so what is pending now came from here. */
static void signals_release(struct signal_guard *guard)
{
	static const struct timespec now;

	while (sigtimedwait(&guard->caught, NULL, &now) > 0 || errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
	errno = guard->error_number;
}

/* --- One line --- */

/* At most so many bytes, not ending within a character (whose second to fourth byte are 10xxxxxx). */
static struct str cut(struct str text, size_t limit)
{
	if (text.length <= limit)
		return text;
	for (int i = 0; i < 3 && ((unsigned char)text.data[limit] & 0xC0) == 0x80; i++)
		limit--;
	return (struct str){ text.data, limit };
}

/* For people: local time, since they compare it with their own clock. Line breaks stay as they are. */
static void write_text(enum log_level level, struct str name, struct str message, int64_t now_us)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	const struct level_row *row = level_find((int)level);
	time_t second = (time_t)(now_us / 1000000);
	struct tm local;

	localtime_r(&second, &local);
	strbuf_printf(&sink.line, "%02d:%02d:%02d.%03d | %s%-7s%s | ", local.tm_hour, local.tm_min, local.tm_sec,
	              (int)(now_us / 1000 % 1000), sink.colour ? row->colour : "", row->name,
	              sink.colour ? "\033[0m" : "");
	strbuf_add_str(&sink.line, utf8_mend(&scratch, name));
	strbuf_puts(&sink.line, " - ");
	strbuf_add_str(&sink.line, utf8_mend(&scratch, message));
}

/* For collectors: UTC, and one line whatever the message has. The writer mends bytes that are not UTF-8. */
static void write_json(enum log_level level, struct str name, struct str message, int64_t now_us)
{
	struct json_writer writer;

	json_writer_init(&writer, &sink.line);
	json_begin_object(&writer);
	json_key(&writer, "timestamp");
	json_puts(&writer, timestamp_text(now_us).text);
	json_key(&writer, "level");
	json_puts(&writer, log_level_name((int)level));
	json_key(&writer, "logger");
	json_str(&writer, name);
	json_key(&writer, "message");
	json_str(&writer, message);
	json_end_object(&writer);
}

/* The line lies in the sink's buffer until the next one. */
static struct str compose(enum log_level level, struct str name, struct str message)
{
	AUTO(strbuf_done) struct strbuf scratch = { 0 };
	int64_t now_us = clock_wall_us();
	struct str shown = cut(message, MESSAGE_MAX_BYTES);

	if (shown.length < message.length) {
		strbuf_add_str(&scratch, shown);
		strbuf_printf(&scratch, "... (%zu more bytes)", message.length - shown.length);
		shown = strbuf_str(&scratch);
	}
	strbuf_clear(&sink.line);
	(sink.format == LOG_JSON ? write_json : write_text)(level, cut(name, NAME_MAX_BYTES), shown, now_us);
	strbuf_putc(&sink.line, '\n');
	return strbuf_str(&sink.line);
}

/* Once half of the queue is free, tell how many entries are missing at this place. */
static void tell_gap(void)
{
	uint64_t gap = sink.gap;
	char text[96];

	if (gap == 0 || sink.queued_bytes > QUEUE_MAX_BYTES / 2)
		return;
	snprintf(text, sizeof text, "%llu log entries were dropped here: the log's sink did not take them",
	         (unsigned long long)gap);
	sink.gap = 0;
	put(compose(LOG_WARNING, STR("weir.log"), str_of(text)), gap);
}

/* While a gap is open every entry falls into it, or the line that tells of it would stand in the wrong place. */
static void take(enum log_level level, struct str name, struct str message)
{
	struct str line;

	drain();
	tell_gap();
	line = compose(level, name, message);
	if (sink.gap > 0 || sink.queued_bytes + line.length > QUEUE_MAX_BYTES)
		drop(0);
	else
		put(line, 0);
}

/* --- For everybody --- */

static void setup(const struct log_options *options)
{
	if (sink.fd >= 0)
		close(sink.fd);
	open_sink(options->fd);
	sink.format = options->format;
	sink.colour = options->colour;
	sink.ready = true;
	atomic_store(&lowest_level, (int)options->level);
	/* What still waits goes to the new sink, which has not seen the part that was sent. */
	if (sink.first)
		sink.first->sent = 0;
}

static void lock(struct signal_guard *guard)
{
	static const struct log_options unset = { .fd = STDERR_FILENO, .level = LOG_WARNING };

	pthread_mutex_lock(&sink.mutex);
	signals_hold(guard);
	if (!sink.ready)
		setup(&unset);
}

static void unlock(struct signal_guard *guard)
{
	signals_release(guard);
	pthread_mutex_unlock(&sink.mutex);
}

void log_init(const struct log_options *options)
{
	struct signal_guard guard;

	pthread_mutex_lock(&sink.mutex);
	signals_hold(&guard);
	if (sink.ready)
		drain();
	setup(options);
	unlock(&guard);
}

/* Wait until the sink may take more, for at most so long, and a little even if it says so: a full disk always does. */
static void wait_for_room(int fd, int64_t timeout_us)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	if (poll(&ready, 1, (int)(MIN(timeout_us, 1000000) / 1000)) > 0)
		usleep((useconds_t)MIN(timeout_us, FLUSH_PAUSE_US));
}

void log_flush(int64_t timeout_us)
{
	int64_t deadline_us = clock_monotonic_us() + timeout_us;
	struct signal_guard guard;

	for (;;) {
		enum outcome outcome;
		int64_t left_us;
		int fd;

		lock(&guard);
		outcome = drain();
		if (outcome == SENT)
			tell_gap();
		fd = sink.fd;
		unlock(&guard);
		left_us = deadline_us - clock_monotonic_us();
		if (outcome == SENT || left_us <= 0)
			return;
		wait_for_room(fd, left_us);
	}
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load(&lowest_level) && level < LOG_OFF;
}

void log_write_str(enum log_level level, struct str name, struct str message)
{
	struct signal_guard guard;

	if (!log_enabled(level))
		return;
	lock(&guard);
	take(level, name, message);
	unlock(&guard);
}

void log_write(enum log_level level, const char *name, const char *format, ...)
{
	AUTO(strbuf_done) struct strbuf message = { 0 };
	va_list arguments;

	if (!log_enabled(level))
		return;
	va_start(arguments, format);
	strbuf_vprintf(&message, format, arguments);
	va_end(arguments);
	log_write_str(level, str_of(name), strbuf_str(&message));
}

uint64_t log_dropped(void)
{
	return atomic_load(&dropped);
}
