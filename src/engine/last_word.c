/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/last_word.h"

#include "base/log.h"
#include "engine/run.h"
#include "loop/crash.h"

#include <stdlib.h>

/* Within a handler: nothing but memory is read and written. */
static size_t add(char *text, size_t size, size_t length, const char *more)
{
	while (*more && length < size)
		text[length++] = *more++;
	return length;
}

/* "task run 'load-0' (<id>)": what runs on this thread or coroutine. */
static size_t describe(char *text, size_t size)
{
	const weir_run *attempt = attempt_current();
	size_t length = 0;

	if (!attempt)
		return 0;
	length = add(text, size, length, attempt->run->what.is_flow ? "flow run '" : "task run '");
	length = add(text, size, length, attempt->run->name ? attempt->run->name : "?");
	length = add(text, size, length, "' (");
	length = add(text, size, length, attempt->id_text);
	return add(text, size, length, ")");
}

void last_word_begin(const char *store_path, struct uuid program_id)
{
	AUTO(freep) char *path = NULL;
	struct problem problem;
	int result = store_crash_path(store_path, program_id, &path, &problem);

	if (result == 0)
		result = crash_install(path, describe, &problem);
	/* Runs go on without; where the store can't be either, opening it says so. */
	if (result < 0)
		log_write(LOG_DEBUG, "weir.engine", "crashes leave no last word: %s", problem.message);
}

void last_word_end(void)
{
	crash_uninstall();
}
