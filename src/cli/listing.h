/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h - what the `ls` commands share: rows as a table or as JSON, and the options that choose them. */
#ifndef WEIR_CLI_LISTING_H
#define WEIR_CLI_LISTING_H

#include "cli/run_json.h"
#include "cli/table.h"

/* A listing on its way to standard output. */
struct listing {
	struct cli *cli;
	struct db *db; /* NULL: there is no database, so no row */
	struct table table;
	struct json_list json;
	struct arena scratch; /* emptied for each row */
	struct problem *problem;
};

/* Begin; opens the database if there is one. */
MUST_CHECK int listing_init(struct listing *listing, struct cli *cli, const struct table_column *columns, size_t count,
                            struct problem *problem);

/* End it. result is what the query gave: a positive one means that nobody reads the output any more. */
int listing_finish(struct listing *listing, int result);

/* Texts of an option as names of states: known ones in any case; a warning for others. In the cli's arena. */
const struct str *listing_state_names(struct cli *cli, const struct texts *texts);

/* Names of state types as types, each once. In the cli's arena. */
const enum state_type *listing_state_types(struct cli *cli, const struct texts *texts, size_t *count);

/* When a run's state was entered; when it is to start while it is SCHEDULED. */
int64_t listing_when(enum state_type type, int64_t scheduled, int64_t state_timestamp, int64_t created);

#endif
