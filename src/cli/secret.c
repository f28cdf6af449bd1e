/* SPDX-License-Identifier: Apache-2.0 */
/* weir secret … : the text of a secret is read, never shown */
#include "core/secret.h"

#include "cli/listing.h"
#include "store/secret_key.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { SECRET_MAX_BYTES = 64 * 1024 };

struct secret_options {
	struct str name;
	int64_t limit;
};

static const struct cli_argument name_argument[] = {
	ARGUMENT(struct secret_options, name, .name = "NAME", .help = "the secret's name"),
};

/* --- Reading the text --- */

static int read_all(struct strbuf *text, bool line, struct problem *problem)
{
	/* Reserved at once: growing would leave copies behind. */
	char *place = strbuf_reserve(text, SECRET_MAX_BYTES + 1);
	ssize_t got = 1;

	while (got > 0 && text->length <= SECRET_MAX_BYTES && !(line && memchr(place, '\n', text->length))) {
		got = read(STDIN_FILENO, place + text->length, SECRET_MAX_BYTES + 1 - text->length);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			text->length += (size_t)got;
	}
	if (got < 0)
		return problem_set(problem, error_of_errno(errno), "standard input: %s", strerror(errno));
	if (text->length > SECRET_MAX_BYTES)
		return problem_set(problem, WEIR_ELIMIT, "a secret has at most %d bytes", SECRET_MAX_BYTES);
	if (text->length > 0 && place[text->length - 1] == '\n')
		text->length--;
	if (memchr(place, '\0', text->length))
		return problem_set(problem, WEIR_EINVAL, "a secret is text: it must not contain NUL bytes");
	place[text->length] = '\0';
	return 0;
}

/* The terminal as it was; for who is interrupted while it is silent. */
static struct termios terminal_before;

static void on_signal(int number)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
	signal(number, SIG_DFL);
	raise(number);
}

/* The terminal is silent before it asks: what is typed at once is neither shown nor lost. */
static int be_silent(struct problem *problem)
{
	struct termios silent;

	if (tcgetattr(STDIN_FILENO, &terminal_before) < 0)
		return problem_set(problem, error_of_errno(errno), "the terminal: %s", strerror(errno));
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	silent = terminal_before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0)
		return problem_set(problem, error_of_errno(errno), "the terminal: %s", strerror(errno));
	return 0;
}

/* On a terminal: ask, and do not show what is typed. */
static int read_typed(const struct secret_options *options, struct strbuf *text, struct problem *problem)
{
	int result = be_silent(problem);

	if (result < 0)
		return result;
	fprintf(stderr, "The text of '%.*s' (it is not shown): ", STR_ARG(options->name));
	fflush(stderr);
	result = read_all(text, true, problem);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	fputc('\n', stderr);
	return result;
}

/* --- set --- */

static int keep_one(void *data, const void *record)
{
	(void)record;
	*(bool *)data = true;
	return 1;
}

/* A new key would make those that are stored unreadable, and nobody would notice until they are needed. */
static int refuse_lost_key(struct store *store, const char *path, struct problem *problem)
{
	bool any = false;
	struct db *db;
	int result = store_reader(store, &db, problem);

	if (result < 0)
		return result;
	result = store_secret_list(db, 1, keep_one, &any, problem);
	store_reader_done(store, db);
	if (result < 0 || !any || access(path, F_OK) == 0)
		return MIN(result, 0);
	return problem_set(problem, WEIR_ENOTFOUND,
	                   "%s: the key of the secrets is missing, although there are some: put it back, or unset them",
	                   path);
}

static int read_key(struct cli *cli, struct store *store, uint8_t key[SEAL_KEY_BYTES], struct problem *problem)
{
	struct settings *settings = NULL;
	const char *path;
	int result = cli_settings(cli, &settings, problem);

	if (result < 0)
		return result;
	path = arena_str(&cli->arena, settings_get(settings, "secrets.key_path")->text).data;
	result = refuse_lost_key(store, path, problem);
	return result < 0 ? result : secret_key_read(path, true, key, problem);
}

static int set(struct tx *tx, void *request)
{
	return secret_set(tx, request);
}

static int seal_text(struct cli *cli, struct store *store, struct str text, struct secret *secret,
                     struct problem *problem)
{
	uint8_t key[SEAL_KEY_BYTES];
	int result = read_key(cli, store, key, problem);

	if (result == 0)
		result = secret_seal(key, secret->name, text, &cli->arena, &secret->sealed, problem);
	explicit_bzero(key, sizeof key);
	return result;
}

static void print_secret(struct cli *cli, const struct secret *secret, const char *done)
{
	struct json_writer writer;

	if (!cli_wants_json(cli)) {
		output_printf(&cli->out, "%s secret '%.*s'\n", done, STR_ARG(secret->name));
		return;
	}
	json_writer_init(&writer, &cli->out.buffer);
	json_begin_object(&writer);
	fields_write(&secret_fields, secret, &writer);
	json_end_object(&writer);
	output_puts(&cli->out, "\n");
}

static int run_set(struct cli *cli, const void *data, struct problem *problem)
{
	const struct secret_options *options = data;
	AUTO(secret_wipe) struct strbuf text = { 0 };
	struct secret secret = { .name = options->name };
	struct store *store;
	int result = cli_maker(cli, &store, problem);

	if (result == 0)
		result = isatty(STDIN_FILENO) ? read_typed(options, &text, problem) : read_all(&text, false, problem);
	if (result == 0)
		result = seal_text(cli, store, strbuf_str(&text), &secret, problem);
	if (result == 0)
		result = store_run(store, set, &secret, problem);
	if (result < 0)
		return result;
	print_secret(cli, &secret, "Set");
	return 0;
}

static const struct command set_command = {
	.name = "set",
	.help = "Store a secret, encrypted.",
	.run = run_set,
	.arguments = name_argument,
	.argument_count = ARRAY_LENGTH(name_argument),
	.options_size = sizeof(struct secret_options),
	.description = "The text is asked for, or read from standard input; a line break at its end is left out.",
	.example = "weir secret set api-token\nweir secret set api-token < token.txt",
};

/* --- unset --- */

static int unset(struct tx *tx, void *request)
{
	return secret_delete(tx, *(const struct str *)request);
}

static int run_unset(struct cli *cli, const void *data, struct problem *problem)
{
	return cli_delete_by_name(cli, "secret", unset, ((const struct secret_options *)data)->name, problem);
}

static const struct command unset_command = {
	.name = "unset",
	.help = "Delete a secret.",
	.run = run_unset,
	.arguments = name_argument,
	.argument_count = ARRAY_LENGTH(name_argument),
	.options_size = sizeof(struct secret_options),
	.example = "weir secret unset api-token",
};

/* --- ls --- */

static const struct cli_option ls_options[] = {
	OPTION(struct secret_options, limit, OPTION_INTEGER, .name = "limit", .minimum = 1, .maximum = INT64_MAX,
	       .value = "N", .setting = "cli.limit", .help = "how many to show"),
};

static const struct table_column columns[] = { { .title = "Name", .minimum = 8 }, { .title = "Updated" } };

static int list_secret(void *data, const void *record)
{
	const struct secret *secret = record;
	struct listing *listing = data;
	struct json_writer *writer;

	arena_clear(&listing->scratch);
	if (!cli_wants_json(listing->cli)) {
		const struct table_cell cells[] = {
			{ secret->name, STYLE_BOLD },
			{ text_ago(&listing->scratch, secret->updated, listing->cli->now_us), STYLE_NONE },
		};

		return table_add(&listing->table, cells) ? 0 : 1;
	}
	writer = json_list_item(&listing->json);
	json_begin_object(writer);
	fields_write(&secret_fields, secret, writer);
	json_end_object(writer);
	return output_flush_full(&listing->cli->out) ? 0 : 1;
}

static int run_ls(struct cli *cli, const void *data, struct problem *problem)
{
	struct listing listing;
	int64_t limit;
	int result = cli_limit(cli, ((const struct secret_options *)data)->limit, &limit, problem);

	if (result < 0)
		return result;
	result = listing_init(&listing, cli, columns, ARRAY_LENGTH(columns), problem);
	if (result == 0 && listing.db)
		result = store_secret_list(listing.db, limit, list_secret, &listing, problem);
	return listing_finish(&listing, result);
}

static const struct command ls_command = {
	.name = "ls",
	.help = "List the names of secrets.",
	.run = run_ls,
	.options = ls_options,
	.option_count = ARRAY_LENGTH(ls_options),
	.options_size = sizeof(struct secret_options),
	.example = "weir secret ls",
};

static const struct command *const commands[] = { &ls_command, &set_command, &unset_command };

const struct command_group secret_group = { "secret", "Secrets:", commands, ARRAY_LENGTH(commands), NULL };
