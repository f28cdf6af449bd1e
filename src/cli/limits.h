/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - what the commands about limits by name and about limits on tags share. */
#ifndef WEIR_CLI_LIMITS_H
#define WEIR_CLI_LIMITS_H

#include "cli/cli.h"
#include "core/limit.h"

/* The changes that change nothing. */
struct limit_change limits_no_change(void);

/* One change, as a job's request. Any of them may be missing; missing_name: what the user called it. */
enum limits_act { LIMITS_CREATE, LIMITS_UPDATE, LIMITS_DELETE, LIMITS_RESET };
struct limits_request {
	enum limits_act act;
	struct str name;               /* of the limit, or its id */
	struct concurrency_limit made; /* what is to be made; then the limit, as it is */
	struct limit_change change;
	int64_t count;       /* of slots that were taken back */
	struct arena *arena; /* limits_do's: of made's texts */
};

/* Do it, and print what was done: "Created concurrency limit 'db': 3 slots"; with JSON the limit. label: what to call it. */
MUST_CHECK int limits_do(struct cli *cli, struct limits_request *request, const char *label, struct problem *problem);

/* A table of all limits whose names begin so, without that beginning. */
MUST_CHECK int limits_list(struct cli *cli, struct str prefix, int64_t limit, struct problem *problem);

/* One limit, with who holds its slots. */
MUST_CHECK int limits_inspect(struct cli *cli, struct str name, struct problem *problem);

/* "--slot-decay-per-second 0.5": NaN when there is no text. */
MUST_CHECK int limits_read_decay(struct str text, double *out, struct problem *problem);

#endif
