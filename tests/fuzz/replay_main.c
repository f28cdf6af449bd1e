/* SPDX-License-Identifier: Apache-2.0 */
/* Run a fuzz target on every file of a folder: so its corpus is a unit test where there is no libFuzzer. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

NORETURN static void fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(1);
}

static void replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat status;
	uint8_t *data;
	size_t size;

	if (!file || fstat(fileno(file), &status) < 0)
		fail(path);
	size = (size_t)status.st_size;
	/* Of exactly its size, so that the address sanitizer notices reading over its end. */
	data = malloc(size);
	if (size > 0 && (!data || fread(data, 1, size, file) != size))
		fail(path);
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	fclose(file);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	count = scandir(argv[1], &entries, is_visible, alphasort);
	if (count < 0)
		fail(argv[1]);
	for (int i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
		replay_file(path);
		free(entries[i]);
	}
	free(entries);
	if (count == 0)
		fprintf(stderr, "%s: no files\n", argv[1]);
	return count > 0 ? 0 : 1;
}
