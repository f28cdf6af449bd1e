/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/run.h"

#include "engine/transaction.h"
#include "engine/value_check.h"

#include <stdlib.h>

/* --- What the runs of a flow run share --- */

struct flow_context *flow_context_new(struct engine *engine, weir_future *run)
{
	struct flow_context *flow = xcalloc(1, sizeof *flow);

	flow->references = 1;
	flow->flow_run_id = run->id;
	flow->definition = run->what.flow;
	flow->log_prints = run->what.log_prints;
	flow->run = run;
	pthread_mutex_init(&flow->mutex, NULL);
	pthread_mutex_lock(&engine->mutex);
	flow->next = engine->active;
	if (flow->next)
		flow->next->previous = flow;
	engine->active = flow;
	pthread_mutex_unlock(&engine->mutex);
	return flow;
}

struct flow_context *flow_context_ref(struct flow_context *flow)
{
	__atomic_add_fetch(&flow->references, 1, __ATOMIC_RELAXED);
	return flow;
}

void flow_context_unref(struct flow_context *flow)
{
	if (!flow || __atomic_sub_fetch(&flow->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	vec_done(&flow->counters);
	for (size_t i = 0; i < flow->earlier.count; i++)
		free(flow->earlier.items[i].task_key);
	vec_done(&flow->earlier);
	free(flow->crash_reason);
	free(flow->name);
	pthread_mutex_destroy(&flow->mutex);
	free(flow);
}

/* The flow run has ended: messages don't reach it any more. */
static void flow_context_retire(struct engine *engine, struct flow_context *flow)
{
	pthread_mutex_lock(&engine->mutex);
	if (flow->previous)
		flow->previous->next = flow->next;
	else
		engine->active = flow->next;
	if (flow->next)
		flow->next->previous = flow->previous;
	flow->run = NULL;
	pthread_mutex_unlock(&engine->mutex);
}

void flow_context_set_name(struct flow_context *flow, const char *name)
{
	free(flow->name);
	flow->name = xstrdup(name);
}

void flow_context_add_earlier(struct flow_context *flow, struct str task_key, unsigned calls)
{
	char *copy = xmalloc(task_key.length + 1);

	memcpy(copy, task_key.data, task_key.length);
	copy[task_key.length] = '\0';
	vec_push(&flow->earlier, ((struct earlier_calls){ copy, calls }));
}

static unsigned earlier_calls(const struct flow_context *flow, const char *name)
{
	for (size_t i = 0; i < flow->earlier.count; i++) {
		if (strcmp(flow->earlier.items[i].task_key, name) == 0)
			return flow->earlier.items[i].calls;
	}
	return 0;
}

unsigned flow_context_count_call(struct flow_context *flow, const void *definition, const char *name)
{
	unsigned calls = 0;
	size_t i;

	pthread_mutex_lock(&flow->mutex);
	for (i = 0; i < flow->counters.count; i++) {
		if (flow->counters.items[i].definition == definition)
			break;
	}
	if (i == flow->counters.count)
		vec_push(&flow->counters, ((struct call_counter){ definition, earlier_calls(flow, name) }));
	calls = flow->counters.items[i].calls++;
	pthread_mutex_unlock(&flow->mutex);
	return calls;
}

/* --- Runs --- */

struct run_card *run_card_ref(struct run_card *card)
{
	__atomic_add_fetch(&card->references, 1, __ATOMIC_RELAXED);
	return card;
}

void run_card_unref(struct run_card *card)
{
	if (!card || __atomic_sub_fetch(&card->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	arena_done(&card->arena);
	free(card);
}

static void execute_work(struct work *work)
{
	run_execute(CONTAINER_OF(work, weir_future, work));
}

static void start_posted(struct loop_call *call)
{
	run_start_on_loop(CONTAINER_OF(call, weir_future, start_call));
}

static void retry_due(struct loop_timer *timer)
{
	weir_future *run = CONTAINER_OF(timer, weir_future, retry_timer);

	gate_admit(run);
}

weir_future *future_new(struct engine *engine, struct callable what, weir_run *parent, struct scope *scope,
                        struct scope_group *group)
{
	weir_future *run = xcalloc(1, sizeof *run);

	run->references = 1; /* the scope's, until the run has ended */
	run->engine = engine;
	run->what = what;
	run->parent = parent ? attempt_ref(parent) : NULL;
	run->owner = parent;
	run->card = xcalloc(1, sizeof *run->card);
	run->card->references = 1;
	run->scope = scope;
	run->blockers = 1; /* whoever makes it, until all upstream runs are known */
	run->work.run = execute_work;
	run->start_call.run = start_posted;
	if (what.mode == WEIR_ASYNC)
		run->loop = engine_loop_for(engine, parent, NULL); /* when it can't be, run_enqueue says why */
	run->retry_timer.fire = retry_due;
	run->id = uuid_new();
	pthread_mutex_init(&run->mutex, NULL);
	run->flow = what.is_flow ? flow_context_new(engine, run) : flow_context_ref(parent->run->flow);
	scope_add(scope, &run->child, group);
	return run;
}

weir_future *future_ref(weir_future *run)
{
	__atomic_add_fetch(&run->references, 1, __ATOMIC_RELAXED);
	return run;
}

static void free_upstream(weir_future *run)
{
	for (size_t i = 0; i < run->upstream.count; i++)
		future_unref(run->upstream.items[i].run);
	vec_done(&run->upstream);
}

void future_unref(weir_future *run)
{
	if (!run || __atomic_sub_fetch(&run->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	ASSERT(run->dependents.count == 0);
	free_upstream(run);
	vec_done(&run->dependents);
	json_decref(run->arguments);
	json_decref(run->result);
	flow_context_unref(run->flow);
	run_card_unref(run->card);
	transaction_unref(run->transaction);
	free(run->cache);
	free(run->name);
	free(run->view_texts);
	pthread_mutex_destroy(&run->mutex);
	free(run);
}

bool future_succeeded(const weir_future *run)
{
	return run->view.type == WEIR_COMPLETED;
}

/* One upstream run of this one has ended. */
static void unblock(weir_future *run)
{
	bool start;

	pthread_mutex_lock(&run->mutex);
	start = --run->blockers == 0 && run->phase == PHASE_BLOCKED;
	if (start)
		run->phase = PHASE_QUEUED;
	pthread_mutex_unlock(&run->mutex);
	if (start)
		gate_admit(run);
}

static void tell_dependents(weir_future *run)
{
	weir_future **dependents;
	size_t count;

	pthread_mutex_lock(&run->mutex);
	run->phase = PHASE_DONE;
	dependents = run->dependents.items;
	count = run->dependents.count;
	run->dependents.items = NULL;
	run->dependents.count = run->dependents.capacity = 0;
	pthread_mutex_unlock(&run->mutex);
	for (size_t i = 0; i < count; i++) {
		unblock(dependents[i]);
		future_unref(dependents[i]);
	}
	free(dependents);
}

/* Copy the state's texts; most runs end in one that has none to copy. */
static void keep_view(weir_future *run, weir_state view)
{
	const char *title = state_type_title((enum state_type)view.type);
	size_t name_size = strlen(view.name) + 1;
	size_t message_size = view.message ? strlen(view.message) + 1 : 0;

	run->view = (weir_state){ view.type, title, NULL };
	if (message_size == 0 && strcmp(view.name, title) == 0)
		return;
	run->view_texts = xmalloc(name_size + message_size);
	run->view.name = memcpy(run->view_texts, view.name, name_size);
	if (message_size)
		run->view.message = memcpy(run->view_texts + name_size, view.message, message_size);
}

void future_keep(weir_future *run, weir_state view, json_t *result)
{
	keep_view(run, view);
	run->result = result;
	run->result_fingerprint = value_fingerprint(run->engine, result);
}

void future_complete(weir_future *run, weir_state view, json_t *result)
{
	future_keep(run, view, result);
	future_tell(run);
}

void future_tell(weir_future *run)
{
	weir_run *parent = run->parent;

	run_card_unref(run->card);
	run->card = NULL;
	json_decref(run->arguments);
	run->arguments = NULL;
	run->parent = NULL;
	gate_leave(run);
	free_upstream(run);
	if (run->what.is_flow)
		flow_context_retire(run->engine, run->flow);
	transaction_leave(run);
	tell_dependents(run);
	scope_child_done(run->scope, &run->child);
	attempt_unref(parent);
	future_unref(run);
}
