/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_hold.h - keys that one run holds at a time, in this program or among all that share the result storage: who computes what is
 * cached under a key, whose transaction of a key is open, who makes a call once.
 *
 * Within the program waiters stand in a queue, and the first is woken at once. Between programs the queue's head tries the
 * storage's lock, a little less often each time. A hold goes to the next in the queue together with that lock.
 */
#ifndef WEIR_ENGINE_KEY_HOLD_H
#define WEIR_ENGINE_KEY_HOLD_H

#include "engine/run.h"

struct key_hold;

/* Among whom only one holds the key. */
enum key_scope { KEY_OF_PROGRAM, KEY_OF_STORAGE };

/*
 * Take the key for the attempt's run; waits in the attempt's scope. WEIR_EBUSY: the run itself, or one that it was called
 * by, holds the key or waits for it already, so that waiting would never end. WEIR_ECANCELED or WEIR_ETIMEDOUT: the attempt
 * is cancelled. Else an error of the storage. key is any text without NUL; all who take a key name the same scope.
 */
MUST_CHECK int key_hold_take(weir_run *attempt, enum key_scope scope, struct str key, struct key_hold **out,
                             struct problem *problem);

/* Give it to the next one who waits. From any thread. NULL is allowed. */
void key_hold_release(struct key_hold *hold);

#endif
