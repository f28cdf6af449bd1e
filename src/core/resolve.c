/* SPDX-License-Identifier: Apache-2.0 */
/* What a person calls a run: an id, the beginning of one, or a name. */
#include "core/internal.h"

enum { PREFIX_MIN_CHARACTERS = 4, CANDIDATES_SHOWN = 5 };

/* The two kinds of runs differ in their table and in their words. */
struct kind {
	const char *noun;
	int (*candidates)(struct db *db, struct uuid first, struct uuid last, struct arena *arena,
	                  struct run_candidate *out, int64_t limit, struct problem *problem);
	int (*named)(struct db *db, struct str name, struct arena *arena, struct run_candidate *out, int64_t limit,
	             struct problem *problem);
};

/* The ids that begin with the text: hexadecimal digits in either case, hyphens where an id has them. */
static bool prefix_range(struct str text, struct uuid *first, struct uuid *last)
{
	char low[UUID_TEXT_LENGTH], high[UUID_TEXT_LENGTH];
	const char pattern[] = "00000000-0000-0000-0000-000000000000";
	size_t at = 0;

	memcpy(low, pattern, sizeof low);
	for (size_t i = 0; i < sizeof high; i++)
		high[i] = pattern[i] == '-' ? '-' : 'f';
	for (size_t i = 0; i < text.length; i++, at++) {
		if (at < sizeof low && pattern[at] == '-' && text.data[i] != '-')
			at++; /* written without hyphens */
		if (at >= sizeof low || (text.data[i] == '-') != (pattern[at] == '-'))
			return false;
		low[at] = high[at] = text.data[i];
	}
	if (!uuid_parse((struct str){ low, sizeof low }, first) || !uuid_parse((struct str){ high, sizeof high }, last))
		return false;
	if (uuid_is_nil(*first))
		first->bytes[sizeof first->bytes - 1] = 1; /* no run has the nil id, which SQL takes for NULL */
	return true;
}

static int ambiguous(const struct kind *kind, struct str text, const struct run_candidate *candidates, int count,
                     struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf names = { 0 };

	for (int i = 0; i < MIN(count, CANDIDATES_SHOWN); i++)
		strbuf_printf(&names, "%s%s (%.*s)", i > 0 ? ", " : "", uuid_text(candidates[i].id).text,
		              STR_ARG(candidates[i].name));
	return problem_set(problem, WEIR_ECONFLICT,
	                   "\"%.*s\" is the beginning of several %ss: %s%s; give more of the id", STR_ARG(text),
	                   kind->noun, names.data, count > CANDIDATES_SHOWN ? " and more" : "");
}

static int resolve(struct db *db, const struct kind *kind, struct str text, struct uuid *out, struct problem *problem)
{
	AUTO(arena_done) struct arena arena = { 0 };
	struct run_candidate candidates[CANDIDATES_SHOWN + 1];
	struct uuid first, last;
	int count = 0;

	if (text.length >= PREFIX_MIN_CHARACTERS && prefix_range(text, &first, &last))
		count = kind->candidates(db, first, last, &arena, candidates, ARRAY_LENGTH(candidates), problem);
	if (count > 1)
		return ambiguous(kind, text, candidates, count, problem);
	if (count == 0)
		count = kind->named(db, text, &arena, candidates, 1, problem);
	if (count < 0)
		return count;
	if (count == 0)
		return problem_set(
		        problem, WEIR_ENOTFOUND,
		        "no %s has the id, the beginning of an id (at least %d characters) or the name \"%.*s\"",
		        kind->noun, PREFIX_MIN_CHARACTERS, STR_ARG(text));
	*out = candidates[0].id;
	return 0;
}

int flow_run_resolve(struct db *db, struct str text, struct uuid *out, struct problem *problem)
{
	static const struct kind kind = { "flow run", store_flow_run_candidates, store_flow_run_named };

	return resolve(db, &kind, text, out, problem);
}

int task_run_resolve(struct db *db, struct str text, struct uuid *out, struct problem *problem)
{
	static const struct kind kind = { "task run", store_task_run_candidates, store_task_run_named };

	return resolve(db, &kind, text, out, problem);
}
