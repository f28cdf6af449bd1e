/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - a thread pool whose limit counts running threads. A thread that is about to wait gives up its place
 * (pool_wait_begin), and another takes over the queue; so work that waits for work can't dead-lock, however deep it nests.
 * When the wait is over the thread goes on at once, and the pool takes up fewer new pieces until the count is right again.
 */
#ifndef WEIR_LOOP_POOL_H
#define WEIR_LOOP_POOL_H

#include "base/problem.h"

struct pool;

/* A piece of work, in the caller's memory until run was called. */
struct work {
	void (*run)(struct work *work);
	struct work *next, *previous; /* the pool's own */
	bool queued;                  /* the pool's own, under its lock */
};

struct pool *pool_new(unsigned limit);

/* Run what is queued, and what that queues in turn, then end the threads that are not abandoned. Not from a thread of the
   pool; nobody else may queue meanwhile. NULL is allowed. */
void pool_free(struct pool *pool);

/* Queue a piece of work. WEIR_ELIMIT only when no thread could be started and none exists to run it. */
MUST_CHECK int pool_submit(struct pool *pool, struct work *work, struct problem *problem);

/* Take a piece of work out of the queue, to run it oneself. False when a thread has begun it (or it was never queued). */
bool pool_take(struct pool *pool, struct work *work);

/* This thread is about to wait, and has waited. Nest freely; nothing happens on threads that are not the pool's. */
void pool_wait_begin(void);
void pool_wait_end(void);

/* A thread of the pool is blocked for as long as others work for it: its place is another one's meanwhile. Add up. */
void pool_lend(struct pool *pool);
void pool_take_back(struct pool *pool);

/*
 * The thread that runs this work is given up for lost: its place is free at once. If it ever returns, it ends. To be
 * called once, and only while the work is running: the caller holds a lock or the like that keeps it from returning, since
 * the thread may be gone or be in other work a moment later. thread is what pool_thread gave there. NULL (not a pool's
 * thread) is ignored.
 */
struct pool_thread;
struct pool_thread *pool_thread(void);
void pool_abandon(struct pool_thread *thread);

#endif
