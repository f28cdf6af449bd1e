/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/listing.h"

int listing_init(struct listing *listing, struct cli *cli, const struct table_column *columns, size_t count,
                 struct problem *problem)
{
	*listing = (struct listing){ .cli = cli, .json = { .output = &cli->out }, .problem = problem };
	table_init(&listing->table, &cli->out, columns, count);
	return cli_reader_if_any(cli, &listing->db, problem);
}

int listing_finish(struct listing *listing, int result)
{
	if (result < 0)
		output_drop(&listing->cli->out);
	else if (cli_wants_json(listing->cli))
		json_list_finish(&listing->json);
	else
		table_finish(&listing->table);
	table_done(&listing->table);
	arena_done(&listing->scratch);
	return MIN(result, 0);
}

const struct str *listing_state_names(struct cli *cli, const struct texts *texts)
{
	struct str *names = arena_alloc(&cli->arena, (texts->count + 1) * sizeof *names);

	for (size_t i = 0; i < texts->count; i++) {
		bool known;

		names[i] = state_name_find(texts->items[i], &known);
		if (!known)
			cli_warn("'%.*s' is not a name that Weir gives to states%s", STR_ARG(names[i]),
			         did_you_mean(&cli->arena, names[i], state_names, state_name_count, ""));
	}
	return names;
}

/* A query takes each type once; on the command line it may stand more often. */
const enum state_type *listing_state_types(struct cli *cli, const struct texts *texts, size_t *count)
{
	enum state_type *types = arena_alloc(&cli->arena, STATE_TYPE_COUNT * sizeof *types);
	state_set seen = 0;

	*count = 0;
	for (size_t i = 0; i < texts->count; i++) {
		enum state_type type = (enum state_type)enum_value(state_type_names, texts->items[i]);

		if (!(seen & STATE_BIT(type)))
			types[(*count)++] = type;
		seen |= STATE_BIT(type);
	}
	return types;
}

int64_t listing_when(enum state_type type, int64_t scheduled, int64_t state_timestamp, int64_t created)
{
	if (type == STATE_SCHEDULED && scheduled != TIMESTAMP_NONE)
		return scheduled;
	return state_timestamp != TIMESTAMP_NONE ? state_timestamp : created;
}
