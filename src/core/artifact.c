/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts: what runs record for people. */
#include "core/artifact.h"

#include "base/utf8.h"
#include "core/internal.h"
#include "core/object_name.h"

enum { METADATA_TEXT_MAX = 500 };

/* The start of a text, of so many characters. */
static struct str clip(struct arena *arena, struct str text)
{
	size_t at = 0;

	for (size_t count = 0; count < METADATA_TEXT_MAX && at < text.length; count++)
		at += MAX(utf8_sequence(text.data + at, text.length - at), (size_t)1);
	return at < text.length ? arena_printf(arena, "%.*s...", (int)at, text.data) : text;
}

static int cut_metadata(struct tx *tx, struct artifact *artifact)
{
	AUTO(strbuf_done) struct strbuf buffer = { 0 };
	const struct json *object;
	struct json_writer writer;
	int result;

	if (artifact->metadata_.length <= METADATA_TEXT_MAX)
		return 0;
	result = json_read(tx->arena, artifact->metadata_, JSON_ALLOW_NAN, &object, NULL, tx->problem);
	if (result < 0)
		return result;
	json_writer_init(&writer, &buffer);
	json_begin_object(&writer);
	for (const struct json *member = object->child; member; member = member->next) {
		json_key_str(&writer, member->key);
		if (json_is(member, JSON_TYPE_STRING))
			json_str(&writer, clip(tx->arena, json_text(tx->arena, member)));
		else
			json_raw(&writer, member->raw);
	}
	json_end_object(&writer);
	artifact->metadata_ = arena_str(tx->arena, strbuf_str(&buffer));
	return 0;
}

static int check(struct tx *tx, struct artifact *artifact)
{
	int result = artifact->key.data ? object_name_check("an artifact's key", artifact->key, "-", tx->problem) : 0;

	return result < 0 ? result : cut_metadata(tx, artifact);
}

int artifact_create(struct tx *tx, struct artifact *artifact)
{
	int result = check(tx, artifact);

	if (result < 0)
		return result;
	artifact->id = uuid_new();
	artifact->created = artifact->updated = tx->now_us;
	return store_artifact_insert(tx->db, artifact, tx->problem);
}

int artifact_set(struct tx *tx, struct artifact *artifact)
{
	struct artifact there;
	int result = check(tx, artifact);

	if (result == 0)
		result = store_artifact_find_run(tx->db, artifact->flow_run_id, artifact->task_run_id, artifact->type,
		                                 artifact->key, tx->arena, &there, tx->problem);
	if (result == WEIR_ENOTFOUND)
		return artifact_create(tx, artifact);
	if (result < 0)
		return result;
	artifact->id = there.id;
	artifact->created = there.created;
	artifact->updated = tx->now_us;
	artifact->description = str_or(artifact->description, there.description);
	return store_artifact_update(tx->db, artifact, tx->problem);
}

static int not_found(struct str key_or_id, struct problem *problem)
{
	return problem_set(problem, WEIR_ENOTFOUND, "there is no artifact with the key or id '%.*s'",
	                   STR_ARG(key_or_id));
}

int artifact_delete(struct tx *tx, struct str key_or_id, int64_t *count)
{
	struct uuid id;
	bool deleted = false;
	int result = store_artifact_delete_key(tx->db, key_or_id, count, tx->problem);

	if (result == 0 && *count == 0 && uuid_parse(key_or_id, &id))
		result = store_artifact_delete(tx->db, id, &deleted, tx->problem);
	*count += deleted;
	return result == 0 && *count == 0 ? not_found(key_or_id, tx->problem) : result;
}

int artifact_find(struct db *db, struct str key_or_id, struct arena *arena, struct artifact *out,
                  struct problem *problem)
{
	struct uuid id;
	int result = store_artifact_find_key(db, key_or_id, arena, out, problem);

	if (result == WEIR_ENOTFOUND && uuid_parse(key_or_id, &id))
		result = store_artifact_find(db, id, arena, out, problem);
	return result == WEIR_ENOTFOUND ? not_found(key_or_id, problem) : result;
}
