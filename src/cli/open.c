/* SPDX-License-Identifier: Apache-2.0 */
/* Settings and the store, opened when a command asks for them. */
#include "cli/cli.h"

#include "core/recover.h"

#include <inttypes.h>
#include <unistd.h>

/* One "NAME=VALUE" of --setting. */
static int apply_flag(struct settings *settings, struct str flag, struct problem *problem)
{
	const char *equals = memchr(flag.data, '=', flag.length);
	struct str name = { flag.data, equals ? (size_t)(equals - flag.data) : 0 };

	if (!equals)
		return problem_set(problem, WEIR_EINVAL, "option '--setting' needs NAME=VALUE, not '%.*s'",
		                   STR_ARG(flag));
	return settings_set(settings, name, str_of(equals + 1), problem);
}

int cli_settings(struct cli *cli, struct settings **out, struct problem *problem)
{
	if (!cli->settings) {
		struct settings *settings = weir_settings(problem);

		if (!settings)
			return problem->code;
		for (size_t i = 0; i < cli->globals.settings.count; i++) {
			int result = apply_flag(settings, cli->globals.settings.items[i], problem);

			/* A wrong name on the command line is wrong usage, whatever kind of error it is elsewhere. */
			if (result < 0)
				return problem->code = WEIR_EINVAL;
		}
		cli->settings = settings;
	}
	*out = cli->settings;
	return 0;
}

int cli_database_path(struct cli *cli, const char **out, struct problem *problem)
{
	struct settings *settings = NULL;
	int result = cli_settings(cli, &settings, problem);

	if (result < 0)
		return result;
	*out = arena_str(&cli->arena, settings_get(settings, "store.path")->text).data;
	return 0;
}

/* Told from the writer's thread; stdio's lock keeps lines whole. */
static void warn_of_hold(void *data UNUSED, const struct problem *problem)
{
	if (problem)
		cli_warn("%s; waiting", problem->message);
	else
		cli_warn("the disk takes data again");
}

/* Fill cli->store. A command opens it once, to look or to write. */
static int open_store(struct cli *cli, enum store_mode mode, bool make, struct problem *problem)
{
	struct store_options options = { .mode = mode, .on_hold = warn_of_hold };
	struct settings *settings = NULL;
	int result = cli_settings(cli, &settings, problem);

	if (result < 0)
		return result;
	result = cli_database_path(cli, &options.path, problem);
	if (result < 0)
		return result;
	/* Looking for a run in a database that isn't there must not make one. */
	if (!make && access(options.path, F_OK) < 0)
		return problem_set(problem, WEIR_ENOTFOUND,
		                   "there are no runs yet: the first one makes the database '%s' (setting store.path)",
		                   options.path);
	options.hold_seconds = settings_get(settings, "store.hold_seconds")->seconds;
	return store_open(&options, &cli->store, problem);
}

int cli_reader(struct cli *cli, struct db **out, struct problem *problem)
{
	int result = cli->store ? 0 : open_store(cli, STORE_READ, false, problem);

	if (result == 0 && !cli->reader)
		result = store_reader(cli->store, &cli->reader, problem);
	*out = cli->reader;
	return result;
}

int cli_reader_if_any(struct cli *cli, struct db **out, struct problem *problem)
{
	int result = cli_reader(cli, out, problem);

	if (result != WEIR_ENOTFOUND)
		return result;
	cli_note("%s", problem->message);
	return 0;
}

static int open_writer(struct cli *cli, bool make, struct store **out, struct problem *problem)
{
	int64_t crashed = 0;
	int result = open_store(cli, STORE_WRITE, make, problem);

	if (result < 0)
		return result;
	result = store_recover(cli->store, &crashed, problem);
	if (crashed > 0)
		cli_note("ended %" PRId64 " run%s of programs that have died", crashed, crashed == 1 ? "" : "s");
	*out = cli->store;
	return result;
}

int cli_writer(struct cli *cli, struct store **out, struct problem *problem)
{
	return open_writer(cli, false, out, problem);
}

int cli_maker(struct cli *cli, struct store **out, struct problem *problem)
{
	return open_writer(cli, true, out, problem);
}

int cli_delete_by_name(struct cli *cli, const char *noun, job_fn *delete, struct str name, struct problem *problem)
{
	struct json_writer writer;
	struct store *store;
	int result = cli_writer(cli, &store, problem);

	if (result == 0)
		result = store_run(store, delete, &name, problem);
	if (result < 0)
		return result;
	if (!cli_wants_json(cli)) {
		output_printf(&cli->out, "Deleted %s '%.*s'\n", noun, STR_ARG(name));
		return 0;
	}
	json_writer_init(&writer, &cli->out.buffer);
	json_begin_object(&writer);
	json_key(&writer, "name");
	json_str(&writer, name);
	json_end_object(&writer);
	output_puts(&cli->out, "\n");
	return 0;
}

int cli_limit(struct cli *cli, int64_t given, int64_t *out, struct problem *problem)
{
	struct settings *settings = NULL;
	int result;

	*out = given;
	if (given != INTEGER_NONE)
		return 0;
	result = cli_settings(cli, &settings, problem);
	if (result == 0)
		*out = settings_get(settings, "cli.limit")->integer;
	return result;
}
