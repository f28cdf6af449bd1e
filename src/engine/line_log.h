/* SPDX-License-Identifier: Apache-2.0 */
/* line_log.h - what comes from a descriptor, as log lines of a run. */
#ifndef WEIR_ENGINE_LINE_LOG_H
#define WEIR_ENGINE_LINE_LOG_H

#include "engine/run.h"

struct line_log {
	weir_future *run;
	int level;
	size_t max_bytes;   /* a longer line is logged in pieces */
	struct strbuf line; /* what came since the last line break */
};

/* Log the lines that are whole now, keep the rest. */
void line_log_add(struct line_log *log, struct str text);

/* Log what is left, and free it. */
void line_log_end(struct line_log *log);

#endif
