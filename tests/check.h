/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - cmocka with what it wants included before, and checks that name the row of a table that failed. */
#ifndef WEIR_TESTS_CHECK_H
#define WEIR_TESTS_CHECK_H

#include "base/problem.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

/* The texts are equal; what says which row this is, usually its input. */
static inline void check_text(const char *what, const char *actual, const char *expected)
{
	if (strcmp(actual, expected) != 0)
		fail_msg("%s\n     gives %s\nexpected %s", what, actual, expected);
}

static inline void check_str(const char *what, struct str actual, const char *expected)
{
	if (!str_is(actual, expected))
		fail_msg("%s\n     gives %.*s\nexpected %s", what, STR_ARG(actual), expected);
}

static inline void check_integer(const char *what, int64_t actual, int64_t expected)
{
	if (actual != expected)
		fail_msg("%s\n     gives %lld\nexpected %lld", what, (long long)actual, (long long)expected);
}

/* Copy text to memory of exactly its size, so that the address sanitizer notices reading over its end. The caller frees
   the data. */
static inline struct str exact_copy(struct str text)
{
	char *copy = malloc(text.length);

	assert_non_null(copy);
	if (text.length)
		memcpy(copy, text.data, text.length);
	return (struct str){ copy, text.length };
}

#endif
