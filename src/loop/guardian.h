/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian.h - the process from which a program's children are forked. It is small and has one thread, so a fork is cheap and
 * what is forked may run anything; and it lives longer than its owner, so that it can end the children when the owner
 * is gone, even by kill -9.
 *
 *	owner ──order (a datagram with descriptors)──► guardian ──fork──► child, leader of a process group
 *	      ◄──leash (a socket for each child): started, ended──
 *	      ──leash: stop──►
 *
 * The guardian adopts what its children leave behind (it is their sub-reaper), waits for all of them, and ends a child's
 * process group (SIGTERM, the grace time, SIGKILL) when it is told to, when the owner lets go of the leash, and when
 * the owner itself is gone. A child dies with the guardian. Whatever is large goes by way of memory files and the child's
 * own descriptors, never through the guardian: its messages are a few bytes, and it never waits for anybody.
 */
#ifndef WEIR_LOOP_GUARDIAN_H
#define WEIR_LOOP_GUARDIAN_H

#include "base/problem.h"

#include <sys/types.h>

/* What a child runs that was forked for a call: reads the payload, answers on report, and ends by _exit. */
typedef void guardian_call_fn(int payload, int report);

enum guardian_kind {
	GUARDIAN_CALL,   /* fork, and call the guardian's function */
	GUARDIAN_PROGRAM /* fork, and execute a program: the payload is from program_pack */
};

/* What is to be started. The descriptors stay the caller's. */
struct guardian_order {
	enum guardian_kind kind;
	const char *name; /* of the process while it runs a call; cut to 15 bytes */
	int64_t grace_us; /* between SIGTERM and SIGKILL, when the owner is gone */
	int payload;      /* a memory file */
	int in, out, err; /* -1: /dev/null */
	int report;       /* of a call; else -1 */
};

/* What the guardian says of a child, on its leash. */
enum guardian_event_kind {
	GUARDIAN_TAKEN, /* the order has come; before that a guardian that is gone has begun nothing, and it can be sent again */
	GUARDIAN_STARTED, /* with its pid */
	GUARDIAN_ENDED,
	GUARDIAN_FAILED, /* it could not be started */
};

struct guardian_event {
	enum guardian_event_kind kind;
	int error;          /* FAILED: the errno with which it could not be started */
	pid_t pid;          /* of the child, which is also its process group */
	int status;         /* ENDED: as wait4 gives it */
	bool killed;        /* ENDED: it did not end in the grace time */
	int64_t peak_bytes; /* ENDED: the most memory it has held */
	int64_t cpu_us;     /* ENDED: user and system time */
};

/*
 * Fork a guardian off this process, which must have one thread only, and get its socket (close-on-exec). The
 * program's own wait() does not meet it, and its end gives no SIGCHLD. It ends when the last copy of the socket is closed.
 */
MUST_CHECK int guardian_fork(guardian_call_fn *call, int *socket, pid_t *pid, struct problem *problem);

/* A forked one whose socket is closed, or that was killed: wait for it, but not longer than this. */
void guardian_wait(pid_t pid, int64_t timeout_us);

/* Make a socket pair for a guardian that is started otherwise, and wait for its word that it is there. The versions of
   both sides are compared: WEIR_EVERSION. */
MUST_CHECK int guardian_socket_pair(int *ours, int *theirs, struct problem *problem);
MUST_CHECK int guardian_greet(int socket, struct problem *problem);

/* Be the guardian of whoever holds the other end of this socket, until it is closed; then end the process. */
NORETURN void guardian_serve(int socket, guardian_call_fn *call);

/* Have something started; leash gets the child's socket (close-on-exec, non-blocking). WEIR_EAGAIN: the guardian is gone.
   One that is just going may seem to take it: then its end is heard before GUARDIAN_TAKEN. From any thread. */
MUST_CHECK int guardian_send(int socket, const struct guardian_order *order, int *leash, struct problem *problem);

/* Read what is said on a leash. 0; WEIR_EAGAIN: nothing yet; WEIR_ENOTFOUND: the guardian is gone. */
MUST_CHECK int guardian_hear(int leash, struct guardian_event *event);

/* Have a child's group ended: SIGTERM, and SIGKILL after the grace time. Closing the leash does it too. */
void guardian_stop(int leash, int64_t grace_us);

/* --- Payloads --- */

/* A file in memory with this content, at its beginning. */
MUST_CHECK int memory_file(struct str content, int *fd, struct problem *problem);

/* All of its content: mapped for the rest of the process's life. */
MUST_CHECK int memory_file_map(int fd, struct str *content, struct problem *problem);

/* A program for GUARDIAN_PROGRAM. path: of the search for argv[0], NULL: the system's; cwd: NULL: the owner's. argv and env
   end with NULL. */
MUST_CHECK int program_pack(const char *path, const char *cwd, const char *const *argv, const char *const *env, int *fd,
                            struct problem *problem);

/* In the child: execute it. Returns the errno when that fails. */
int program_execute(int payload);

#endif
