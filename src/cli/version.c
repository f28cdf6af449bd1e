/* SPDX-License-Identifier: Apache-2.0 */
/* weir version */
#include "cli/cli.h"

#include "base/json.h"
#include "weir/weir.h"

#include <sys/utsname.h>

#define TEXT_OF(number) TEXT_OF_EXPANDED(number)
#define TEXT_OF_EXPANDED(number) #number

/* From the header: weir_version() would bring the whole engine and its libraries into the program, which then starts
   more slowly. */
const char *cli_version(void)
{
	return TEXT_OF(WEIR_VERSION_MAJOR) "." TEXT_OF(WEIR_VERSION_MINOR) "." TEXT_OF(WEIR_VERSION_PATCH);
}

static void print_json(struct output *out, const struct utsname *system)
{
	struct json_writer writer;

	json_writer_init(&writer, &out->buffer);
	json_begin_object(&writer);
	json_key(&writer, "version");
	json_puts(&writer, cli_version());
	json_key(&writer, "database_schema");
	json_int(&writer, store_schema_version);
	json_key(&writer, "compiler");
	json_puts(&writer, __VERSION__);
	json_key(&writer, "system");
	json_puts(&writer, system->sysname);
	json_key(&writer, "machine");
	json_puts(&writer, system->machine);
	json_end_object(&writer);
	output_puts(out, "\n");
}

static int run_version(struct cli *cli, const void *options UNUSED, struct problem *problem UNUSED)
{
	struct utsname system;

	if (uname(&system) < 0)
		return problem_set(problem, WEIR_EINTERNAL, "the kernel does not say what system this is");
	if (cli_wants_json(cli)) {
		print_json(&cli->out, &system);
		return 0;
	}
	output_printf(&cli->out,
	              "Version          %s\n"
	              "Database schema  %d\n"
	              "Compiler         %s\n"
	              "System           %s %s\n",
	              cli_version(), store_schema_version, __VERSION__, system.sysname, system.machine);
	return 0;
}

static const struct command version_command = {
	.name = "version",
	.help = "Show the version of Weir and what it was built with.",
	.run = run_version,
	.example = "weir version",
};

static const struct command *const commands[] = { &version_command };

const struct command_group version_group = { NULL, "About Weir:", commands, ARRAY_LENGTH(commands) };
