/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cached_task - what was computed is not computed again: not in this run, nor in the next one within an hour.
 *
 *	build/examples/cached_task                                    counts; run it again: all is from the cache
 *	build/examples/cached_task run primes --param limit=2000000   another parameter, another result
 *	WEIR_REFRESH_CACHE=1 build/examples/cached_task               counts anew
 */
#include <weir.h>

/* The slow way, on purpose: it is to be worth keeping. */
static bool is_prime(int64_t number)
{
	for (int64_t divisor = 2; divisor * divisor <= number; divisor++) {
		if (number % divisor == 0)
			return false;
	}
	return number > 1;
}

static json_t *count_primes(weir_run *run)
{
	int64_t limit = weir_integer(run, "limit"), count = 0;

	for (int64_t number = 2; number < limit; number++) {
		if (number % 4096 == 0 && weir_cancelled(run))
			return NULL;
		count += is_prime(number);
	}
	weir_info(run, "counted up to %lld", (long long)limit);
	return json_integer(count);
}

/* The key: the parameters, and the version of the code. Change the code, and give it another version. */
static const weir_task count_primes_task = {
	.name = "count-primes",
	.version = "1",
	.parameters = { { .name = "limit", .type = WEIR_INTEGER, .required = true } },
	.run = count_primes,
	.cache_by = WEIR_CACHE_INPUTS | WEIR_CACHE_SOURCE,
	.cache_expiration_seconds = 3600,
};

/* Three runs with two keys: the third one waits for the first, and takes its result. */
static json_t *primes(weir_run *run)
{
	int limit = (int)weir_integer(run, "limit");

	return weir_results(weir_map(run, &count_primes_task, "[i,i,i]", limit, limit / 2, limit));
}

static const weir_flow primes_flow = {
	.name = "primes",
	.description = "how many primes there are below a limit, its half, and the limit again",
	.parameters = { { .name = "limit", .type = WEIR_INTEGER, .fallback = "1000000" } },
	.run = primes,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &primes_flow, NULL };

	return weir_main(argc, argv, flows);
}
