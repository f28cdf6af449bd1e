/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_MIN_BYTES = 512, CHUNK_MAX_BYTES = 256 * 1024 };

struct arena_chunk {
	struct arena_chunk *older;
	size_t size; /* of data */
	alignas(max_align_t) char data[];
};

static size_t align_up(size_t size)
{
	const size_t unit = alignof(max_align_t);

	return (size + unit - 1) & ~(unit - 1);
}

static void free_chunks(struct arena_chunk *chunk)
{
	while (chunk) {
		struct arena_chunk *older = chunk->older;

		free(chunk);
		chunk = older;
	}
}

void arena_done(struct arena *arena)
{
	free_chunks(arena->chunks);
	*arena = (struct arena){ 0 };
}

void arena_clear(struct arena *arena)
{
	struct arena_chunk *newest = arena->chunks;

	arena->used_bytes = 0;
	if (!newest)
		return;
	free_chunks(newest->older);
	newest->older = NULL;
	arena->next = newest->data;
	arena->end = newest->data + newest->size;
}

/* Chunks double up to a limit, so that a large arena costs few allocations and a small one little memory. */
static void add_chunk(struct arena *arena, size_t wanted)
{
	size_t size = arena->chunks ? MIN(arena->chunks->size * 2, (size_t)CHUNK_MAX_BYTES) : CHUNK_MIN_BYTES;
	struct arena_chunk *chunk;

	size = MAX(size, wanted);
	chunk = xmalloc(sizeof *chunk + size);
	chunk->older = arena->chunks;
	chunk->size = size;
	arena->chunks = chunk;
	arena->next = chunk->data;
	arena->end = chunk->data + size;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *memory;

	size = align_up(size ? size : 1);
	if (size > (size_t)(arena->end - arena->next))
		add_chunk(arena, size);
	memory = arena->next;
	arena->next += size;
	arena->used_bytes += size;
	return memory;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
	return memset(arena_alloc(arena, size), 0, size);
}

struct str arena_str(struct arena *arena, struct str text)
{
	char *copy;

	if (!text.data)
		return STR_NULL;
	copy = arena_alloc(arena, text.length + 1);
	if (text.length)
		memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	return (struct str){ copy, text.length };
}

char *arena_strdup(struct arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(arena_alloc(arena, size), text, size);
}

struct str arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	ASSERT(length >= 0);
	text = arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return (struct str){ text, (size_t)length };
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
	struct str text;
	va_list arguments;

	va_start(arguments, format);
	text = arena_vprintf(arena, format, arguments);
	va_end(arguments);
	return text;
}
