/* SPDX-License-Identifier: Apache-2.0 */
/* problem.h - why something failed: a code of weir/errors.h, one sentence, and the place in the input. */
#ifndef WEIR_BASE_PROBLEM_H
#define WEIR_BASE_PROBLEM_H

#include "base/base.h"
#include "weir/errors.h"

/* Filled by the function that fails; the caller owns it, usually on its stack, and may pass NULL for "not wanted". */
struct problem {
	int code;          /* a weir_error_code */
	char message[900]; /* cut at a character's boundary when longer */
	char path[112];    /* where in the input: "body.state.type", "line 3, column 7"; "" when it has no place */
};

/* Fill problem (unless NULL) and return code, so that `return problem_set(problem, WEIR_EINVAL, "...")` is one line. */
int problem_set(struct problem *problem, int code, const char *format, ...) PRINTF_LIKE(3, 4);
int problem_set_args(struct problem *problem, int code, const char *format, va_list arguments) PRINTF_LIKE(3, 0);

/* Say where; keeps the code and returns it. */
int problem_at(struct problem *problem, const char *format, ...) PRINTF_LIKE(2, 3);

/* What the list of weir/errors.h says of a code. Unknown codes are WEIR_EINTERNAL. */
const char *error_name(int code);
const char *error_text(int code);
int error_http_status(int code);
int error_exit_status(int code);

/* The code that fits an errno. */
int error_of_errno(int error_number);

#endif
