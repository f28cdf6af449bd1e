/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include "base/timestamp.h"

int db_open(const struct db_driver *driver, const struct db_options *options, struct db **out, struct problem *problem)
{
	return driver->open(options, out, problem);
}

void db_close(struct db *db)
{
	if (db)
		db->driver->close(db);
}

static void bind_uuid(const struct db_driver *driver, struct db_statement *statement, int index, struct uuid id)
{
	if (uuid_is_nil(id))
		driver->bind_null(statement, index);
	else
		driver->bind_blob(statement, index, id.bytes, sizeof id.bytes);
}

static void bind_timestamp(const struct db_driver *driver, struct db_statement *statement, int index, int64_t instant)
{
	if (instant == TIMESTAMP_NONE)
		driver->bind_null(statement, index);
	else
		driver->bind_integer(statement, index, instant);
}

/* Bind the arguments that the format describes. */
static void bind_arguments(struct db_statement *statement, const char *format, va_list list)
{
	const struct db_driver *driver = statement->db->driver;

	for (int index = 1; *format; format++, index++) {
		switch (*format) {
		case 'i':
			driver->bind_integer(statement, index, va_arg(list, int64_t));
			break;
		case 'b':
			driver->bind_integer(statement, index, va_arg(list, int));
			break;
		case 'r':
			driver->bind_real(statement, index, va_arg(list, double));
			break;
		case 's':
			driver->bind_text(statement, index, va_arg(list, struct str));
			break;
		case 'u':
			bind_uuid(driver, statement, index, va_arg(list, struct uuid));
			break;
		case 't':
			bind_timestamp(driver, statement, index, va_arg(list, int64_t));
			break;
		case 'n':
			driver->bind_null(statement, index);
			break;
		default:
			ASSERT(!"a letter that db.h knows");
		}
	}
}

static int query_args(struct db *db, const char *sql, struct db_statement **out, struct problem *problem,
                      const char *arguments, va_list list)
{
	int result = db->driver->prepare(db, sql, true, out, problem);

	if (result == 0)
		bind_arguments(*out, arguments, list);
	return result;
}

int db_query(struct db *db, const char *sql, struct db_statement **out, struct problem *problem, const char *arguments,
             ...)
{
	va_list list;
	int result;

	*out = NULL;
	va_start(list, arguments);
	result = query_args(db, sql, out, problem, arguments, list);
	va_end(list);
	return result;
}

int db_step(struct db_statement *statement, struct problem *problem)
{
	return statement->db->driver->step(statement, problem);
}

void db_reset(struct db_statement *statement)
{
	if (statement)
		statement->db->driver->reset(statement);
}

/* Step to the end, over rows that nobody asked for, as of a PRAGMA. */
static int run_out(struct db_statement *statement, struct problem *problem)
{
	int result;

	do
		result = db_step(statement, problem);
	while (result > 0);
	return result;
}

int db_run(struct db *db, const char *sql, struct problem *problem, const char *arguments, ...)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	va_list list;
	int result;

	va_start(list, arguments);
	result = query_args(db, sql, &statement, problem, arguments, list);
	va_end(list);
	return result < 0 ? result : run_out(statement, problem);
}

int db_execute(struct db *db, const char *sql, struct problem *problem)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	int result = db->driver->prepare(db, sql, false, &statement, problem);

	return result < 0 ? result : run_out(statement, problem);
}

int db_integer(struct db *db, const char *sql, int64_t *out, struct problem *problem, const char *arguments, ...)
{
	AUTO(db_resetp) struct db_statement *statement = NULL;
	va_list list;
	int result;

	va_start(list, arguments);
	result = query_args(db, sql, &statement, problem, arguments, list);
	va_end(list);
	if (result == 0)
		result = db_step(statement, problem);
	if (result < 0)
		return result;
	*out = result > 0 ? db_column_integer(statement, 0) : 0;
	return 0;
}

int64_t db_column_integer(struct db_statement *statement, int column)
{
	return statement->db->driver->column_integer(statement, column);
}

struct uuid db_column_uuid(struct db_statement *statement, int column)
{
	struct str bytes = statement->db->driver->column_text(statement, column);
	struct uuid id = { { 0 } };

	if (bytes.length == sizeof id.bytes)
		memcpy(id.bytes, bytes.data, sizeof id.bytes);
	return id;
}

int64_t db_column_timestamp(struct db_statement *statement, int column)
{
	const struct db_driver *driver = statement->db->driver;

	if (driver->column_type(statement, column) == DB_NULL)
		return TIMESTAMP_NONE;
	return driver->column_integer(statement, column);
}

struct str db_column_text(struct db_statement *statement, int column, struct arena *arena)
{
	return arena_str(arena, statement->db->driver->column_text(statement, column));
}
