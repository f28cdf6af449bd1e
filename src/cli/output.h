/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - what the command says on standard output: gathered, written in large pieces, and never lost silently. */
#ifndef WEIR_CLI_OUTPUT_H
#define WEIR_CLI_OUTPUT_H

#include "base/problem.h"
#include "base/strbuf.h"

/* Colours and weights of a terminal. */
enum style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_BLUE, STYLE_MAGENTA };

struct output {
	int fd;
	bool terminal;  /* somebody looks at it: control characters are made visible, tables fit the width */
	bool colour;    /* a terminal that wants colours (NO_COLOR, TERM) */
	size_t columns; /* width of the terminal; 0: not a terminal, nothing is cut */
	struct strbuf buffer;
	int error_number; /* of the first write that failed: nothing is written after it */
};

/* Look at what the descriptor is: COLUMNS, else the terminal's own size, else 80 columns. */
void output_init(struct output *output, int fd);

/* Append to the buffer. Nothing is written before one of the flush functions is called. */
void output_str(struct output *output, struct str text);
void output_puts(struct output *output, const char *text);
void output_printf(struct output *output, const char *format, ...) PRINTF_LIKE(2, 3);

/* Text between the escape sequences of a style, when there are colours. */
void output_styled(struct output *output, enum style style, struct str text);

/* Write what is gathered, or only when that is much. False when nobody reads it any more (or the disk is full), so that
   the caller can stop; what was gathered is dropped then. */
bool output_flush(struct output *output);
bool output_flush_full(struct output *output);

/* Forget what is gathered: half an answer is worse than none. */
void output_drop(struct output *output);

/*
 * Write the rest and free the buffer. A reader that has gone away (| head) is no error; a full disk is. Called once, at
 * the end: a command that has printed nothing wrong must not end with success when its output was lost.
 */
MUST_CHECK int output_finish(struct output *output, struct problem *problem);

#endif
