/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/template.h"

#include "base/utf8.h"

/* Where a place of the template is, in characters from 1. */
static int fail_at(struct str template, const char *place, struct problem *problem, const char *message)
{
	struct str before = { template.data, (size_t)(place - template.data) };

	problem_set(problem, WEIR_EINVAL, "%s", message);
	return problem_at(problem, "character %zu", utf8_count(before) + 1);
}

/* The brace at `at` begins a placeholder: append its value. *after gets where the text goes on. */
static int expand_one(struct str template, const char *at, template_value_fn *value, void *data, struct strbuf *out,
                      const char **after, struct problem *problem)
{
	const char *end = template.data + template.length;
	const char *close = memchr(at, '}', (size_t)(end - at));
	struct str name = { at + 1, close ? (size_t)(close - at - 1) : 0 };

	if (!close || memchr(name.data, '{', name.length))
		return fail_at(template, at, problem, "this { has no }; a brace itself is written {{");
	if (name.length == 0)
		return fail_at(template, at, problem, "{} has no name in it; braces themselves are written {{ and }}");
	*after = close + 1;
	return value(data, name, out, problem);
}

int template_expand(struct str template, template_value_fn *value, void *data, struct strbuf *out,
                    struct problem *problem)
{
	const char *at = template.data, *end = template.data + template.length;
	int result = 0;

	while (result == 0 && at < end) {
		bool doubled = at + 1 < end && at[1] == at[0];

		if (*at != '{' && *at != '}') {
			strbuf_putc(out, *at++);
		} else if (doubled) {
			strbuf_putc(out, *at);
			at += 2;
		} else if (*at == '}') {
			result = fail_at(template, at, problem, "this } has no {; a brace itself is written }}");
		} else {
			result = expand_one(template, at, value, data, out, &at, problem);
		}
	}
	return result;
}

void name_append(struct strbuf *out, struct str text, size_t size_max)
{
	static const char mark[] = "…";
	AUTO(arena_done) struct arena scratch = { 0 };
	struct str mended = utf8_mend(&scratch, text);
	bool cut = size_max > 0 && mended.length > size_max;
	size_t first = out->length;

	if (cut)
		mended = utf8_clip(mended, size_max - (sizeof mark - 1));
	strbuf_add_str(out, mended);
	for (size_t i = first; i < out->length; i++) {
		if ((unsigned char)out->data[i] < 0x20 || out->data[i] == 0x7f)
			out->data[i] = ' ';
	}
	if (cut)
		strbuf_puts(out, mark);
}
