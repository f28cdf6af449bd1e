/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/forked.h"

#include "engine/engine.h"
#include "engine/guardian_link.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static bool is_copy;

/* The files by which others see that the program lives are closed: a copy that lives on must not stand for it. */
static void become_copy(void)
{
	struct engine *engine = engine_peek();

	is_copy = true;
	engine_disown("this process was forked from a program that runs flows: only that program can start runs");
	guardian_link_forget();
	if (!engine)
		return;
	store_forked(engine->store);
	if (engine->results.storage)
		result_storage_forked(engine->results.storage);
}

static void watch_once(void)
{
	/* It fails for want of memory only, and then much else does. */
	(void)pthread_atfork(NULL, NULL, become_copy);
}

void forked_watch(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_once);
}

bool forked_is_copy(void)
{
	return is_copy;
}

void forked_check_return(const char *name)
{
	if (!is_copy)
		return;
	fprintf(stderr,
	        "weir: a process that '%s' has forked has returned from its function: it must end by exit or _exit\n",
	        name);
	_exit(1);
}
