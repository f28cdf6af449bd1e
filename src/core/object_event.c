/* SPDX-License-Identifier: Apache-2.0 */
/* Outbox rows of objects that are no runs: made, changed, deleted. */
#include "core/internal.h"

#include "store/event.h"

static struct str resource_text(struct arena *arena, const char *kind, struct uuid id, struct str name)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &buffer);
	json_begin_object(&writer);
	json_key(&writer, "prefect.resource.id");
	json_str(&writer, arena_printf(arena, "prefect.%s.%s", kind, uuid_text(id).text));
	json_key(&writer, "prefect.resource.name");
	json_str(&writer, name);
	json_end_object(&writer);
	return arena_str(arena, strbuf_str(&buffer));
}

int object_event(struct tx *tx, const char *kind, struct uuid id, struct str name, const char *what)
{
	const struct event event = {
		.sequence = INTEGER_NONE,
		.id = uuid_new(),
		.occurred = tx->now_us,
		.event = arena_printf(tx->arena, "prefect.%s.%s", kind, what),
		.resource = resource_text(tx->arena, kind, id, name),
		.related = STR("[]"),
		.payload = STR("{}"),
	};

	return store_event_insert(tx->db, &event, tx->problem);
}
