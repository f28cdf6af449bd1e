/* SPDX-License-Identifier: Apache-2.0 */
#include "core/recover.h"

#include "base/strbuf.h"
#include "core/core.h"

#include <stdlib.h>

struct crash_request {
	struct uuid program_id;
	struct str reason;
	int64_t count;
};

static int crash_runs(struct tx *tx, void *data)
{
	struct crash_request *request = data;

	return program_runs_crash(tx, request->program_id, request->reason, &request->count);
}

/* What became of the program: its last word, when it has crashed and left one. */
static int explain_end(struct store *store, struct uuid program_id, struct strbuf *reason, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf word = { 0 };
	int result = store_last_word(store, program_id, &word, problem);

	if (result == 0 && word.length)
		strbuf_printf(reason, "The program that ran it crashed: %s.", word.data);
	else if (result == 0)
		strbuf_puts(reason, "The program that ran it ended without saying how the run ended.");
	return result;
}

/* A program is forgotten only when its runs are marked: if that fails, the next one who opens tries again. */
int store_recover_program(struct store *store, struct uuid program_id, int64_t *crashed_runs, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf reason = { 0 };
	struct crash_request request = { .program_id = program_id };
	int result = explain_end(store, program_id, &reason, problem);

	if (result < 0)
		return result;
	request.reason = strbuf_str(&reason);
	result = store_run(store, crash_runs, &request, problem);
	if (result < 0)
		return result;
	*crashed_runs += request.count;
	store_forget_program(store, program_id);
	return 0;
}

int store_recover(struct store *store, int64_t *crashed_runs, struct problem *problem)
{
	AUTO(freep) struct uuid *ids = NULL;
	size_t count = 0;
	int result;

	*crashed_runs = 0;
	result = store_dead_programs(store, &ids, &count, problem);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = store_recover_program(store, ids[i], crashed_runs, problem);
	return result;
}
