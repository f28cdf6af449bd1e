/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include "base/clock.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>

enum { ROUNDS = 11, ROUND_US = 40000 };

void bench_init(struct bench *bench, int argc, char **argv)
{
	*bench = (struct bench){ 0 };
	if (argc == 1)
		return;
	if (argc != 3 || strcmp(argv[1], "--json") != 0) {
		fprintf(stderr, "usage: %s [--json FILE]\n", argv[0]);
		exit(2);
	}
	bench->json = fopen(argv[2], "a");
	if (!bench->json) {
		perror(argv[2]);
		exit(1);
	}
}

void bench_done(struct bench *bench)
{
	if (bench->json && fclose(bench->json) != 0) {
		perror("writing the figures");
		exit(1);
	}
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double bench_median(double *values, size_t count)
{
	ASSERT(count > 0);
	qsort(values, count, sizeof *values, compare);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double seconds_of(void (*run)(void *context), void *context, int64_t count)
{
	int64_t start_us = clock_monotonic_us();

	for (int64_t i = 0; i < count; i++)
		run(context);
	return (double)(clock_monotonic_us() - start_us) / 1e6;
}

/* How often to run it so that a round takes about ROUND_US. Also warms the caches. */
static int64_t calibrate(void (*run)(void *context), void *context)
{
	int64_t count = 1;

	for (;;) {
		double took_us = seconds_of(run, context, count) * 1e6;

		if (took_us >= ROUND_US / 4)
			return MAX((int64_t)((double)count * ROUND_US / took_us), INT64_C(1));
		count *= 2;
	}
}

void bench_measure(struct bench *bench, const struct bench_figure *figure)
{
	double ours[ROUNDS], peers[ROUNDS] = { 0 };
	int64_t count = calibrate(figure->run, figure->context);
	int64_t peer_count = figure->peer ? calibrate(figure->run_peer, figure->context) : 0;

	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = figure->amount * (double)count / seconds_of(figure->run, figure->context, count);
		if (figure->peer)
			peers[i] = figure->amount * (double)peer_count /
			           seconds_of(figure->run_peer, figure->context, peer_count);
	}
	bench_print(bench, figure->name, bench_median(ours, ROUNDS), figure->unit, figure->peer,
	            bench_median(peers, ROUNDS));
}

static void append_line(FILE *file, const char *name, double value, const char *unit, const char *peer,
                        double peer_value)
{
	AUTO(strbuf_done) struct strbuf line = { 0 };
	struct json_writer writer;

	json_writer_init(&writer, &line);
	json_begin_object(&writer);
	json_key(&writer, "figure");
	json_puts(&writer, name);
	json_key(&writer, "value");
	json_double(&writer, value);
	json_key(&writer, "unit");
	json_puts(&writer, unit);
	json_key(&writer, "peer");
	json_puts(&writer, peer);
	json_key(&writer, "peer_value");
	json_double(&writer, peer ? peer_value : (double)NAN);
	json_key(&writer, "ratio");
	json_double(&writer, peer ? value / peer_value : (double)NAN);
	json_end_object(&writer);
	fprintf(file, "%s\n", line.data);
}

void bench_print(struct bench *bench, const char *name, double value, const char *unit, const char *peer,
                 double peer_value)
{
	if (peer)
		printf("%-32s %10.1f %s, %s %.1f, ratio %.2f\n", name, value, unit, peer, peer_value,
		       value / peer_value);
	else
		printf("%-32s %10.1f %s\n", name, value, unit);
	if (bench->json)
		append_line(bench->json, name, value, unit, peer, peer_value);
}
