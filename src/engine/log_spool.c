/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/log_spool.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "core/core.h"

#include <stdio.h>
#include <stdlib.h>

/* What one job stores: within its budget of rows, and so that it does not take long. */
enum { LINES_A_JOB = 500, BYTES_A_JOB = 1024 * 1024 };

struct spooled_line {
	struct spooled_line *next;
	struct uuid id; /* given here, so that a job that runs again stores the same line */
	const char *name;
	int level;
	int64_t timestamp;
	struct uuid flow_run_id, task_run_id;
	size_t length;
	char message[];
};

struct flush_job {
	struct job job;
	struct log_spool *spool;
	struct spooled_line *lines; /* taken from the spool when the job first runs */
	size_t count;
	bool taken;
	bool more; /* some were left for the next job */
};

void log_spool_init(struct log_spool *spool, struct executor *executor)
{
	*spool = (struct log_spool){ .executor = executor };
	pthread_mutex_init(&spool->mutex, NULL);
}

static void free_lines(struct spooled_line *line)
{
	while (line) {
		struct spooled_line *next = line->next;

		free(line);
		line = next;
	}
}

void log_spool_done(struct log_spool *spool)
{
	free_lines(spool->first);
	pthread_mutex_destroy(&spool->mutex);
}

static struct spooled_line *make_line(const char *name, int level, struct str message)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct spooled_line *line;

	if (message.length > LOG_MESSAGE_MAX)
		message.length = LOG_MESSAGE_MAX;
	message = utf8_mend(&scratch, message);
	line = xmalloc(sizeof *line + message.length);
	*line = (struct spooled_line){ .id = uuid_new(), .name = name, .level = level, .timestamp = clock_wall_us() };
	line->length = message.length;
	if (message.length)
		memcpy(line->message, message.data, message.length);
	return line;
}

static void drop_oldest(struct log_spool *spool)
{
	struct spooled_line *line = spool->first;

	spool->first = line->next;
	spool->count--;
	spool->bytes -= line->length;
	spool->dropped++;
	free(line);
}

/* Called with the mutex held. */
static void append(struct log_spool *spool, struct spooled_line *line)
{
	if (spool->last)
		spool->last->next = line;
	else
		spool->first = line;
	spool->last = line;
	spool->count++;
	spool->bytes += line->length;
	while (spool->first != line && (spool->count > LOG_SPOOL_LINES || spool->bytes > LOG_SPOOL_BYTES))
		drop_oldest(spool);
}

/* Put a line about dropped ones before what is stored next. Called with the mutex held. */
static void confess_drops(struct log_spool *spool)
{
	char text[96];
	struct spooled_line *line;

	if (!spool->dropped || !spool->first)
		return;
	snprintf(text, sizeof text, "%llu log lines were dropped: they came faster than they could be stored",
	         (unsigned long long)spool->dropped);
	line = make_line("weir.logs", 30, str_of(text));
	line->timestamp = spool->first->timestamp;
	line->flow_run_id = spool->first->flow_run_id;
	line->next = spool->first;
	spool->first = line;
	spool->count++;
	spool->bytes += line->length;
	spool->dropped = 0;
}

/* Move up to LINES_A_JOB lines from the spool to the job. */
static void take_lines(struct flush_job *flush)
{
	struct log_spool *spool = flush->spool;
	struct spooled_line **link;
	size_t bytes = 0;

	pthread_mutex_lock(&spool->mutex);
	confess_drops(spool);
	flush->lines = spool->first;
	link = &flush->lines;
	while (*link && flush->count < LINES_A_JOB && bytes < BYTES_A_JOB) {
		bytes += (*link)->length;
		link = &(*link)->next;
		flush->count++;
	}
	spool->bytes -= bytes;
	spool->first = *link;
	*link = NULL;
	if (!spool->first)
		spool->last = NULL;
	spool->count -= flush->count;
	flush->more = spool->first != NULL;
	spool->flushing = flush->more;
	pthread_mutex_unlock(&spool->mutex);
	flush->taken = true;
}

/* Taking the lines is the one thing that happens outside the transaction: once, and the job keeps what it took. */
static int store_lines(struct tx *tx, void *request)
{
	struct flush_job *flush = request;
	struct log_line *rows;
	size_t i = 0;

	if (!flush->taken)
		take_lines(flush);
	rows = arena_alloc(tx->arena, MAX(flush->count, (size_t)1) * sizeof *rows);
	for (const struct spooled_line *line = flush->lines; line; line = line->next) {
		rows[i++] = (struct log_line){
			.id = line->id,
			.created = tx->now_us,
			.name = str_of(line->name),
			.level = line->level,
			.message = { line->message, line->length },
			.timestamp = line->timestamp,
			.flow_run_id = line->flow_run_id,
			.task_run_id = line->task_run_id,
		};
	}
	return logs_append(tx, rows, i);
}

static void submit_flush(struct log_spool *spool);

static void lines_stored(struct job *job, int result, const struct problem *problem)
{
	struct flush_job *flush = CONTAINER_OF(job, struct flush_job, job);
	struct log_spool *spool = flush->spool;
	bool more = flush->more;

	(void)problem;
	pthread_mutex_lock(&spool->mutex);
	if (result < 0)
		spool->dropped += flush->count;
	if (!flush->taken) /* it failed before it ran: the lines are still there, the next one starts another job */
		spool->flushing = false;
	pthread_mutex_unlock(&spool->mutex);
	free_lines(flush->lines);
	free(flush);
	if (more)
		submit_flush(spool);
}

static void submit_flush(struct log_spool *spool)
{
	struct flush_job *flush = xcalloc(1, sizeof *flush);

	flush->spool = spool;
	flush->job =
	        (struct job){ .run = store_lines, .request = flush, .told = lines_stored, .flags = JOB_NEVER_WAIT };
	executor_submit(spool->executor, &flush->job);
}

void log_spool_add(struct log_spool *spool, const char *name, int level, struct str message, struct uuid flow_run_id,
                   struct uuid task_run_id)
{
	struct spooled_line *line = make_line(name, level, message);
	bool start;

	line->flow_run_id = flow_run_id;
	line->task_run_id = task_run_id;
	pthread_mutex_lock(&spool->mutex);
	append(spool, line);
	start = !spool->flushing;
	spool->flushing = true;
	pthread_mutex_unlock(&spool->mutex);
	if (start)
		submit_flush(spool);
}
