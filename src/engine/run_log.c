/* SPDX-License-Identifier: Apache-2.0 */
/* run_log.c - log lines of runs: to the store, and in a weir_main program to its log as well. */
#include "base/log.h"
#include "engine/forked.h"
#include "engine/process_child.h"
#include "engine/run.h"

#include <stdio.h>

void run_log_str(weir_future *run, int level, struct str message)
{
	struct engine *engine = run->engine;
	char speaker[160];
	int length;

	if (level < engine->log_level || forked_is_copy())
		return;
	if (engine->in_child) {
		process_child_log(level, message);
		return;
	}
	log_spool_add(&engine->logs, run->what.is_flow ? "weir.flow_runs" : "weir.task_runs", level, message,
	              run->flow->flow_run_id, run->what.is_flow ? (struct uuid){ { 0 } } : run->id);
	if (!engine->console)
		return;
	length = snprintf(speaker, sizeof speaker, "%s run '%s'", run->what.is_flow ? "Flow" : "Task", run->name);
	log_write_str((enum log_level)level, (struct str){ speaker, MIN((size_t)length, sizeof speaker - 1) }, message);
}

static PRINTF_LIKE(3, 0) void log_args(weir_future *run, int level, const char *format, va_list arguments)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };

	if (level < run->engine->log_level)
		return;
	strbuf_vprintf(&text, format, arguments);
	run_log_str(run, level, strbuf_str(&text));
}

void run_log(weir_future *run, int level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_args(run, level, format, arguments);
	va_end(arguments);
}

#define DEFINE_LOG_CALL(function, level)                                                                               \
	WEIR_API void function(weir_run *run, const char *format, ...)                                                 \
	{                                                                                                              \
		va_list arguments;                                                                                     \
                                                                                                                       \
		va_start(arguments, format);                                                                           \
		log_args(run->run, level, format, arguments);                                                          \
		va_end(arguments);                                                                                     \
	}

DEFINE_LOG_CALL(weir_debug, LOG_DEBUG)
DEFINE_LOG_CALL(weir_info, LOG_INFO)
DEFINE_LOG_CALL(weir_warning, LOG_WARNING)
DEFINE_LOG_CALL(weir_error, LOG_ERROR)
