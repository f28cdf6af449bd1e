/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cache.h"

bool cache_is_used(const struct callable *what)
{
	return what->task && (what->task->cache_by || what->task->cache_key);
}

enum cache_answer cache_begin(weir_run *attempt, json_t **value, struct problem *problem)
{
	(void)attempt;
	(void)value;
	(void)problem;
	return CACHE_OFF;
}

void cache_end(weir_run *attempt)
{
	(void)attempt;
}
