/* SPDX-License-Identifier: Apache-2.0 */
/* secret.h - a text that is stored encrypted. */
#ifndef WEIR_MODEL_SECRET_H
#define WEIR_MODEL_SECRET_H

#include "base/field.h"

struct secret {
	struct uuid id;
	int64_t created, updated;
	struct str name;   /* unique */
	struct str sealed; /* nonce, ciphertext and tag (base/crypto.h), as hexadecimal digits */
};

extern const struct field_table secret_fields;

#endif
