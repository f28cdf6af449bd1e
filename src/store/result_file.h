/* SPDX-License-Identifier: Apache-2.0 */
/* result_file.h - the text of a result's file: a line of JSON that tells what it is, with a hash of all, then the body. */
#ifndef WEIR_STORE_RESULT_FILE_H
#define WEIR_STORE_RESULT_FILE_H

#include "store/result_storage.h"

/* Append the first line, with its line break; the record's body is to follow. WEIR_EINVAL when the cache key or the name is
   too long. */
MUST_CHECK int result_header_write(struct strbuf *out, struct str key, const struct result_record *record,
                                   struct problem *problem);

/* Read a whole file: hash, size and key are compared. The record's body points into text, its other texts into the
   arena. WEIR_ECORRUPT, saying what is wrong; WEIR_EVERSION for a file of a newer Weir. */
MUST_CHECK int result_file_read(struct str text, struct str key, struct arena *arena, struct result_record *out,
                                struct problem *problem);

#endif
