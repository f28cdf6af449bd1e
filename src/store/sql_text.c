/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql_text.h"

#include "base/strbuf.h"

#include <stdatomic.h>
#include <stdlib.h>

const char *sql_text_get(struct sql_text *text, const char *format, ...)
{
	const char *made = atomic_load_explicit(&text->text, memory_order_acquire);
	struct strbuf buffer = { 0 };
	va_list arguments;
	char *candidate;

	if (made)
		return made;
	va_start(arguments, format);
	strbuf_vprintf(&buffer, format, arguments);
	va_end(arguments);
	candidate = strbuf_take(&buffer);
	if (atomic_compare_exchange_strong(&text->text, &made, candidate))
		return candidate;
	free(candidate); /* another thread was first */
	return made;
}
