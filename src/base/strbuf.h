/* SPDX-License-Identifier: Apache-2.0 */
/* strbuf.h - a growing string on the heap. */
#ifndef WEIR_BASE_STRBUF_H
#define WEIR_BASE_STRBUF_H

#include "base/base.h"

/* All zero is a valid empty buffer. data ends with a NUL as soon as anything was added. */
struct strbuf {
	char *data;
	size_t length;
	size_t capacity;
};

void strbuf_done(struct strbuf *buffer);

/* Empty it, keep the memory. */
void strbuf_clear(struct strbuf *buffer);

void strbuf_add(struct strbuf *buffer, const void *data, size_t length);
void strbuf_add_str(struct strbuf *buffer, struct str text);
void strbuf_puts(struct strbuf *buffer, const char *text);
void strbuf_putc(struct strbuf *buffer, char character);
void strbuf_printf(struct strbuf *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
void strbuf_vprintf(struct strbuf *buffer, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

/* Room for so many more bytes at the end; add to length what was written there. */
char *strbuf_reserve(struct strbuf *buffer, size_t length);

/* Hand the memory over to the caller, who frees it; the buffer is empty again. "" when nothing was added. */
char *strbuf_take(struct strbuf *buffer);

static inline struct str strbuf_str(const struct strbuf *buffer)
{
	return (struct str){ buffer->data ? buffer->data : "", buffer->length };
}

#endif
