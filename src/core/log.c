/* SPDX-License-Identifier: Apache-2.0 */
#include "core/internal.h"

/* SQL's text functions and most readers end at a NUL byte, so none is stored. */
static struct str without_nul(struct arena *arena, struct str text)
{
	size_t length = 0;
	char *copy;

	if (!text.data || !memchr(text.data, '\0', text.length))
		return text;
	copy = arena_alloc(arena, text.length);
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] != '\0')
			copy[length++] = text.data[i];
	return (struct str){ copy, length };
}

int logs_append(struct tx *tx, struct log_line *lines, size_t count)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++) {
		if (uuid_is_nil(lines[i].id))
			lines[i].id = uuid_new();
		lines[i].created = tx->now_us;
		lines[i].message = without_nul(tx->arena, lines[i].message);
		result = store_log_insert(tx->db, &lines[i], tx->problem);
	}
	return result;
}

int log_list(struct db *db, const struct log_query *query, log_row_fn *each, void *data, struct problem *problem)
{
	return store_log_list(db, query, each, data, problem);
}
