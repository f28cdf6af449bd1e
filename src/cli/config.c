/* SPDX-License-Identifier: Apache-2.0 */
/* weir config … */
#include "cli/run_json.h"
#include "cli/table.h"

struct view_options {
	bool show_defaults;
};

static const struct cli_option view_option_rows[] = {
	OPTION(struct view_options, show_defaults, OPTION_FLAG, .name = "show-defaults", .opposite = "hide-defaults",
	       .help = "also settings that nobody has set, or (as without the option) not"),
};

static const struct table_column columns[] = {
	{ .title = "Setting" },
	{ .title = "Value" },
	{ .title = "Source" },
	{ .title = "Meaning", .minimum = 10 },
};

static void write_setting(struct json_writer *writer, struct settings *settings, const struct setting *row)
{
	json_begin_object(writer);
	json_key(writer, "name");
	json_puts(writer, row->name);
	json_key(writer, "environment");
	json_puts(writer, row->env);
	json_key(writer, "value");
	json_str(writer, settings_get(settings, row->name)->text);
	json_key(writer, "source");
	json_puts(writer, settings_source(settings, row->name));
	json_key(writer, "default");
	json_puts(writer, row->fallback);
	json_key(writer, "help");
	json_puts(writer, row->help);
	json_end_object(writer);
}

static void show_setting(struct table *table, struct settings *settings, const struct setting *row)
{
	const struct table_cell cells[] = {
		{ str_of(row->name), STYLE_BOLD },
		{ settings_get(settings, row->name)->text, STYLE_NONE },
		{ str_of(settings_source(settings, row->name)), STYLE_NONE },
		{ str_of(row->help), STYLE_DIM },
	};

	table_add(table, cells);
}

static int run_view(struct cli *cli, const void *data, struct problem *problem)
{
	const struct view_options *options = data;
	struct json_list list = { .output = &cli->out };
	struct settings *settings = NULL;
	struct table table;
	size_t shown = 0;
	int result = cli_settings(cli, &settings, problem);

	if (result < 0)
		return result;
	table_init(&table, &cli->out, columns, ARRAY_LENGTH(columns));
	for (size_t i = 0; i < settings->count; i++) {
		const struct setting *row = &settings->rows[i];

		if (!options->show_defaults && settings->values[i].source == SETTING_FROM_DEFAULT)
			continue;
		shown++;
		if (cli_wants_json(cli))
			write_setting(json_list_item(&list), settings, row);
		else
			show_setting(&table, settings, row);
	}
	if (cli_wants_json(cli))
		json_list_finish(&list);
	else
		table_finish(&table);
	table_done(&table);
	if (shown == 0)
		cli_note("every setting has its default; --show-defaults shows them");
	return 0;
}

static const struct command view_command = {
	.name = "view",
	.help = "Show the settings: their values, and where each comes from.",
	.run = run_view,
	.options = view_option_rows,
	.option_count = ARRAY_LENGTH(view_option_rows),
	.options_size = sizeof(struct view_options),
	.description =
	        "A value comes from --setting NAME=VALUE, else from the environment, else from the file .env of the "
	        "working directory, else it is the default.",
	.example = "weir config view --show-defaults\nweir --setting cli.limit=50 flow-run ls",
};

static const struct command *const commands[] = { &view_command };

const struct command_group config_group = { "config", "Settings:", commands, ARRAY_LENGTH(commands) };
