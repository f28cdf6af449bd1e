/* SPDX-License-Identifier: Apache-2.0 */
/* help.h - the help texts, made from the tables of commands and options. */
#ifndef WEIR_CLI_HELP_H
#define WEIR_CLI_HELP_H

#include "cli/cli.h"

/* All commands, by group. */
void help_program(struct output *out, const struct command_group *const *groups, size_t count,
                  const struct option_set *globals);

/* The commands of one group. */
void help_group(struct output *out, const struct command_group *group, const struct option_set *globals);

/* One command: arguments, options with type, default and limits, an example. */
void help_command(struct output *out, const struct command_group *group, const struct command *command,
                  const struct option_set *globals);

#endif
