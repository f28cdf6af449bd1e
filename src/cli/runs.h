/* SPDX-License-Identifier: Apache-2.0 */
/* runs.h - the commands of the groups flow-run and task-run, which are in files of their own. */
#ifndef WEIR_CLI_RUNS_H
#define WEIR_CLI_RUNS_H

#include "cli/cli.h"

extern const struct command flow_run_inspect_command;
extern const struct command flow_run_logs_command;
extern const struct command flow_run_cancel_command;
extern const struct command flow_run_resume_command;
extern const struct command flow_run_delete_command;
extern const struct command task_run_inspect_command;
extern const struct command task_run_logs_command;

/* Options of commands that take a run, or several, and nothing else. */
struct run_options {
	struct str id;
};

struct runs_options {
	struct texts ids;
	bool yes;
};

/* What every help text says of an ID. */
#define RUN_ID_HELP "a run's id, the beginning of one (4 characters or more), or its name"

#endif
