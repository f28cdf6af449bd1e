/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - what the benchmarks share. A figure is measured in rounds of about 40 ms, ours and the peer's in turn, so
 * that a change of the machine's speed meets both; the medians count.
 */
#ifndef WEIR_BENCH_BENCH_H
#define WEIR_BENCH_BENCH_H

#include "base/base.h"

#include <stdio.h>

struct bench {
	FILE *json; /* NULL: lines for people only */
};

/* Read the arguments: [--json FILE]. Ends the program with a message when they are wrong. */
void bench_init(struct bench *bench, int argc, char **argv);
void bench_done(struct bench *bench);

/* Something to measure: run does it once. */
struct bench_figure {
	const char *name;
	const char *unit; /* of amount per second */
	double amount;    /* what one run gets done */
	const char *peer; /* what it is compared with; NULL: nothing */
	void (*run)(void *context);
	void (*run_peer)(void *context);
	void *context;
};

/* Measure and print one line; with --json also append one to the file. */
void bench_measure(struct bench *bench, const struct bench_figure *figure);

/* Print a figure that was measured in another way; peer NULL: nothing to compare with. */
void bench_print(struct bench *bench, const char *name, double value, const char *unit, const char *peer,
                 double peer_value);

/* The middle one; sorts the values. */
double bench_median(double *values, size_t count);

#endif
