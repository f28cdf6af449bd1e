/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/guardian_link.h"

#include "engine/process_child.h"

#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

/* What it has left to end may take its grace time; the program does not wait for that. */
enum { PATIENCE_US = 500 * 1000 };

static struct {
	pthread_mutex_t mutex;
	int socket; /* 0: none */
	pid_t pid;  /* when it was forked; 0: it is no child of ours */
} guardian = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* Entries of /proc/self/task. A process that can't see its threads is taken to have many. */
static bool has_one_thread(void)
{
	DIR *folder = opendir("/proc/self/task");
	size_t count = 0;
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return count == 1;
}

static int start(int *socket, struct problem *problem)
{
	return has_one_thread() ? guardian_fork(process_child_call, socket, &guardian.pid, problem)
	                        : guardian_start_anew(socket, problem);
}

void guardian_link_begin(void)
{
	pthread_mutex_lock(&guardian.mutex);
	if (!guardian.socket && has_one_thread() &&
	    guardian_fork(process_child_call, &guardian.socket, &guardian.pid, NULL) < 0)
		guardian.socket = 0;
	pthread_mutex_unlock(&guardian.mutex);
}

static void let_go(int64_t patience_us)
{
	if (guardian.socket)
		close(guardian.socket);
	if (guardian.pid > 0)
		guardian_wait(guardian.pid, patience_us);
	guardian.socket = 0;
	guardian.pid = 0;
}

void guardian_link_end(void)
{
	pthread_mutex_lock(&guardian.mutex);
	let_go(PATIENCE_US);
	pthread_mutex_unlock(&guardian.mutex);
}

void guardian_link_reset(void)
{
	pthread_mutex_init(&guardian.mutex, NULL);
	guardian.socket = 0;
	guardian.pid = 0;
}

void guardian_link_forget(void)
{
	if (guardian.socket)
		close(guardian.socket);
	guardian_link_reset();
}

/* Send it to the guardian that is there. WEIR_EAGAIN: there is none, or no more. */
static int send_to_present(const struct guardian_order *order, int *leash, struct problem *problem)
{
	int result = guardian.socket ? guardian_send(guardian.socket, order, leash, problem) : WEIR_EAGAIN;

	if (result == WEIR_EAGAIN)
		let_go(0);
	return result;
}

int guardian_link_send(const struct guardian_order *order, int *leash, struct problem *problem)
{
	int result;

	pthread_mutex_lock(&guardian.mutex);
	result = send_to_present(order, leash, problem);
	if (result == WEIR_EAGAIN) {
		result = start(&guardian.socket, problem);
		if (result < 0)
			guardian.socket = 0;
		else
			result = guardian_send(guardian.socket, order, leash, problem);
	}
	pthread_mutex_unlock(&guardian.mutex);
	return result;
}
