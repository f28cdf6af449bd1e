/* SPDX-License-Identifier: Apache-2.0 */
#include "store/query.h"

struct str query_names(struct arena *arena, const struct str *names, size_t count)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &text);
	json_begin_array(&writer);
	for (size_t i = 0; i < count; i++)
		json_str(&writer, names[i]);
	json_end_array(&writer);
	return arena_str(arena, strbuf_str(&text));
}

struct str query_types(struct arena *arena, const enum state_type *types, size_t count)
{
	struct str names[STATE_TYPE_COUNT];

	ASSERT(count <= ARRAY_LENGTH(names));
	for (size_t i = 0; i < count; i++)
		names[i] = str_of(state_type_names[types[i]]);
	return query_names(arena, names, count);
}

int query_candidates(struct db_statement *statement, struct arena *arena, struct run_candidate *out,
                     struct problem *problem)
{
	int count = 0, result;

	while ((result = db_step(statement, problem)) > 0)
		out[count++] =
		        (struct run_candidate){ db_column_uuid(statement, 0), db_column_text(statement, 1, arena) };
	return result < 0 ? result : count;
}
