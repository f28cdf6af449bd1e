/* SPDX-License-Identifier: Apache-2.0 */
/* weir database … */
#include "cli/cli.h"

#include "base/json.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

/* What these commands answer as JSON: one object, with the database's path first. */
static void begin_json(struct cli *cli, struct json_writer *writer, const char *path)
{
	json_writer_init(writer, &cli->out.buffer);
	json_begin_object(writer);
	json_key(writer, "path");
	json_puts(writer, path);
}

static void end_json(struct cli *cli, struct json_writer *writer)
{
	json_end_object(writer);
	output_puts(&cli->out, "\n");
}

/* --- weir database backup --- */

struct backup_options {
	struct str path;
};

static const struct cli_argument backup_arguments[] = {
	ARGUMENT(struct backup_options, path, .name = "PATH", .help = "of the copy: a file that does not exist yet"),
};

static void print_backup(struct cli *cli, const char *path, int64_t size_bytes)
{
	struct json_writer writer;

	if (!cli_wants_json(cli)) {
		output_printf(&cli->out, "Wrote %s (%" PRId64 " bytes)\n", text_visible(&cli->arena, str_of(path)).data,
		              size_bytes);
		return;
	}
	begin_json(cli, &writer, path);
	json_key(&writer, "size_bytes");
	json_int(&writer, size_bytes);
	end_json(cli, &writer);
}

static int run_backup(struct cli *cli, const void *data, struct problem *problem)
{
	const struct backup_options *options = data;
	/* From the command line, so it ends with a NUL. */
	const char *path = options->path.data;
	struct stat status;
	struct db *db;
	int result = cli_reader(cli, &db, problem);

	if (result < 0)
		return result;
	if (access(path, F_OK) == 0)
		return problem_set(problem, WEIR_EEXISTS, "%s: exists; a backup does not write over anything", path);
	result = db->driver->backup(db, path, problem);
	if (result < 0)
		return result;
	if (stat(path, &status) < 0)
		return problem_set(problem, WEIR_EIO, "%s: was written, but can't be looked at", path);
	print_backup(cli, path, status.st_size);
	return 0;
}

static const struct command backup_command = {
	.name = "backup",
	.help = "Copy the database to a file, while programs may run.",
	.run = run_backup,
	.arguments = backup_arguments,
	.argument_count = ARRAY_LENGTH(backup_arguments),
	.options_size = sizeof(struct backup_options),
	.description = "The copy is complete and compact: one file, as the database was at one instant.",
	.example = "weir database backup /var/backups/weir.db",
};

/* --- weir database check --- */

/* Damage is the answer, also as JSON; and an error, so that a script notices. */
static int run_check(struct cli *cli, const void *options UNUSED, struct problem *problem)
{
	struct json_writer writer;
	const char *path;
	struct db *db;
	int result = cli_database_path(cli, &path, problem);

	if (result == 0)
		result = cli_reader(cli, &db, problem);
	if (result == 0)
		result = db->driver->check(db, problem);
	if (result < 0 && result != WEIR_ECORRUPT)
		return result;
	if (cli_wants_json(cli)) {
		begin_json(cli, &writer, path);
		json_key(&writer, "ok");
		json_bool(&writer, result == 0);
		json_key(&writer, "problem");
		json_puts(&writer, result == 0 ? NULL : problem->message);
		end_json(cli, &writer);
	} else if (result == 0) {
		output_printf(&cli->out, "%s: OK\n", text_visible(&cli->arena, str_of(path)).data);
	}
	return result;
}

static const struct command check_command = {
	.name = "check",
	.help = "Look for damage in the database.",
	.run = run_check,
	.description = "Reads all of it. Ends with status 74 when something is wrong, and says what.",
	.example = "weir database check",
};

/* --- weir database reset --- */

struct reset_options {
	bool yes;
};

static const struct cli_option reset_option_rows[] = {
	OPTION(struct reset_options, yes, OPTION_FLAG, .name = "yes", .letter = 'y', .help = "do not ask"),
};

static int run_reset(struct cli *cli, const void *data, struct problem *problem)
{
	const struct reset_options *options = data;
	bool yes = options->yes;
	struct json_writer writer;
	const char *path;
	int result = cli_database_path(cli, &path, problem);

	if (result < 0)
		return result;
	if (!yes) {
		struct str question = arena_printf(&cli->arena, "Remove %s with all flows, runs and logs?",
		                                   text_visible(&cli->arena, str_of(path)).data);

		result = cli_confirm(question.data, "-y", &yes, problem);
		if (result < 0)
			return result;
	}
	if (!yes)
		return problem_set(problem, WEIR_EFAILED, "nothing was removed");
	result = store_remove(path, problem);
	if (result < 0)
		return result;
	if (cli_wants_json(cli)) {
		begin_json(cli, &writer, path);
		end_json(cli, &writer);
	} else {
		output_printf(&cli->out, "Removed %s\n", text_visible(&cli->arena, str_of(path)).data);
	}
	return 0;
}

static const struct command reset_command = {
	.name = "reset",
	.help = "Remove the database with all flows, runs and logs.",
	.run = run_reset,
	.options = reset_option_rows,
	.option_count = ARRAY_LENGTH(reset_option_rows),
	.options_size = sizeof(struct reset_options),
	.description = "Refuses while programs run. The next run makes a new database.",
	.example = "weir database reset -y",
};

static const struct command *const commands[] = { &backup_command, &check_command, &reset_command };

const struct command_group database_group = { "database", "The database:", commands, ARRAY_LENGTH(commands) };
