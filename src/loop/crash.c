/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/crash.h"

#include "loop/coroutine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	ALTERNATE_STACK_SIZE = 64 * 1024,
	/* An overflow may jump over the end of the stack by as much; the place of a main thread's end isn't known better. */
	OVERFLOW_SLACK = 64 * 1024,
	DESCRIPTION_SIZE = 1024,
	WAIT_MS = 1000, /* for another thread's line */
};

static const struct crash_signal {
	int number;
	const char *name;
	const char *place; /* what the address is, for those that come from the processor */
} crash_signals[] = {
	{ SIGSEGV, "SIGSEGV", " at address " },
	{ SIGBUS, "SIGBUS", " at address " },
	{ SIGFPE, "SIGFPE", " at instruction " },
	{ SIGILL, "SIGILL", " at instruction " },
	{ SIGABRT, "SIGABRT", NULL },
};

enum line_state { NOT_WRITTEN, IN_WRITING, WRITTEN };

/* Set while no handler is installed, but for line. */
static struct {
	int fd;
	pid_t process;
	char *path; /* NULL: not installed */
	crash_describe_fn *describe;
	struct sigaction previous[ARRAY_LENGTH(crash_signals)];
	int line; /* enum line_state, atomic */
} installed;

/* Of this thread. Read by the handlers, so it must not be allocated at its first use. */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
	const char *low;  /* the end of its stack; NULL: not known */
	size_t slack;     /* around it */
	void *alternate;  /* its stack for handlers, when crash_thread_begin has made it */
	bool writes_line; /* so what crashes now is the writing itself */
} self;

/* --- The line. Only what handlers may do --- */

struct line {
	char text[128];
	size_t length;
};

static void add(struct line *line, const char *text)
{
	while (*text && line->length < sizeof line->text)
		line->text[line->length++] = *text++;
}

static void add_address(struct line *line, const void *address)
{
	uintptr_t value = (uintptr_t)address;
	char digits[sizeof value * 2 + 3];
	char *digit = digits + sizeof digits - 1;

	*digit = '\0';
	do {
		*--digit = "0123456789abcdef"[value % 16];
		value /= 16;
	} while (value);
	*--digit = 'x';
	*--digit = '0';
	add(line, digit);
}

static bool is_near_stack_end(const char *address)
{
	return self.low && address >= self.low - self.slack && address < self.low + self.slack;
}

/* Did the processor raise it, or somebody by kill or abort? */
static bool is_fault(const siginfo_t *info)
{
	return info->si_code > 0;
}

static void add_cause(struct line *line, const struct crash_signal *signal, const siginfo_t *info)
{
	const char *address = is_fault(info) ? info->si_addr : NULL;

	if (coroutine_overflows_at(address))
		add(line, ", stack overflow of a coroutine (256 KiB)");
	else if (address && is_near_stack_end(address))
		add(line, ", stack overflow of a thread");
	else if (is_fault(info) && signal->place) {
		add(line, signal->place);
		add_address(line, address);
	}
}

static void write_out(const char *data, size_t length)
{
	(void)!write(installed.fd, data, length); /* there is nobody to be told */
}

/* In two steps: telling what runs may crash in turn. */
static void write_line(const struct crash_signal *signal, const siginfo_t *info)
{
	char description[DESCRIPTION_SIZE];
	struct line line = { .length = 0 };
	size_t length;

	add(&line, signal->name);
	add_cause(&line, signal, info);
	write_out(line.text, line.length);
	length = installed.describe ? installed.describe(description, sizeof description) : 0;
	if (length) {
		write_out(" in ", 4);
		write_out(description, MIN(length, sizeof description));
	}
	write_out("\n", 1);
}

/* Another thread writes the line; this one is about to end the program. */
static void wait_for_line(void)
{
	for (int i = 0; i < WAIT_MS && __atomic_load_n(&installed.line, __ATOMIC_ACQUIRE) == IN_WRITING; i++)
		poll(NULL, 0, 1);
}

static void write_line_once(const struct crash_signal *signal, const siginfo_t *info)
{
	int expected = NOT_WRITTEN;

	if (getpid() != installed.process)
		return;
	if (__atomic_compare_exchange_n(&installed.line, &expected, IN_WRITING, false, __ATOMIC_ACQ_REL,
	                                __ATOMIC_ACQUIRE)) {
		self.writes_line = true;
		write_line(signal, info);
		self.writes_line = false;
		__atomic_store_n(&installed.line, WRITTEN, __ATOMIC_RELEASE);
	} else if (!self.writes_line) {
		wait_for_line();
	}
}

/* --- Handlers --- */

/* To the handler that was there before; or the default action takes place: a fault happens again when this returns,
   everything else is raised again. */
static void pass_on(const struct sigaction *previous, int number, siginfo_t *info, void *context)
{
	struct sigaction by_default = { .sa_handler = SIG_DFL };

	if (previous->sa_flags & SA_SIGINFO) {
		previous->sa_sigaction(number, info, context);
	} else if (previous->sa_handler != SIG_DFL) {
		previous->sa_handler(number);
	} else {
		sigaction(number, &by_default, NULL);
		if (!is_fault(info))
			raise(number);
	}
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	int error = errno;
	size_t i = 0;

	while (crash_signals[i].number != number)
		i++;
	write_line_once(&crash_signals[i], info);
	errno = error;
	pass_on(&installed.previous[i], number, info, context);
}

static bool is_ignored(const struct sigaction *action)
{
	return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == SIG_IGN;
}

static void take_signal(size_t index)
{
	struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	int number = crash_signals[index].number;

	sigaction(number, NULL, &installed.previous[index]);
	if (!is_ignored(&installed.previous[index]))
		sigaction(number, &action, NULL);
}

static void give_signal_back(size_t index)
{
	int number = crash_signals[index].number;
	struct sigaction present;

	sigaction(number, NULL, &present);
	if ((present.sa_flags & SA_SIGINFO) && present.sa_sigaction == on_crash)
		sigaction(number, &installed.previous[index], NULL);
}

/* --- Threads --- */

static void find_stack_end(void)
{
	pthread_attr_t attributes;
	size_t size, guard_size = 0;
	void *low;

	if (pthread_getattr_np(pthread_self(), &attributes) != 0)
		return;
	if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
		pthread_attr_getguardsize(&attributes, &guard_size);
		self.slack = guard_size + OVERFLOW_SLACK;
		self.low = low;
	}
	pthread_attr_destroy(&attributes);
}

/* When there is no memory for it, an overflow of this thread's stack leaves no line, and all is as without handlers. */
static void make_alternate_stack(void)
{
	stack_t present, alternate = { .ss_size = ALTERNATE_STACK_SIZE };

	if (sigaltstack(NULL, &present) != 0 || !(present.ss_flags & SS_DISABLE))
		return; /* the host, or a sanitizer, has one */
	alternate.ss_sp = mmap(NULL, ALTERNATE_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (alternate.ss_sp == MAP_FAILED)
		return;
	if (sigaltstack(&alternate, NULL) == 0)
		self.alternate = alternate.ss_sp;
	else
		munmap(alternate.ss_sp, ALTERNATE_STACK_SIZE);
}

void crash_thread_begin(void)
{
	if (!__atomic_load_n(&installed.path, __ATOMIC_ACQUIRE))
		return;
	find_stack_end();
	make_alternate_stack();
}

void crash_thread_end(void)
{
	stack_t none = { .ss_flags = SS_DISABLE };

	if (!self.alternate)
		return;
	sigaltstack(&none, NULL);
	munmap(self.alternate, ALTERNATE_STACK_SIZE);
	self.alternate = NULL;
}

/* --- Beginning and end --- */

int crash_install(const char *path, crash_describe_fn *describe, struct problem *problem)
{
	if (installed.path)
		return problem_set(problem, WEIR_ECONFLICT, "crashes are written to %s already", installed.path);
	installed.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (installed.fd < 0)
		return problem_set(problem, error_of_errno(errno), "the crash file %s can't be made: %s", path,
		                   strerror(errno));
	installed.process = getpid();
	installed.describe = describe;
	installed.line = NOT_WRITTEN;
	__atomic_store_n(&installed.path, xstrdup(path), __ATOMIC_RELEASE);
	crash_thread_begin();
	for (size_t i = 0; i < ARRAY_LENGTH(crash_signals); i++)
		take_signal(i);
	return 0;
}

void crash_uninstall(void)
{
	char *path = installed.path;

	if (!path)
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(crash_signals); i++)
		give_signal_back(i);
	crash_thread_end();
	close(installed.fd);
	if (installed.process == getpid())
		unlink(path);
	__atomic_store_n(&installed.path, NULL, __ATOMIC_RELEASE);
	free(path);
}
