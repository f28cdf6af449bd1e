/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/transaction.h"

#include "engine/hooks.h"
#include "engine/key_hold.h"
#include "engine/off_loop.h"
#include "engine/process_child.h"
#include "engine/record.h"

#include <stdlib.h>

/* A part that has completed. */
struct part {
	weir_run *attempt;     /* counted */
	struct run_card *card; /* counted: for the state that a rollback records */
};

struct staged_entry {
	char *key;
	struct staged_result *result;
};

struct weir_transaction {
	unsigned references;
	weir_run *owner; /* the attempt that began it; not counted, but it lives while the transaction is open */
	weir_transaction *outer; /* counted; NULL: none */
	weir_transaction *next;  /* the owner's next open one, begun before; under the owner's mutex */

	pthread_mutex_t mutex; /* guards what follows */
	bool open;
	bool failed;               /* a part did not complete: it can only be rolled back */
	size_t unfinished;         /* parts */
	struct scope_event *empty; /* of who waits for the last part, on its stack; or NULL */
	struct VEC(struct part) parts;
	struct VEC(struct staged_entry) staged;
	struct VEC(struct key_hold *) holds;
	json_t *values;
};

static weir_transaction *transaction_ref(weir_transaction *transaction)
{
	if (transaction)
		__atomic_add_fetch(&transaction->references, 1, __ATOMIC_RELAXED);
	return transaction;
}

void transaction_unref(weir_transaction *transaction)
{
	if (!transaction || __atomic_sub_fetch(&transaction->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	ASSERT(transaction->parts.count == 0 && transaction->staged.count == 0 && transaction->holds.count == 0);
	vec_done(&transaction->parts);
	vec_done(&transaction->staged);
	vec_done(&transaction->holds);
	json_decref(transaction->values);
	transaction_unref(transaction->outer);
	pthread_mutex_destroy(&transaction->mutex);
	free(transaction);
}

static bool is_open(weir_transaction *transaction)
{
	bool open;

	if (!transaction)
		return false;
	pthread_mutex_lock(&transaction->mutex);
	open = transaction->open;
	pthread_mutex_unlock(&transaction->mutex);
	return open;
}

/* The transaction that a child of this attempt would be part of, as a reference; NULL: none. */
static weir_transaction *innermost(weir_run *attempt)
{
	weir_transaction *found;

	pthread_mutex_lock(&attempt->mutex);
	found = transaction_ref(attempt->transactions);
	pthread_mutex_unlock(&attempt->mutex);
	return found ? found : transaction_ref(attempt->run->transaction);
}

/* --- Parts --- */

void transaction_join(weir_future *child, weir_run *parent)
{
	weir_transaction *transaction = innermost(parent);
	bool joined = false;

	if (!transaction)
		return;
	pthread_mutex_lock(&transaction->mutex);
	if (transaction->open) {
		transaction->unfinished++;
		joined = true;
	}
	pthread_mutex_unlock(&transaction->mutex);
	if (joined)
		child->transaction = transaction;
	else
		transaction_unref(transaction);
}

void transaction_leave(weir_future *run)
{
	weir_transaction *transaction = run->transaction;
	struct scope_event *empty = NULL;

	if (!transaction)
		return;
	pthread_mutex_lock(&transaction->mutex);
	transaction->failed = transaction->failed || !future_succeeded(run);
	if (--transaction->unfinished == 0) {
		empty = transaction->empty;
		transaction->empty = NULL;
	}
	pthread_mutex_unlock(&transaction->mutex);
	if (empty)
		scope_signal(&transaction->owner->scope, empty);
}

/* A run that took its result from the cache, or skipped itself, has done nothing that could be undone. */
static bool has_done_something(const weir_run *attempt, const weir_state *state)
{
	return attempt && !attempt->cached && state->type == WEIR_COMPLETED && strcmp(state->name, "Skipped") != 0;
}

void transaction_child_ended(weir_future *run, weir_run *attempt, const weir_state *state)
{
	weir_transaction *transaction = run->transaction;

	if (!has_done_something(attempt, state))
		return;
	if (!transaction) {
		hook_run(attempt, run->what.task->on_commit, state);
		return;
	}
	pthread_mutex_lock(&transaction->mutex);
	vec_push(&transaction->parts, ((struct part){ attempt_ref(attempt), run_card_ref(run->card) }));
	pthread_mutex_unlock(&transaction->mutex);
}

/* --- Staged results --- */

bool transaction_is_open(const weir_future *run)
{
	return is_open(run->transaction);
}

void transaction_stage(weir_future *run, struct str key, struct staged_result *staged)
{
	weir_transaction *transaction = run->transaction;
	struct staged_entry entry = { memcpy(xcalloc(1, key.length + 1), key.data, key.length), staged };

	pthread_mutex_lock(&transaction->mutex);
	vec_push(&transaction->staged, entry);
	pthread_mutex_unlock(&transaction->mutex);
}

struct staged_result *transaction_find(const weir_future *run, struct str key)
{
	struct staged_result *found = NULL;

	for (weir_transaction *around = run->transaction; around && !found; around = around->outer) {
		pthread_mutex_lock(&around->mutex);
		for (size_t i = around->staged.count; i-- > 0 && !found;) {
			if (str_is(key, around->staged.items[i].key))
				found = around->staged.items[i].result;
		}
		pthread_mutex_unlock(&around->mutex);
	}
	return found;
}

struct publishing {
	struct staged_result *staged;
	int result;
	struct problem problem;
};

static void publish(void *data)
{
	struct publishing *publishing = data;

	publishing->result = staged_result_publish(publishing->staged, &publishing->problem);
}

/* Nobody misses a result that can't be published: it is computed anew. */
static void end_staged(weir_transaction *transaction, bool commit)
{
	for (size_t i = 0; i < transaction->staged.count; i++) {
		struct staged_entry *entry = &transaction->staged.items[i];
		struct publishing publishing = { .staged = entry->result };

		if (commit)
			off_loop(transaction->owner, publish, &publishing);
		else
			staged_result_discard(entry->result);
		if (publishing.result < 0)
			run_log(transaction->owner->run, 30, "a cached result could not be stored: %s",
			        publishing.problem.message);
		free(entry->key);
	}
	transaction->staged.count = 0;
}

/* --- Ending --- */

/* Wait until all parts have ended; from then on nothing joins. */
static void close_when_empty(weir_transaction *transaction)
{
	struct scope_event empty = { 0 };
	bool wait;

	pthread_mutex_lock(&transaction->mutex);
	wait = transaction->unfinished > 0;
	if (wait)
		transaction->empty = &empty;
	pthread_mutex_unlock(&transaction->mutex);
	if (wait)
		scope_await_event(&transaction->owner->scope, &empty);
	pthread_mutex_lock(&transaction->mutex);
	transaction->open = false;
	pthread_mutex_unlock(&transaction->mutex);
}

static void free_parts(weir_transaction *transaction)
{
	for (size_t i = 0; i < transaction->parts.count; i++) {
		attempt_unref(transaction->parts.items[i].attempt);
		run_card_unref(transaction->parts.items[i].card);
	}
	transaction->parts.count = 0;
	for (size_t i = 0; i < transaction->holds.count; i++)
		key_hold_release(transaction->holds.items[i]);
	transaction->holds.count = 0;
}

static void commit_parts(weir_transaction *transaction)
{
	end_staged(transaction, true);
	for (size_t i = 0; i < transaction->parts.count; i++) {
		weir_run *attempt = transaction->parts.items[i].attempt;

		hook_run(attempt, attempt->run->what.task->on_commit, &attempt->run->view);
	}
	free_parts(transaction);
}

static void roll_back_parts(weir_transaction *transaction)
{
	size_t count = transaction->parts.count;

	end_staged(transaction, false);
	run_log(transaction->owner->run, 30, "the transaction is rolled back: %zu completed run%s undone", count,
	        count == 1 ? "" : "s");
	for (size_t i = count; i-- > 0;) {
		struct part *part = &transaction->parts.items[i];

		hook_run(part->attempt, part->attempt->run->what.task->on_rollback, &part->attempt->run->view);
		record_task_rolled_back(part->attempt->run, part->card);
	}
	free_parts(transaction);
}

/* Hand all over to the transaction around this one. */
static void merge(weir_transaction *transaction, weir_transaction *outer)
{
	pthread_mutex_lock(&outer->mutex);
	for (size_t i = 0; i < transaction->parts.count; i++)
		vec_push(&outer->parts, transaction->parts.items[i]);
	for (size_t i = 0; i < transaction->staged.count; i++)
		vec_push(&outer->staged, transaction->staged.items[i]);
	for (size_t i = 0; i < transaction->holds.count; i++)
		vec_push(&outer->holds, transaction->holds.items[i]);
	pthread_mutex_unlock(&outer->mutex);
	transaction->parts.count = transaction->staged.count = transaction->holds.count = 0;
}

/* Take the owner's innermost open one out of its list. */
static weir_transaction *take_innermost(weir_run *owner)
{
	weir_transaction *transaction;

	pthread_mutex_lock(&owner->mutex);
	transaction = owner->transactions;
	if (transaction)
		owner->transactions = transaction->next;
	pthread_mutex_unlock(&owner->mutex);
	return transaction;
}

/* End one that was taken out of its owner's list. False when it was rolled back. */
static bool end(weir_transaction *transaction, bool commit)
{
	close_when_empty(transaction);
	commit = commit && !transaction->failed && !attempt_refusal(transaction->owner);
	if (!commit)
		roll_back_parts(transaction);
	else if (is_open(transaction->outer))
		merge(transaction, transaction->outer);
	else
		commit_parts(transaction);
	transaction_unref(transaction);
	return commit;
}

/* End a transaction, and before it those that were begun within it and left open. */
static bool end_with_inner(weir_transaction *transaction, bool commit)
{
	weir_run *owner = transaction->owner;
	weir_transaction *inner;

	while ((inner = take_innermost(owner)) != transaction) {
		ASSERT(inner != NULL); /* it was ended before */
		if (!end(inner, commit))
			commit = false;
	}
	return end(transaction, commit);
}

void transactions_end(weir_run *attempt, bool completed)
{
	weir_transaction *open;

	while ((open = take_innermost(attempt))) {
		if (!end(open, completed) && completed)
			run_log(attempt->run, 30, "returned a value although its transaction had to be rolled back");
	}
}

/* --- The calls --- */

static int take_key(weir_run *run, weir_transaction *transaction, const char *key)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct problem problem;
	struct key_hold *hold;
	int result;

	strbuf_printf(&text, "transaction:%s", key);
	result = key_hold_take(run, KEY_OF_STORAGE, strbuf_str(&text), &hold, &problem);
	if (result == 0)
		vec_push(&transaction->holds, hold);
	if (result == WEIR_EBUSY) /* one around this one has the key for both */
		return 0;
	if (result < 0 && !attempt_refusal(run))
		weir_fail(run, "the transaction '%s' can't be begun: %s", key, problem.message);
	return result;
}

WEIR_API weir_transaction *weir_transaction_begin(weir_run *run, const char *key)
{
	weir_transaction *transaction;

	if (attempt_refusal(run) || run->in_hook || process_child_refuses(run, "begin transactions"))
		return NULL;
	transaction = xcalloc(1, sizeof *transaction);
	transaction->references = 1;
	transaction->owner = run;
	transaction->open = true;
	transaction->outer = innermost(run);
	pthread_mutex_init(&transaction->mutex, NULL);
	if (key && take_key(run, transaction, key) < 0) {
		transaction_unref(transaction);
		return NULL;
	}
	pthread_mutex_lock(&run->mutex);
	transaction->next = run->transactions;
	run->transactions = transaction;
	pthread_mutex_unlock(&run->mutex);
	return transaction;
}

WEIR_API int weir_transaction_commit(weir_transaction *transaction)
{
	return end_with_inner(transaction, true) ? 0 : WEIR_EFAILED;
}

WEIR_API void weir_transaction_rollback(weir_transaction *transaction)
{
	(void)end_with_inner(transaction, false);
}

static void put(json_t **values, const char *name, json_t *value)
{
	if (!*values)
		*values = json_object();
	json_object_set(*values, name, value);
}

json_t *transaction_values(const weir_future *run)
{
	json_t *all = NULL;

	for (weir_transaction *around = run->transaction; around; around = around->outer) {
		pthread_mutex_lock(&around->mutex);
		if (around->values && !all)
			all = json_object();
		if (around->values)
			json_object_update_missing(all, around->values);
		pthread_mutex_unlock(&around->mutex);
	}
	return all;
}

WEIR_API void weir_transaction_set(weir_run *run, const char *name, json_t *value)
{
	weir_transaction *transaction = innermost(run);

	pthread_mutex_lock(&run->mutex);
	put(&run->values, name, value);
	pthread_mutex_unlock(&run->mutex);
	if (transaction) {
		pthread_mutex_lock(&transaction->mutex);
		put(&transaction->values, name, value);
		pthread_mutex_unlock(&transaction->mutex);
	}
	transaction_unref(transaction);
	if (process_child_is(run))
		process_child_tell_value(name, value);
	json_decref(value);
}

WEIR_API json_t *weir_transaction_get(weir_run *run, const char *name)
{
	weir_transaction *transaction = innermost(run);
	json_t *value;

	pthread_mutex_lock(&run->mutex);
	value = json_incref(json_object_get(run->values, name));
	pthread_mutex_unlock(&run->mutex);
	for (weir_transaction *around = transaction; around && !value; around = around->outer) {
		pthread_mutex_lock(&around->mutex);
		value = json_incref(json_object_get(around->values, name));
		pthread_mutex_unlock(&around->mutex);
	}
	transaction_unref(transaction);
	return value;
}
