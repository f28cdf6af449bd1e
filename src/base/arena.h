/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - memory that is given back all at once: one for each request, transaction and attempt. */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/base.h"

struct arena_chunk;

/* On the owner's memory; all zero is a valid empty arena. Not for use by two threads at once. */
struct arena {
	struct arena_chunk *chunks; /* newest first */
	char *next;                 /* free part of the newest chunk */
	char *end;
	size_t used_bytes; /* given out since the start or the last clear */
};

/* Give all memory back; the arena is empty and usable again. */
void arena_done(struct arena *arena);

/* Empty the arena but keep its newest chunk, for loops without allocation in the steady state. */
void arena_clear(struct arena *arena);

/* Memory aligned for any type; never NULL (see xmalloc). */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_zalloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));

/* Copies end with a NUL that the length does not count. The copy of STR_NULL is STR_NULL. */
struct str arena_str(struct arena *arena, struct str text);
char *arena_strdup(struct arena *arena, const char *text);
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
struct str arena_vprintf(struct arena *arena, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))

#endif
