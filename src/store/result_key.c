/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "store/result_storage.h"

enum { KEY_BYTES_MAX = 1000, NAME_BYTES_MAX = 240 };

static int refuse(struct str key, const char *why, struct problem *problem)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str shown = utf8_mend(&scratch, (struct str){ key.data, MIN(key.length, (size_t)80) });

	return problem_set(problem, WEIR_EINVAL, "the result key \"%.*s\" %s", STR_ARG(shown), why);
}

/* What is wrong with one name of the path, or NULL. */
static const char *name_fault(struct str name)
{
	if (name.length == 0)
		return "has an empty part: it may neither begin or end with a slash nor have two in a row";
	if (str_is(name, ".") || str_is(name, ".."))
		return "would leave its folder: its parts must not be . or ..";
	if (name.length > NAME_BYTES_MAX)
		return "has a part of more than 240 bytes";
	return NULL;
}

static const char *character_fault(struct str key)
{
	for (size_t i = 0; i < key.length; i++) {
		if ((unsigned char)key.data[i] < ' ' || key.data[i] == 0x7f)
			return "holds a control character";
	}
	return utf8_is_valid(key) ? NULL : "is not UTF-8";
}

static bool is_own_folder(struct str first)
{
	return str_is(first, "locks") || str_is(first, "temporary");
}

int result_key_check(struct str key, struct problem *problem)
{
	const char *fault = key.length > KEY_BYTES_MAX ? "has more than 1000 bytes" : character_fault(key);
	size_t start = 0;

	while (!fault && start <= key.length) {
		const char *slash = start < key.length ? memchr(key.data + start, '/', key.length - start) : NULL;
		size_t end = slash ? (size_t)(slash - key.data) : key.length;
		struct str name = { key.data + start, end - start };

		fault = name_fault(name);
		if (!fault && start == 0 && is_own_folder(name))
			fault = "begins with a folder of the storage's own (locks, temporary)";
		start = end + 1;
	}
	return fault ? refuse(key, fault, problem) : 0;
}
