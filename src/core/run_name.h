/* SPDX-License-Identifier: Apache-2.0 */
/* run_name.h - names for runs that were given none: easy to say, hard to confuse, kind. */
#ifndef WEIR_CORE_RUN_NAME_H
#define WEIR_CORE_RUN_NAME_H

#include "base/uuid.h"

enum { RUN_NAME_SIZE = 32 };

/* "calm-otter": an adjective and an animal, by the random end of the run's id. */
void run_name_make(char out[RUN_NAME_SIZE], struct uuid id);

#endif
