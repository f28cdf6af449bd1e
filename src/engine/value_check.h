/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_check.h - values are handed over by reference, so that one which is changed afterwards changes under whoever has
 * it now. With engine.check_values (debug builds, unless it is off) runs remember what they were given, and say so.
 */
#ifndef WEIR_ENGINE_VALUE_CHECK_H
#define WEIR_ENGINE_VALUE_CHECK_H

#include "engine/run.h"

/* What a run fails with whose arguments were changed. */
extern const char value_changed_text[];

/* A number that a changed value does not have, whatever the order of members; 0 when values are not checked. */
uint64_t value_fingerprint(const struct engine *engine, const json_t *value);

/* Does it still have it? Always true for 0. */
bool value_is_unchanged(const struct engine *engine, const json_t *value, uint64_t fingerprint);

#endif
