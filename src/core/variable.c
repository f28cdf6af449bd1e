/* SPDX-License-Identifier: Apache-2.0 */
/* Variables: named values that all flows share. */
#include "core/variable.h"

#include "base/utf8.h"
#include "core/internal.h"
#include "core/object_name.h"

static const char EVENT_KIND[] = "variable";

static int not_found(struct str name, int result, struct problem *problem)
{
	if (result != WEIR_ENOTFOUND)
		return result;
	return problem_set(problem, result, "there is no variable '%.*s'", STR_ARG(name));
}

static int check(const struct variable *variable, struct problem *problem)
{
	int result = object_name_check("a variable's name", variable->name, "-_", problem);
	size_t count = utf8_count(variable->value);

	if (result == 0 && count > VARIABLE_VALUE_MAX)
		result = problem_set(problem, WEIR_ELIMIT,
		                     "the value of variable '%.*s' has %zu characters as JSON; at most %d are allowed",
		                     STR_ARG(variable->name), count, VARIABLE_VALUE_MAX);
	return result;
}

static int create(struct tx *tx, struct variable *variable)
{
	bool inserted;
	int result;

	variable->id = uuid_new();
	variable->created = variable->updated = tx->now_us;
	variable->tags = str_or(variable->tags, STR("[]"));
	result = store_variable_insert(tx->db, variable, &inserted, tx->problem);
	return result < 0 ? result : object_event(tx, EVENT_KIND, variable->id, variable->name, "created");
}

static int replace(struct tx *tx, struct variable *variable, const struct variable *there)
{
	int result;

	variable->id = there->id;
	variable->created = there->created;
	variable->updated = tx->now_us;
	variable->tags = str_or(variable->tags, there->tags);
	result = store_variable_update(tx->db, variable, tx->problem);
	return result < 0 ? result : object_event(tx, EVENT_KIND, variable->id, variable->name, "updated");
}

int variable_set(struct tx *tx, struct variable *variable, bool overwrite)
{
	struct variable there;
	int result = check(variable, tx->problem);

	if (result == 0)
		result = store_variable_find_name(tx->db, variable->name, tx->arena, &there, tx->problem);
	if (result == WEIR_ENOTFOUND)
		return create(tx, variable);
	if (result < 0)
		return result;
	if (!overwrite)
		return problem_set(tx->problem, WEIR_EEXISTS, "there is a variable '%.*s' already",
		                   STR_ARG(variable->name));
	return replace(tx, variable, &there);
}

int variable_delete(struct tx *tx, struct str name)
{
	struct variable there;
	int result = store_variable_find_name(tx->db, name, tx->arena, &there, tx->problem);

	if (result == 0)
		result = store_variable_delete(tx->db, there.id, tx->problem);
	if (result < 0)
		return not_found(name, result, tx->problem);
	return object_event(tx, EVENT_KIND, there.id, there.name, "deleted");
}

int variable_find(struct db *db, struct str name, struct arena *arena, struct variable *out, struct problem *problem)
{
	return not_found(name, store_variable_find_name(db, name, arena, out, problem), problem);
}
