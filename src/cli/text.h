/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - texts and times as people read them on a terminal. */
#ifndef WEIR_CLI_TEXT_H
#define WEIR_CLI_TEXT_H

#include "base/arena.h"
#include "cli/output.h"
#include "model/state.h"

/*
 * The text with what a terminal would act on made visible: control characters ("\n", "\x1b"), those of C1 and those that
 * turn the direction of writing ("\u202e"), and bytes that are no UTF-8 ("\xff"). So a name in the database can't move the
 * cursor, and shows as one line.
 */
struct str text_visible(struct arena *arena, struct str text);

/* The same, but line breaks and tabs stay: for messages and log lines. */
struct str text_visible_lines(struct arena *arena, struct str text);

/* Cut visible text to so many terminal columns; what was cut ends with "…". */
struct str text_clip(struct arena *arena, struct str text, size_t columns);

/* "5 minutes ago", "in 2 hours", "just now"; "" without a time. */
struct str text_ago(struct arena *arena, int64_t instant_us, int64_t now_us);

/* "2026-01-31 08:00:00.123" in the local time zone; "" without a time. */
struct str text_time(struct arena *arena, int64_t instant_us);

/* "2026-01-31 08:00:00.123 +0100 (5 minutes ago)"; "" without a time. */
struct str text_time_ago(struct arena *arena, int64_t instant_us, int64_t now_us);

/* "1.250 s", "3 min 5 s", "2 h 3 min", "4 d 2 h". */
struct str text_duration(struct arena *arena, int64_t duration_us);

/* The colour of a state, as Prefect shows it. */
enum style state_style(enum state_type type);

/*
 * The name of a state as it is stored, for one in any case; other names are kept, since anybody may name a state. *known
 * tells which it was.
 */
struct str state_name_find(struct str name, bool *known);

/* Names that states are given by Weir and by Prefect. */
extern const char *const state_names[];
extern const size_t state_name_count;

#endif
