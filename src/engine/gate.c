/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/gate.h"

#include "engine/run.h"

#include <stdlib.h>

struct gate {
	pthread_mutex_t mutex; /* after a run's; guards all */
	unsigned limit, inside;
	bool handing_over;         /* a thread is queuing those whose turn it is, and looks again before it stops */
	weir_future *first, *last; /* in line */
};

struct gate *gate_new(unsigned limit)
{
	struct gate *gate;

	if (limit == 0)
		return NULL;
	gate = xcalloc(1, sizeof *gate);
	gate->limit = limit;
	pthread_mutex_init(&gate->mutex, NULL);
	return gate;
}

void gate_free(struct gate *gate)
{
	if (!gate)
		return;
	ASSERT(gate->inside == 0 && !gate->first);
	pthread_mutex_destroy(&gate->mutex);
	free(gate);
}

/* --- The line; under the mutex --- */

static void line_up(struct gate *gate, weir_future *run)
{
	run->place.where = GATE_WAITING;
	run->place.next = NULL;
	run->place.previous = gate->last;
	if (gate->last)
		gate->last->place.next = run;
	else
		gate->first = run;
	gate->last = run;
}

static void step_out(struct gate *gate, weir_future *run)
{
	if (run->place.previous)
		run->place.previous->place.next = run->place.next;
	else
		gate->first = run->place.next;
	if (run->place.next)
		run->place.next->place.previous = run->place.previous;
	else
		gate->last = run->place.previous;
	run->place.where = GATE_OUTSIDE;
}

static void step_in(struct gate *gate, weir_future *run)
{
	run->place.where = GATE_INSIDE;
	gate->inside++;
}

/* --- Coming and going --- */

/* May it be queued now? Else it is in line. */
static bool try_admit(struct gate *gate, weir_future *run, bool cancelled)
{
	bool may;

	pthread_mutex_lock(&gate->mutex);
	may = cancelled || run->place.where == GATE_INSIDE || (gate->inside < gate->limit && !gate->first);
	if (!may)
		line_up(gate, run);
	else if (!cancelled && run->place.where == GATE_OUTSIDE)
		step_in(gate, run);
	pthread_mutex_unlock(&gate->mutex);
	return may;
}

void gate_admit(weir_future *run)
{
	bool may = true;

	/* With its mutex: whoever cancels it finds it in line, or it is found to be cancelled here. */
	pthread_mutex_lock(&run->mutex);
	if (run->place.gate)
		may = try_admit(run->place.gate, run, run->cancelled || scope_cancelled(run->scope));
	pthread_mutex_unlock(&run->mutex);
	if (may)
		run_enqueue(run);
}

/* Queue those whose turn it is, one after the other and without the mutex: a run that can't be queued ends, and leaves. */
static void hand_over(struct gate *gate)
{
	gate->handing_over = true;
	while (gate->first && gate->inside < gate->limit) {
		weir_future *next = gate->first;

		step_out(gate, next);
		step_in(gate, next);
		pthread_mutex_unlock(&gate->mutex);
		run_enqueue(next);
		pthread_mutex_lock(&gate->mutex);
	}
	gate->handing_over = false;
}

void gate_leave(weir_future *run)
{
	struct gate *gate = run->place.gate;

	if (!gate)
		return;
	pthread_mutex_lock(&gate->mutex);
	if (run->place.where == GATE_INSIDE) {
		run->place.where = GATE_OUTSIDE;
		gate->inside--;
		if (!gate->handing_over)
			hand_over(gate);
	}
	pthread_mutex_unlock(&gate->mutex);
}

bool gate_drop(weir_future *run)
{
	struct gate *gate = run->place.gate;
	bool stood = false;

	if (!gate)
		return false;
	pthread_mutex_lock(&gate->mutex);
	stood = run->place.where == GATE_WAITING;
	if (stood)
		step_out(gate, run);
	pthread_mutex_unlock(&gate->mutex);
	return stood;
}
