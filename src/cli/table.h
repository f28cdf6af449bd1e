/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - a table on standard output: columns aligned by what a terminal shows (Chinese and emoji are two wide), cut to
 * the terminal's width when there is one.
 *
 * The first rows are held back to learn the columns' widths; later ones are written as they come, so a listing of any
 * length takes little memory.
 */
#ifndef WEIR_CLI_TABLE_H
#define WEIR_CLI_TABLE_H

#include "base/arena.h"
#include "base/vec.h"
#include "cli/output.h"

enum { TABLE_COLUMNS_MAX = 8, TABLE_SAMPLE_ROWS = 1000 };

struct table_column {
	const char *title;
	size_t minimum; /* on a narrow terminal it is cut to this, not further; 0: never cut */
	bool last; /* cut only when all others are at their minimum; without "…", so that a cut id is a usable prefix */
};

struct table_cell {
	struct str text; /* shown with control characters made visible */
	enum style style;
};

struct table {
	struct output *output;
	const struct table_column *columns;
	size_t column_count;
	struct arena arena;                 /* of the rows that are held back */
	struct VEC(struct table_cell) held; /* column_count cells for each row */
	size_t widths[TABLE_COLUMNS_MAX];   /* in terminal columns */
	bool started;                       /* the widths are fixed, the titles written */
};

void table_init(struct table *table, struct output *output, const struct table_column *columns, size_t count);

/* Add a row of as many cells as there are columns; the texts are copied. False when nobody reads any more. */
bool table_add(struct table *table, const struct table_cell *cells);

/* Write what is held back; the titles also when there is no row. */
void table_finish(struct table *table);
void table_done(struct table *table);

#endif
