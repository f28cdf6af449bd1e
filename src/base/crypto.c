/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

#include <dlfcn.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { NONCE_BYTES = 12, TAG_BYTES = 16 };

/* The functions that are used, each with the type that OpenSSL's header declares. */
#define CRYPTO_FUNCTIONS(X)                                                                                            \
	X(EVP_MD_CTX_new)                                                                                              \
	X(EVP_MD_CTX_free)                                                                                             \
	X(EVP_DigestInit_ex)                                                                                           \
	X(EVP_DigestUpdate)                                                                                            \
	X(EVP_DigestFinal_ex)                                                                                          \
	X(EVP_sha256)                                                                                                  \
	X(EVP_CIPHER_CTX_new)                                                                                          \
	X(EVP_CIPHER_CTX_free)                                                                                         \
	X(EVP_CIPHER_CTX_ctrl)                                                                                         \
	X(EVP_aes_256_gcm)                                                                                             \
	X(EVP_CipherInit_ex)                                                                                           \
	X(EVP_CipherUpdate)                                                                                            \
	X(EVP_CipherFinal_ex)

struct crypto {
#define MEMBER(name) __typeof__(&name) name;
	CRYPTO_FUNCTIONS(MEMBER)
#undef MEMBER
};

/* --- Opening the library --- */

static int find_functions(void *library, struct crypto *out, struct problem *problem)
{
	static const char *const names[] = {
#define NAME(name) #name,
		CRYPTO_FUNCTIONS(NAME)
#undef NAME
	};
	void *addresses[ARRAY_LENGTH(names)];

	_Static_assert(sizeof addresses == sizeof *out, "pointers to functions and to data have one size");
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		addresses[i] = dlsym(library, names[i]);
		if (!addresses[i])
			return problem_set(problem, WEIR_EVERSION, "libcrypto.so.3 has no %s: it is no OpenSSL 3",
			                   names[i]);
	}
	memcpy(out, addresses, sizeof *out);
	return 0;
}

/* Opened by the first who needs it. After a failure the next one tries again: it may have been installed meanwhile. */
static int open_library(const struct crypto **out, struct problem *problem)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static struct crypto functions;
	static void *library;
	static bool found;
	int result = 0;

	pthread_mutex_lock(&mutex);
	if (!library)
		library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		result = problem_set(problem, WEIR_ENOTFOUND,
		                     "stored results, caches and secrets need OpenSSL's libcrypto: install libssl3 "
		                     "(%s)",
		                     dlerror());
	else if (!found)
		result = find_functions(library, &functions, problem);
	found = result == 0;
	*out = &functions;
	pthread_mutex_unlock(&mutex);
	return result;
}

/* --- Hashing --- */

static bool hash(const struct crypto *crypto, EVP_MD_CTX *state, const struct str *parts, size_t count, uint8_t *out)
{
	bool good = crypto->EVP_DigestInit_ex(state, crypto->EVP_sha256(), NULL) == 1;

	for (size_t i = 0; good && i < count; i++)
		good = crypto->EVP_DigestUpdate(state, parts[i].data, parts[i].length) == 1;
	return good && crypto->EVP_DigestFinal_ex(state, out, NULL) == 1;
}

int sha256(const struct str *parts, size_t count, uint8_t out[SHA256_BYTES], struct problem *problem)
{
	const struct crypto *crypto;
	EVP_MD_CTX *state;
	bool good;
	int result = open_library(&crypto, problem);

	if (result < 0)
		return result;
	state = crypto->EVP_MD_CTX_new();
	good = state && hash(crypto, state, parts, count, out);
	crypto->EVP_MD_CTX_free(state);
	return good ? 0 : problem_set(problem, WEIR_EINTERNAL, "libcrypto can't compute a SHA-256");
}

int sha256_hex(const struct str *parts, size_t count, char out[SHA256_HEX_LENGTH + 1], struct problem *problem)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[SHA256_BYTES];
	int result = sha256(parts, count, bytes, problem);

	if (result < 0)
		return result;
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[SHA256_HEX_LENGTH] = '\0';
	return 0;
}

/* --- Sealing --- */

/* One AES-256-GCM pass over in. */
struct gcm {
	bool encrypts;
	const uint8_t *key;
	const uint8_t *nonce;
	struct str context;
	struct str in;
	uint8_t *out; /* as long as in */
	uint8_t *tag; /* made, or compared */
};

/* False when anything fails. */
static bool pass(const struct crypto *crypto, EVP_CIPHER_CTX *state, const struct gcm *gcm)
{
	int length = 0, last = 0;

	if (crypto->EVP_CipherInit_ex(state, crypto->EVP_aes_256_gcm(), NULL, gcm->key, gcm->nonce, gcm->encrypts) != 1)
		return false;
	if (!gcm->encrypts && crypto->EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, gcm->tag) != 1)
		return false;
	if (gcm->context.length && crypto->EVP_CipherUpdate(state, NULL, &length, (const uint8_t *)gcm->context.data,
	                                                    (int)gcm->context.length) != 1)
		return false;
	length = 0;
	if (gcm->in.length &&
	    crypto->EVP_CipherUpdate(state, gcm->out, &length, (const uint8_t *)gcm->in.data, (int)gcm->in.length) != 1)
		return false;
	if (crypto->EVP_CipherFinal_ex(state, gcm->out + length, &last) != 1 ||
	    (size_t)length + (size_t)last != gcm->in.length)
		return false;
	return !gcm->encrypts || crypto->EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, gcm->tag) == 1;
}

static bool run_pass(const struct crypto *crypto, const struct gcm *gcm)
{
	EVP_CIPHER_CTX *state = crypto->EVP_CIPHER_CTX_new();
	bool done = state && pass(crypto, state, gcm);

	crypto->EVP_CIPHER_CTX_free(state);
	return done;
}

static int check_length(struct str context, struct str data, struct problem *problem)
{
	if (data.length > INT_MAX - SEAL_EXTRA_BYTES || context.length > INT_MAX)
		return problem_set(problem, WEIR_ELIMIT, "%zu bytes are too many to encrypt or decrypt at once",
		                   MAX(data.length, context.length));
	return 0;
}

int seal(const uint8_t key[SEAL_KEY_BYTES], struct str context, struct str plain, struct strbuf *out,
         struct problem *problem)
{
	const struct crypto *crypto;
	uint8_t *sealed;
	int result = open_library(&crypto, problem);

	if (result == 0)
		result = check_length(context, plain, problem);
	if (result < 0)
		return result;
	sealed = (uint8_t *)strbuf_reserve(out, plain.length + SEAL_EXTRA_BYTES);
	if (getrandom(sealed, NONCE_BYTES, 0) != NONCE_BYTES ||
	    !run_pass(crypto, &(struct gcm){ .encrypts = true,
	                                     .key = key,
	                                     .nonce = sealed,
	                                     .context = context,
	                                     .in = plain,
	                                     .out = sealed + NONCE_BYTES,
	                                     .tag = sealed + NONCE_BYTES + plain.length }))
		return problem_set(problem, WEIR_EINTERNAL, "libcrypto can't encrypt by AES-256-GCM");
	out->length += plain.length + SEAL_EXTRA_BYTES;
	out->data[out->length] = '\0';
	return 0;
}

int unseal(const uint8_t key[SEAL_KEY_BYTES], struct str context, struct str sealed, struct strbuf *out,
           struct problem *problem)
{
	const struct crypto *crypto;
	struct gcm gcm = { .key = key, .nonce = (const uint8_t *)sealed.data, .context = context };
	uint8_t tag[TAG_BYTES];
	int result = open_library(&crypto, problem);

	if (result == 0)
		result = check_length(context, sealed, problem);
	if (result < 0)
		return result;
	if (sealed.length < SEAL_EXTRA_BYTES)
		return problem_set(problem, WEIR_EINVAL, "can't be decrypted: it is cut short to %zu bytes",
		                   sealed.length);
	gcm.in = (struct str){ sealed.data + NONCE_BYTES, sealed.length - SEAL_EXTRA_BYTES };
	gcm.out = (uint8_t *)strbuf_reserve(out, gcm.in.length);
	gcm.tag = memcpy(tag, gcm.in.data + gcm.in.length, TAG_BYTES);
	if (!run_pass(crypto, &gcm)) {
		explicit_bzero(gcm.out, gcm.in.length); /* bytes that nobody vouches for */
		out->data[out->length] = '\0';
		return problem_set(problem, WEIR_EINVAL, "can't be decrypted: the key is another, or it was changed");
	}
	out->length += gcm.in.length;
	out->data[out->length] = '\0';
	return 0;
}
