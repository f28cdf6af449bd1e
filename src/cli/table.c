/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include "base/utf8.h"
#include "cli/text.h"

enum { GAP_COLUMNS = 2 }; /* between columns */

void table_init(struct table *table, struct output *output, const struct table_column *columns, size_t count)
{
	ASSERT(count > 0 && count <= TABLE_COLUMNS_MAX);
	*table = (struct table){ .output = output, .columns = columns, .column_count = count };
	for (size_t i = 0; i < count; i++)
		table->widths[i] = strlen(columns[i].title);
}

/* --- Widths --- */

static size_t total_width(const struct table *table)
{
	size_t total = GAP_COLUMNS * (table->column_count - 1);

	for (size_t i = 0; i < table->column_count; i++)
		total += table->widths[i];
	return total;
}

/* The widest column that may be cut further, of those that are cut last or not; -1 when there is none. */
static int find_widest(const struct table *table, bool last)
{
	int widest = -1;

	for (size_t i = 0; i < table->column_count; i++) {
		const struct table_column *column = &table->columns[i];

		if (column->minimum == 0 || column->last != last || table->widths[i] <= column->minimum)
			continue;
		if (widest < 0 || table->widths[i] > table->widths[widest])
			widest = (int)i;
	}
	return widest;
}

/* Take from the widest columns, a terminal column at a time, until the row fits or nothing can be cut. */
static void fit(struct table *table)
{
	size_t room = table->output->columns;
	size_t total;

	if (room == 0)
		return;
	for (size_t i = 0; i < table->column_count; i++)
		table->widths[i] = MIN(table->widths[i], room);
	total = total_width(table);
	while (total > room) {
		int widest = find_widest(table, false);

		if (widest < 0)
			widest = find_widest(table, true);
		if (widest < 0)
			return;
		table->widths[widest]--;
		total--;
	}
}

/* --- Rows --- */

/* What of a cell there is room for. Ids are ASCII, so cutting them by bytes is cutting them by columns. */
static struct str cut_cell(struct arena *arena, const struct table *table, size_t column, struct str text)
{
	size_t width = table->widths[column];

	if (table->output->columns == 0)
		return text;
	if (table->columns[column].last && text.length > width && utf8_width(text) == text.length)
		return (struct str){ text.data, width };
	return text_clip(arena, text, width);
}

static void pad(struct output *output, size_t columns)
{
	output_printf(output, "%*s", (int)columns, "");
}

/* The last cell of a row is not padded: no line ends with blanks. */
static void write_row(const struct table *table, const struct table_cell *cells)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	size_t owed = 0;

	for (size_t i = 0; i < table->column_count; i++) {
		struct str text = cut_cell(&scratch, table, i, cells[i].text);
		size_t width = utf8_width(text);

		if (text.length > 0) {
			pad(table->output, owed);
			output_styled(table->output, cells[i].style, text);
			owed = 0;
		} else {
			width = 0;
		}
		owed += MAX(table->widths[i], width) - width + GAP_COLUMNS;
	}
	output_puts(table->output, "\n");
}

static void write_titles(const struct table *table)
{
	struct table_cell titles[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < table->column_count; i++)
		titles[i] = (struct table_cell){ str_of(table->columns[i].title), STYLE_BOLD };
	write_row(table, titles);
}

/* Fix the widths and write what was held back. */
static void start(struct table *table)
{
	fit(table);
	write_titles(table);
	for (size_t i = 0; i < table->held.count; i += table->column_count)
		write_row(table, &table->held.items[i]);
	table_done(table);
	table->started = true;
}

/* Keep a row, whose texts are visible ones, until the widths are known. */
static void hold(struct table *table, const struct table_cell *cells)
{
	for (size_t i = 0; i < table->column_count; i++) {
		struct table_cell cell = { arena_str(&table->arena, cells[i].text), cells[i].style };

		vec_push(&table->held, cell);
		table->widths[i] = MAX(table->widths[i], utf8_width(cell.text));
	}
}

bool table_add(struct table *table, const struct table_cell *cells)
{
	AUTO(arena_done) struct arena scratch = { 0 };
	struct table_cell visible[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < table->column_count; i++)
		visible[i] = (struct table_cell){ text_visible(&scratch, cells[i].text), cells[i].style };
	if (!table->started) {
		hold(table, visible);
		if (table->held.count < TABLE_SAMPLE_ROWS * table->column_count)
			return true;
		start(table);
	} else {
		write_row(table, visible);
	}
	return output_flush_full(table->output);
}

void table_finish(struct table *table)
{
	if (!table->started)
		start(table);
	output_flush_full(table->output);
}

void table_done(struct table *table)
{
	vec_done(&table->held);
	arena_done(&table->arena);
}
