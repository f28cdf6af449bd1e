/* SPDX-License-Identifier: Apache-2.0 */
/* settings_table.h - every setting of Weir. `weir config view`, the documentation and the flags come from this table. */
#ifndef WEIR_BASE_SETTINGS_TABLE_H
#define WEIR_BASE_SETTINGS_TABLE_H

#include "base/log.h"
#include "base/setting.h"

extern const struct setting weir_settings_rows[];
extern const size_t weir_settings_row_count;

/* The process's settings, read once on first use from the environment and ./.env. NULL with the problem filled when they
   are wrong: programs print it and end, libweir returns it from the call that needed them. */
struct settings *weir_settings(struct problem *problem);

/* How the log is set up for a sink: level, format, and colour if the sink is a terminal (log.h). */
struct log_options settings_log_options(const struct settings *settings, int fd);

/* Are values checked for changes after they were handed over (engine.check_values)? */
bool settings_check_values(const struct settings *settings);

/* How many tasks run at once: engine.threads, or what it stands for on this machine. */
unsigned settings_thread_limit(const struct settings *settings);

#endif
