/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/run_template.h"

#include "base/utf8.h"
#include "engine/output.h"
#include "rules/template.h"

#include <stdlib.h>

/* --- The placeholders beside parameters --- */

static void put_task_name(const weir_future *run, struct strbuf *out)
{
	strbuf_puts(out, run->what.name);
}

static void put_flow_name(const weir_future *run, struct strbuf *out)
{
	strbuf_puts(out, run->flow->definition->name);
}

static void put_flow_run_name(const weir_future *run, struct strbuf *out)
{
	strbuf_puts(out, run->flow->name);
}

static void put_count(const weir_future *run, struct strbuf *out)
{
	strbuf_printf(out, "%u", run->call_number);
}

static const struct placeholder {
	const char *name;
	bool of_flows; /* flows have it too */
	void (*put)(const weir_future *run, struct strbuf *out);
} placeholders[] = {
	{ "task_name", false, put_task_name },
	{ "flow_name", true, put_flow_name },
	{ "flow_run_name", false, put_flow_run_name },
	{ "count", true, put_count },
};

static const struct placeholder *find_placeholder(const struct callable *what, struct str name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(placeholders); i++) {
		if (str_is(name, placeholders[i].name) && (!what->is_flow || placeholders[i].of_flows))
			return &placeholders[i];
	}
	return NULL;
}

static const weir_parameter *find_parameter(const struct callable *what, struct str name)
{
	for (size_t i = 0; i < WEIR_MAX_PARAMETERS && what->parameters[i].name; i++) {
		if (str_is(name, what->parameters[i].name))
			return &what->parameters[i];
	}
	return NULL;
}

/* --- Checking --- */

static int refuse_unknown(const struct callable *what, struct str name, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf known = { 0 };

	for (size_t i = 0; i < WEIR_MAX_PARAMETERS && what->parameters[i].name; i++)
		strbuf_printf(&known, "%s{%s}", known.length ? ", " : "", what->parameters[i].name);
	for (size_t i = 0; i < ARRAY_LENGTH(placeholders); i++) {
		if (!what->is_flow || placeholders[i].of_flows)
			strbuf_printf(&known, "%s{%s}", known.length ? ", " : "", placeholders[i].name);
	}
	return problem_set(problem, WEIR_EINVAL, "there is no {%.*s}; there are %s", STR_ARG(name), known.data);
}

static int check_one(void *data, struct str name, struct strbuf *out, struct problem *problem)
{
	const struct callable *what = data;

	(void)out;
	if (find_parameter(what, name) || find_placeholder(what, name))
		return 0;
	return refuse_unknown(what, name, problem);
}

int template_check(const struct callable *what, const char *member, const char *template, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf ignored = { 0 };
	struct problem why = { 0 };
	int result = 0;

	if (!utf8_is_valid(str_of(template)))
		return problem_set(problem, WEIR_EINVAL, "%s '%s': %s is not UTF-8", callable_noun(what), what->name,
		                   member);
	result = template_expand(str_of(template), check_one, (void *)(uintptr_t)what, &ignored, &why);
	if (result < 0)
		return problem_set(problem, result, "%s '%s': %s \"%s\"%s%s: %s", callable_noun(what), what->name,
		                   member, template, why.path[0] ? ", " : "", why.path, why.message);
	return 0;
}

/* --- Filling --- */

struct filling {
	const weir_future *run;
	size_t value_bytes;
};

static void put_value(struct strbuf *out, const json_t *value, size_t size_max)
{
	char *text;

	if (json_is_string(value)) {
		name_append(out, (struct str){ json_string_value(value), json_string_length(value) }, size_max);
		return;
	}
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	name_append(out, str_of(text ? text : "null"), size_max);
	free(text);
}

static int fill_one(void *data, struct str name, struct strbuf *out, struct problem *problem)
{
	const struct filling *filling = data;
	const weir_future *run = filling->run;
	const weir_parameter *parameter = find_parameter(&run->what, name);
	const struct placeholder *placeholder = find_placeholder(&run->what, name);

	(void)problem;
	if (parameter)
		put_value(out, json_object_get(run->arguments, parameter->name), filling->value_bytes);
	else if (placeholder)
		placeholder->put(run, out);
	return 0;
}

char *template_fill(struct arena *arena, const char *template, const weir_future *run, size_t value_bytes, size_t bytes)
{
	AUTO(strbuf_done) struct strbuf text = { 0 }, name = { 0 };
	struct filling filling = { run, value_bytes };

	(void)!template_expand(str_of(template), fill_one, &filling, &text, NULL); /* it was checked */
	name_append(&name, strbuf_str(&text), bytes);
	return arena_strdup(arena, name.data ? name.data : "");
}

static int find_output(void *data, struct str name, struct strbuf *out, struct problem *problem)
{
	const weir_future *run = data;
	const weir_parameter *parameter = find_parameter(&run->what, name);
	const json_t *value = parameter ? json_object_get(run->arguments, parameter->name) : NULL;

	(void)out;
	(void)problem;
	return parameter && (!value || outputs_within(value)) ? WEIR_EAGAIN : 0; /* none: the call was wrong */
}

bool template_is_ready(const weir_future *run, const char *template)
{
	AUTO(strbuf_done) struct strbuf ignored = { 0 };

	return template_expand(str_of(template), find_output, (void *)(uintptr_t)run, &ignored, NULL) == 0;
}

/* --- Names of runs --- */

static const char *make_name(weir_future *run)
{
	const char *name =
	        template_fill(&run->card->arena, run->what.run_name, run, RUN_NAME_VALUE_BYTES, RUN_NAME_BYTES);

	return name[0] ? name : NULL;
}

const char *run_template_name(weir_future *run)
{
	if (!run->what.run_name)
		return NULL;
	run->named_late = !template_is_ready(run, run->what.run_name);
	return run->named_late ? NULL : make_name(run);
}

void run_template_name_late(weir_future *run)
{
	const char *name = run->named_late ? make_name(run) : NULL;

	run->named_late = false;
	if (!name)
		return;
	free(run->name);
	run->name = xstrdup(name);
	if (run->what.is_flow)
		flow_context_set_name(run->flow, name);
	else
		run->card->row.name = str_of(name);
}
