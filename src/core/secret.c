/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: texts that are stored encrypted. */
#include "core/secret.h"

#include "base/crypto.h"
#include "core/object_name.h"

static const char digits[] = "0123456789abcdef";

static void put_hex(struct strbuf *out, struct str bytes)
{
	for (size_t i = 0; i < bytes.length; i++) {
		strbuf_putc(out, digits[(unsigned char)bytes.data[i] >> 4]);
		strbuf_putc(out, digits[bytes.data[i] & 0xF]);
	}
}

static int digit_value(char character)
{
	const char *at = character ? strchr(digits, character) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool get_hex(struct strbuf *out, struct str text)
{
	for (size_t i = 0; i + 1 < text.length; i += 2) {
		int high = digit_value(text.data[i]), low = digit_value(text.data[i + 1]);

		if (high < 0 || low < 0)
			return false;
		strbuf_putc(out, (char)(high << 4 | low));
	}
	return text.length % 2 == 0;
}

int secret_seal(const uint8_t *key, struct str name, struct str plain, struct arena *arena, struct str *out,
                struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf sealed = { 0 }, hex = { 0 };
	int result = object_name_check("a secret's name", name, "-_", problem);

	if (result == 0)
		result = seal(key, name, plain, &sealed, problem);
	if (result < 0)
		return result;
	put_hex(&hex, strbuf_str(&sealed));
	*out = arena_str(arena, strbuf_str(&hex));
	return 0;
}

static int unreadable(const struct secret *secret, struct problem *problem)
{
	return problem_set(problem, WEIR_EINVAL,
	                   "secret '%.*s' can't be read: it was sealed with another key, or its bytes were changed "
	                   "(put the right secret.key in its place, or set the secret again)",
	                   STR_ARG(secret->name));
}

int secret_unseal(const uint8_t *key, const struct secret *secret, struct strbuf *plain, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf sealed = { 0 };
	int result;

	if (!get_hex(&sealed, secret->sealed))
		return unreadable(secret, problem);
	result = unseal(key, secret->name, strbuf_str(&sealed), plain, problem);
	return result == WEIR_EINVAL ? unreadable(secret, problem) : result;
}

void secret_wipe(struct strbuf *plain)
{
	if (plain->data)
		explicit_bzero(plain->data, plain->capacity);
	strbuf_done(plain);
}

int secret_set(struct tx *tx, struct secret *secret)
{
	struct secret there;
	bool inserted;
	int result = object_name_check("a secret's name", secret->name, "-_", tx->problem);

	if (result == 0)
		result = store_secret_find_name(tx->db, secret->name, tx->arena, &there, tx->problem);
	if (result < 0 && result != WEIR_ENOTFOUND)
		return result;
	secret->updated = tx->now_us;
	secret->created = result == 0 ? there.created : tx->now_us;
	secret->id = result == 0 ? there.id : uuid_new();
	if (result == 0)
		return store_secret_update(tx->db, secret, tx->problem);
	return store_secret_insert(tx->db, secret, &inserted, tx->problem);
}

static int not_found(struct str name, int result, struct problem *problem)
{
	if (result != WEIR_ENOTFOUND)
		return result;
	return problem_set(problem, result, "there is no secret '%.*s': weir secret set %.*s", STR_ARG(name),
	                   STR_ARG(name));
}

int secret_delete(struct tx *tx, struct str name)
{
	struct secret there;
	int result = store_secret_find_name(tx->db, name, tx->arena, &there, tx->problem);

	if (result == 0)
		result = store_secret_delete(tx->db, there.id, tx->problem);
	return not_found(name, result, tx->problem);
}

int secret_find(struct db *db, struct str name, struct arena *arena, struct secret *out, struct problem *problem)
{
	return not_found(name, store_secret_find_name(db, name, arena, out, problem), problem);
}
