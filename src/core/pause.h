/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause.h - flow runs that wait for a person: paused in their program, or suspended, which leaves it. What is asked for is
 * kept as JSON schema, with the answer beside it, in the run's inputs ("paused-KEY-schema", "-description", "-response").
 */
#ifndef WEIR_CORE_PAUSE_H
#define WEIR_CORE_PAUSE_H

#include "core/core.h"

/* A pause that a run asks for. */
struct pause {
	struct uuid run_id;
	bool suspend;           /* it leaves its program */
	struct str key;         /* once for each */
	int64_t timeout;        /* wall clock: no resuming after this; TIMESTAMP_NONE: none */
	struct str schema;      /* of the input; STR_NULL: none is asked for */
	struct str description; /* or STR_NULL */
};

enum pause_status { PAUSE_REFUSED, PAUSE_WAITS, PAUSE_RESUMED, PAUSE_EXPIRED };

/* How it stands with a pause. Texts lie in tx->arena. */
struct pause_answer {
	enum pause_status status;
	struct str input;      /* PAUSE_RESUMED: a JSON object */
	struct str reason;     /* PAUSE_REFUSED */
	enum state_type state; /* of the run */
};

/* Pause the run, unless the pause of this key was resumed already (PAUSE_RESUMED), or the rules refuse. WEIR_ENOTFOUND. */
MUST_CHECK int flow_run_pause(struct tx *tx, const struct pause *pause, struct pause_answer *out);

/* Was it resumed (PAUSE_REFUSED: without the input that it needs)? Else PAUSE_EXPIRED when somebody found its time to be up and has failed the run, or PAUSE_WAITS, also before
   it has begun. */
MUST_CHECK int flow_run_pause_look(struct tx *tx, const struct pause *pause, struct pause_answer *out);

/* Its time is up: unless somebody has resumed it, the run is Failed, with this message. */
MUST_CHECK int flow_run_pause_expire(struct tx *tx, const struct pause *pause, struct str message,
                                     struct pause_answer *out);

/*
 * Resume a run with an input (JSON object; STR_NULL: {}). A paused one is Running then, a suspended one Scheduled under the
 * name Resuming. The verdict tells why not: it is not paused, its time was up (then it is Failed), or the input does not fit.
 * WEIR_ENOTFOUND.
 */
MUST_CHECK int flow_run_resume(struct tx *tx, struct uuid id, struct str input, struct set_state_result *out);

/*
 * A program takes over a suspended run to begin it anew: resumed without input if nobody has done it yet, then Running under
 * this program. *now is STATE_RUNNING then, or STATE_FAILED when its time was up. WEIR_ECONFLICT says why it can't be.
 */
MUST_CHECK int flow_run_take_over(struct tx *tx, struct uuid id, struct uuid program_id, enum state_type *now);

/* What a run in this state asks for. STR_NULL where it says nothing. Texts in the arena. */
MUST_CHECK int flow_run_asks(struct db *db, struct uuid id, const struct state *state, struct arena *arena,
                             struct str *schema, struct str *description, struct problem *problem);

/* The name of a run as a shell takes it. */
void pause_put_name(struct strbuf *out, struct str name);

/* How to resume a run of this name: "weir flow-run resume calm-otter --input name=…"; optional inputs in brackets. */
MUST_CHECK int pause_how(struct arena *arena, struct str run_name, struct str schema, struct strbuf *out,
                         struct problem *problem);

#endif
