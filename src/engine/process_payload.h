/* SPDX-License-Identifier: Apache-2.0 */
/* process_payload.h - what a task's process is told: which task, its parameters, and what its function may ask for. */
#ifndef WEIR_ENGINE_PROCESS_PAYLOAD_H
#define WEIR_ENGINE_PROCESS_PAYLOAD_H

#include "engine/run.h"

/* Write it for an attempt into a memory file. WEIR_EINVAL when the task is not static, or a parameter can't be written. */
MUST_CHECK int payload_write(weir_run *attempt, int *fd, struct problem *problem);

/* In the child. Borrows from json, which the caller keeps. */
struct payload {
	const weir_task *task;
	json_t *json;      /* all of it */
	json_t *arguments; /* of it */
	json_t *values;    /* of it: what the transaction that the run is part of has set; or NULL */
	struct uuid id;
	const char *run_name;
	int attempt;
	size_t result_max_bytes; /* of its JSON */
	int log_level;
	bool log_prints;
};

/* WEIR_EINVAL when the task is not to be found here. */
MUST_CHECK int payload_read(int fd, struct payload *out, struct problem *problem);

#endif
