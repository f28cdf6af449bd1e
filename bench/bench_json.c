/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing JSON: base/json.h beside jansson, on one flow run (1.1 KB) and on a list of 200 of them. */
#include "bench.h"

#include "base/json.h"
#include "model/run.h"

#include <jansson.h>
#include <stdlib.h>

enum { LIST_LENGTH = 200 };

/* A document in all the forms that are measured. */
struct document {
	struct str text;
	struct arena arena; /* emptied for each run */
	struct strbuf out;
	const struct json *ours;
	json_t *janssons;
	char *buffer; /* for jansson's output */
	size_t buffer_size;
};

/* A benchmark that computes something wrong measures nothing. */
static void check(bool right, const char *what)
{
	if (!right) {
		fprintf(stderr, "bench_json: %s failed\n", what);
		exit(1);
	}
}

/* --- the documents --- */

static struct flow_run make_run(struct arena *arena, int number)
{
	int64_t start = INT64_C(1769846400000000) + number * INT64_C(1234567);
	struct flow_run run;

	fields_init(&flow_run_fields, &run);
	run.id = uuid_new();
	run.flow_id = uuid_new();
	run.state_id = uuid_new();
	run.created = run.updated = run.expected_start_time = start;
	run.start_time = start + 250000;
	run.end_time = start + 1850000;
	run.total_run_time = 1600000;
	run.run_count = 1 + number % 3;
	run.name = arena_printf(arena, "calm-otter-%d", number);
	run.state_type = STATE_COMPLETED;
	run.state_name = STR("Completed");
	run.parameters = STR("{\"n\":3,\"ratio\":0.25,\"path\":\"data\\/in put\\u00e9.csv\",\"names\":[\"a\",\"b\"]}");
	run.tags = STR("[\"nightly\",\"région-ouest\"]");
	run.deployment_id = uuid_new();
	return run;
}

static void write_run(struct arena *arena, int number, struct json_writer *writer)
{
	struct flow_run run = make_run(arena, number);

	json_begin_object(writer);
	fields_write(&flow_run_fields, &run, writer);
	json_end_object(writer);
}

static struct str make_text(struct arena *arena, int count)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &text);
	if (count == 1) {
		write_run(arena, 0, &writer);
		return arena_str(arena, strbuf_str(&text));
	}
	json_begin_array(&writer);
	for (int i = 0; i < count; i++)
		write_run(arena, i, &writer);
	json_end_array(&writer);
	return arena_str(arena, strbuf_str(&text));
}

/* --- ours --- */

static void parse_ours(void *context)
{
	struct document *document = context;
	const struct json *root;

	arena_clear(&document->arena);
	check(json_read(&document->arena, document->text, 0, &root, NULL, NULL) == 0, "reading");
	document->ours = root;
}

/* Numbers are converted both ways, and strings decoded and escaped, as if a program had made the values. */
static void write_scalar(struct arena *arena, const struct json *value, struct json_writer *writer)
{
	int64_t integer;
	double real;

	if (value->type == JSON_TYPE_STRING)
		json_str(writer, json_text(arena, value));
	else if (value->type != JSON_TYPE_NUMBER)
		json_raw(writer, value->raw);
	else if (!memchr(value->raw.data, '.', value->raw.length) && json_to_integer(value, &integer))
		json_int(writer, integer);
	else if (json_to_real(value, &real))
		json_double(writer, real);
}

static void write_tree(struct arena *arena, const struct json *value, struct json_writer *writer)
{
	bool is_object = value->type == JSON_TYPE_OBJECT;

	if (!is_object && value->type != JSON_TYPE_ARRAY) {
		write_scalar(arena, value, writer);
		return;
	}
	if (is_object)
		json_begin_object(writer);
	else
		json_begin_array(writer);
	for (const struct json *child = value->child; child; child = child->next) {
		if (is_object)
			json_key_str(writer, child->key);
		write_tree(arena, child, writer);
	}
	if (is_object)
		json_end_object(writer);
	else
		json_end_array(writer);
}

static void dump_ours(void *context)
{
	struct document *document = context;
	AUTO(arena_done) struct arena scratch = { 0 };
	struct json_writer writer;

	strbuf_clear(&document->out);
	json_writer_init(&writer, &document->out);
	write_tree(&scratch, document->ours, &writer);
}

static void both_ours(void *context)
{
	parse_ours(context);
	dump_ours(context);
}

/* --- jansson --- */

static json_t *load(const struct document *document)
{
	json_t *root = json_loadb(document->text.data, document->text.length, JSON_DECODE_ANY, NULL);

	check(root, "jansson's reading");
	return root;
}

static void dump(const struct document *document, const json_t *root)
{
	size_t length = json_dumpb(root, document->buffer, document->buffer_size, JSON_COMPACT);

	check(length > 0 && length <= document->buffer_size, "jansson's writing");
}

static void parse_jansson(void *context)
{
	json_decref(load(context));
}

static void dump_jansson(void *context)
{
	struct document *document = context;

	dump(document, document->janssons);
}

static void both_jansson(void *context)
{
	json_t *root = load(context);

	dump(context, root);
	json_decref(root);
}

/* --- figures --- */

static void measure(struct bench *bench, const char *name, struct arena *arena, int count)
{
	static const struct {
		const char *name;
		void (*ours)(void *context), (*jansson)(void *context);
	} rows[] = {
		{ "parse", parse_ours, parse_jansson },
		{ "dump", dump_ours, dump_jansson },
		{ "parse+dump", both_ours, both_jansson },
	};
	struct document document = { .text = make_text(arena, count) };

	document.buffer_size = document.text.length * 2;
	document.buffer = xmalloc(document.buffer_size);
	document.janssons = load(&document);
	parse_ours(&document);
	dump_ours(&document);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct str figure = arena_printf(arena, "json %s, %s", rows[i].name, name);

		bench_measure(bench, &(struct bench_figure){ .name = figure.data,
		                                             .unit = "MB/s",
		                                             .amount = (double)document.text.length / 1e6,
		                                             .peer = "jansson",
		                                             .run = rows[i].ours,
		                                             .run_peer = rows[i].jansson,
		                                             .context = &document });
	}
	json_decref(document.janssons);
	free(document.buffer);
	arena_done(&document.arena);
	strbuf_done(&document.out);
}

int main(int argc, char **argv)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct bench bench;

	bench_init(&bench, argc, argv);
	measure(&bench, "one run", &arena, 1);
	measure(&bench, "list of runs", &arena, LIST_LENGTH);
	bench_done(&bench);
	return 0;
}
