/* SPDX-License-Identifier: Apache-2.0 */
/*
 * few_threads - to be preloaded: the system has no more threads than FEW_THREADS says. (A limit of processes does not hold
 * for root, who runs tests in containers.)
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

typedef int create_fn(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	static int started;
	const char *limit = getenv("FEW_THREADS");
	create_fn *create = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");

	if (limit && __atomic_add_fetch(&started, 1, __ATOMIC_RELAXED) > atoi(limit))
		return EAGAIN;
	return create(thread, attributes, run, argument);
}
