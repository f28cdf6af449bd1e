/* SPDX-License-Identifier: Apache-2.0 */
#include "store/event.h"

#include "store/record.h"

int store_event_insert(struct db *db, const struct event *event, struct problem *problem)
{
	return record_insert(db, &event_fields, event, "ON CONFLICT DO NOTHING", NULL, problem);
}
