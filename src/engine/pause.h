/* SPDX-License-Identifier: Apache-2.0 */
/* pause.h - flow runs that wait for a person, within the program that runs them. */
#ifndef WEIR_ENGINE_PAUSE_H
#define WEIR_ENGINE_PAUSE_H

#include "engine/run.h"

/* Somebody says that the run was resumed: if its function waits for that, it looks. Called with engine->mutex. */
void pause_wake(struct flow_context *flow);

/* How to go on with a suspended run, as one sentence: "flow run 'calm-otter' is suspended; …". */
int pause_sentence(weir_future *run, struct str schema, struct strbuf *out, struct problem *problem);

#endif
