/* SPDX-License-Identifier: Apache-2.0 */
#include "model/secret.h"

#define SECRET(member, kind, ...) FIELD(struct secret, member, kind, __VA_ARGS__)

static const struct field rows[] = {
	SECRET(id, FIELD_UUID, .flags = FIELD_READ_ONLY, .help = "of the secret"),
	SECRET(created, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was made"),
	SECRET(updated, FIELD_TIMESTAMP, .flags = FIELD_READ_ONLY, .help = "when it was last set"),
	SECRET(name, FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_NOT_NULL, .help = "unique"),
	SECRET(sealed, FIELD_TEXT, .flags = FIELD_NO_JSON | FIELD_NOT_NULL, .help = "the encrypted text"),
};

const struct field_table secret_fields = {
	.name = "secret",
	.fields = rows,
	.count = ARRAY_LENGTH(rows),
	.record_size = sizeof(struct secret),
};
