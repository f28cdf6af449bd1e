/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share.h - this program's place among those that share an embedded file: a lock file that it holds as long as it lives,
 * and a socket where it hears datagrams. No pid is ever guessed at: who can take the lock knows that its holder is gone.
 */
#ifndef WEIR_STORE_SHARE_H
#define WEIR_STORE_SHARE_H

#include "base/problem.h"
#include "base/uuid.h"

struct share;
struct strbuf;

enum { SHARE_MESSAGE_MAX = 4096 };

/* In a program's folder: "<id>.crash". */
#define CRASH_ENDING ".crash"

typedef void share_message_fn(void *data, struct str message);

/* Look at the programs of a folder ("<home>/run"); make: when it is missing. */
MUST_CHECK int share_open(const char *folder, bool make, struct share **out, struct problem *problem);

/* Give up the lock files, the socket and its thread. NULL is allowed. */
void share_close(struct share *share);

/* Closing is to leave the lock file behind, as if the program had died: it knows of runs whose end it could not record. */
void share_leave_lock(struct share *share);

/* Become one of the programs: hold a lock file, and listen unless on_message is NULL. id nil: one is made. */
MUST_CHECK int share_join(struct share *share, struct uuid id, share_message_fn *on_message, void *data,
                          struct problem *problem);

/* End the listening, but stay a living program: on_message is called by share_tell alone from then on. NULL is allowed. */
void share_deafen(struct share *share);

/* Nil before share_join. */
struct uuid share_id(const struct share *share);

/* Append what the crash file of a dead program says (loop/crash.h); nothing when it says nothing. */
MUST_CHECK int share_last_word(struct share *share, struct uuid id, struct strbuf *out, struct problem *problem);

/* As store_dead_programs and so on in store.h. */
MUST_CHECK int share_dead(struct share *share, struct uuid **ids, size_t *count, struct problem *problem);
void share_forget(struct share *share, struct uuid id);
bool share_alive(struct share *share, struct uuid id);
MUST_CHECK int share_send(struct share *share, struct uuid program, struct str message, struct problem *problem);

/* Send to one program, or (nil) to all that live; to this one by calling its on_message at once. Those that can't be
   reached miss it. */
void share_tell(struct share *share, struct uuid program, struct str message);

/* The programs that live, as "name (pid)", for messages. "" when there is none. */
void share_describe(struct share *share, struct strbuf *out);

/* In a copy of the process that was forked: close the lock file and the socket, which are the program's. */
void share_forked(struct share *share);

#endif
