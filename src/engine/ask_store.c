/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ask_store.h"

#include "engine/process_child.h"
#include "engine/record.h"

/* On the stack of who waits. */
struct question {
	struct job job;
	struct scope *scope;
	struct scope_event answered;
	struct problem *problem; /* the caller's, or NULL */
	int result;
};

/* On the writer's thread. The question is gone as soon as the signal is given. */
static void told(struct job *job, int result, const struct problem *problem)
{
	struct question *question = CONTAINER_OF(job, struct question, job);

	question->result = result;
	if (result < 0 && question->problem)
		*question->problem = *problem;
	scope_signal(question->scope, &question->answered);
}

int ask_store(weir_run *attempt, job_fn *run, void *request, struct problem *problem)
{
	struct question question = {
		.job = { .run = run, .request = request, .told = told, .flags = record_flags() },
		.scope = &attempt->scope,
		.problem = problem,
	};

	if (process_child_refuses(attempt, "use what the store keeps"))
		return problem_set(problem, WEIR_EPERM, "a task's own process has no store");
	executor_submit(store_executor(attempt->run->engine->store), &question.job);
	scope_await_event(&attempt->scope, &question.answered);
	return question.result;
}
