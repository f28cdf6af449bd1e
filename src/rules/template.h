/* SPDX-License-Identifier: Apache-2.0 */
/* template.h - texts with places for values: "check {source}". {{ and }} are braces. */
#ifndef WEIR_RULES_TEMPLATE_H
#define WEIR_RULES_TEMPLATE_H

#include "base/problem.h"
#include "base/strbuf.h"

/* Append the value of a placeholder to out. An error, with the problem filled, ends the filling. */
typedef int template_value_fn(void *data, struct str name, struct strbuf *out, struct problem *problem);

/*
 * Fill a template: append its text to out, asking for the value of each placeholder in order. WEIR_EINVAL, with
 * "character N" as the problem's path, for a brace that is not closed or was not opened and for a placeholder without name;
 * else what value returns. out then holds the text up to there.
 */
MUST_CHECK int template_expand(struct str template, template_value_fn *value, void *data, struct strbuf *out,
                               struct problem *problem);

/*
 * Append text to a name: control characters (line breaks, tabs) become spaces, bytes that are not UTF-8 U+FFFD, and what goes
 * over size_max bytes is cut between characters, with "…" (counted) at the end. 0: as long as it is.
 */
void name_append(struct strbuf *out, struct str text, size_t size_max);

#endif
