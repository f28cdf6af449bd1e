/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/results.h"

void results_init(struct results *results, const struct settings *settings)
{
	results->path = settings_get(settings, "results.path")->text.data;
	results->persist = settings_get(settings, "results.persist")->integer != 0;
	results->refresh = settings_get(settings, "results.refresh_cache")->integer != 0;
	results->max_bytes = (size_t)settings_get(settings, "results.max_bytes")->integer;
	pthread_mutex_init(&results->mutex, NULL);
}

void results_done(struct results *results)
{
	result_storage_close(results->storage);
	pthread_mutex_destroy(&results->mutex);
}

int results_storage(struct results *results, struct result_storage **out, struct problem *problem)
{
	int result = 0;

	pthread_mutex_lock(&results->mutex);
	if (!results->storage)
		result = result_storage_open(results->path, &results->storage, problem);
	*out = results->storage;
	pthread_mutex_unlock(&results->mutex);
	return result;
}
