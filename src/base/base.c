/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "weir: assertion failed: %s (%s:%d)\n", condition, file, line);
	abort();
}

static void (*tell_of_exhaustion)(size_t size);

void memory_on_exhaustion(void (*tell)(size_t size))
{
	tell_of_exhaustion = tell;
}

NORETURN static void out_of_memory(size_t size)
{
	if (tell_of_exhaustion)
		tell_of_exhaustion(size);
	fprintf(stderr, "weir: out of memory (%zu bytes)\n", size);
	abort();
}

void *xmalloc(size_t size)
{
	void *pointer = malloc(size ? size : 1);

	if (!pointer)
		out_of_memory(size);
	return pointer;
}

void *xcalloc(size_t count, size_t size)
{
	void *pointer = calloc(count ? count : 1, size ? size : 1);

	if (!pointer)
		out_of_memory(count * size);
	return pointer;
}

void *xrealloc(void *pointer, size_t size)
{
	void *moved = realloc(pointer, size ? size : 1);

	if (!moved)
		out_of_memory(size);
	return moved;
}

char *xstrdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(xmalloc(size), text, size);
}

void freep(void *pointer)
{
	void *memory;

	memcpy(&memory, pointer, sizeof memory);
	free(memory);
}
