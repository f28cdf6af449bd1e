/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - reading the clocks. Not for src/rules, where time is an argument. */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

/* Microseconds since 1970-01-01 UTC; may step back when somebody sets the clock. */
int64_t clock_wall_us(void);

/* Microseconds of a clock that never steps; only differences mean something. */
int64_t clock_monotonic_us(void);

/* The instant of clock_monotonic_us so many seconds from now: 0 (past) when they are not positive, INT64_MAX (never) when they
   are infinite. */
int64_t clock_due_us(double seconds);

#endif
