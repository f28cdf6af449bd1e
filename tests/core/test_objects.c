/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts, variables and secrets on a real database; the file of the secrets' key. */
#include "world.h"

#include "core/artifact.h"
#include "core/secret.h"
#include "core/variable.h"
#include "store/secret_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- Artifacts --- */

static int create(struct tx *tx, void *artifact)
{
	return artifact_create(tx, artifact);
}

static int set(struct tx *tx, void *artifact)
{
	return artifact_set(tx, artifact);
}

static void keys_are_checked(void **state)
{
	static const struct {
		const char *key;
		int result;
	} rows[] = {
		{ NULL, 0 },
		{ "a", 0 },
		{ "daily-2", 0 },
		{ "", WEIR_EINVAL },
		{ "A", WEIR_EINVAL },
		{ "a_b", WEIR_EINVAL },
		{ "a b", WEIR_EINVAL },
		{ "\xc3\xa4", WEIR_EINVAL },
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct artifact artifact = { .key = str_of(rows[i].key), .type = STR("markdown") };

		check_integer(rows[i].key ? rows[i].key : "none",
		              store_run(world->store, create, &artifact, &world->problem), rows[i].result);
	}
}

/* As the contract has it: no error, but no more than 500 characters of each text. */
static void metadata_are_cut(void **state)
{
	AUTO(strbuf_done) struct strbuf text = { 0 }, expected = { 0 };
	struct world *world = *state;
	struct artifact artifact = { .type = STR("markdown") };

	strbuf_puts(&text, "{\"n\": 1, \"long\": \"");
	strbuf_puts(&expected, "{\"n\":1,\"long\":\"");
	for (int i = 0; i < 600; i++)
		strbuf_puts(&text, "\xe6\xb1\x89");
	for (int i = 0; i < 500; i++)
		strbuf_puts(&expected, "\xe6\xb1\x89");
	strbuf_puts(&text, "\", \"short\": \"x\"}");
	strbuf_puts(&expected, "...\",\"short\":\"x\"}\n");
	artifact.metadata_ = strbuf_str(&text);
	world_run(world, create, &artifact);
	assert_string_equal(world_rows(world, "SELECT metadata_ FROM artifact"), expected.data);
}

static void one_of_a_run_type_and_key_is_written_over(void **state)
{
	struct world *world = *state;

	for (uint8_t i = 0; i < 6; i++) {
		struct artifact artifact = {
			.key = i < 4 ? STR("bar") : STR_NULL,
			.type = STR("progress"),
			.data = arena_printf(&world->arena, "%d", i),
			.flow_run_id = id(1),
			.task_run_id = id(i % 2),
		};

		world_run(world, set, &artifact);
	}
	assert_string_equal(world_rows(world, "SELECT key, data FROM artifact ORDER BY id"),
	                    "bar | 2\nbar | 3\n- | 4\n- | 5\n");
}

/* --- Variables --- */

struct setting_of {
	struct variable variable;
	bool overwrite;
};

static int set_variable(struct tx *tx, void *data)
{
	struct setting_of *setting = data;

	return variable_set(tx, &setting->variable, setting->overwrite);
}

static void variables_are_made_and_replaced(void **state)
{
	struct world *world = *state;
	struct setting_of first = { .variable = { .name = STR("v"), .value = STR("1"), .tags = STR("[\"a\"]") } };
	struct setting_of again = { .variable = { .name = STR("v"), .value = STR("2") } };

	world_run(world, set_variable, &first);
	assert_int_equal(store_run(world->store, set_variable, &again, &world->problem), WEIR_EEXISTS);
	again.overwrite = true;
	world_run(world, set_variable, &again);
	assert_string_equal(world_rows(world, "SELECT name, value, tags FROM variable"), "v | 2 | [\"a\"]\n");
}

/* --- Secrets --- */

static const uint8_t key_of_tests[SEAL_KEY_BYTES] = { 1, 2, 3 };

static void secrets_are_bound_to_their_name(void **state)
{
	AUTO(secret_wipe) struct strbuf plain = { 0 };
	struct world *world = *state;
	struct secret secret = { .name = STR("token") };

	assert_int_equal(
	        secret_seal(key_of_tests, secret.name, STR("text"), &world->arena, &secret.sealed, &world->problem), 0);
	assert_int_equal(secret_unseal(key_of_tests, &secret, &plain, &world->problem), 0);
	assert_string_equal(plain.data, "text");
	secret.name = STR("other");
	assert_int_equal(secret_unseal(key_of_tests, &secret, &plain, &world->problem), WEIR_EINVAL);
	assert_int_equal(
	        secret_seal(key_of_tests, STR("no name"), STR("text"), &world->arena, &secret.sealed, &world->problem),
	        WEIR_EINVAL);
}

/* --- The key --- */

static const char *path_in(struct world *world, const char *name)
{
	return arena_printf(&world->arena, "%s/%s", world->folder, name).data;
}

static void a_key_is_made_once(void **state)
{
	struct world *world = *state;
	const char *path = path_in(world, "secret.key");
	uint8_t first[SEAL_KEY_BYTES], second[SEAL_KEY_BYTES];
	const uint8_t zeroes[SEAL_KEY_BYTES] = { 0 };
	struct stat status;

	assert_int_equal(secret_key_read(path, false, first, &world->problem), WEIR_ENOTFOUND);
	umask(0);
	assert_int_equal(secret_key_read(path, true, first, &world->problem), 0);
	assert_int_equal(secret_key_read(path, true, second, &world->problem), 0);
	assert_memory_equal(first, second, SEAL_KEY_BYTES);
	assert_memory_not_equal(first, zeroes, SEAL_KEY_BYTES);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void a_key_that_others_read_is_none(void **state)
{
	struct world *world = *state;
	const char *path = path_in(world, "secret.key");
	uint8_t key[SEAL_KEY_BYTES];

	assert_int_equal(secret_key_read(path, true, key, &world->problem), 0);
	for (mode_t mode = 0601; mode < 0700; mode = (mode & 077) << 1 | 0600) {
		assert_int_equal(chmod(path, mode), 0);
		assert_int_equal(secret_key_read(path, true, key, &world->problem), WEIR_EPERM);
	}
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, SEAL_KEY_BYTES + 1), 0);
	assert_int_equal(secret_key_read(path, true, key, &world->problem), WEIR_ECORRUPT);
	assert_int_equal(secret_key_read(path_in(world, "no/folder"), true, key, &world->problem), WEIR_ENOTFOUND);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_are_checked),
		TEST(metadata_are_cut),
		TEST(one_of_a_run_type_and_key_is_written_over),
		TEST(variables_are_made_and_replaced),
		TEST(secrets_are_bound_to_their_name),
		TEST(a_key_is_made_once),
		TEST(a_key_that_others_read_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
