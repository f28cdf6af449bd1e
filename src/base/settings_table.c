/* SPDX-License-Identifier: Apache-2.0 */
#include "base/settings_table.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static const char *const log_formats[] = { [LOG_TEXT] = "text", [LOG_JSON] = "json", NULL };

static const char *const automatic[] = { "auto", "on", "off", NULL };

enum colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

static const char *const colours[] = {
	[COLOUR_AUTO] = "auto", [COLOUR_ALWAYS] = "always", [COLOUR_NEVER] = "never", NULL
};

/* docs/settings.md repeats these rows for readers; scripts/check-docs compares them. A path may only refer to rows above. */
const struct setting weir_settings_rows[] = {
	{ "home", "WEIR_HOME", SETTING_PATH, .fallback = "~/.weir", .help = "folder in which all state lies" },
	{ "log.level", "WEIR_LOG_LEVEL", SETTING_LEVEL, .fallback = "INFO", .help = "the lowest level that is shown" },
	{ "log.format", "WEIR_LOG_FORMAT", SETTING_WORD, .fallback = "text", .words = log_formats,
	  .help = "a line of text or of JSON for each entry" },
	{ "log.colour", "WEIR_LOG_COLOUR", SETTING_WORD, .fallback = "auto", .words = colours,
	  .help = "auto: on a terminal, unless NO_COLOR is set" },
	{ "secrets.key_path", "WEIR_SECRETS_KEY_PATH", SETTING_PATH, .fallback = "$WEIR_HOME/secret.key",
	  .help = "the file with the key by which secrets are encrypted; made with the first secret" },
	{ "store.path", "WEIR_DATABASE", SETTING_PATH, .fallback = "$WEIR_HOME/weir.db", .help = "the database file" },
	{ "store.hold_seconds", "WEIR_HOLD_SECONDS", SETTING_SECONDS, .fallback = "60", .maximum = 86400,
	  .help = "seconds to wait for a full or failing disk before runs fail" },
	{ "results.path", "WEIR_RESULTS_PATH", SETTING_PATH, .fallback = "$WEIR_HOME/storage",
	  .help = "the folder for stored results" },
	{ "results.persist", "WEIR_PERSIST_RESULTS", SETTING_BOOLEAN, .fallback = "false",
	  .help = "store the results of runs that do not say whether" },
	{ "results.refresh_cache", "WEIR_REFRESH_CACHE", SETTING_BOOLEAN, .fallback = "false",
	  .help = "compute cached tasks anew and replace what is stored" },
	{ "results.max_bytes", "WEIR_RESULTS_MAX_BYTES", SETTING_INTEGER, .fallback = "268435456", .minimum = 1,
	  .maximum = 2147483647, .help = "bytes of JSON that a stored result may have" },
	{ "engine.threads", "WEIR_THREADS", SETTING_INTEGER, .fallback = "0", .maximum = 1024,
	  .help = "tasks that run at once; 0: one for each core, at least 2" },
	{ "engine.grace_seconds", "WEIR_GRACE_SECONDS", SETTING_SECONDS, .fallback = "5", .maximum = 3600,
	  .help = "seconds between a time limit and giving the attempt up" },
	{ "engine.abandoned_limit", "WEIR_ABANDONED_LIMIT", SETTING_INTEGER, .fallback = "16", .maximum = 1024,
	  .help = "attempts given up that may still hold threads; more refuse new runs" },
	{ "engine.check_values", "WEIR_CHECK_VALUES", SETTING_WORD, .fallback = "auto", .words = automatic,
	  .help = "notice values that are changed after they were handed over; auto: in debug builds" },
	{ "cli.limit", "WEIR_CLI_LIMIT", SETTING_INTEGER, .fallback = "15", .minimum = 1, .maximum = 10000,
	  .help = "rows that a listing shows" },
};

const size_t weir_settings_row_count = ARRAY_LENGTH(weir_settings_rows);

/* One copy for the process, never freed: values are handed out by reference. */
struct settings *weir_settings(struct problem *problem)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static struct settings settings;
	static bool loaded;
	struct settings *result = NULL;

	pthread_mutex_lock(&mutex);
	/* After a failure the next call reads again: the program may have mended its environment. */
	if (!loaded)
		loaded = settings_load(&settings, weir_settings_rows, weir_settings_row_count, ".env", problem) == 0;
	if (loaded)
		result = &settings;
	pthread_mutex_unlock(&mutex);
	return result;
}

bool settings_check_values(const struct settings *settings)
{
	enum { AUTOMATIC, ON };
	int64_t given = settings_get(settings, "engine.check_values")->integer;

#ifdef WEIR_DEBUG_BUILD
	return given == AUTOMATIC || given == ON;
#else
	return given == ON;
#endif
}

static bool wants_colour(enum colour colour, int fd)
{
	const char *no_colour = getenv("NO_COLOR");

	if (colour != COLOUR_AUTO)
		return colour == COLOUR_ALWAYS;
	return isatty(fd) && !(no_colour && *no_colour);
}

struct log_options settings_log_options(const struct settings *settings, int fd)
{
	return (struct log_options){
		.fd = fd,
		.level = (enum log_level)settings_get(settings, "log.level")->integer,
		.format = (enum log_format)settings_get(settings, "log.format")->integer,
		.colour = wants_colour((enum colour)settings_get(settings, "log.colour")->integer, fd),
	};
}

unsigned settings_thread_limit(const struct settings *settings)
{
	int64_t given = settings_get(settings, "engine.threads")->integer;
	cpu_set_t cores;

	if (given > 0)
		return (unsigned)given;
	/* The cores that this process may use, which a container or taskset makes fewer than there are. */
	if (sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 2)
		return (unsigned)CPU_COUNT(&cores);
	return 2;
}
