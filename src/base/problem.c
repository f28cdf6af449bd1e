/* SPDX-License-Identifier: Apache-2.0 */
#include "base/problem.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>

struct error_row {
	const char *name;
	int code;
	const char *text;
	int http_status;
	int exit_status;
};

static const struct error_row error_rows[] = { { "WEIR_OK", WEIR_OK, "success", 200, 0 },
#define ERROR_ROW(name, number, text, http, exit) { #name, number, text, http, exit },
	                                       WEIR_ERROR_LIST(ERROR_ROW)
#undef ERROR_ROW
};

static const struct error_row *error_find(int code)
{
	const struct error_row *internal = NULL;

	for (size_t i = 0; i < ARRAY_LENGTH(error_rows); i++) {
		if (error_rows[i].code == code)
			return &error_rows[i];
		if (error_rows[i].code == WEIR_EINTERNAL)
			internal = &error_rows[i];
	}
	return internal;
}

const char *error_name(int code)
{
	return error_find(code)->name;
}

const char *error_text(int code)
{
	return error_find(code)->text;
}

int error_http_status(int code)
{
	return error_find(code)->http_status;
}

int error_exit_status(int code)
{
	return error_find(code)->exit_status;
}

int error_of_errno(int error_number)
{
	switch (error_number) {
	case 0:
		return WEIR_OK;
	case ENOENT:
	case ENOTDIR:
	case ESRCH:
		return WEIR_ENOTFOUND;
	case EEXIST:
		return WEIR_EEXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return WEIR_EPERM;
	case ENOSPC:
	case EDQUOT:
		return WEIR_ENOSPC;
	case ENOMEM:
		return WEIR_ENOMEM;
	case EAGAIN:
	case EBUSY:
		return WEIR_EBUSY;
	case ETIMEDOUT:
		return WEIR_ETIMEDOUT;
	case EINVAL:
	case ENAMETOOLONG:
	case E2BIG:
		return WEIR_EINVAL;
	case EMFILE:
	case ENFILE:
		return WEIR_ELIMIT;
	default:
		return WEIR_EIO;
	}
}

/* A text that was cut may end in the middle of a UTF-8 character: drop that part. */
static void trim_partial_character(char *text, size_t size)
{
	size_t end = strnlen(text, size);
	size_t start = end;

	if (end + 1 < size)
		return;
	while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start > 0 && utf8_sequence(text + start - 1, end - start + 1) != end - start + 1)
		text[start - 1] = '\0';
}

int problem_set_args(struct problem *problem, int code, const char *format, va_list arguments)
{
	if (!problem)
		return code;
	problem->code = code;
	problem->path[0] = '\0';
	vsnprintf(problem->message, sizeof problem->message, format, arguments);
	trim_partial_character(problem->message, sizeof problem->message);
	return code;
}

int problem_set(struct problem *problem, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	problem_set_args(problem, code, format, arguments);
	va_end(arguments);
	return code;
}

int problem_at(struct problem *problem, const char *format, ...)
{
	va_list arguments;

	if (!problem)
		return WEIR_EINVAL;
	va_start(arguments, format);
	vsnprintf(problem->path, sizeof problem->path, format, arguments);
	va_end(arguments);
	trim_partial_character(problem->path, sizeof problem->path);
	return problem->code;
}
