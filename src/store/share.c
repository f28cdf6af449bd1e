/* SPDX-License-Identifier: Apache-2.0 */
#include "store/share.h"

#include "base/strbuf.h"
#include "base/vec.h"
#include "loop/crash.h"
#include "loop/thread.h"
#include "store/file_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * The locks of a lock file. That of its program's life, and that of the process which has found it dead: two, so that a
 * program which is being dealt with does not look alive to others.
 */
enum { LIFE, CLAIM };

/* A lock file of a dead program that this process has taken, until it is forgotten. */
struct taken {
	struct uuid id;
	int fd;
};

struct share {
	char *folder;
	int folder_fd;
	struct uuid id; /* nil: only looking */
	int lock_fd;
	int socket_fd;
	int stop_fd; /* an eventfd that ends the listener */
	pthread_t listener;
	bool listening;
	share_message_fn *on_message;
	void *data;
	pthread_mutex_t mutex; /* guards taken */
	struct VEC(struct taken) taken;
	bool leave_lock; /* when closing */
};

enum { NAME_SIZE = UUID_TEXT_LENGTH + 16, HOLD_TRIES = 10 };

static void file_name(char out[NAME_SIZE], struct uuid id, const char *ending)
{
	snprintf(out, NAME_SIZE, "%s%s", uuid_text(id).text, ending);
}

/* --- Opening and closing --- */

int share_open(const char *folder, bool make, struct share **out, struct problem *problem)
{
	struct share *share;
	int fd;

	if (make && mkdir(folder, 0700) < 0 && errno != EEXIST)
		return problem_set(problem, error_of_errno(errno), "%s: %s", folder, strerror(errno));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return problem_set(problem, error_of_errno(errno), "%s: %s", folder, strerror(errno));
	share = xcalloc(1, sizeof *share);
	share->folder = xstrdup(folder);
	share->folder_fd = fd;
	share->lock_fd = share->socket_fd = share->stop_fd = -1;
	pthread_mutex_init(&share->mutex, NULL);
	*out = share;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void remove_files(struct share *share, struct uuid id)
{
	char name[NAME_SIZE];

	file_name(name, id, ".sock");
	unlinkat(share->folder_fd, name, 0);
	file_name(name, id, CRASH_ENDING);
	unlinkat(share->folder_fd, name, 0);
	file_name(name, id, ".lock");
	unlinkat(share->folder_fd, name, 0);
}

void share_deafen(struct share *share)
{
	char name[NAME_SIZE];

	if (!share || !share->listening)
		return;
	file_name(name, share->id, ".sock");
	unlinkat(share->folder_fd, name, 0);
	eventfd_write(share->stop_fd, 1);
	pthread_join(share->listener, NULL);
	share->listening = false;
}

void share_leave_lock(struct share *share)
{
	share->leave_lock = true;
}

void share_close(struct share *share)
{
	if (!share)
		return;
	share_deafen(share);
	if (!uuid_is_nil(share->id) && !share->leave_lock)
		remove_files(share, share->id);
	for (size_t i = 0; i < share->taken.count; i++)
		close(share->taken.items[i].fd);
	vec_done(&share->taken);
	close_fd(share->lock_fd);
	close_fd(share->socket_fd);
	close_fd(share->stop_fd);
	close(share->folder_fd);
	pthread_mutex_destroy(&share->mutex);
	free(share->folder);
	free(share);
}

void share_forked(struct share *share)
{
	close_fd(share->lock_fd);
	close_fd(share->socket_fd);
	share->lock_fd = share->socket_fd = -1;
	for (size_t i = 0; i < share->taken.count; i++)
		close_fd(share->taken.items[i].fd);
	share->taken.count = 0;
}

struct uuid share_id(const struct share *share)
{
	return share->id;
}

/* --- Joining --- */

/* What the lock file says of its holder: for people only. */
static void write_holder(int fd)
{
	char text[128];
	int length = snprintf(text, sizeof text, "%s (pid %ld)", program_invocation_short_name, (long)getpid());

	/* Without it messages are less telling; nothing else depends on it. */
	if (write(fd, text, MIN((size_t)length, sizeof text - 1)) < 0)
		(void)ftruncate(fd, 0);
}

/*
 * Make a lock file and hold its lock. It gets its name only then, so that nobody ever finds a living program's lock free.
 * WEIR_EAGAIN: another program has removed it in between, as one that was left behind.
 */
static int try_to_hold(struct share *share, struct uuid id, struct problem *problem)
{
	char temporary[NAME_SIZE], name[NAME_SIZE];
	int fd, error;

	file_name(temporary, id, ".new");
	file_name(name, id, ".lock");
	fd = openat(share->folder_fd, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return problem_set(problem, error_of_errno(errno), "%s/%s: %s", share->folder, temporary,
		                   strerror(errno));
	write_holder(fd);
	error = file_lock_try(fd, LIFE);
	if (!error && renameat(share->folder_fd, temporary, share->folder_fd, name) < 0)
		error = errno;
	if (!error) {
		share->lock_fd = fd;
		return 0;
	}
	unlinkat(share->folder_fd, temporary, 0);
	close(fd);
	return problem_set(problem, error == ENOENT ? WEIR_EAGAIN : error_of_errno(error), "%s/%s: %s", share->folder,
	                   name, strerror(error));
}

static int hold_lock(struct share *share, struct uuid id, struct problem *problem)
{
	int result = WEIR_EAGAIN;

	for (int tries = 0; result == WEIR_EAGAIN && tries < HOLD_TRIES; tries++)
		result = try_to_hold(share, id, problem);
	return result;
}

/* By way of the folder's descriptor: a path of any length fits into a socket's address. */
static void socket_address(const struct share *share, struct uuid id, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s.sock", share->folder_fd,
	         uuid_text(id).text);
}

static void *listen_for_messages(void *argument)
{
	struct share *share = argument;
	struct pollfd fds[] = { { .fd = share->socket_fd, .events = POLLIN },
		                { .fd = share->stop_fd, .events = POLLIN } };
	char message[SHARE_MESSAGE_MAX];

	while (!fds[1].revents) {
		ssize_t length;

		if (poll(fds, ARRAY_LENGTH(fds), -1) < 0 || !fds[0].revents)
			continue;
		length = recv(share->socket_fd, message, sizeof message, MSG_DONTWAIT | MSG_TRUNC);
		if (length > 0 && (size_t)length <= sizeof message)
			share->on_message(share->data, (struct str){ message, (size_t)length });
	}
	return NULL;
}

static int open_socket(struct share *share, struct uuid id, struct problem *problem)
{
	struct sockaddr_un address;

	share->socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	share->stop_fd = eventfd(0, EFD_CLOEXEC);
	socket_address(share, id, &address);
	if (share->socket_fd < 0 || share->stop_fd < 0 ||
	    bind(share->socket_fd, (struct sockaddr *)&address, sizeof address) < 0)
		return problem_set(problem, error_of_errno(errno), "%s/%s.sock: %s", share->folder, uuid_text(id).text,
		                   strerror(errno));
	return 0;
}

int share_join(struct share *share, struct uuid id, share_message_fn *on_message, void *data, struct problem *problem)
{
	int result;

	if (uuid_is_nil(id))
		id = uuid_new();
	result = hold_lock(share, id, problem);
	if (result < 0)
		return result;
	share->id = id;
	if (!on_message)
		return 0;
	share->on_message = on_message;
	share->data = data;
	result = open_socket(share, id, problem);
	if (result == 0)
		result = thread_start(&share->listener, "weir-share", listen_for_messages, share, problem);
	share->listening = result == 0;
	return result;
}

/* --- Others --- */

int share_last_word(struct share *share, struct uuid id, struct strbuf *out, struct problem *problem)
{
	AUTO(strbuf_done) struct strbuf path = { 0 };

	strbuf_printf(&path, "%s/%s" CRASH_ENDING, share->folder, uuid_text(id).text);
	return crash_read(path.data, out, problem);
}

/* Is it "<id><ending>"? */
static bool name_has_id(const char *name, const char *ending, struct uuid *id)
{
	if (strnlen(name, UUID_TEXT_LENGTH) < UUID_TEXT_LENGTH || strcmp(name + UUID_TEXT_LENGTH, ending) != 0)
		return false;
	return uuid_parse((struct str){ name, UUID_TEXT_LENGTH }, id);
}

/* Claim a dead program: the descriptor of its lock file, or -1 when it lives, another process has claimed it, or it is
   gone. */
static int take_claim(struct share *share, struct uuid id)
{
	char name[NAME_SIZE];
	int fd;

	file_name(name, id, ".lock");
	fd = openat(share->folder_fd, name, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && !file_lock_is_held(fd, LIFE) && file_lock_try(fd, CLAIM) == 0)
		return fd;
	close_fd(fd);
	return -1;
}

/* Between opening and locking it, another process may have forgotten this program. */
static bool still_named(struct share *share, struct uuid id, int fd)
{
	char name[NAME_SIZE];
	struct stat by_name, by_fd;

	file_name(name, id, ".lock");
	return fstatat(share->folder_fd, name, &by_name, 0) == 0 && fstat(fd, &by_fd) == 0 &&
	       by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

static bool is_taken(struct share *share, struct uuid id)
{
	for (size_t i = 0; i < share->taken.count; i++) {
		if (uuid_equal(share->taken.items[i].id, id))
			return true;
	}
	return false;
}

/* Take the program's lock and keep it, if it is dead. */
static bool claim_dead(struct share *share, struct uuid id)
{
	int fd;

	if (uuid_equal(id, share->id) || is_taken(share, id))
		return false;
	fd = take_claim(share, id);
	if (fd < 0)
		return false;
	if (!still_named(share, id, fd)) {
		close(fd);
		return false;
	}
	vec_push(&share->taken, ((struct taken){ id, fd }));
	return true;
}

static DIR *open_folder(struct share *share, struct problem *problem)
{
	int fd = openat(share->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder) {
		problem_set(problem, error_of_errno(errno), "%s: %s", share->folder, strerror(errno));
		close_fd(fd);
	}
	return folder;
}

/* A program that dies while it makes its lock file leaves it with the name of the time before. */
static void remove_left_behind(struct share *share, const char *name)
{
	int fd = openat(share->folder_fd, name, O_RDWR | O_CLOEXEC);

	if (fd >= 0 && !file_lock_is_held(fd, LIFE))
		unlinkat(share->folder_fd, name, 0);
	close_fd(fd);
}

int share_dead(struct share *share, struct uuid **ids, size_t *count, struct problem *problem)
{
	struct VEC(struct uuid) dead = { 0 };
	DIR *folder = open_folder(share, problem);
	struct dirent *entry;
	struct uuid id;

	if (!folder)
		return problem ? problem->code : WEIR_EIO;
	pthread_mutex_lock(&share->mutex);
	while ((entry = readdir(folder))) {
		if (name_has_id(entry->d_name, ".new", &id))
			remove_left_behind(share, entry->d_name);
		else if (name_has_id(entry->d_name, ".lock", &id) && claim_dead(share, id))
			vec_push(&dead, id);
	}
	pthread_mutex_unlock(&share->mutex);
	closedir(folder);
	*ids = dead.items;
	*count = dead.count;
	return 0;
}

void share_forget(struct share *share, struct uuid id)
{
	pthread_mutex_lock(&share->mutex);
	for (size_t i = 0; i < share->taken.count; i++) {
		if (!uuid_equal(share->taken.items[i].id, id))
			continue;
		remove_files(share, id); /* before the lock is free */
		close(share->taken.items[i].fd);
		share->taken.items[i] = share->taken.items[--share->taken.count];
		break;
	}
	pthread_mutex_unlock(&share->mutex);
}

bool share_alive(struct share *share, struct uuid id)
{
	char name[NAME_SIZE];
	bool taken, alive;
	int fd;

	if (uuid_is_nil(id))
		return false;
	if (uuid_equal(id, share->id))
		return true;
	pthread_mutex_lock(&share->mutex);
	taken = is_taken(share, id);
	pthread_mutex_unlock(&share->mutex);
	if (taken)
		return false;
	file_name(name, id, ".lock");
	fd = openat(share->folder_fd, name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno != ENOENT; /* who can't look must not declare it dead */
	alive = file_lock_is_held(fd, LIFE);
	close(fd);
	return alive;
}

/* Returns 0 or an errno. */
static int send_datagram(struct share *share, struct uuid program, struct str message)
{
	struct sockaddr_un address;
	ssize_t sent = -1;
	int fd, error;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socket_address(share, program, &address);
	if (fd >= 0)
		sent = sendto(fd, message.data, message.length, MSG_NOSIGNAL | MSG_DONTWAIT,
		              (struct sockaddr *)&address, sizeof address);
	error = sent < 0 ? errno : 0;
	close_fd(fd);
	return error;
}

int share_send(struct share *share, struct uuid program, struct str message, struct problem *problem)
{
	int error;

	if (message.length == 0 || message.length > SHARE_MESSAGE_MAX)
		return problem_set(problem, WEIR_ELIMIT, "a message to a program has 1 to %d bytes, this one %zu",
		                   SHARE_MESSAGE_MAX, message.length);
	error = send_datagram(share, program, message);
	if (!error)
		return 0;
	if (error == ENOENT || error == ECONNREFUSED)
		return problem_set(problem, WEIR_ENOTFOUND, "program %s does not listen any more",
		                   uuid_text(program).text);
	if (error == EAGAIN)
		return problem_set(problem, WEIR_EBUSY, "program %s has too many unread messages",
		                   uuid_text(program).text);
	return problem_set(problem, error_of_errno(error), "%s/%s.sock: %s", share->folder, uuid_text(program).text,
	                   strerror(error));
}

static void tell_all(struct share *share, struct str message)
{
	DIR *folder = open_folder(share, NULL);
	struct dirent *entry;
	struct uuid id;

	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		if (name_has_id(entry->d_name, ".sock", &id))
			share_tell(share, id, message);
	}
	closedir(folder);
}

void share_tell(struct share *share, struct uuid program, struct str message)
{
	if (uuid_is_nil(program))
		tell_all(share, message);
	else if (!uuid_equal(program, share->id))
		send_datagram(share, program, message);
	else if (share->on_message)
		share->on_message(share->data, message);
}

static void describe_one(struct share *share, struct uuid id, struct strbuf *out)
{
	char name[NAME_SIZE], text[128];
	ssize_t length = -1;
	int fd;

	file_name(name, id, ".lock");
	fd = openat(share->folder_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		length = read(fd, text, sizeof text);
	close_fd(fd);
	if (length <= 0)
		length = snprintf(text, sizeof text, "program %s", uuid_text(id).text);
	strbuf_printf(out, "%s%.*s", out->length ? ", " : "", (int)length, text);
}

void share_describe(struct share *share, struct strbuf *out)
{
	DIR *folder = open_folder(share, NULL);
	struct dirent *entry;
	struct uuid id;

	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		if (name_has_id(entry->d_name, ".lock", &id) && share_alive(share, id))
			describe_one(share, id, out);
	}
	closedir(folder);
}
