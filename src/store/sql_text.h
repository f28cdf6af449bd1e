/* SPDX-License-Identifier: Apache-2.0 */
/* sql_text.h - the text of a statement that is put together once, of literals and lists of columns. */
#ifndef WEIR_STORE_SQL_TEXT_H
#define WEIR_STORE_SQL_TEXT_H

#include "base/base.h"

/* Static, all zero. The text lives as long as the process: connections cache statements by its address. */
struct sql_text {
	_Atomic(const char *) text;
};

/* The text; made by the first caller. Thread-safe. Every call must give the same format and arguments. */
const char *sql_text_get(struct sql_text *text, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
