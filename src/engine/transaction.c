/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/transaction.h"

void transaction_join(weir_future *child, weir_run *parent)
{
	(void)child;
	(void)parent;
}

void transaction_child_ended(weir_future *run, weir_run *attempt, const weir_state *state)
{
	(void)run;
	(void)attempt;
	(void)state;
}

void transactions_end(weir_run *attempt, bool completed)
{
	(void)attempt;
	(void)completed;
}
