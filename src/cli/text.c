/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"

#include "base/strbuf.h"
#include "base/timestamp.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <strings.h>
#include <time.h>

/* --- Visible text --- */

/* Characters that change what a terminal shows of others: controls, marks of direction, line separators. */
static bool is_acted_on(uint32_t character)
{
	return character < 0x20 || (character >= 0x7F && character <= 0x9F) || character == 0x200E ||
	       character == 0x200F || (character >= 0x2028 && character <= 0x202E) ||
	       (character >= 0x2066 && character <= 0x2069) || character == 0xFEFF;
}

/* How many bytes from the start of the text can be shown as they are. */
static size_t count_plain(struct str text, const char *kept)
{
	size_t at = 0;

	while (at < text.length) {
		unsigned char byte = (unsigned char)text.data[at];
		size_t length = 1;
		uint32_t character = byte;

		if (byte >= 0x80) {
			length = utf8_sequence(text.data + at, text.length - at);
			if (length == 0)
				return at;
			utf8_decode((struct str){ text.data + at, length }, &character);
		}
		if (is_acted_on(character) && !(character && character < 0x80 && strchr(kept, (int)character)))
			return at;
		at += length;
	}
	return at;
}

/* Write the escaped form of the character at the start of the text; returns the bytes that it takes there. */
static size_t escape(struct strbuf *out, struct str text)
{
	size_t length = utf8_sequence(text.data, text.length);
	uint32_t character = (unsigned char)text.data[0];

	if (length > 1) {
		utf8_decode((struct str){ text.data, length }, &character);
		strbuf_printf(out, "\\u%04" PRIx32, character);
		return length;
	}
	switch (character) {
	case '\n':
		strbuf_puts(out, "\\n");
		break;
	case '\t':
		strbuf_puts(out, "\\t");
		break;
	case '\r':
		strbuf_puts(out, "\\r");
		break;
	default:
		strbuf_printf(out, "\\x%02" PRIx32, character);
	}
	return 1;
}

static struct str make_visible(struct arena *arena, struct str text, const char *kept)
{
	AUTO(strbuf_done) struct strbuf out = { 0 };
	size_t plain = count_plain(text, kept);

	if (plain == text.length)
		return text;
	while (text.length > 0) {
		size_t taken = plain;

		strbuf_add(&out, text.data, plain);
		if (plain < text.length)
			taken += escape(&out, (struct str){ text.data + plain, text.length - plain });
		text = (struct str){ text.data + taken, text.length - taken };
		plain = count_plain(text, kept);
	}
	return arena_str(arena, strbuf_str(&out));
}

struct str text_visible(struct arena *arena, struct str text)
{
	return make_visible(arena, text, "");
}

struct str text_visible_lines(struct arena *arena, struct str text)
{
	return make_visible(arena, text, "\n\t");
}

struct str text_clip(struct arena *arena, struct str text, size_t columns)
{
	size_t at = 0, width = 0;

	if (utf8_width(text) <= columns)
		return text;
	while (at < text.length) {
		uint32_t character;
		size_t length = utf8_decode((struct str){ text.data + at, text.length - at }, &character);

		width += utf8_width((struct str){ text.data + at, length });
		if (width + 1 > columns)
			break;
		at += length;
	}
	return arena_printf(arena, "%.*s…", (int)at, text.data);
}

/* --- Times --- */

static const struct {
	int64_t seconds;
	const char *name;
} units[] = {
	{ 365 * 86400, "year" }, { 30 * 86400, "month" }, { 7 * 86400, "week" }, { 86400, "day" },
	{ 3600, "hour" },        { 60, "minute" },        { 1, "second" },
};

struct str text_ago(struct arena *arena, int64_t instant_us, int64_t now_us)
{
	int64_t seconds;
	bool past;

	if (instant_us == TIMESTAMP_NONE)
		return STR("");
	past = instant_us <= now_us;
	seconds = (past ? now_us - instant_us : instant_us - now_us) / 1000000;
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		int64_t count = seconds / units[i].seconds;

		if (count > 0)
			return arena_printf(arena, "%s%" PRId64 " %s%s%s", past ? "" : "in ", count, units[i].name,
			                    count == 1 ? "" : "s", past ? " ago" : "");
	}
	return STR("just now");
}

/* A second in the local time zone. */
struct local_second {
	int64_t seconds;
	char text[40]; /* "2026-01-31 08:00:00." */
	size_t length;
	char zone[8]; /* "+0100" */
};

/* Log lines come by the thousand within a second: it is worked out once for each. */
static const struct local_second *local_second_of(int64_t instant_us)
{
	static struct local_second cached = { .seconds = INT64_MIN };
	time_t seconds = (time_t)(instant_us / 1000000 - (instant_us % 1000000 < 0));
	struct tm local;

	if (seconds == cached.seconds)
		return &cached;
	/* Fails for years that microseconds in 64 bits do not reach. */
	if (!localtime_r(&seconds, &local))
		local = (struct tm){ .tm_mday = 1 };
	cached.seconds = seconds;
	cached.length = strftime(cached.text, sizeof cached.text, "%Y-%m-%d %H:%M:%S.", &local);
	strftime(cached.zone, sizeof cached.zone, "%z", &local);
	return &cached;
}

struct str text_time(struct arena *arena, int64_t instant_us)
{
	const struct local_second *second;
	int milliseconds;
	char *text;

	if (instant_us == TIMESTAMP_NONE)
		return STR("");
	second = local_second_of(instant_us);
	milliseconds = (int)((instant_us - second->seconds * 1000000) / 1000);
	text = arena_alloc(arena, second->length + 4);
	memcpy(text, second->text, second->length);
	text[second->length] = (char)('0' + milliseconds / 100);
	text[second->length + 1] = (char)('0' + milliseconds / 10 % 10);
	text[second->length + 2] = (char)('0' + milliseconds % 10);
	text[second->length + 3] = '\0';
	return (struct str){ text, second->length + 3 };
}

struct str text_time_ago(struct arena *arena, int64_t instant_us, int64_t now_us)
{
	struct str time = text_time(arena, instant_us);
	struct str ago = text_ago(arena, instant_us, now_us);

	if (instant_us == TIMESTAMP_NONE)
		return STR("");
	return arena_printf(arena, "%.*s %s (%.*s)", STR_ARG(time), local_second_of(instant_us)->zone, STR_ARG(ago));
}

struct str text_duration(struct arena *arena, int64_t duration_us)
{
	int64_t seconds = duration_us / 1000000;

	if (seconds < 60)
		return arena_printf(arena, "%" PRId64 ".%03" PRId64 " s", seconds, duration_us / 1000 % 1000);
	if (seconds < 3600)
		return arena_printf(arena, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
	if (seconds < 86400)
		return arena_printf(arena, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
	return arena_printf(arena, "%" PRId64 " d %" PRId64 " h", seconds / 86400, seconds / 3600 % 24);
}

/* --- States --- */

enum style state_style(enum state_type type)
{
	static const enum style styles[STATE_TYPE_COUNT] = {
		[STATE_SCHEDULED] = STYLE_YELLOW, [STATE_PENDING] = STYLE_YELLOW, [STATE_RUNNING] = STYLE_BLUE,
		[STATE_COMPLETED] = STYLE_GREEN,  [STATE_FAILED] = STYLE_RED,     [STATE_CANCELLED] = STYLE_DIM,
		[STATE_CRASHED] = STYLE_MAGENTA,  [STATE_PAUSED] = STYLE_YELLOW,  [STATE_CANCELLING] = STYLE_DIM,
	};

	return styles[type];
}

const char *const state_names[] = {
	"Scheduled",     "Pending",    "Running",    "Completed", "Failed",   "Cancelled",
	"Crashed",       "Paused",     "Cancelling", "Late",      "Resuming", "AwaitingConcurrencySlot",
	"AwaitingRetry", "Retrying",   "Suspended",  "Cached",    "TimedOut", "Skipped",
	"NotReady",      "RolledBack",
};
const size_t state_name_count = ARRAY_LENGTH(state_names);

struct str state_name_find(struct str name, bool *known)
{
	*known = true;
	for (size_t i = 0; i < state_name_count; i++) {
		if (strlen(state_names[i]) == name.length && strncasecmp(state_names[i], name.data, name.length) == 0)
			return str_of(state_names[i]);
	}
	*known = false;
	return name;
}
