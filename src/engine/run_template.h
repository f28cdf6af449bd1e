/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_template.h - names that are made from a run: .run_name and .result_key. Their placeholders are the parameters,
 * {task_name} (of a task), {flow_name}, {flow_run_name} (of a task: the flow run it is in) and {count}. A parameter of the
 * same name comes before the others.
 */
#ifndef WEIR_ENGINE_RUN_TEMPLATE_H
#define WEIR_ENGINE_RUN_TEMPLATE_H

#include "engine/run.h"

/* The longest name that a template makes for a run, in bytes, and the longest value within it. */
enum { RUN_NAME_BYTES = 240, RUN_NAME_VALUE_BYTES = 120 };

/* Is the template sound? member is what it is called in messages: ".run_name". WEIR_EINVAL names the place and, for an
   unknown placeholder, those that there are. */
MUST_CHECK int template_check(const struct callable *what, const char *member, const char *template,
                              struct problem *problem);

/* Are the values known that the template asks for? False while a parameter of it holds weir_output_of a child, and for a
   call that was wrong. */
bool template_is_ready(const weir_future *run, const char *template);

/*
 * The text of a sound template for this run, whose arguments are bound: in the arena, well-formed UTF-8 without control
 * characters. A value that is no text comes as compact JSON. Values are cut to value_bytes each, all of it to bytes (0: they
 * are not cut), between characters.
 */
char *template_fill(struct arena *arena, const char *template, const weir_future *run, size_t value_bytes,
                    size_t bytes);

/*
 * The name that .run_name gives to a run that was given no other, in the card's arena. NULL: it has no template, the
 * template gives no text, or its values are not known yet; then run->named_late is set.
 */
const char *run_template_name(weir_future *run);

/* The arguments are known now: name the run that run_template_name could not. Before its attempt begins. */
void run_template_name_late(weir_future *run);

#endif
