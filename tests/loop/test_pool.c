/* SPDX-License-Identifier: Apache-2.0 */
/* The thread pool: how many pieces run at a time, work that waits for work, pieces taken back, threads given up for lost,
   and the end. */
#include "latch.h"
#include "loop/pool.h"
#include "loop/thread.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 100000, DEPTH = 200, LOST = 4, ROUNDS = 2000, FIDGETS = 200 };

static void submit(struct pool *pool, struct work *work)
{
	struct problem problem;

	if (pool_submit(pool, work, &problem) < 0)
		abort();
}

/* --- The limit --- */

/* How many are inside now, and were at most. */
struct gauge {
	unsigned now, highest; /* atomic */
	unsigned total;        /* atomic */
};

static void gauge_enter(struct gauge *gauge)
{
	unsigned now = __atomic_add_fetch(&gauge->now, 1, __ATOMIC_SEQ_CST);
	unsigned highest = __atomic_load_n(&gauge->highest, __ATOMIC_SEQ_CST);

	while (now > highest &&
	       !__atomic_compare_exchange_n(&gauge->highest, &highest, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	__atomic_add_fetch(&gauge->total, 1, __ATOMIC_SEQ_CST);
}

static void gauge_leave(struct gauge *gauge)
{
	__atomic_sub_fetch(&gauge->now, 1, __ATOMIC_SEQ_CST);
}

static struct gauge gauge;

static void run_gauged(struct work *work)
{
	(void)work;
	gauge_enter(&gauge);
	sched_yield();
	gauge_leave(&gauge);
}

static void no_more_than_the_limit_run_at_a_time(void **state)
{
	static const unsigned limits[] = { 0, 1, 2, 3, 8 };
	static struct work works[5000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
		struct pool *pool = pool_new(limits[i]);

		gauge = (struct gauge){ 0 };
		for (size_t j = 0; j < ARRAY_LENGTH(works); j++) {
			works[j] = (struct work){ .run = run_gauged };
			submit(pool, &works[j]);
		}
		pool_free(pool);
		assert_int_equal(gauge.total, ARRAY_LENGTH(works));
		assert_in_range(gauge.highest, 1, MAX(limits[i], 1u));
	}
}

/* Pieces that meet: each ends only when so many of them have begun. */
struct meeting {
	struct work work;
	struct latch *begun, *ended; /* count on from one round to the next */
	unsigned needed;
};

static void meet(struct work *work)
{
	struct meeting *meeting = CONTAINER_OF(work, struct meeting, work);
	struct latch *ended = meeting->ended;

	latch_add(meeting->begun);
	latch_wait(meeting->begun, meeting->needed);
	latch_add(ended);
}

/* As many as the limit do run at once: in the first round threads are started, in the others idle ones are woken. A wake-up
   that got lost would show as a test that does not end. */
static void the_limit_is_made_use_of(void **state)
{
	enum { LIMIT = 6 };
	struct meeting meetings[LIMIT];
	struct pool *pool = pool_new(LIMIT);
	struct latch begun = LATCH_INITIALIZER, ended = LATCH_INITIALIZER;

	(void)state;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		for (size_t i = 0; i < LIMIT; i++) {
			meetings[i] = (struct meeting){ { .run = meet }, &begun, &ended, round * LIMIT };
			submit(pool, &meetings[i].work);
		}
		latch_wait(&ended, round * LIMIT);
	}
	pool_free(pool);
	assert_int_equal(begun.count, ROUNDS * LIMIT);
}

/* --- Work that waits for work --- */

struct nested {
	struct work work;
	struct pool *pool;
	unsigned depth;
	bool counts_twice; /* nests its waits */
	struct latch done;
};

/* Each piece but the innermost makes another and waits for it. */
static void run_nested(struct work *work)
{
	struct nested *self = CONTAINER_OF(work, struct nested, work);

	gauge_enter(&gauge);
	if (self->depth > 1) {
		struct nested inner = { .work.run = run_nested,
			                .pool = self->pool,
			                .depth = self->depth - 1,
			                .counts_twice = self->counts_twice,
			                .done = LATCH_INITIALIZER };

		submit(self->pool, &inner.work);
		gauge_leave(&gauge);
		pool_wait_begin();
		if (self->counts_twice)
			pool_wait_begin();
		latch_wait(&inner.done, 1);
		if (self->counts_twice)
			pool_wait_end();
		pool_wait_end();
	} else {
		gauge_leave(&gauge);
	}
	latch_add(&self->done);
}

static void nest(unsigned limit, bool counts_twice)
{
	struct pool *pool = pool_new(limit);
	struct nested outermost = { .work.run = run_nested,
		                    .pool = pool,
		                    .depth = DEPTH,
		                    .counts_twice = counts_twice,
		                    .done = LATCH_INITIALIZER };

	gauge = (struct gauge){ 0 };
	submit(pool, &outermost.work);
	latch_wait(&outermost.done, 1);
	pool_free(pool);
	assert_int_equal(gauge.total, DEPTH);
	assert_in_range(gauge.highest, 1, limit);
}

static void nesting_ends_however_deep(void **state)
{
	(void)state;
	nest(2, false);
	nest(1, false);
	nest(1, true);
}

/* What is queued while the pool is being freed, by pieces that run, is run as well. */
static void free_waits_for_what_pieces_queue(void **state)
{
	struct pool *pool = pool_new(2);
	struct nested outermost = { .work.run = run_nested, .pool = pool, .depth = 20, .done = LATCH_INITIALIZER };

	(void)state;
	gauge = (struct gauge){ 0 };
	submit(pool, &outermost.work);
	pool_free(pool);
	assert_int_equal(outermost.done.count, 1);
	assert_int_equal(gauge.total, 20);
}

/* A place that a wait gave up goes to a piece that was queued before, and not only to later ones. */
struct giver {
	struct work work;
	struct latch *begun, *go, *released;
};

static void give_way(struct work *work)
{
	struct giver *giver = CONTAINER_OF(work, struct giver, work);

	latch_add(giver->begun);
	latch_wait(giver->go, 1);
	pool_wait_begin();
	latch_wait(giver->released, 1);
	pool_wait_end();
}

static void release_giver(struct work *work)
{
	latch_add(CONTAINER_OF(work, struct giver, work)->released);
}

static void a_wait_lets_the_next_piece_in(void **state)
{
	struct pool *pool = pool_new(1);
	struct latch begun = LATCH_INITIALIZER, go = LATCH_INITIALIZER, released = LATCH_INITIALIZER;
	struct giver first = { { .run = give_way }, &begun, &go, &released };
	struct giver second = { { .run = release_giver }, &begun, &go, &released };

	(void)state;
	submit(pool, &first.work);
	latch_wait(&begun, 1);
	submit(pool, &second.work);
	assert_int_equal(latch_count(&released), 0);
	latch_add(&go);
	latch_wait(&released, 1);
	pool_free(pool);
}

/* Waits of threads that are not the pool's are nobody's business. */
static void other_threads_may_wait(void **state)
{
	(void)state;
	pool_wait_begin();
	pool_wait_begin();
	pool_wait_end();
	pool_wait_end();
	assert_null(pool_thread());
	pool_abandon(NULL);
	pool_free(NULL);
}

/* --- Taking work back --- */

static struct {
	struct work work;
	unsigned by_pool; /* atomic */
} pieces[MANY];

static void run_piece(struct work *work)
{
	__atomic_add_fetch(&pieces[((char *)work - (char *)pieces) / sizeof pieces[0]].by_pool, 1, __ATOMIC_RELAXED);
}

static void taken_work_is_not_run(void **state)
{
	struct pool *pool = pool_new(1);
	struct latch begun = LATCH_INITIALIZER, go = LATCH_INITIALIZER, released = LATCH_INITIALIZER;
	struct giver busy = { { .run = give_way }, &begun, &go, &released };

	(void)state;
	assert_false(pool_take(pool, &pieces[0].work)); /* never queued */
	submit(pool, &busy.work);
	latch_wait(&begun, 1);
	assert_false(pool_take(pool, &busy.work)); /* begun */
	for (size_t i = 0; i < 5; i++) {
		pieces[i].work.run = run_piece;
		pieces[i].by_pool = 0;
		submit(pool, &pieces[i].work);
	}
	/* From the middle, both ends, and twice. */
	assert_true(pool_take(pool, &pieces[2].work));
	assert_true(pool_take(pool, &pieces[0].work));
	assert_true(pool_take(pool, &pieces[4].work));
	assert_false(pool_take(pool, &pieces[2].work));
	/* What was taken may be queued again. */
	submit(pool, &pieces[0].work);
	latch_add(&go);
	latch_add(&released);
	pool_free(pool);
	assert_int_equal(pieces[0].by_pool, 1);
	assert_int_equal(pieces[1].by_pool, 1);
	assert_int_equal(pieces[2].by_pool, 0);
	assert_int_equal(pieces[3].by_pool, 1);
	assert_int_equal(pieces[4].by_pool, 0);
}

static void each_piece_is_taken_or_run_exactly_once(void **state)
{
	struct pool *pool = pool_new(4);
	size_t taken = 0, run = 0;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		bool mine;

		pieces[i].work = (struct work){ .run = run_piece };
		pieces[i].by_pool = 0;
		submit(pool, &pieces[i].work);
		/* The newest, and one that has been there for a while. */
		mine = i % 2 && pool_take(pool, &pieces[i].work);
		if (i >= 64 && i % 4 == 0)
			taken += pool_take(pool, &pieces[i - 64].work);
		taken += mine;
	}
	pool_free(pool);
	for (size_t i = 0; i < MANY; i++) {
		assert_in_range(pieces[i].by_pool, 0, 1);
		run += pieces[i].by_pool;
	}
	assert_int_equal(taken + run, MANY);
	assert_true(run > 0);
}

/* --- Threads given up for lost --- */

/* A piece that does not return until it is let go. */
struct stuck {
	struct work work;
	struct pool_thread *thread;
	bool waits; /* within pool_wait_begin and pool_wait_end */
	struct latch begun, let_go, left;
};

static void get_stuck(struct work *work)
{
	struct stuck *stuck = CONTAINER_OF(work, struct stuck, work);

	stuck->thread = pool_thread();
	if (stuck->waits)
		pool_wait_begin();
	latch_add(&stuck->begun);
	latch_wait(&stuck->let_go, 1);
	if (stuck->waits)
		pool_wait_end();
	latch_add(&stuck->left);
}

static void prepare_stuck(struct stuck *stuck, bool waits)
{
	*stuck = (struct stuck){ .work.run = get_stuck,
		                 .waits = waits,
		                 .begun = LATCH_INITIALIZER,
		                 .let_go = LATCH_INITIALIZER,
		                 .left = LATCH_INITIALIZER };
}

/* After the threads of all places were abandoned, the limit is what it was: as many run at once, and not more. */
static void expect_room_for(struct pool *pool, unsigned limit)
{
	struct latch begun = LATCH_INITIALIZER, ended = LATCH_INITIALIZER;
	struct meeting meetings[LOST];
	static struct work works[1000];

	for (unsigned i = 0; i < limit; i++) {
		meetings[i] = (struct meeting){ { .run = meet }, &begun, &ended, limit };
		submit(pool, &meetings[i].work);
	}
	latch_wait(&ended, limit);
	gauge = (struct gauge){ 0 };
	for (size_t i = 0; i < ARRAY_LENGTH(works); i++) {
		works[i] = (struct work){ .run = run_gauged };
		submit(pool, &works[i]);
	}
}

static void abandoned_threads_free_their_places(bool wait, bool return_first)
{
	static struct stuck stuck[LOST];
	struct pool *pool = pool_new(LOST);

	for (size_t i = 0; i < LOST; i++) {
		prepare_stuck(&stuck[i], wait);
		submit(pool, &stuck[i].work);
	}
	for (size_t i = 0; i < LOST; i++) {
		latch_wait(&stuck[i].begun, 1);
		pool_abandon(stuck[i].thread);
	}
	for (size_t i = 0; i < LOST && return_first; i++) {
		latch_add(&stuck[i].let_go);
		latch_wait(&stuck[i].left, 1);
	}
	expect_room_for(pool, LOST);
	pool_free(pool); /* does not wait for the abandoned */
	assert_int_equal(gauge.total, 1000);
	assert_in_range(gauge.highest, 1, LOST);
	for (size_t i = 0; i < LOST && !return_first; i++) {
		latch_add(&stuck[i].let_go);
		latch_wait(&stuck[i].left, 1);
	}
}

static void abandoned_while_running(void **state)
{
	(void)state;
	abandoned_threads_free_their_places(false, false);
	abandoned_threads_free_their_places(false, true);
}

static void abandoned_while_waiting(void **state)
{
	(void)state;
	abandoned_threads_free_their_places(true, false);
	abandoned_threads_free_their_places(true, true);
}

/* A piece that goes in and out of waits all the time, until it is told that it was abandoned. */
struct fidget {
	struct work work;
	struct pool_thread *thread;
	bool abandoned; /* atomic */
	struct latch begun, left;
};

static void fidget(struct work *work)
{
	struct fidget *self = CONTAINER_OF(work, struct fidget, work);

	self->thread = pool_thread();
	latch_add(&self->begun);
	while (!__atomic_load_n(&self->abandoned, __ATOMIC_ACQUIRE)) {
		pool_wait_begin();
		pool_wait_end();
	}
	latch_add(&self->left);
}

/* Wherever the thread is in going to wait, its place is freed once, and exactly once. */
static void abandoned_on_the_way_into_a_wait(void **state)
{
	struct pool *pool = pool_new(LOST);

	(void)state;
	for (int i = 0; i < FIDGETS; i++) {
		struct fidget piece = { .work.run = fidget, .begun = LATCH_INITIALIZER, .left = LATCH_INITIALIZER };

		submit(pool, &piece.work);
		latch_wait(&piece.begun, 1);
		pool_abandon(piece.thread);
		__atomic_store_n(&piece.abandoned, true, __ATOMIC_RELEASE);
		latch_wait(&piece.left, 1);
	}
	expect_room_for(pool, LOST);
	pool_free(pool);
	assert_int_equal(gauge.total, 1000);
	assert_in_range(gauge.highest, 1, LOST);
}

/* The piece behind a stuck one gets the place. */
static void abandoning_lets_the_next_piece_in(void **state)
{
	static struct stuck stuck;
	struct pool *pool = pool_new(1);

	(void)state;
	prepare_stuck(&stuck, false);
	pieces[0].work.run = run_piece;
	pieces[0].by_pool = 0;
	submit(pool, &stuck.work);
	latch_wait(&stuck.begun, 1);
	submit(pool, &pieces[0].work);
	pool_abandon(stuck.thread);
	pool_free(pool);
	assert_int_equal(pieces[0].by_pool, 1);
	latch_add(&stuck.let_go);
	latch_wait(&stuck.left, 1);
}

/* --- The threads themselves --- */

static void note_mask(struct work *work)
{
	struct stuck *stuck = CONTAINER_OF(work, struct stuck, work);
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	stuck->waits = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGINT) && sigismember(&mask, SIGCHLD);
}

static void threads_block_signals(void **state)
{
	struct pool *pool = pool_new(1);
	struct stuck noted = { .work.run = note_mask };
	sigset_t before, after;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	submit(pool, &noted.work);
	pool_free(pool);
	assert_true(noted.waits);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
}

/* A time that is past, however far, is a time-out and no error that looks like a wake-up. */
static void wait_until_a_past_time_ends(void **state)
{
	static const int64_t times_us[] = { 1, 0, -1, -1500000, INT64_MIN };
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond;

	(void)state;
	cond_init_monotonic(&cond);
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < ARRAY_LENGTH(times_us); i++)
		assert_false(cond_wait_until(&cond, &mutex, times_us[i]));
	pthread_mutex_unlock(&mutex);
	pthread_cond_destroy(&cond);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_the_limit_run_at_a_time),
		cmocka_unit_test(the_limit_is_made_use_of),
		cmocka_unit_test(nesting_ends_however_deep),
		cmocka_unit_test(free_waits_for_what_pieces_queue),
		cmocka_unit_test(a_wait_lets_the_next_piece_in),
		cmocka_unit_test(other_threads_may_wait),
		cmocka_unit_test(taken_work_is_not_run),
		cmocka_unit_test(each_piece_is_taken_or_run_exactly_once),
		cmocka_unit_test(abandoned_while_running),
		cmocka_unit_test(abandoned_while_waiting),
		cmocka_unit_test(abandoned_on_the_way_into_a_wait),
		cmocka_unit_test(abandoning_lets_the_next_piece_in),
		cmocka_unit_test(threads_block_signals),
		cmocka_unit_test(wait_until_a_past_time_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
