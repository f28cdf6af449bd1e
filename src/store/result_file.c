/* SPDX-License-Identifier: Apache-2.0 */
#include "store/result_file.h"

#include "base/crypto.h"
#include "base/json.h"

/* Version 1 is the only one so far. A line is refused beyond its limit, so that a damaged file is not searched to its end. */
enum { FILE_VERSION = 1, LINE_BYTES_MAX = 64 * 1024, TEXT_BYTES_MAX = 4096 };

/* How each line ends: the hash of the line before this, and of the body. */
#define HASH_MEMBER ",\"sha256\":\""
enum { HASH_MEMBER_LENGTH = sizeof HASH_MEMBER - 1, LINE_END_LENGTH = HASH_MEMBER_LENGTH + SHA256_HEX_LENGTH + 2 };

/* --- Writing --- */

static void write_text(struct json_writer *writer, const char *name, struct str text)
{
	json_key(writer, name);
	json_str(writer, text);
}

static void write_time(struct json_writer *writer, const char *name, int64_t instant_us)
{
	json_key(writer, name);
	if (instant_us == TIMESTAMP_NONE)
		json_none(writer);
	else
		json_puts(writer, timestamp_text(instant_us).text);
}

static void write_members(struct strbuf *out, struct str key, const struct result_record *record)
{
	struct json_writer writer;

	json_writer_init(&writer, out);
	json_begin_object(&writer);
	json_key(&writer, "weir_result");
	json_int(&writer, FILE_VERSION);
	write_text(&writer, "key", key);
	write_text(&writer, "cache_key", record->cache_key);
	write_time(&writer, "created", record->created);
	write_time(&writer, "expiration", record->expiration);
	write_text(&writer, "run_type", record->run_type);
	write_text(&writer, "run_name", record->run_name);
	write_text(&writer, "run_id", str_of(uuid_text(record->run_id).text));
	json_key(&writer, "size");
	json_int(&writer, (int64_t)record->body.length);
	json_end_object(&writer);
}

int result_header_write(struct strbuf *out, struct str key, const struct result_record *record, struct problem *problem)
{
	char hash[SHA256_HEX_LENGTH + 1];
	size_t start = out->length;
	int result;

	if (record->cache_key.length > TEXT_BYTES_MAX || record->run_name.length > TEXT_BYTES_MAX)
		return problem_set(problem, WEIR_EINVAL, "a cache key or a run's name has more than %d bytes",
		                   TEXT_BYTES_MAX);
	write_members(out, key, record);
	out->length--; /* the brace comes back behind the hash */
	result = sha256_hex((struct str[]){ { out->data + start, out->length - start }, record->body }, 2, hash,
	                    problem);
	if (result == 0)
		strbuf_printf(out, HASH_MEMBER "%s\"}\n", hash);
	return result;
}

/* --- Reading --- */

static int damaged(struct problem *problem, const char *what)
{
	return problem_set(problem, WEIR_ECORRUPT, "%s", what);
}

/* Is the hash at the end of the line that of the line before it and the body? */
static int check_hash(struct str line, struct str body, struct problem *problem)
{
	const char *end = line.data + line.length - LINE_END_LENGTH;
	char hash[SHA256_HEX_LENGTH + 1];
	int result;

	if (line.length <= LINE_END_LENGTH || memcmp(end, HASH_MEMBER, HASH_MEMBER_LENGTH) != 0)
		return damaged(problem, "its first line does not end with a hash");
	result = sha256_hex((struct str[]){ { line.data, line.length - LINE_END_LENGTH }, body }, 2, hash, problem);
	if (result == 0 && memcmp(end + HASH_MEMBER_LENGTH, hash, SHA256_HEX_LENGTH) != 0)
		return damaged(problem, "its content does not have the hash that its first line tells");
	return result;
}

static int read_time(struct arena *arena, const struct json *value, int64_t *out, struct problem *problem)
{
	*out = TIMESTAMP_NONE;
	return json_is_none(value) ? 0 : timestamp_parse(json_text(arena, value), out, problem);
}

static int read_members(struct arena *arena, const struct json *line, struct result_record *out,
                        struct problem *problem)
{
	int result = read_time(arena, json_get(line, "created"), &out->created, problem);

	if (result == 0)
		result = read_time(arena, json_get(line, "expiration"), &out->expiration, problem);
	out->cache_key = json_text(arena, json_get(line, "cache_key"));
	out->run_type = json_text(arena, json_get(line, "run_type"));
	out->run_name = json_text(arena, json_get(line, "run_name"));
	if (result == 0 && !uuid_parse(json_text(arena, json_get(line, "run_id")), &out->run_id))
		return damaged(problem, "its run_id is no id");
	return result < 0 ? damaged(problem, "its first line holds a wrong time") : 0;
}

int result_file_read(struct str text, struct str key, struct arena *arena, struct result_record *out,
                     struct problem *problem)
{
	const char *end = memchr(text.data, '\n', MIN(text.length, (size_t)LINE_BYTES_MAX));
	const struct json *members;
	struct str line, copy;
	int64_t version = 0, size = -1;
	int result;

	if (!end)
		return damaged(problem, "it has no first line");
	line = (struct str){ text.data, (size_t)(end - text.data) };
	out->body = (struct str){ end + 1, text.length - line.length - 1 };
	copy = arena_str(arena, line);
	if (json_read(arena, copy, 0, &members, NULL, NULL) < 0)
		return damaged(problem, "its first line is not JSON");
	json_to_integer(json_get(members, "weir_result"), &version);
	if (version > FILE_VERSION)
		return problem_set(problem, WEIR_EVERSION, "it was written by a newer Weir");
	result = check_hash(line, out->body, problem);
	if (result < 0)
		return result;
	if (version != FILE_VERSION || !json_to_integer(json_get(members, "size"), &size) ||
	    size != (int64_t)out->body.length)
		return damaged(problem, "its first line does not fit the rest");
	if (!str_equal(json_text(arena, json_get(members, "key")), key))
		return damaged(problem, "it is the result of another key");
	return read_members(arena, members, out, problem);
}
