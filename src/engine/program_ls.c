/* SPDX-License-Identifier: Apache-2.0 */
/* program_ls.c - PROGRAM ls, PROGRAM schema: what flows a program has. */
#include "engine/callable.h"
#include "engine/engine.h"
#include "engine/program.h"
#include "engine/schema.h"

#include <stdio.h>

static void print_parameters(const weir_flow *flow)
{
	for (size_t i = 0; i < WEIR_MAX_PARAMETERS && flow->parameters[i].name; i++) {
		const weir_parameter *parameter = &flow->parameters[i];

		printf("    --param %s=…  %s%s%s", parameter->name, type_name(parameter->type),
		       parameter->required ? ", required" : "", parameter->fallback ? ", by default " : "");
		printf("%s%s%s\n", parameter->fallback ? parameter->fallback : "", parameter->description ? "; " : "",
		       parameter->description ? parameter->description : "");
	}
}

static int print_flows(const struct program *program)
{
	for (size_t i = 0; i < program->flow_count; i++) {
		const weir_flow *flow = program->flows[i];

		printf("%s%s%s\n", flow->name, flow->description ? "  " : "",
		       flow->description ? flow->description : "");
		print_parameters(flow);
	}
	return fflush(stdout) == 0 ? 0 : error_exit_status(WEIR_EIO);
}

/* --- As JSON --- */

static json_t *tags_of(const weir_flow *flow)
{
	json_t *tags = json_array();

	for (size_t i = 0; i < WEIR_MAX_TAGS && flow->tags[i]; i++)
		json_array_append_new(tags, json_of_text(flow->tags[i]));
	return tags;
}

static json_t *flow_as_json(const weir_flow *flow)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", flow->name, "description",
	                 json_of_text(flow->description), "version", json_of_text(flow->version), "tags", tags_of(flow),
	                 "parameter_openapi_schema", weir_parameter_schema(flow));
}

static int print_flows_json(const struct program *program)
{
	json_auto_t *flows = json_array();

	for (size_t i = 0; i < program->flow_count; i++)
		json_array_append_new(flows, flow_as_json(program->flows[i]));
	return program_print_json(flows);
}

/* A definition that is wrong has no schema. */
static int check_flow(const weir_flow *flow)
{
	struct callable what = callable_of_flow(flow);
	struct problem problem;
	weir_problem shown;

	if (callable_check(&what, &problem) == 0)
		return 0;
	problem_export(&shown, &problem);
	return weir_complain(&shown);
}

static int check_flows(const struct program *program)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < program->flow_count; i++)
		status = check_flow(program->flows[i]);
	return status;
}

int program_ls(const struct program *program, int argc, char **argv)
{
	bool as_json = argc > 0 && strcmp(argv[0], "--json") == 0;
	int status;

	if (argc > (as_json ? 1 : 0))
		return program_wrong_usage("'ls' takes nothing but --json, not '%s'", argv[as_json]);
	if (!as_json)
		return print_flows(program);
	status = check_flows(program);
	return status ? status : print_flows_json(program);
}

int program_schema(const struct program *program, int argc, char **argv)
{
	const char *name = argc ? argv[0] : program->flow_count == 1 ? program->flows[0]->name : NULL;
	const weir_flow *flow = name ? program_find_flow(program, name) : NULL;
	json_auto_t *schema = NULL;
	int status;

	if (!name)
		return program_wrong_usage("the schema of which flow? See '%s ls'", program->name);
	if (argc > 1)
		return program_wrong_usage("'schema' takes one flow, not '%s' as well", argv[1]);
	if (!flow)
		return program_unknown_flow(program, name);
	status = check_flow(flow);
	if (status)
		return status;
	schema = weir_parameter_schema(flow);
	return program_print_json(schema);
}
