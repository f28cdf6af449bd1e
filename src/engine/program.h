/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - what the commands of weir_main share. A command returns the program's exit status. */
#ifndef WEIR_ENGINE_PROGRAM_H
#define WEIR_ENGINE_PROGRAM_H

#include "base/problem.h"
#include "weir/weir.h"

enum { EXIT_USAGE = 2 };

struct program {
	const char *name;
	const weir_flow *const *flows;
	size_t flow_count;
};

typedef int program_command_fn(const struct program *program, int argc, char **argv);

/* Print what is wrong with the command line, and where help is. Returns EXIT_USAGE. */
int program_wrong_usage(const char *format, ...) PRINTF_LIKE(1, 2);

/* The flow of that name; NULL when the program has none. */
const weir_flow *program_find_flow(const struct program *program, const char *name);

/* Say that there is no such flow, and which one may be meant. Returns EXIT_USAGE. */
int program_unknown_flow(const struct program *program, const char *name);

/* Print what a flow came to: its result, or why there is none. Returns the exit status: 0 for a suspended one too. */
int program_outcome(int code, const struct problem *problem, const json_t *result);

/* Print a value as indented JSON. Returns 0, or the exit status of a stdout that takes nothing. */
int program_print_json(const json_t *value);

/* ls [--json] and schema FLOW (program_ls.c); resume RUN (program_resume.c) */
program_command_fn program_ls, program_schema, program_resume;

#endif
