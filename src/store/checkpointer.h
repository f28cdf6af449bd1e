/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpointer.h - keeps the write-ahead log short: a thread that copies its pages into the file while the writer goes on.
 *
 *  - From 500 pages (2 MB) on, the log is copied in the background. When all of it was copied and no reader needs its
 *    old pages, the next writer starts it anew.
 *  - A busy writer adds pages while others are copied. When few are left over, it waits after its next commit until those
 *    are copied too: once in a log's length, for about two syncs. At 1,000 pages it waits however many there are.
 *  - A reader that holds an old snapshot makes the log grow on. Then it is looked at again, and waited for again, only
 *    when it has grown by as much as above.
 *  - When nothing has been written for a while, the log is cut to nothing, as it is when the last program closes the file.
 */
#ifndef WEIR_STORE_CHECKPOINTER_H
#define WEIR_STORE_CHECKPOINTER_H

#include "store/db.h"

struct checkpointer;

struct checkpointer_options {
	const struct db_driver *driver;
	struct db_options db;  /* the connection of the checkpoints; opened for the first */
	int64_t idle_us;       /* the log is cut when nothing was written for so long; 0: 5 s */
	int64_t pages;         /* see above; 0: 500 */
	int64_t blocked_pages; /* see above; 0: 1,000 */
};

MUST_CHECK int checkpointer_new(const struct checkpointer_options *options, struct checkpointer **out,
                                struct problem *problem);

/* End the thread. Close the other connections first: the last one empties the log. NULL is allowed. */
void checkpointer_free(struct checkpointer *checkpointer);

/* The writer's thread has committed, and the log has so many pages now. May wait (see above). */
void checkpointer_note(struct checkpointer *checkpointer, int64_t log_pages);

#endif
