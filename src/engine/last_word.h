/* SPDX-License-Identifier: Apache-2.0 */
/* last_word.h - when the program crashes, a file tells how and in which run: who opens the store next records it. */
#ifndef WEIR_ENGINE_LAST_WORD_H
#define WEIR_ENGINE_LAST_WORD_H

#include "base/problem.h"
#include "base/uuid.h"

/* From now on crashes are told of, as those of the program of that id at the store of that path. Before threads are started. */
void last_word_begin(const char *store_path, struct uuid program_id);

/* No more. */
void last_word_end(void);

#endif
