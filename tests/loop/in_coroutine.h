/* SPDX-License-Identifier: Apache-2.0 */
/* in_coroutine.h - for tests: do something in coroutines of a loop on this thread. Include it after cmocka.h. */
#ifndef WEIR_TESTS_LOOP_IN_COROUTINE_H
#define WEIR_TESTS_LOOP_IN_COROUTINE_H

#include "loop/coroutine.h"

static inline struct loop *new_loop_here(void)
{
	struct problem problem;
	struct loop *loop;

	assert_int_equal(loop_new_here("test", &loop, &problem), 0);
	return loop;
}

static inline void start(struct loop *loop, void (*run)(void *argument), void *argument)
{
	struct problem problem;

	assert_int_equal(coroutine_start(loop, run, argument, &problem), 0);
}

/* Several coroutines, and when the last of them has ended. */
struct crew {
	size_t running;
	bool over;
};

struct crew_member {
	struct crew *crew;
	void (*action)(void *data);
	void *data;
};

static inline void run_member(void *argument)
{
	struct crew_member member = *(struct crew_member *)argument;

	free(argument);
	member.action(member.data);
	if (--member.crew->running == 0)
		member.crew->over = true;
}

static inline void crew_start(struct crew *crew, struct loop *loop, void (*action)(void *data), void *data)
{
	struct crew_member *member = xmalloc(sizeof *member);

	*member = (struct crew_member){ .crew = crew, .action = action, .data = data };
	crew->running++;
	crew->over = false;
	start(loop, run_member, member);
}

/* Do something in a coroutine, on a loop that is there for it only. */
static inline void run_in_coroutine(void (*action)(void *data), void *data)
{
	struct loop *loop = new_loop_here();
	struct crew crew = { 0 };

	crew_start(&crew, loop, action, data);
	loop_turn_until(loop, &crew.over);
	loop_free(loop);
}

#endif
