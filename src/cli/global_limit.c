/* SPDX-License-Identifier: Apache-2.0 */
/* weir gcl …, or weir global-concurrency-limit …, as in Prefect */
#include "cli/limits.h"

#include <math.h>

struct limit_options {
	struct str name;
	int64_t limit;
	int64_t active_slots;
	struct str decay;
	struct str new_name;
	bool active, inactive;
};

#define NAME_ARGUMENT ARGUMENT(struct limit_options, name, .name = "NAME", .help = "the limit's name, or its ID")

static const struct cli_argument name_argument[] = { NAME_ARGUMENT };

#define LIMIT_OPTION(text)                                                                                             \
	OPTION(struct limit_options, limit, OPTION_INTEGER, .name = "limit", .letter = 'l', .maximum = INT32_MAX,      \
	       .value = "N", .help = (text))
#define DECAY_OPTION                                                                                                   \
	OPTION(struct limit_options, decay, OPTION_TEXT, .name = "slot-decay-per-second", .value = "N",                \
	       .help = "slots that become free by themselves each second; makes it a rate")

/* --- create --- */

static const struct cli_argument create_arguments[] = {
	ARGUMENT(struct limit_options, name, .name = "NAME", .help = "what it is called"),
};

static const struct cli_option create_options[] = {
	LIMIT_OPTION("how many slots it has"),
	DECAY_OPTION,
	OPTION(struct limit_options, inactive, OPTION_FLAG, .name = "disable", .alias = "inactive",
	       .opposite = "active", .help = "make it, but let it limit nothing yet"),
};

static int run_create(struct cli *cli, const void *data, struct problem *problem)
{
	const struct limit_options *options = data;
	struct limits_request request = { .act = LIMITS_CREATE, .name = options->name };
	double decay;
	int result = limits_read_decay(options->decay, &decay, problem);

	if (result < 0)
		return result;
	if (options->limit == INTEGER_NONE)
		return problem_set(problem, WEIR_EINVAL, "how many slots? Say --limit N");
	request.made.limit = options->limit;
	request.made.active = !options->inactive;
	request.made.slot_decay_per_second = isnan(decay) ? 0 : decay;
	return limits_do(cli, &request, "concurrency limit", problem);
}

static const struct command create_command = {
	.name = "create",
	.help = "Make a limit.",
	.run = run_create,
	.options = create_options,
	.option_count = ARRAY_LENGTH(create_options),
	.arguments = create_arguments,
	.argument_count = ARRAY_LENGTH(create_arguments),
	.options_size = sizeof(struct limit_options),
	.example = "weir gcl create db --limit 4\nweir gcl create api --limit 10 --slot-decay-per-second 2",
};

/* --- ls, inspect --- */

static const struct cli_option ls_options[] = {
	OPTION(struct limit_options, limit, OPTION_INTEGER, .name = "limit", .minimum = 1, .maximum = INT64_MAX,
	       .value = "N", .setting = "cli.limit", .help = "how many to show"),
};

static int run_ls(struct cli *cli, const void *data, struct problem *problem)
{
	return limits_list(cli, STR_NULL, ((const struct limit_options *)data)->limit, problem);
}

static const struct command ls_command = {
	.name = "ls",
	.help = "List limits by name.",
	.run = run_ls,
	.options = ls_options,
	.option_count = ARRAY_LENGTH(ls_options),
	.options_size = sizeof(struct limit_options),
	.description = "Limits on tags are among them: 'tag:NAME'.",
	.example = "weir gcl ls",
};

static int run_inspect(struct cli *cli, const void *data, struct problem *problem)
{
	return limits_inspect(cli, ((const struct limit_options *)data)->name, problem);
}

static const struct command inspect_command = {
	.name = "inspect",
	.help = "Show a limit, and who holds its slots.",
	.run = run_inspect,
	.arguments = name_argument,
	.argument_count = ARRAY_LENGTH(name_argument),
	.options_size = sizeof(struct limit_options),
	.example = "weir gcl inspect db",
};

/* --- update, delete, enable, disable --- */

static const struct cli_option update_options[] = {
	LIMIT_OPTION("how many slots it has from now on"),
	DECAY_OPTION,
	OPTION(struct limit_options, active, OPTION_FLAG, .name = "enable", .alias = "active", .help = "let it limit"),
	OPTION(struct limit_options, inactive, OPTION_FLAG, .name = "disable", .alias = "inactive",
	       .help = "let it limit nothing"),
	OPTION(struct limit_options, active_slots, OPTION_INTEGER, .name = "active-slots", .maximum = INT32_MAX,
	       .value = "N", .help = "of a limit with decay: how many slots count as taken now"),
	OPTION(struct limit_options, new_name, OPTION_TEXT, .name = "name", .value = "NAME", .help = "its new name"),
};

static int run_update(struct cli *cli, const void *data, struct problem *problem)
{
	const struct limit_options *options = data;
	struct limits_request request = { .act = LIMITS_UPDATE, .name = options->name, .change = limits_no_change() };
	int result = limits_read_decay(options->decay, &request.change.decay, problem);

	if (result < 0)
		return result;
	if (options->active && options->inactive)
		return problem_set(problem, WEIR_EINVAL, "'--enable' and '--disable' contradict each other");
	if (!options->active && !options->inactive && options->limit == INTEGER_NONE && !options->decay.data &&
	    options->active_slots == INTEGER_NONE && !options->new_name.data)
		return problem_set(problem, WEIR_EINVAL, "there is nothing to change: say what");
	request.change.limit = options->limit;
	request.change.active_slots = options->active_slots;
	request.change.name = options->new_name;
	request.change.active = options->active ? LIMIT_ACTIVE : options->inactive ? LIMIT_INACTIVE : LIMIT_AS_IT_IS;
	return limits_do(cli, &request, "concurrency limit", problem);
}

static const struct command update_command = {
	.name = "update",
	.help = "Change a limit.",
	.run = run_update,
	.options = update_options,
	.option_count = ARRAY_LENGTH(update_options),
	.arguments = name_argument,
	.argument_count = ARRAY_LENGTH(name_argument),
	.options_size = sizeof(struct limit_options),
	.description = "Runs that wait get what becomes free at once. What is held stays held.",
	.example = "weir gcl update db --limit 8",
};

static int set_active(struct cli *cli, const void *data, bool active, struct problem *problem)
{
	const struct limit_options *options = data;
	struct limits_request request = { .act = LIMITS_UPDATE, .name = options->name, .change = limits_no_change() };

	request.change.active = active ? LIMIT_ACTIVE : LIMIT_INACTIVE;
	return limits_do(cli, &request, "concurrency limit", problem);
}

static int run_enable(struct cli *cli, const void *data, struct problem *problem)
{
	return set_active(cli, data, true, problem);
}

static int run_disable(struct cli *cli, const void *data, struct problem *problem)
{
	return set_active(cli, data, false, problem);
}

static int run_delete(struct cli *cli, const void *data, struct problem *problem)
{
	struct limits_request request = { .act = LIMITS_DELETE, .name = ((const struct limit_options *)data)->name };

	return limits_do(cli, &request, "concurrency limit", problem);
}

#define NAME_COMMAND(word, text, function)                                                                             \
	{                                                                                                              \
		.name = word, .help = text, .run = function, .arguments = name_argument,                               \
		.argument_count = ARRAY_LENGTH(name_argument), .options_size = sizeof(struct limit_options),           \
		.example = "weir gcl " word " db"                                                                      \
	}

static const struct command enable_command = NAME_COMMAND("enable", "Let a limit limit again.", run_enable);
static const struct command disable_command = NAME_COMMAND("disable", "Let a limit limit nothing.", run_disable);
static const struct command delete_command = NAME_COMMAND("delete", "Delete a limit; who waits is let go.", run_delete);

static const struct command *const commands[] = {
	&create_command, &ls_command,      &inspect_command, &update_command,
	&enable_command, &disable_command, &delete_command,
};

const struct command_group global_limit_group = {
	"gcl", "Concurrency limits:", commands, ARRAY_LENGTH(commands), "global-concurrency-limit",
};
