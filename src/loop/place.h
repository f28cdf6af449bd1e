/* SPDX-License-Identifier: Apache-2.0 */
/* place.h - naming what is static in a program or a library, so that another process of the same program finds it, wherever
   the system has put its objects there. */
#ifndef WEIR_LOOP_PLACE_H
#define WEIR_LOOP_PLACE_H

#include "base/problem.h"

#include <limits.h>

/* A static address: which loaded object it lies in, and where. */
struct place {
	char object[PATH_MAX]; /* the file, as the dynamic linker names it; "" for the program itself */
	char build_id[65];     /* in hex; "" when the object has none: then the name alone tells */
	uint64_t offset;       /* from where the object was loaded */
};

/* Name an address. False: it lies in no loaded object, but on the heap or a stack. */
bool place_find(const void *address, struct place *out);

/* The address of that name in this process, or NULL when there is no such object here. */
const void *place_address(const struct place *place);

#endif
