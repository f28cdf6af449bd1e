/* SPDX-License-Identifier: Apache-2.0 */
/* latch.h - for tests with threads: a count that others wait for, so that no test has to sleep and hope. */
#ifndef WEIR_TESTS_LOOP_LATCH_H
#define WEIR_TESTS_LOOP_LATCH_H

#include <pthread.h>

struct latch {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned count;
};

#define LATCH_INITIALIZER                                                                                              \
	{                                                                                                              \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                                                 \
	}

static inline void latch_add(struct latch *latch)
{
	pthread_mutex_lock(&latch->mutex);
	latch->count++;
	pthread_cond_broadcast(&latch->changed);
	pthread_mutex_unlock(&latch->mutex);
}

/* Wait until it was added to so often. */
static inline void latch_wait(struct latch *latch, unsigned count)
{
	pthread_mutex_lock(&latch->mutex);
	while (latch->count < count)
		pthread_cond_wait(&latch->changed, &latch->mutex);
	pthread_mutex_unlock(&latch->mutex);
}

static inline unsigned latch_count(struct latch *latch)
{
	unsigned count;

	pthread_mutex_lock(&latch->mutex);
	count = latch->count;
	pthread_mutex_unlock(&latch->mutex);
	return count;
}

#endif
