/* SPDX-License-Identifier: Apache-2.0 */
#include "core/internal.h"

/* The characters that would make a name ambiguous in a path. */
static int check_name(struct str name, struct problem *problem)
{
	if (name.length == 0)
		return problem_set(problem, WEIR_EINVAL, "a flow needs a name");
	for (size_t i = 0; i < name.length; i++)
		if (name.data[i] == '\0' || strchr("/%&><", name.data[i]))
			return problem_set(problem, WEIR_EINVAL,
			                   "the flow name \"%.*s\" has a character that is not allowed (/ %% & > <)",
			                   STR_ARG(name));
	return 0;
}

int flow_ensure(struct tx *tx, struct str name, struct str tags, struct str labels, struct flow *out, bool *created)
{
	struct problem ignored;
	bool inserted = false;
	int result = check_name(name, tx->problem);

	if (result < 0)
		return result;
	result = store_flow_find_name(tx->db, name, tx->arena, out, &ignored);
	if (result == WEIR_ENOTFOUND) {
		*out = (struct flow){ .id = uuid_new(),
			              .created = tx->now_us,
			              .updated = tx->now_us,
			              .name = name,
			              .tags = str_or(tags, STR("[]")),
			              .labels = str_or(labels, STR("{}")) };
		result = store_flow_insert(tx->db, out, &inserted, tx->problem);
	} else if (result < 0 && tx->problem) {
		*tx->problem = ignored;
	}
	if (created)
		*created = inserted;
	return result;
}

int flow_list(struct db *db, const struct flow_query *query, flow_row_fn *each, void *data, struct problem *problem)
{
	return store_flow_list(db, query, each, data, problem);
}
