/* SPDX-License-Identifier: Apache-2.0 */
/* guardian_payload.c - what a child is given: files in memory, and programs in them. */
#include "base/strbuf.h"
#include "loop/guardian.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- Files in memory --- */

static int write_all(int fd, struct str content)
{
	while (content.length) {
		ssize_t size = write(fd, content.data, content.length);

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return errno;
		content = (struct str){ content.data + size, content.length - (size_t)size };
	}
	return 0;
}

int memory_file(struct str content, int *fd, struct problem *problem)
{
	int error;

	*fd = memfd_create("weir", MFD_CLOEXEC);
	if (*fd < 0)
		return problem_set(problem, error_of_errno(errno), "memfd_create: %s", strerror(errno));
	error = write_all(*fd, content);
	if (!error)
		return 0;
	close(*fd);
	return problem_set(problem, error_of_errno(error), "a file of %zu bytes in memory: %s", content.length,
	                   strerror(error));
}

int memory_file_map(int fd, struct str *content, struct problem *problem)
{
	struct stat status;
	void *memory = NULL;

	if (fstat(fd, &status) == 0 && status.st_size > 0)
		memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (!memory || memory == MAP_FAILED)
		return problem_set(problem, WEIR_EIO, "the parameters can't be mapped");
	*content = (struct str){ memory, (size_t)status.st_size };
	return 0;
}

/* --- Programs --- */

/* Of the texts that follow it: path ("" is the system's), cwd ("" is the owner's), argv, env; each with its NUL. */
struct program_head {
	size_t arguments;
	size_t entries;
};

static void add_text(struct strbuf *out, const char *text)
{
	strbuf_add(out, text, strlen(text) + 1);
}

static size_t add_list(struct strbuf *out, const char *const *list)
{
	size_t count = 0;

	for (; list[count]; count++)
		add_text(out, list[count]);
	return count;
}

int program_pack(const char *path, const char *cwd, const char *const *argv, const char *const *env, int *fd,
                 struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf text = { 0 };
	struct program_head head = { 0 };

	strbuf_add(&text, &head, sizeof head);
	add_text(&text, path ? path : "");
	add_text(&text, cwd ? cwd : "");
	head.arguments = add_list(&text, argv);
	head.entries = add_list(&text, env);
	memcpy(text.data, &head, sizeof head);
	return memory_file(strbuf_str(&text), fd, problem);
}

static char *next_text(const char **at)
{
	const char *text = *at;

	*at += strlen(text) + 1;
	return (char *)(uintptr_t)text;
}

static char **read_list(const char **at, size_t count)
{
	char **list = xcalloc(count + 1, sizeof *list);

	for (size_t i = 0; i < count; i++)
		list[i] = next_text(at);
	return list;
}

/* argv[0] is looked up in the owner's PATH, not in that of the program's environment. */
static void search_in(const char *path)
{
	struct strbuf entry = { 0 };
	char **own = xcalloc(2, sizeof *own);

	strbuf_printf(&entry, "PATH=%s", path);
	own[0] = path[0] ? strbuf_take(&entry) : NULL;
	environ = own;
}

int program_execute(int payload)
{
	struct program_head head;
	struct str content;
	const char *at, *path, *cwd;
	char **argv;

	if (memory_file_map(payload, &content, NULL) < 0)
		return ENOMEM;
	memcpy(&head, content.data, sizeof head);
	at = content.data + sizeof head;
	path = next_text(&at);
	cwd = next_text(&at);
	argv = read_list(&at, head.arguments);
	search_in(path);
	if (cwd[0] && chdir(cwd) < 0)
		return errno;
	execvpe(argv[0], argv, read_list(&at, head.entries));
	return errno;
}
