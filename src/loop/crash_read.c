/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "loop/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { LINE_SIZE_MAX = 2048 };

/* The length, or a negative errno. A file that isn't there is empty. */
static ssize_t read_start(const char *path, char *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	length = read(fd, data, size);
	if (length < 0)
		length = -errno;
	close(fd);
	return length;
}

/* The file may hold anything; what is appended is text. */
static void add_clean(struct strbuf *text, const char *data, size_t length)
{
	while (length && *data != '\n') {
		size_t size = utf8_sequence(data, length);

		if (size == 0 || (unsigned char)*data < ' ' || *data == 0x7f) {
			strbuf_putc(text, '?');
			size = 1;
		} else {
			strbuf_add(text, data, size);
		}
		data += size;
		length -= size;
	}
}

int crash_read(const char *path, struct strbuf *text, struct problem *problem)
{
	char data[LINE_SIZE_MAX];
	ssize_t length = read_start(path, data, sizeof data);

	if (length < 0)
		return problem_set(problem, error_of_errno((int)-length), "the crash file %s can't be read: %s", path,
		                   strerror((int)-length));
	add_clean(text, data, (size_t)length);
	return 0;
}
