/* SPDX-License-Identifier: Apache-2.0 */
/* .env files: whatever the text, it is read or refused, and what was read can be found again. */
#include "base/setting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct env_file *file)
{
	for (size_t i = 0; i < file->lines.count; i++) {
		const struct env_line *line = &file->lines.items[i];

		ASSERT(line->name.length > 0 && line->value.data && line->line > 0);
		ASSERT(i == 0 || line->line > line[-1].line);
		/* Later lines win. */
		ASSERT(env_find(file, line->name) >= line);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_done) struct arena arena = { 0 };
	AUTO(env_done) struct env_file file = { 0 };
	struct problem problem = { 0 };
	int result = env_parse(&arena, STR(".env"), (struct str){ (const char *)data, size }, &file, &problem);

	if (result == 0)
		check_lines(&file);
	else
		ASSERT(result == WEIR_ESYNTAX && problem.message[0] && problem.path[0] && file.lines.count == 0);
	return 0;
}
