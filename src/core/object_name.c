/* SPDX-License-Identifier: Apache-2.0 */
#include "core/object_name.h"

#include "base/utf8.h"

enum { NAME_MAX_BYTES = 255, QUOTED_BYTES = 80 };

static bool is_allowed(char character, const char *more)
{
	return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') ||
	       (character && strchr(more, character));
}

int object_name_check(const char *what, struct str name, const char *more, struct problem *problem)
{
	bool right = name.length > 0 && name.length <= NAME_MAX_BYTES;

	for (size_t i = 0; right && i < name.length; i++)
		right = is_allowed(name.data[i], more);
	if (right)
		return 0;
	return problem_set(problem, WEIR_EINVAL, "%s is made of 1 to %d lower case letters, digits%s%s: not '%.*s'",
	                   what, NAME_MAX_BYTES, strchr(more, '-') ? ", dashes" : "",
	                   strchr(more, '_') ? ", underscores" : "", STR_ARG(utf8_clip(name, QUOTED_BYTES)));
}
