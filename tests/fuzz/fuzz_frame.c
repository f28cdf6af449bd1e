/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from a task's process, whose function may write anything: frames within the bytes, or a refusal. */
#include "engine/process_frame.h"

enum { MAX_BYTES = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = { (const char *)data, size };
	struct frame_head head;
	struct str text;
	size_t used = 0, before = 0;
	bool wrong = false;

	while (frame_next(bytes, MAX_BYTES, &used, &head, &text, &wrong)) {
		ASSERT(used == before + sizeof head + text.length && used <= size);
		ASSERT(text.length == head.length && text.length <= MAX_BYTES);
		before = used;
	}
	ASSERT(used == before);
	return 0;
}
