/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/limits.h"

bool limits_may_hold(const weir_future *run)
{
	(void)run;
	return false;
}

int limits_enter(weir_run *attempt)
{
	(void)attempt;
	return 0;
}

void limits_leave(weir_run *attempt)
{
	(void)attempt;
}
