/* SPDX-License-Identifier: Apache-2.0 */
/* flow.h - finding flows. */
#ifndef WEIR_CLI_FLOW_H
#define WEIR_CLI_FLOW_H

#include "cli/cli.h"

/* The flow of that name, or of that id. WEIR_ENOTFOUND with names that look like it. */
MUST_CHECK int flow_find(struct cli *cli, struct db *db, struct str name, struct uuid *id, struct problem *problem);

#endif
