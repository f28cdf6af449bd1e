/* SPDX-License-Identifier: Apache-2.0 */
/* fiber.h - telling the sanitizers which stack is in use. Nothing in other builds. */
#ifndef WEIR_LOOP_FIBER_H
#define WEIR_LOOP_FIBER_H

#include "base/base.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define WEIR_FIBER_ASAN 1
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define WEIR_FIBER_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif

/* What the sanitizers know of one stack. That of a thread begins all zero; low and size are filled by the first arrival
   from it. */
struct fiber {
	const void *low;
	size_t size;
	void *fake_stack; /* ASan's */
	void *handle;     /* TSan's */
};

static inline void fiber_init(struct fiber *fiber, const char *low, size_t size)
{
	*fiber = (struct fiber){ .low = low, .size = size };
#ifdef WEIR_FIBER_TSAN
	fiber->handle = __tsan_create_fiber(0);
#endif
}

static inline void fiber_done(struct fiber *fiber)
{
	(void)fiber;
#ifdef WEIR_FIBER_TSAN
	__tsan_destroy_fiber(fiber->handle);
#endif
}

/* The stack stays, though nothing runs on it any more: what it points to has not leaked. */
static inline void fiber_keep(const char *low, size_t size)
{
	(void)low, (void)size;
#ifdef WEIR_FIBER_ASAN
	__lsan_register_root_region(low, size);
#endif
}

/* Just before going from one to the other; for the last time when from ends. */
static inline void fiber_leave(struct fiber *from, const struct fiber *to, bool ends)
{
	(void)from, (void)to, (void)ends;
#ifdef WEIR_FIBER_ASAN
	__sanitizer_start_switch_fiber(ends ? NULL : &from->fake_stack, to->low, to->size);
#endif
#ifdef WEIR_FIBER_TSAN
	if (!from->handle)
		from->handle = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->handle, 0);
#endif
}

/* Just after coming from another. */
static inline void fiber_arrive(const struct fiber *self, struct fiber *from)
{
	(void)self, (void)from;
#ifdef WEIR_FIBER_ASAN
	__sanitizer_finish_switch_fiber(self->fake_stack, &from->low, &from->size);
#endif
}

#endif
