/* SPDX-License-Identifier: Apache-2.0 */
/* forked.h - copies of the process that the user's code forks. The engine's threads are not in them, and its locks and files are
   the program's: weir calls fail there, and nothing is done at their exit. */
#ifndef WEIR_ENGINE_FORKED_H
#define WEIR_ENGINE_FORKED_H

#include <stdbool.h>

/* Have the copies know what they are. Once, with the engine. */
void forked_watch(void);

/* Is this process such a copy? */
bool forked_is_copy(void);

/* A function has returned: in a copy that can't lead anywhere, so it says so and ends the process. */
void forked_check_return(const char *name);

#endif
