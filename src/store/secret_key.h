/* SPDX-License-Identifier: Apache-2.0 */
/* secret_key.h - the file that holds the key by which secrets are sealed: 32 random bytes that only their owner may read. */
#ifndef WEIR_STORE_SECRET_KEY_H
#define WEIR_STORE_SECRET_KEY_H

#include "base/crypto.h"

/*
 * Read the key. make: when there is no file, make one, all at once, so that two programs that do so have the same key.
 * WEIR_ENOTFOUND: there is none; WEIR_EPERM: others may read it, or it belongs to somebody else; WEIR_ECORRUPT: it does not
 * hold a key. The caller wipes the key (explicit_bzero).
 */
MUST_CHECK int secret_key_read(const char *path, bool make, uint8_t key[SEAL_KEY_BYTES], struct problem *problem);

#endif
