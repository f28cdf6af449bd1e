/* SPDX-License-Identifier: Apache-2.0 */
/* vec.h - a growing array of any type: struct VEC(int) numbers = {0}; vec_push(&numbers, 7); vec_done(&numbers); */
#ifndef WEIR_BASE_VEC_H
#define WEIR_BASE_VEC_H

#include "base/base.h"

#include <stdlib.h>

#define VEC(type)                                                                                                      \
	{                                                                                                              \
		type *items;                                                                                           \
		size_t count;                                                                                          \
		size_t capacity;                                                                                       \
	}

/* Append by value. The vector may move: no pointers to items are kept across it. */
#define vec_push(vec, item)                                                                                            \
	do {                                                                                                           \
		if ((vec)->count == (vec)->capacity) {                                                                 \
			(vec)->capacity = (vec)->capacity ? (vec)->capacity * 2 : 8;                                   \
			(vec)->items = xrealloc((vec)->items, (vec)->capacity * sizeof *(vec)->items);                 \
		}                                                                                                      \
		(vec)->items[(vec)->count++] = (item);                                                                 \
	} while (0)

/* Free the array, not what its items point to. */
#define vec_done(vec)                                                                                                  \
	do {                                                                                                           \
		free((vec)->items);                                                                                    \
		(vec)->items = NULL;                                                                                   \
		(vec)->count = (vec)->capacity = 0;                                                                    \
	} while (0)

#endif
