/* SPDX-License-Identifier: Apache-2.0 */
/* The weir binary: which groups of commands there are, in the order of the help text. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	static const struct command_group *const groups[] = {
		&flow_group,   &flow_run_group,  &task_run_group,     &why_group,    &artifact_group, &variable_group,
		&secret_group, &tag_limit_group, &global_limit_group, &config_group, &database_group, &version_group,
	};

	return cli_main(groups, ARRAY_LENGTH(groups), argc, argv);
}
