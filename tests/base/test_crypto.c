/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "base/arena.h"
#include "base/crypto.h"

#include <stdio.h>

/* FIPS 180-4's examples, the lengths around a block, and what sha256sum says of bytes that are no text. */
static void hashes_are_those_of_the_standard(void **state UNUSED)
{
	static const struct {
		struct str data;
		const char *expected;
	} rows[] = {
		{ { "", 0 }, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ { "abc", 3 }, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56 },
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ { "\0\xff", 2 }, "06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char hex[SHA256_HEX_LENGTH + 1];
		struct problem problem = { 0 };

		check_integer(rows[i].expected, sha256_hex(&rows[i].data, 1, hex, &problem), 0);
		check_text(rows[i].expected, hex, rows[i].expected);
	}
}

static void parts_hash_like_the_whole(void **state UNUSED)
{
	static const struct str whole = { "abcdef", 6 };
	static const struct str parts[] = { { "ab", 2 }, { NULL, 0 }, { "c", 1 }, { "def", 3 } };
	char expected[SHA256_HEX_LENGTH + 1], hex[SHA256_HEX_LENGTH + 1];
	struct problem problem = { 0 };

	check_integer("whole", sha256_hex(&whole, 1, expected, &problem), 0);
	check_integer("parts", sha256_hex(parts, ARRAY_LENGTH(parts), hex, &problem), 0);
	check_text("parts", hex, expected);
}

static const uint8_t key[SEAL_KEY_BYTES] = { 1, 2, 3, 250, 251, 252 };

/* Test case 16 of the GCM specification (McGrew and Viega): nonce, ciphertext, tag. */
static void unseals_what_the_specification_sealed(void **state UNUSED)
{
	static const uint8_t standard_key[SEAL_KEY_BYTES] = {
		0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
		0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
	};
	static const uint8_t context[] = { 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed,
		                           0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2 };
	static const uint8_t sealed[] = {
		0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88, /* nonce */
		0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3, 0x2a, 0x84, 0x42, 0x7d,
		0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5, 0xc0, 0xc9, 0x75, 0x98, 0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa,
		0x8c, 0xb0, 0x8e, 0x48, 0x59, 0x0d, 0xbb, 0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56, 0x82, 0x88, 0x38,
		0xc5, 0xf6, 0x1e, 0x63, 0x93, 0xba, 0x7a, 0x0a, 0xbc, 0xc9, 0xf6, 0x62, /* ciphertext */
		0x76, 0xfc, 0x6e, 0xce, 0x0f, 0x4e, 0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b,
	};
	static const uint8_t first[] = { 0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5 };
	AUTO(strbuf_done) struct strbuf plain = { 0 };
	struct problem problem = { 0 };

	check_integer("code",
	              unseal(standard_key, (struct str){ (const char *)context, sizeof context },
	                     (struct str){ (const char *)sealed, sizeof sealed }, &plain, &problem),
	              0);
	check_integer("length", (int64_t)plain.length, 60);
	assert_memory_equal(plain.data, first, sizeof first);
}

static void what_was_sealed_comes_back(void **state UNUSED)
{
	static const struct {
		struct str context, plain;
	} rows[] = {
		{ { NULL, 0 }, { NULL, 0 } },
		{ { "name", 4 }, { "", 0 } },
		{ { NULL, 0 }, { "a", 1 } },
		{ { "name", 4 }, { "\0\1\2 sixteen bytes and more\xff", 27 } },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		AUTO(strbuf_done) struct strbuf sealed = { 0 }, plain = { 0 };
		struct problem problem = { 0 };

		strbuf_puts(&sealed, "before");
		strbuf_puts(&plain, "before");
		check_integer("seal", seal(key, rows[i].context, rows[i].plain, &sealed, &problem), 0);
		check_integer("length", (int64_t)(sealed.length - 6 - rows[i].plain.length), SEAL_EXTRA_BYTES);
		check_integer("unseal",
		              unseal(key, rows[i].context, (struct str){ sealed.data + 6, sealed.length - 6 }, &plain,
		                     &problem),
		              0);
		assert_memory_equal(plain.data, "before", 6);
		assert_true(str_equal((struct str){ plain.data + 6, plain.length - 6 }, rows[i].plain));
	}
}

static void each_sealing_differs(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf one = { 0 }, other = { 0 };
	struct problem problem = { 0 };

	check_integer("one", seal(key, STR(""), STR("the same"), &one, &problem), 0);
	check_integer("other", seal(key, STR(""), STR("the same"), &other, &problem), 0);
	assert_false(str_equal(strbuf_str(&one), strbuf_str(&other)));
}

static void check_refused(const char *what, const uint8_t *with_key, struct str context, struct str sealed)
{
	AUTO(strbuf_done) struct strbuf plain = { 0 };
	struct problem problem = { 0 };

	strbuf_puts(&plain, "before");
	check_integer(what, unseal(with_key, context, sealed, &plain, &problem), WEIR_EINVAL);
	check_str(what, strbuf_str(&plain), "before");
	assert_non_null(strstr(problem.message, "can't be decrypted"));
}

static void every_changed_byte_is_noticed(void **state UNUSED)
{
	AUTO(strbuf_done) struct strbuf sealed = { 0 };
	uint8_t other_key[SEAL_KEY_BYTES];
	struct problem problem = { 0 };

	check_integer("seal", seal(key, STR("name"), STR("a secret"), &sealed, &problem), 0);
	for (size_t i = 0; i < sealed.length; i++) {
		char what[32];

		snprintf(what, sizeof what, "byte %zu", i);
		sealed.data[i] ^= 1;
		check_refused(what, key, STR("name"), strbuf_str(&sealed));
		sealed.data[i] ^= 1;
		check_refused("cut", key, STR("name"), (struct str){ sealed.data, i });
	}
	memcpy(other_key, key, sizeof other_key);
	other_key[31] = 1;
	check_refused("other key", other_key, STR("name"), strbuf_str(&sealed));
	check_refused("other context", key, STR("names"), strbuf_str(&sealed));
	check_refused("no context", key, STR_NULL, strbuf_str(&sealed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_the_standard),
		cmocka_unit_test(parts_hash_like_the_whole),
		cmocka_unit_test(unseals_what_the_specification_sealed),
		cmocka_unit_test(what_was_sealed_comes_back),
		cmocka_unit_test(each_sealing_differs),
		cmocka_unit_test(every_changed_byte_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
