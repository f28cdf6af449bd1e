/* SPDX-License-Identifier: Apache-2.0 */
/* weir concurrency-limit … : limits on the tags of tasks */
#include "cli/limits.h"

#include "base/number.h"

struct tag_options {
	struct str tag;
	struct str limit;
	int64_t shown;
};

static const struct cli_argument tag_argument[] = {
	ARGUMENT(struct tag_options, tag, .name = "TAG", .help = "the tag"),
};

static struct str limit_name(struct cli *cli, const void *options)
{
	return arena_printf(&cli->arena, TAG_LIMIT_PREFIX "%.*s", STR_ARG(((const struct tag_options *)options)->tag));
}

/* --- create --- */

static const struct cli_argument create_arguments[] = {
	ARGUMENT(struct tag_options, tag, .name = "TAG", .help = "the tag"),
	ARGUMENT(struct tag_options, limit, .name = "LIMIT", .help = "how many runs with the tag may run at a time"),
};

/* One that is there gets the new limit, as in Prefect. */
static int run_create(struct cli *cli, const void *data, struct problem *problem)
{
	const struct tag_options *options = data;
	struct limits_request request = { .act = LIMITS_CREATE, .name = limit_name(cli, data) };
	struct problem first;
	int result;

	if (!number_is_valid(options->limit) || !integer_parse(options->limit, &request.made.limit))
		return problem_set(problem, WEIR_EINVAL, "LIMIT must be an integer, not '%.*s'",
		                   STR_ARG(options->limit));
	request.made.active = true;
	request.change = limits_no_change();
	request.change.limit = request.made.limit;
	result = limits_do(cli, &request, "concurrency limit", &first);
	if (result == WEIR_EEXISTS) {
		request.act = LIMITS_UPDATE;
		return limits_do(cli, &request, "concurrency limit", problem);
	}
	if (result < 0)
		*problem = first;
	return result;
}

static const struct command create_command = {
	.name = "create",
	.help = "Limit how many task runs with a tag run at a time.",
	.run = run_create,
	.arguments = create_arguments,
	.argument_count = ARRAY_LENGTH(create_arguments),
	.options_size = sizeof(struct tag_options),
	.example = "weir concurrency-limit create database 4",
};

/* --- the others --- */

static const struct cli_option ls_options[] = {
	OPTION(struct tag_options, shown, OPTION_INTEGER, .name = "limit", .minimum = 1, .maximum = INT64_MAX,
	       .value = "N", .setting = "cli.limit", .help = "how many to show"),
};

static int run_ls(struct cli *cli, const void *data, struct problem *problem)
{
	return limits_list(cli, STR(TAG_LIMIT_PREFIX), ((const struct tag_options *)data)->shown, problem);
}

static const struct command ls_command = {
	.name = "ls",
	.help = "List the tags that have a limit.",
	.run = run_ls,
	.options = ls_options,
	.option_count = ARRAY_LENGTH(ls_options),
	.options_size = sizeof(struct tag_options),
	.example = "weir concurrency-limit ls",
};

static int run_inspect(struct cli *cli, const void *data, struct problem *problem)
{
	return limits_inspect(cli, limit_name(cli, data), problem);
}

static int act(struct cli *cli, const void *data, enum limits_act what, struct problem *problem)
{
	struct limits_request request = { .act = what, .name = limit_name(cli, data) };

	return limits_do(cli, &request, "concurrency limit", problem);
}

static int run_reset(struct cli *cli, const void *data, struct problem *problem)
{
	return act(cli, data, LIMITS_RESET, problem);
}

static int run_delete(struct cli *cli, const void *data, struct problem *problem)
{
	return act(cli, data, LIMITS_DELETE, problem);
}

#define TAG_COMMAND(word, text, function)                                                                              \
	{                                                                                                              \
		.name = word, .help = text, .run = function, .arguments = tag_argument,                                \
		.argument_count = ARRAY_LENGTH(tag_argument), .options_size = sizeof(struct tag_options),              \
		.example = "weir concurrency-limit " word " database"                                                  \
	}

static const struct command inspect_command =
        TAG_COMMAND("inspect", "Show the limit of a tag, and who holds its slots.", run_inspect);
static const struct command read_command = TAG_COMMAND("read", "The same as inspect.", run_inspect);
static const struct command reset_command =
        TAG_COMMAND("reset", "Take all slots of a tag back, whoever holds them.", run_reset);
static const struct command delete_command =
        TAG_COMMAND("delete", "Delete the limit of a tag; who waits is let go.", run_delete);

static const struct command *const commands[] = {
	&create_command, &ls_command, &inspect_command, &read_command, &reset_command, &delete_command,
};

const struct command_group tag_limit_group = {
	"concurrency-limit", "Limits on tags:", commands, ARRAY_LENGTH(commands), NULL,
};
