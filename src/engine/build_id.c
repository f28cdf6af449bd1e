/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/build_id.h"

#include "loop/place.h"

#include <sys/stat.h>

static void write_file(const char *path, struct strbuf *out)
{
	struct stat status = { 0 };

	(void)stat(path, &status); /* a file that is gone is told by its name alone */
	strbuf_printf(out, "%s:%lld:%lld.%09ld", path, (long long)status.st_size, (long long)status.st_mtim.tv_sec,
	              status.st_mtim.tv_nsec);
}

void build_id_of(const void *address, struct strbuf *out)
{
	struct place place;

	if (place_find(address, &place) && place.build_id[0])
		strbuf_puts(out, place.build_id);
	else
		write_file(place.object[0] ? place.object : "/proc/self/exe", out);
}
