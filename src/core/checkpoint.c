/* SPDX-License-Identifier: Apache-2.0 */
#include "store/checkpoint.h"

#include "core/core.h"

int checkpoint_set(struct tx *tx, const struct checkpoint *in)
{
	int result = store_checkpoint_put(tx->db, in->flow_run_id, in->key, in->value, tx->now_us, tx->problem);

	if (result == WEIR_ECONFLICT)
		return problem_set(tx->problem, WEIR_ENOTFOUND, "flow run %s not found",
		                   uuid_text(in->flow_run_id).text);
	return result;
}

int checkpoint_get(struct tx *tx, struct checkpoint *in_out)
{
	int result =
	        store_checkpoint_find(tx->db, in_out->flow_run_id, in_out->key, tx->arena, &in_out->value, tx->problem);

	if (result == WEIR_ENOTFOUND)
		in_out->value = STR_NULL;
	return result == WEIR_ENOTFOUND ? 0 : result;
}
