/* SPDX-License-Identifier: Apache-2.0 */
/* objects - flows that record artifacts, and use variables and secrets. */
#include <weir.h>

#include <stdio.h>
#include <string.h>

/* --- Artifacts --------------------------------------------------------------------------------------------------- */

static json_t *record_some(weir_run *run)
{
	json_t *codes = json_array();

	json_array_append_new(codes, json_integer(weir_artifact_markdown(run, "report", "# 报告", "about it")));
	json_array_append_new(codes, json_integer(weir_artifact_table(
	                                     run, "rows", json_pack("[{s:i,s:s}]", "a", 1, "b", "x"), NULL)));
	json_array_append_new(codes, json_integer(weir_artifact_link(run, "site", "https://weir.dev", "Weir", NULL)));
	json_array_append_new(codes, json_integer(weir_artifact_link(run, NULL, "https://weir.dev", NULL, NULL)));
	for (int percent = 0; percent <= 100; percent += 50)
		json_array_append_new(
		        codes, json_integer(weir_artifact_progress(run, "bar", percent, percent ? NULL : "how far")));
	return codes;
}

static const weir_task recording_task = { .name = "recording", .run = record_some };

static json_t *record_in_both(weir_run *run)
{
	json_decref(weir_call(run, &recording_task, NULL));
	return record_some(run);
}

static const weir_flow artifacts = { .name = "artifacts", .run = record_in_both };

static json_t *record_badly(weir_run *run)
{
	json_t *codes = json_array();

	json_array_append_new(codes, json_integer(weir_artifact_markdown(run, "Bad Key", "x", NULL)));
	json_array_append_new(codes, json_integer(weir_artifact_markdown(run, "", "x", NULL)));
	json_array_append_new(codes, json_integer(weir_artifact_markdown(run, "not-utf-8", "\xff", NULL)));
	json_array_append_new(codes, json_integer(weir_artifact_markdown(run, "nothing", NULL, NULL)));
	json_array_append_new(codes, json_integer(weir_artifact_table(run, "scalar", json_integer(1), NULL)));
	json_array_append_new(codes, json_integer(weir_artifact_link(run, "nowhere", NULL, "x", NULL)));
	json_array_append_new(codes, json_integer(weir_artifact_progress(run, "bar", 101, NULL)));
	json_array_append_new(codes, json_integer(weir_artifact_progress(run, "bar", NAN, NULL)));
	return codes;
}

static const weir_flow bad_artifacts = { .name = "bad-artifacts", .run = record_badly };

/* --- Variables ----------------------------------------------------------------------------------------------------- */

static json_t *change_variable(weir_run *run)
{
	json_auto_t *before = weir_variable_get(run, "greeting");
	int code = weir_variable_set(run, "greeting", json_incref(weir_value(run, "value")));

	return json_pack("{s:O?,s:i,s:o?}", "before", before, "code", code, "after",
	                 weir_variable_get(run, "greeting"));
}

static const weir_flow variables = {
	.name = "variables",
	.parameters = { { .name = "value" } },
	.run = change_variable,
};

static json_t *set_badly(weir_run *run)
{
	char text[6000];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	return json_pack("[i,i,i,i]", weir_variable_set(run, "Upper Case", json_true()),
	                 weir_variable_set(run, "long", json_string(text)), weir_variable_set(run, "none", NULL),
	                 weir_variable_set(run, NULL, json_true()));
}

static const weir_flow bad_variables = { .name = "bad-variables", .run = set_badly };

/* --- Secrets -------------------------------------------------------------------------------------------------------- */

static json_t *use_secret(weir_run *run)
{
	const char *text = weir_secret(run, weir_string(run, "name"));
	const char *again = text ? weir_secret(run, weir_string(run, "name")) : NULL;

	if (!text || !again)
		return NULL;
	weir_info(run, "a secret of %zu bytes", strlen(text));
	return json_boolean(strcmp(text, weir_string(run, "expected")) == 0 && strcmp(text, again) == 0);
}

static const weir_flow secrets = {
	.name = "secrets",
	.parameters = { { .name = "name", .type = WEIR_STRING, .fallback = "\"token\"" },
	                { .name = "expected", .type = WEIR_STRING, .fallback = "\"\"" } },
	.run = use_secret,
};

/* --- In hooks, and in a coroutine --------------------------------------------------------------------------------- */

static void note_end(weir_run *run, const weir_state *state)
{
	const char *text = weir_secret(run, "token");

	weir_artifact_markdown(run, "ended", state->name, text ? "with a secret" : "without");
	weir_variable_set(run, "last", json_string(state->name));
	weir_info(run, "slots: %s", weir_strerror(weir_concurrency(run, "db", 1)));
}

static json_t *fail(weir_run *run)
{
	return weir_fail(run, "as it should");
}

static const weir_task failing_task = { .name = "failing", .run = fail, .hooks = { .on_failure = note_end } };

static json_t *call_failing(weir_run *run)
{
	json_decref(weir_call(run, &failing_task, NULL));
	weir_recover(run, NULL);
	return json_true();
}

static const weir_flow hooks = { .name = "hooks", .run = call_failing };

static json_t *record_on_loop(weir_run *run)
{
	json_decref(record_some(run));
	json_decref(change_variable(run));
	return json_boolean(weir_secret(run, "token") != NULL);
}

static const weir_flow on_loop = {
	.name = "on-loop",
	.mode = WEIR_ASYNC,
	.parameters = { { .name = "value", .fallback = "\"loop\"" } },
	.run = record_on_loop,
};

/* --- In a process of its own, where there is no store ------------------------------------------------------------- */

static json_t *record_there(weir_run *run)
{
	const char *what = weir_string(run, "what");

	if (strcmp(what, "artifact") == 0)
		return json_integer(weir_artifact_markdown(run, "there", "x", NULL));
	if (strcmp(what, "variable") == 0)
		return json_integer(weir_variable_set(run, "there", json_true()));
	if (strcmp(what, "secret") == 0)
		return json_boolean(weir_secret(run, "token") != NULL);
	return json_integer(weir_concurrency(run, "db", 1));
}

static const weir_task there_task = {
	.name = "there",
	.tags = { "db" },
	.parameters = { { .name = "what", .type = WEIR_STRING, .required = true } },
	.run = record_there,
	.mode = WEIR_PROCESS,
};

static json_t *call_there(weir_run *run)
{
	return weir_call(run, &there_task, "{s:s}", "what", weir_string(run, "what"));
}

static const weir_flow in_process = {
	.name = "in-process",
	.parameters = { { .name = "what", .type = WEIR_STRING, .required = true } },
	.run = call_there,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &artifacts,     &bad_artifacts, &variables,
		                                  &bad_variables, &secrets,       &hooks,
		                                  &on_loop,       &in_process,    NULL };

	return weir_main(argc, argv, flows);
}
