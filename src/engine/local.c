/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/local.h"

#include "loop/coroutine.h"

#include <stdlib.h>

/* --- Of attempts --- */

struct local {
	const weir_local_key *key;
	void *value;
	struct local *older;
};

static struct local *find(weir_run *attempt, const weir_local_key *key)
{
	struct local *local = attempt->locals;

	while (local && local->key != key)
		local = local->older;
	return local;
}

/* Its maker and its destroyer are called without a lock: they are the library's own, and may call Weir. */
WEIR_API void *weir_run_local(weir_run *run, const weir_local_key *key)
{
	struct local *local;
	void *value;

	pthread_mutex_lock(&run->mutex);
	local = find(run, key);
	pthread_mutex_unlock(&run->mutex);
	if (local)
		return local->value;
	value = key->make();
	if (!value)
		return NULL;
	local = xmalloc(sizeof *local);
	pthread_mutex_lock(&run->mutex);
	*local = (struct local){ key, value, run->locals };
	run->locals = local;
	pthread_mutex_unlock(&run->mutex);
	return value;
}

void locals_destroy(weir_run *attempt)
{
	while (attempt->locals) {
		struct local *newest = attempt->locals;

		attempt->locals = newest->older;
		if (newest->key->destroy)
			newest->key->destroy(newest->value);
		free(newest);
	}
}

/* --- Of loops --- */

/* What the loop keeps for one of the user's keys. */
struct loop_local {
	const weir_local_key *key;
	void *value;
	struct loop_local *next;
};

static void destroy_chain(void *data)
{
	struct loop_local **newest = data;

	while (*newest) {
		struct loop_local *local = *newest;

		*newest = local->next;
		if (local->key->destroy)
			local->key->destroy(local->value);
		free(local);
	}
	free(newest);
}

static const struct loop_key locals_key = { "weir_loop_local", destroy_chain };

/* The loop's values, the newest first. */
static struct loop_local **chain_of(struct loop *loop)
{
	struct loop_local **newest = loop_data(loop, &locals_key);

	if (!newest) {
		newest = xcalloc(1, sizeof *newest);
		loop_attach(loop, &locals_key, newest);
	}
	return newest;
}

WEIR_API void *weir_loop_local(const weir_local_key *key)
{
	struct coroutine *coroutine = coroutine_current();
	struct loop_local **newest, *local;
	void *value;

	if (!coroutine)
		return NULL;
	newest = chain_of(coroutine_loop(coroutine));
	for (local = *newest; local; local = local->next) {
		if (local->key == key)
			return local->value;
	}
	value = key->make();
	if (!value)
		return NULL;
	local = xcalloc(1, sizeof *local);
	local->key = key;
	local->value = value;
	local->next = *newest;
	*newest = local;
	return value;
}
