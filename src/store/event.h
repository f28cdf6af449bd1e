/* SPDX-License-Identifier: Apache-2.0 */
/* event.h - the rows of the outbox. */
#ifndef WEIR_STORE_EVENT_H
#define WEIR_STORE_EVENT_H

#include "model/run.h"
#include "store/db.h"

/* Append; the row gets its sequence. An event whose id is stored already is left as it is. */
MUST_CHECK int store_event_insert(struct db *db, const struct event *event, struct problem *problem);

#endif
