/* SPDX-License-Identifier: Apache-2.0 */
#include "model/artifact.h"

#define ARTIFACT(member, kind, ...) FIELD(struct artifact, member, kind, __VA_ARGS__)

static const struct field rows[] = {
	ARTIFACT(id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the artifact"),
	ARTIFACT(created, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was made"),
	ARTIFACT(updated, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was last changed"),
	ARTIFACT(key, FIELD_TEXT, .help = "lower case letters, digits and dashes; many may share one"),
	ARTIFACT(type, FIELD_TEXT, .help = "table, markdown, link, progress, …"),
	ARTIFACT(description, FIELD_TEXT, .help = "Markdown"),
	ARTIFACT(data, FIELD_JSON, .help = "what it shows"),
	ARTIFACT(metadata_, FIELD_JSON, .flags = FIELD_OBJECT, .help = "free, for people"),
	ARTIFACT(flow_run_id, FIELD_UUID, .help = "the flow run that made it"),
	ARTIFACT(task_run_id, FIELD_UUID, .help = "the task run that made it"),
};

const struct field_table artifact_fields = {
	.name = "artifact",
	.fields = rows,
	.count = ARRAY_LENGTH(rows),
	.record_size = sizeof(struct artifact),
};
