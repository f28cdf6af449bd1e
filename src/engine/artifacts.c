/* SPDX-License-Identifier: Apache-2.0 */
/* artifacts.c - weir_artifact_*: what a run records for people to look at. */
#include "core/artifact.h"
#include "engine/ask_store.h"
#include "engine/process_child.h"

#include <stdlib.h>

struct recording {
	struct artifact artifact;
	int (*write)(struct tx *tx, struct artifact *artifact);
};

static int write_artifact(struct tx *tx, void *request)
{
	struct recording *recording = request;
	struct artifact artifact = recording->artifact; /* the job may run again, with what it was given */

	return recording->write(tx, &artifact);
}

/* A wrong call is told in the run's log: its value is lost, the run goes on. */
static int refuse(weir_run *run, const char *key, const struct problem *problem)
{
	if (process_child_refuses(run, "record artifacts"))
		return WEIR_EPERM;
	run_log(run->run, 40, "artifact '%s' was not recorded: %s", key ? key : "", problem->message);
	return problem->code;
}

/* data is JSON text. */
static int record(weir_run *run, const char *type, const char *key, const char *data, const char *description,
                  int (*write)(struct tx *, struct artifact *))
{
	const weir_future *future = run->run;
	struct recording recording = {
		.artifact = { .key = str_of(key),
		              .type = str_of(type),
		              .description = str_of(description),
		              .data = str_of(data) },
		.write = write,
	};
	struct problem problem;

	if (process_child_refuses(run, "record artifacts"))
		return WEIR_EPERM;
	if (attempt_is_abandoned(run))
		return WEIR_EABANDONED;
	recording.artifact.flow_run_id = future->flow->flow_run_id;
	if (!future->what.is_flow)
		recording.artifact.task_run_id = future->id;
	if (ask_store(run, write_artifact, &recording, &problem) < 0)
		return refuse(run, key, &problem);
	return 0;
}

static int record_value(weir_run *run, const char *type, const char *key, const json_t *value, const char *description,
                        int (*write)(struct tx *, struct artifact *))
{
	char *data = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	struct problem problem;
	int result;

	if (data) {
		result = record(run, type, key, data, description, write);
	} else {
		problem_set(&problem, WEIR_EINVAL, "a %s needs a value that JSON can hold: UTF-8, finite numbers",
		            type);
		result = refuse(run, key, &problem);
	}
	free(data);
	return result;
}

/* The rows travel as text within the data, as Prefect's clients send them and its pages read them. */
WEIR_API int weir_artifact_table(weir_run *run, const char *key, json_t *rows, const char *description)
{
	json_auto_t *owned = rows, *data = NULL;
	struct problem problem;
	char *text;

	if (!json_is_array(owned) && !json_is_object(owned)) {
		problem_set(&problem, WEIR_EINVAL, "a table is an array of rows, or an object of columns");
		return refuse(run, key, &problem);
	}
	text = json_dumps(owned, JSON_COMPACT);
	data = json_string(text);
	free(text);
	return record_value(run, "table", key, data, description, artifact_create);
}

WEIR_API int weir_artifact_markdown(weir_run *run, const char *key, const char *markdown, const char *description)
{
	json_auto_t *data = json_string(markdown);

	return record_value(run, "markdown", key, data, description, artifact_create);
}

WEIR_API int weir_artifact_link(weir_run *run, const char *key, const char *url, const char *text,
                                const char *description)
{
	json_auto_t *data = url ? json_sprintf("[%s](%s)", text ? text : url, url) : NULL;

	return record_value(run, "link", key, data, description, artifact_create);
}

WEIR_API int weir_artifact_progress(weir_run *run, const char *key, double percent, const char *description)
{
	json_auto_t *data = json_real(percent);
	struct problem problem;

	if (!(percent >= 0 && percent <= 100)) {
		problem_set(&problem, WEIR_EINVAL, "progress is from 0 to 100 per cent, not %g", percent);
		return refuse(run, key, &problem);
	}
	return record_value(run, "progress", key, data, description, artifact_set);
}
