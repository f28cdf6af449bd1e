/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_queue.h - the runs of this program that wait for slots of limits, by the ids under which they stand in the store's
 * queue. Whoever frees slots, in whatever program, gives them to who is next and tells its program: "slots <id> granted".
 * Two things are not told: that a program has died that held slots or stood before others, and what a lost message said.
 * So while somebody waits, a thread looks every two seconds.
 */
#ifndef WEIR_ENGINE_SLOT_QUEUE_H
#define WEIR_ENGINE_SLOT_QUEUE_H

#include "loop/scope.h"
#include "store/store.h"

/* One that waits; on its stack. */
struct slot_wait {
	struct uuid id; /* in the store */
	struct scope *scope;
	struct scope_event told; /* something has been said to it: it has the slots, or is to look for itself */
	bool granted;            /* it has them; valid once told */
	bool queued;             /* it does stand in the store's queue */
	struct slot_wait *next, *previous;
};

enum { SLOT_QUEUE_BUCKETS = 256 };

struct slot_queue {
	pthread_mutex_t mutex; /* guards what follows; before a scope's */
	pthread_cond_t changed;
	struct slot_wait *buckets[SLOT_QUEUE_BUCKETS];
	size_t count;
	struct store *store; /* set by the first that waits */
	pthread_t looker;
	bool looking; /* the thread is there */
	bool ending;
};

void slot_queue_init(struct slot_queue *queue);

/* End the thread; nobody waits any more. Messages may still come. */
void slot_queue_stop(struct slot_queue *queue);
void slot_queue_done(struct slot_queue *queue);

/* About to ask, under wait->id: messages for it are heard from now on. */
void slot_queue_add(struct slot_queue *queue, struct store *store, struct slot_wait *wait);

/* The store has put it into its queue. */
void slot_queue_standing(struct slot_queue *queue, struct slot_wait *wait);

/* It was told to look, has looked, and goes on waiting. */
void slot_queue_rearm(struct slot_queue *queue, struct slot_wait *wait);

void slot_queue_remove(struct slot_queue *queue, struct slot_wait *wait);

/* A message for one of the runs that wait: "<id> granted" or "<id> refused". From any thread; does not block. */
void slot_queue_hear(struct slot_queue *queue, struct str message);

#endif
