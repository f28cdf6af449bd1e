/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the files of src/loop share. */
#ifndef WEIR_LOOP_INTERNAL_H
#define WEIR_LOOP_INTERNAL_H

#include "loop/loop.h"

/* libuv's loop, for its thread only. */
struct uv_loop_s *loop_uv(struct loop *loop);

/* Was it made by loop_new_here? */
bool loop_is_here(const struct loop *loop);

#endif
