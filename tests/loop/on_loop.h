/* SPDX-License-Identifier: Apache-2.0 */
/* on_loop.h - for tests of the event loop: make one, and do something on its thread. Include it after cmocka.h. */
#ifndef WEIR_TESTS_LOOP_ON_LOOP_H
#define WEIR_TESTS_LOOP_ON_LOOP_H

#include "latch.h"
#include "loop/loop.h"

static inline struct loop *new_loop(void)
{
	struct problem problem;
	struct loop *loop;

	assert_int_equal(loop_new("test-loop", &loop, &problem), 0);
	return loop;
}

/* A call that does something with one pointer and can be waited for. */
struct task {
	struct loop_call call;
	struct loop *loop;
	void (*action)(struct task *task);
	void *data;
	struct latch done;
};

static inline void run_task(struct loop_call *call)
{
	struct task *task = CONTAINER_OF(call, struct task, call);

	if (task->action)
		task->action(task);
	latch_add(&task->done);
}

/* Do something on the loop's thread, and wait for it. */
static inline void run_on_loop(struct loop *loop, void (*action)(struct task *task), void *data)
{
	struct task task = {
		.call.run = run_task, .loop = loop, .action = action, .data = data, .done = LATCH_INITIALIZER
	};

	assert_true(loop_post(loop, &task.call));
	latch_wait(&task.done, 1);
}

#endif
