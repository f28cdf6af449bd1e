/* SPDX-License-Identifier: Apache-2.0 */
/* base.h - what every file uses: attributes, cleanup, assertions, and strings as pointer and length. */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The caller must look at the result; deliberate ignoring is written (void). */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

/* Call a function with the variable's address when it leaves its scope: AUTO(arena_done) struct arena scratch = {0}; */
#define AUTO(function) __attribute__((cleanup(function)))

/* Make x_freep for AUTO, from a destructor that takes a pointer and allows NULL. */
#define DEFINE_FREEP(type, destructor)                                                                                 \
	static inline void destructor##p(type **pointer)                                                               \
	{                                                                                                              \
		destructor(*pointer);                                                                                  \
	}

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* For errors of a programmer, never for input from outside. Stays on in release builds. */
#define ASSERT(condition) ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))
NORETURN void assert_failed(const char *condition, const char *file, int line);

/* Memory for the program's own structures: running out of it ends the process with a message, since nothing sensible
   can follow. What grows with input from outside is limited before it gets here. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *pointer, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));

/* Have somebody told, with the size that was asked for, before running out of memory ends the process; it must not allocate. */
void memory_on_exhaustion(void (*tell)(size_t size));

/* free(*pointer), for AUTO(freep). */
void freep(void *pointer);

/* A string: pointer and length, by value, not NUL-terminated unless said. data NULL is "no value" (SQL's and JSON's
   null), which differs from the empty string. */
struct str {
	const char *data;
	size_t length;
};

#define STR_NULL ((struct str){ 0 })
#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
/* For printf's "%.*s". */
#define STR_ARG(string) (int)(string).length, ((string).data ? (string).data : "")

static inline struct str str_of(const char *text)
{
	return text ? (struct str){ text, strlen(text) } : STR_NULL;
}

static inline bool str_equal(struct str a, struct str b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
	return a.data && str_equal(a, str_of(text));
}

static inline bool str_starts_with(struct str a, struct str prefix)
{
	return a.length >= prefix.length && (prefix.length == 0 || memcmp(a.data, prefix.data, prefix.length) == 0);
}

#endif
