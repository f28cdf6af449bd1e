/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/value_check.h"

const char value_changed_text[] = "a value that it was given was changed after it had been handed over: pass a copy "
                                  "(json_deep_copy), or do not change it";

/* The mixing step of splitmix64 (Steele, Lea and Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t mix(uint64_t bits)
{
	bits += UINT64_C(0x9e3779b97f4a7c15);
	bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
	return bits ^ (bits >> 31);
}

/* FNV-1a. */
static uint64_t hash_bytes(const void *data, size_t length)
{
	const unsigned char *bytes = data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_real(double number)
{
	return hash_bytes(&number, sizeof number);
}

static uint64_t hash_value(const json_t *value)
{
	uint64_t hash = (uint64_t)json_typeof(value) + 1;
	const char *key;
	size_t i;
	json_t *member;

	if (json_is_string(value))
		return mix(hash ^ hash_bytes(json_string_value(value), json_string_length(value)));
	if (json_is_integer(value))
		return mix(hash ^ (uint64_t)json_integer_value(value));
	if (json_is_real(value))
		return mix(hash ^ hash_real(json_real_value(value)));
	json_array_foreach (value, i, member) {
		hash = mix(hash ^ hash_value(member));
	}
	/* A sum, since members have no order. */
	json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
		hash += mix(hash_bytes(key, strlen(key)) ^ hash_value(member));
	}
	return mix(hash);
}

uint64_t value_fingerprint(const struct engine *engine, const json_t *value)
{
	return engine->check_values && value ? hash_value(value) | 1 : 0;
}

bool value_is_unchanged(const struct engine *engine, const json_t *value, uint64_t fingerprint)
{
	return !fingerprint || value_fingerprint(engine, value) == fingerprint;
}
