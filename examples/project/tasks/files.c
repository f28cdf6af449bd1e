/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - tasks that read and write files. Disks on the network have their moments, so both are retried. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tasks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static json_t *lines_of(FILE *file)
{
	json_t *lines = json_array();
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while ((length = getline(&line, &size, file)) >= 0) {
		while (length > 0 && strchr("\r\n", line[length - 1]))
			length--;

		json_t *text = json_stringn(line, (size_t)length);

		/* Bytes that are not UTF-8 make no string; the line keeps its place. */
		json_array_append_new(lines, text ? text : json_null());
	}
	free(line);
	return lines;
}

static json_t *read_lines(weir_run *run)
{
	const char *path = weir_string(run, "path");
	FILE *file = fopen(path, "re");
	json_t *lines;
	bool failed;

	if (!file && errno == ENOENT)
		return weir_skip(run, "there is no %s", path);
	if (!file)
		return weir_fail(run, "%s: %s", path, strerror(errno));
	lines = lines_of(file);
	failed = ferror(file);
	fclose(file);
	if (failed) {
		json_decref(lines);
		return weir_fail(run, "%s could not be read to its end", path);
	}
	return lines;
}

const weir_task read_lines_task = {
	.name = "read-lines",
	.description = "the lines of a text file",
	.run_name = "read {path}",
	.parameters = { { .name = "path", .type = WEIR_STRING, .required = true } },
	.run = read_lines,
	.retries = 2,
	.retry_delay_seconds = { 0.5, 5 },
};

/* Returns 0 or an errno. */
static int write_whole(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	int error = 0;

	if (!file)
		return errno;
	if (fputs(text, file) < 0 || fflush(file) != 0)
		error = errno;
	if (fclose(file) != 0 && !error)
		error = errno;
	return error;
}

/* Beside its place, then renamed: nobody ever reads half a report. */
static json_t *write_text(weir_run *run)
{
	const char *path = weir_string(run, "path");
	const char *slash = strrchr(path, '/');
	char folder[4096], beside[4096];
	int error = 0;

	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 0, path);
	if (snprintf(beside, sizeof beside, "%s.%s", path, weir_run_id(run)) >= (int)sizeof beside)
		return weir_fail_final(run, "the path is too long: %s", path);
	if (folder[0] && mkdir(folder, 0777) < 0 && errno != EEXIST)
		return weir_fail(run, "%s: %s", folder, strerror(errno));
	error = write_whole(beside, weir_string(run, "text"));
	if (!error && rename(beside, path) < 0)
		error = errno;
	if (error) {
		remove(beside);
		return weir_fail(run, "%s: %s", path, strerror(error));
	}
	return json_string(path);
}

const weir_task write_text_task = {
	.name = "write-text",
	.description = "write a text file",
	.run_name = "write {path}",
	.parameters = { { .name = "path", .type = WEIR_STRING, .required = true },
	                { .name = "text", .type = WEIR_STRING, .required = true } },
	.run = write_text,
	.retries = 2,
	.retry_delay_seconds = { 0.5, 5 },
};
