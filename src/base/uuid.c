/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include "base/clock.h"
#include "base/cursor.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/*
 * Bits 0-47 are the milliseconds, then after the version nibble 12 bits and after the variant 62 bits. A 42-bit counter
 * (seeded at random in its lower half at each new millisecond) fills the 12 bits and the next 30; 32 random bits end the
 * id. So ids of one process ascend strictly: a clock that steps back leaves the last millisecond in place.
 */
enum { COUNTER_BITS = 42 };

static struct {
	pthread_mutex_t mutex;
	int64_t millisecond;
	uint64_t counter;
	uint8_t pool[512]; /* random bytes fetched ahead: one system call for many ids */
	size_t pool_left;
	pid_t pid; /* a forked child must not repeat its parent's random bytes */
} source = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void fetch_random(void *out, size_t size)
{
	pid_t pid = getpid();

	if (source.pid != pid || source.pool_left < size) {
		size_t have = 0;

		while (have < sizeof source.pool) {
			ssize_t got = getrandom(source.pool + have, sizeof source.pool - have, 0);

			if (got > 0)
				have += (size_t)got;
		}
		source.pool_left = sizeof source.pool;
		source.pid = pid;
	}
	source.pool_left -= size;
	memcpy(out, source.pool + source.pool_left, size);
}

static uint64_t seed_counter(void)
{
	uint64_t seed = 0;

	fetch_random(&seed, sizeof seed);
	return seed & ((UINT64_C(1) << (COUNTER_BITS - 1)) - 1);
}

static void advance(void)
{
	int64_t now = clock_wall_us() / 1000;

	if (now > source.millisecond) {
		source.millisecond = now;
		source.counter = seed_counter();
	} else if (++source.counter >> COUNTER_BITS) {
		source.millisecond++;
		source.counter = seed_counter();
	}
}

struct uuid uuid_new(void)
{
	struct uuid id;
	uint64_t high, low;
	uint32_t tail;

	pthread_mutex_lock(&source.mutex);
	advance();
	fetch_random(&tail, sizeof tail);
	high = (uint64_t)source.millisecond << 16 | 0x7000 | source.counter >> 30;
	low = UINT64_C(1) << 63 | (source.counter & 0x3FFFFFFF) << 32 | tail;
	pthread_mutex_unlock(&source.mutex);
	for (int i = 0; i < 8; i++) {
		id.bytes[i] = (uint8_t)(high >> (56 - 8 * i));
		id.bytes[8 + i] = (uint8_t)(low >> (56 - 8 * i));
	}
	return id;
}

void uuid_write(struct uuid id, char out[UUID_TEXT_LENGTH])
{
	static const char digits[] = "0123456789abcdef";
	char *next = out;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*next++ = '-';
		*next++ = digits[id.bytes[i] >> 4];
		*next++ = digits[id.bytes[i] & 15];
	}
}

struct uuid_text uuid_text(struct uuid id)
{
	struct uuid_text text;

	uuid_write(id, text.text);
	text.text[UUID_TEXT_LENGTH] = '\0';
	return text;
}

static bool is_hyphen_place(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

bool uuid_parse(struct str text, struct uuid *out)
{
	bool hyphens = text.length == UUID_TEXT_LENGTH;
	size_t digit = 0;

	if (!hyphens && text.length != 32)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		int value;

		if (hyphens && is_hyphen_place(i)) {
			if (text.data[i] != '-')
				return false;
			continue;
		}
		value = hex_value(text.data[i]);
		if (value < 0)
			return false;
		if (digit % 2 == 0)
			out->bytes[digit / 2] = (uint8_t)(value << 4);
		else
			out->bytes[digit / 2] = (uint8_t)(out->bytes[digit / 2] | value);
		digit++;
	}
	return true;
}

bool uuid_parse_lenient(struct str text, struct uuid *out)
{
	const struct str prefix = STR("urn:uuid:");

	if (str_starts_with(text, prefix))
		text = (struct str){ text.data + prefix.length, text.length - prefix.length };
	if (text.length > 2 && text.data[0] == '{' && text.data[text.length - 1] == '}')
		text = (struct str){ text.data + 1, text.length - 2 };
	return uuid_parse(text, out);
}
