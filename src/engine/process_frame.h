/* SPDX-License-Identifier: Apache-2.0 */
/* process_frame.h - what a task's process says to its program: a stream of frames, each a head and so many bytes. */
#ifndef WEIR_ENGINE_PROCESS_FRAME_H
#define WEIR_ENGINE_PROCESS_FRAME_H

#include "base/strbuf.h"

enum frame_kind {
	FRAME_LOG = 1,       /* detail: the level */
	FRAME_OUTCOME,       /* detail: enum outcome_kind; the state's name, a NUL, the message */
	FRAME_RESULT,        /* JSON */
	FRAME_FAILURE,       /* why the function was not called, or its result can't be passed on */
	FRAME_VALUE,         /* of weir_transaction_set: its name, a NUL, JSON */
	FRAME_OUT_OF_MEMORY, /* it is about to abort */
};

struct frame_head {
	uint32_t kind;
	uint32_t detail;
	uint64_t length;
};

/* Write one frame to a socket. False when nobody reads it any more. */
bool frame_send(int socket, enum frame_kind kind, uint32_t detail, struct str text);

/*
 * Take the next whole frame off the bytes that have come; *used is how many of them are done with. False: it is not whole
 * yet. *wrong: this is no frame, or one of more than so many bytes.
 */
bool frame_next(struct str bytes, size_t max_bytes, size_t *used, struct frame_head *head, struct str *text,
                bool *wrong);

#endif
