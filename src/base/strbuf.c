/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>

enum { STRBUF_MIN_BYTES = 64 };

void strbuf_done(struct strbuf *buffer)
{
	free(buffer->data);
	*buffer = (struct strbuf){ 0 };
}

void strbuf_clear(struct strbuf *buffer)
{
	buffer->length = 0;
	if (buffer->data)
		buffer->data[0] = '\0';
}

char *strbuf_reserve(struct strbuf *buffer, size_t length)
{
	size_t needed = buffer->length + length + 1;

	if (needed > buffer->capacity) {
		size_t capacity = MAX(buffer->capacity * 2, (size_t)STRBUF_MIN_BYTES);

		buffer->capacity = MAX(capacity, needed);
		buffer->data = xrealloc(buffer->data, buffer->capacity);
	}
	return buffer->data + buffer->length;
}

void strbuf_add(struct strbuf *buffer, const void *data, size_t length)
{
	char *end = strbuf_reserve(buffer, length);

	if (length)
		memcpy(end, data, length);
	end[length] = '\0';
	buffer->length += length;
}

void strbuf_add_str(struct strbuf *buffer, struct str text)
{
	strbuf_add(buffer, text.data, text.length);
}

void strbuf_puts(struct strbuf *buffer, const char *text)
{
	strbuf_add(buffer, text, strlen(text));
}

void strbuf_putc(struct strbuf *buffer, char character)
{
	strbuf_add(buffer, &character, 1);
}

void strbuf_vprintf(struct strbuf *buffer, const char *format, va_list arguments)
{
	va_list again;
	char *end = strbuf_reserve(buffer, STRBUF_MIN_BYTES);
	size_t room = buffer->capacity - buffer->length;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(end, room, format, arguments);
	ASSERT(length >= 0);
	if ((size_t)length >= room) {
		end = strbuf_reserve(buffer, (size_t)length);
		vsnprintf(end, (size_t)length + 1, format, again);
	}
	va_end(again);
	buffer->length += (size_t)length;
}

void strbuf_printf(struct strbuf *buffer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	strbuf_vprintf(buffer, format, arguments);
	va_end(arguments);
}

char *strbuf_take(struct strbuf *buffer)
{
	char *data = buffer->data ? buffer->data : xstrdup("");

	*buffer = (struct strbuf){ 0 };
	return data;
}
