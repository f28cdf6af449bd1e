/* SPDX-License-Identifier: Apache-2.0 */
/* secret.h - the operations on secrets (core/secret.c). What is stored is sealed; the key comes from secret_key.h. */
#ifndef WEIR_CORE_SECRET_H
#define WEIR_CORE_SECRET_H

#include "base/strbuf.h"
#include "store/secret.h"
#include "store/store.h"

/* The encrypted form of a text, for a secret of that name: the name is bound to it. In the arena. */
MUST_CHECK int secret_seal(const uint8_t *key, struct str name, struct str plain, struct arena *arena, struct str *out,
                           struct problem *problem);

/* Undo it: appends to plain, which the caller wipes (secret_wipe). WEIR_EINVAL when the key is another one, or the stored
   form was changed. */
MUST_CHECK int secret_unseal(const uint8_t *key, const struct secret *secret, struct strbuf *plain,
                             struct problem *problem);

/* Overwrite a text and give its memory back. */
void secret_wipe(struct strbuf *plain);

/* Make it, or replace what it holds; name and sealed count. WEIR_EINVAL for a bad name. */
MUST_CHECK int secret_set(struct tx *tx, struct secret *secret);

/* WEIR_ENOTFOUND. */
MUST_CHECK int secret_delete(struct tx *tx, struct str name);
MUST_CHECK int secret_find(struct db *db, struct str name, struct arena *arena, struct secret *out,
                           struct problem *problem);

#endif
