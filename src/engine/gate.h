/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.h - .max_parallel of a flow: so many of an attempt's submitted and mapped children are queued or running at a time, the
 * others that could be stand in line. A child has a place from the moment that nothing but the limit keeps it until it has
 * ended or waits for its next attempt.
 */
#ifndef WEIR_ENGINE_GATE_H
#define WEIR_ENGINE_GATE_H

#include "weir/weir.h"

struct gate;

/* A run's part in the gate of its parent's attempt. */
struct gate_place {
	struct gate *gate; /* the parent's, which lives as long as the run has a parent; NULL: no limit holds for it */
	/* guarded by the gate's mutex */
	enum { GATE_OUTSIDE, GATE_WAITING, GATE_INSIDE } where;
	weir_future *next, *previous; /* in line */
};

/* A gate for so many at a time; NULL for 0: no limit. */
struct gate *gate_new(unsigned limit);
void gate_free(struct gate *gate); /* NULL is allowed */

/* Nothing else keeps the run from being queued: queue it now, or when its turn comes. A cancelled one at once: it ends. */
void gate_admit(weir_future *run);

/* The run needs no place any more: the next in line gets it. May be called more than once. */
void gate_leave(weir_future *run);

/* Take a run that is cancelled out of the line; called with its mutex. True: it stood there, and now is the caller's to queue. */
bool gate_drop(weir_future *run);

#endif
