/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian_anew.c - a guardian for a program that has threads already, and can't simply fork: the program is started anew from
 * its own file, and before its main the library takes over.
 *
 * A library's constructor runs before those of the objects that depend on it, and of the program. Their static objects would
 * not be there for the functions of tasks, so those constructors are called here.
 */
#include "base/vec.h"
#include "engine/guardian_link.h"
#include "engine/process_child.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define VARIABLE "WEIR_GUARDIAN_SOCKET"

enum { INHERITED = 3 };

/* --- Objects and what they need --- */

/* One loaded object, as the dynamic linker lists them. */
static const struct link_map *first_object(void)
{
	return _r_debug.r_map;
}

/* A value of the object's dynamic section; 0 when it is not there. */
static ElfW(Addr) dynamic_value(const struct link_map *object, ElfW(Sxword) tag)
{
	for (const ElfW(Dyn) *entry = object->l_ld; entry && entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == tag)
			return entry->d_un.d_ptr;
	}
	return 0;
}

/* Its table of texts. The dynamic linker has made an address of the offset where it could write to the section. */
static const char *text_table(const struct link_map *object)
{
	ElfW(Addr) table = dynamic_value(object, DT_STRTAB);

	return (const char *)(table && table < object->l_addr ? object->l_addr + table : table);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool has_name(const struct link_map *object, const char *name)
{
	const char *texts = text_table(object);
	ElfW(Addr) soname = dynamic_value(object, DT_SONAME);

	return strcmp(base_name(object->l_name), base_name(name)) == 0 ||
	       (texts && soname && strcmp(texts + soname, name) == 0);
}

static const struct link_map *find_object(const char *name)
{
	const struct link_map *object = first_object();

	while (object && !has_name(object, name))
		object = object->l_next;
	return object;
}

struct object_list VEC(const struct link_map *);

static bool has_object(const struct object_list *list, const struct link_map *object)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i] == object)
			return true;
	}
	return false;
}

/* Add the objects that this one names as needed, if they are not in the list yet. */
static void add_needed(struct object_list *list, const struct link_map *object)
{
	const char *texts = text_table(object);

	for (const ElfW(Dyn) *entry = object->l_ld; texts && entry->d_tag != DT_NULL; entry++) {
		const struct link_map *needed =
		        entry->d_tag == DT_NEEDED ? find_object(texts + entry->d_un.d_val) : NULL;

		if (needed && !has_object(list, needed))
			vec_push(list, needed);
	}
}

/* Does an object need another one, itself or by way of others? */
static bool needs(const struct link_map *object, const struct link_map *needed)
{
	struct object_list list = { 0 };
	bool found;

	add_needed(&list, object);
	for (size_t i = 0; i < list.count; i++)
		add_needed(&list, list.items[i]);
	found = has_object(&list, needed);
	vec_done(&list);
	return found;
}

/* The object that this code is in. */
static const struct link_map *own_object(void)
{
	const struct link_map *object = first_object();
	Dl_info info;
	void *found = NULL;

	if (!dladdr1((const void *)(uintptr_t)own_object, &info, &found, RTLD_DL_LINKMAP) || !found)
		return object;
	return found;
}

/* --- In the owner --- */

/* The environment with our variable; the caller frees the array. */
static char **make_environment(char *entry)
{
	size_t count = 0;
	char **all;

	while (environ[count])
		count++;
	all = xcalloc(count + 2, sizeof *all);
	all[0] = entry;
	memcpy(all + 1, environ, count * sizeof *all);
	return all;
}

static int spawn_program(int socket, pid_t *pid)
{
	static char entry[] = VARIABLE "=3";
	char *argv[] = { program_invocation_name, NULL };
	AUTO(freep) char **env = make_environment(entry);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn_file_actions_adddup2(&actions, socket, INHERITED);
	if (!error)
		error = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv, env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

int guardian_start_anew(int *socket, struct problem *problem)
{
	const struct link_map *program = first_object();
	int theirs, result, error;
	pid_t pid;

	/* Started again, a program that loads the library itself would go on to its own main. */
	if (own_object() != program && !needs(program, own_object()))
		return problem_set(
		        problem, WEIR_EPERM,
		        "a program that has threads, and loads libweir by dlopen, can't start processes: link "
		        "it with libweir");
	result = guardian_socket_pair(socket, &theirs, problem);
	if (result < 0)
		return result;
	error = spawn_program(theirs, &pid);
	close(theirs);
	if (error)
		result = problem_set(problem, error_of_errno(error), "the guardian process can't be started: %s",
		                     strerror(error));
	while (!error && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (result == 0)
		result = guardian_greet(*socket, problem);
	if (result < 0)
		close(*socket);
	return result;
}

/* --- In the program that was started anew --- */

typedef void initializer_fn(int argc, char **argv, char **env);

static void call_initializer(ElfW(Addr) address, int argc, char **argv)
{
	initializer_fn *function;

	/* Entries of 0 and -1 are allowed, and mean nothing. */
	if (address == 0 || address == (ElfW(Addr)) - 1)
		return;
	memcpy(&function, &address, sizeof function);
	function(argc, argv, environ);
}

/* The constructors of an object. Among its own may be the one that we are in: then those after it are left. */
static void initialize(const struct link_map *object, ElfW(Addr) self, int argc, char **argv)
{
	ElfW(Addr) init = dynamic_value(object, DT_INIT);
	ElfW(Addr) array = dynamic_value(object, DT_INIT_ARRAY);
	size_t count = dynamic_value(object, DT_INIT_ARRAYSZ) / sizeof(ElfW(Addr));
	const ElfW(Addr) *functions = (const ElfW(Addr) *)(object->l_addr + array);
	size_t first = 0;

	for (size_t i = 0; array && i < count; i++) {
		if (functions[i] == self)
			first = i + 1;
	}
	if (init && first == 0)
		call_initializer(object->l_addr + init, argc, argv);
	for (size_t i = first; array && i < count; i++)
		call_initializer(functions[i], argc, argv);
}

/* From the last one on, as the dynamic linker would; the program is the first. */
static void initialize_rest(const struct link_map *object, ElfW(Addr) self, int argc, char **argv)
{
	const struct link_map *own = own_object();

	if (!object)
		return;
	initialize_rest(object->l_next, self, argc, argv);
	if (object == first_object() || (object != own && needs(object, own)))
		initialize(object, self, argc, argv);
}

/* Is this the socket of somebody who has started us for this? Not just a variable that is set by chance. */
static bool is_guardians_socket(int socket)
{
	int type = 0, domain = 0;
	socklen_t size = sizeof type;

	return getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

__attribute__((constructor)) static void take_over(int argc, char **argv, char **env)
{
	void (*function)(int, char **, char **) = take_over;
	ElfW(Addr) self;
	pid_t pid;

	(void)env;
	if (!getenv(VARIABLE))
		return;
	unsetenv(VARIABLE); /* children are not to inherit it */
	if (!is_guardians_socket(INHERITED))
		return;
	memcpy(&self, &function, sizeof self);
	initialize_rest(first_object(), self, argc, argv);
	/* The owner waits for this process, and so has no child in the guardian. */
	pid = fork();
	if (pid != 0)
		_exit(pid < 0);
	guardian_serve(INHERITED, process_child_call);
}
