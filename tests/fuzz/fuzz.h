/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what the fuzz targets share. Each target is one function that libFuzzer, or replay_main.c, calls. */
#ifndef WEIR_TESTS_FUZZ_FUZZ_H
#define WEIR_TESTS_FUZZ_FUZZ_H

#include "base/problem.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Input was refused: the problem must say so in words that can be shown. */
static inline void check_problem(const struct problem *problem, int code)
{
	ASSERT(code < 0 && problem->code == code);
	ASSERT(problem->message[0] != '\0');
	ASSERT(utf8_is_valid(str_of(problem->message)));
	ASSERT(utf8_is_valid(str_of(problem->path)));
}

#endif
