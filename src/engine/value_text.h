/* SPDX-License-Identifier: Apache-2.0 */
/* value_text.h - values of jansson as JSON text, with a limit, and with an error that tells the place. */
#ifndef WEIR_ENGINE_VALUE_TEXT_H
#define WEIR_ENGINE_VALUE_TEXT_H

#include "base/problem.h"
#include "base/strbuf.h"

#include <jansson.h>

/*
 * Append the compact text. sorted: members in the order of their names, so that equal values have one text. More than
 * max_bytes are WEIR_ELIMIT; text that is not UTF-8, and nesting that could not be read back, WEIR_EINVAL with the place
 * as the problem's path ("$.rows[3].name").
 */
MUST_CHECK int value_write(const json_t *value, bool sorted, size_t max_bytes, struct strbuf *out,
                           struct problem *problem);

/* Read what value_write wrote: a new reference, or NULL with the problem filled. */
json_t *value_read(struct str text, struct problem *problem);

#endif
