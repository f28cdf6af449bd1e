/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto.h - SHA-256 and AES-256-GCM, by OpenSSL's libcrypto. It is opened on first use and stays open: programs that hash
 * and seal nothing do not load it. Where it is missing, every function gives WEIR_ENOTFOUND and says what to install.
 */
#ifndef WEIR_BASE_CRYPTO_H
#define WEIR_BASE_CRYPTO_H

#include "base/problem.h"
#include "base/strbuf.h"

enum {
	SHA256_BYTES = 32,
	SHA256_HEX_LENGTH = 2 * SHA256_BYTES,
	SEAL_KEY_BYTES = 32,
	SEAL_EXTRA_BYTES = 12 + 16, /* by which sealed data is longer: the nonce in front, the tag behind */
};

/* The hash of all parts, one after the other. Thread-safe, as all functions here. */
MUST_CHECK int sha256(const struct str *parts, size_t count, uint8_t out[SHA256_BYTES], struct problem *problem);

/* The hash of all parts, one after the other, as 64 hexadecimal digits in lower case and a NUL. */
MUST_CHECK int sha256_hex(const struct str *parts, size_t count, char out[SHA256_HEX_LENGTH + 1],
                          struct problem *problem);

/*
 * Encrypt and authenticate: appends nonce, ciphertext and tag to out. The nonce is random, which is safe for 2**32 uses of
 * one key. context is not stored but must be the same for unseal: it binds the data to its place (a name, an id). At most
 * INT_MAX bytes (WEIR_ELIMIT).
 */
MUST_CHECK int seal(const uint8_t key[SEAL_KEY_BYTES], struct str context, struct str plain, struct strbuf *out,
                    struct problem *problem);

/*
 * Undo seal: appends the plain bytes to out. WEIR_EINVAL, and out as it was, when the key or the context is another, or a
 * byte was changed or is missing. The caller wipes what it no longer needs (explicit_bzero).
 */
MUST_CHECK int unseal(const uint8_t key[SEAL_KEY_BYTES], struct str context, struct str sealed, struct strbuf *out,
                      struct problem *problem);

#endif
