/* SPDX-License-Identifier: Apache-2.0 */
/* An instant or a duration that was read is written in a form that reads back as the same. */
#include "fuzz.h"

#include "base/timestamp.h"

#include <stdio.h>
#include <stdlib.h>

static void check_instant(struct str text)
{
	struct problem problem = { 0 };
	char written[TIMESTAMP_TEXT_SIZE];
	int64_t instant_us, again_us;
	int result = timestamp_parse(text, &instant_us, &problem);

	if (result < 0) {
		check_problem(&problem, result);
		return;
	}
	ASSERT(timestamp_write(instant_us, written) == strlen(written));
	ASSERT(timestamp_parse(str_of(written), &again_us, NULL) == 0 && again_us == instant_us);
	ASSERT(timestamp_write_offset(instant_us, written) == strlen(written));
	ASSERT(timestamp_parse(str_of(written), &again_us, NULL) == 0 && again_us == instant_us);
}

static void check_duration(struct str text)
{
	struct problem problem = { 0 };
	char written[64];
	int64_t duration_us, again_us;
	int result = duration_parse(text, &duration_us, &problem);

	if (result < 0) {
		check_problem(&problem, result);
		return;
	}
	snprintf(written, sizeof written, "%s%lld.%06lld", duration_us < 0 ? "-" : "", llabs(duration_us / 1000000),
	         llabs(duration_us % 1000000));
	ASSERT(duration_parse(str_of(written), &again_us, NULL) == 0 && again_us == duration_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };

	check_instant(text);
	check_duration(text);
	return 0;
}
