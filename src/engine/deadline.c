/* SPDX-License-Identifier: Apache-2.0 */
/* deadline.c - time limits of attempts; and giving those up that do not return when their time is over. */
#include "engine/deadline.h"

#include "base/clock.h"
#include "engine/finish.h"

/* Mark the attempt as given up. False when it has returned. */
static bool abandon(weir_run *attempt)
{
	int running = ATTEMPT_RUNNING;
	struct engine *engine = attempt->run->engine;
	bool first;

	/* Under the lock that bury takes: so the thread can't be gone, nor be counted out, before this is through. */
	pthread_mutex_lock(&engine->mutex);
	first = __atomic_compare_exchange_n(&attempt->phase, &running, ATTEMPT_ABANDONED, false, __ATOMIC_ACQ_REL,
	                                    __ATOMIC_ACQUIRE);
	if (first) {
		if (attempt->owns_thread)
			pool_abandon(attempt->thread);
		engine->abandoned++;
	}
	pthread_mutex_unlock(&engine->mutex);
	return first;
}

/* Runs below an abandoned attempt are abandoned with it: nothing waits for them any more. */
static void abandon_children(weir_run *attempt)
{
	for (;;) {
		weir_future *run = NULL;
		weir_run *below = NULL;

		pthread_mutex_lock(&attempt->scope.mutex);
		for (struct scope_child *child = attempt->scope.first; child && !below; child = child->next) {
			run = CONTAINER_OF(child, weir_future, child);
			if (run->attempt && __atomic_load_n(&run->attempt->phase, __ATOMIC_ACQUIRE) == ATTEMPT_RUNNING)
				below = attempt_ref(run->attempt);
		}
		pthread_mutex_unlock(&attempt->scope.mutex);
		if (!below)
			return;
		if (abandon(below)) {
			abandon_children(below);
			run_set_attempt(below->run, NULL);
			attempt_let_go(below);
			run_end(below->run,
			        &(struct new_state){ .type = STATE_CANCELLED,
			                             .message = "given up together with the run that called it" },
			        NULL);
		}
		attempt_unref(below);
	}
}

/* The grace time is over and the function has not returned. */
static void give_up(weir_run *attempt)
{
	weir_future *run = attempt->run;

	if (!abandon(attempt))
		return;
	abandon_children(attempt);
	run_set_attempt(run, NULL);
	attempt_let_go(attempt);
	run_log(run, 30, "attempt %d does not return %g second(s) after its time limit: abandoned", attempt->number,
	        (double)run->engine->grace_us / 1e6);
	if (run->what.retry_beside_abandoned || run->what.is_flow)
		end_timed_out(run, NULL);
	else
		run_end(run,
		        &(struct new_state){
		                .type = STATE_FAILED,
		                .name = "TimedOut",
		                .message = "Task run exceeded its time limit; not retried, since the attempt has not "
		                           "returned (set .retry_beside_abandoned to retry all the same)" },
		        NULL);
}

/* On the loop's thread: first the time limit, then the end of the grace time. The timer holds a reference. */
static void deadline_due(struct loop_timer *timer)
{
	weir_run *attempt = CONTAINER_OF(timer, weir_run, deadline);

	if (!attempt->in_grace) {
		/* The timer first: a function that returns when it is cancelled then finds it to stop, and its reference. */
		attempt_ref(attempt);
		attempt->in_grace = true;
		__atomic_store_n(&attempt->timed_out, true, __ATOMIC_RELEASE);
		loop_timer_start(attempt->run->engine->loop, timer,
		                 clock_monotonic_us() + attempt->run->engine->grace_us);
		attempt_cancel(attempt, WEIR_ETIMEDOUT);
		/* It may have returned, and looked for the timer, before that was started again. */
		if (__atomic_load_n(&attempt->phase, __ATOMIC_ACQUIRE) != ATTEMPT_RUNNING)
			deadline_stop(attempt);
		attempt_unref(attempt);
		return;
	}
	/* A process is killed by now: its attempt returns by itself. */
	if (attempt->run->what.mode != WEIR_PROCESS)
		give_up(attempt);
	attempt_unref(attempt);
}

void deadline_init(weir_run *attempt)
{
	attempt->deadline.fire = deadline_due;
}

void deadline_start(weir_run *attempt)
{
	double seconds = attempt->run->what.timeout_seconds;

	if (seconds <= 0)
		return;
	attempt_ref(attempt);
	loop_timer_start(attempt->run->engine->loop, &attempt->deadline, clock_due_us(seconds));
}

void deadline_stop(weir_run *attempt)
{
	if (attempt->run->what.timeout_seconds > 0 && loop_timer_stop(attempt->run->engine->loop, &attempt->deadline))
		attempt_unref(attempt);
}
