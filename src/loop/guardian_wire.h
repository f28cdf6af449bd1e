/* SPDX-License-Identifier: Apache-2.0 */
/* guardian_wire.h - what goes over the guardian's socket, and its own structs. For the guardian's files only. */
#ifndef WEIR_LOOP_GUARDIAN_WIRE_H
#define WEIR_LOOP_GUARDIAN_WIRE_H

#include "loop/guardian.h"

#include <sys/resource.h>

/* To be raised with every change of a message: owner and guardian may come from two files when one was replaced. */
enum { GUARDIAN_VERSION = 1 };

/* The guardian's first message. */
struct guardian_hello {
	uint32_t version;
};

/* The descriptors of an order, in this order; those that are there have their bit set. The leash comes first: on it the
   guardian says that there was no room for the others. */
enum guardian_descriptor {
	ORDER_LEASH,
	ORDER_FOLDER, /* the owner's working folder */
	ORDER_PAYLOAD,
	ORDER_REPORT,
	ORDER_IN,
	ORDER_OUT,
	ORDER_ERR,
	ORDER_DESCRIPTORS
};

struct order_message {
	uint32_t kind;
	uint32_t descriptors; /* bits */
	int64_t grace_us;
	char name[16];
};

struct stop_message {
	int64_t grace_us;
};

/* An order with its descriptors in their places; -1: not there. */
struct taken_order {
	struct order_message message;
	int fds[ORDER_DESCRIPTORS];
};

/* One child, and what it has left of its process group. */
struct ward {
	struct ward *next;
	enum guardian_kind kind;
	pid_t pid;        /* and process group */
	int leash;        /* -1: the owner has let go, or has been told of the end */
	int64_t grace_us; /* when the owner is gone */
	int64_t kill_us;  /* when to kill the group; INT64_MAX: never */
	bool stopping;    /* it was told to end */
	bool killed;
	bool leader_gone; /* it has ended, but others of its group may live */
};

struct guardian {
	guardian_call_fn *call;
	int epoll;
	int signals;
	pid_t pid;
	struct rlimit files; /* of the children: the guardian raises its own */
	struct ward *wards;
	bool closing; /* the owner is gone */
};

/* --- ward.c --- */

/* Start a child; takes the order's descriptors over. NULL when it could not be started: that was said on the leash. */
struct ward *ward_start(struct guardian *guardian, struct taken_order *order);

/* End its group: SIGTERM, and SIGKILL after the grace time. */
void ward_stop(struct ward *ward, int64_t grace_us);

/* Don't hear its owner any more. */
void ward_drop_leash(const struct guardian *guardian, struct ward *ward);

/* Send SIGKILL if the grace time is over. */
void ward_enforce(struct ward *ward, int64_t now_us);

/* Wait for everything that has ended, tell the owner, and forget wards of which nothing is left. */
void wards_reap(struct guardian *guardian);

/* --- guardian_child.c --- */

/* In a child just forked: become what the order says. */
NORETURN void child_enter(const struct guardian *guardian, const struct taken_order *order);

#endif
