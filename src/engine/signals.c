/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/signals.h"

#include "base/clock.h"
#include "core/core.h"
#include "engine/engine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

static struct {
	int fd;    /* of the signalfd; 0: not installed */
	int first; /* the signal that ends the program, 0: none yet */
	struct engine *engine;
	struct loop_timer patience; /* functions that don't return are not waited for longer than this */
} signals;

int signals_install(struct problem *problem)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals.fd < 0)
		return problem_set(problem, error_of_errno(errno), "signalfd: %s", strerror(errno));
	return 0;
}

struct last_words {
	struct uuid program_id;
	struct str reason;
	int64_t count;
};

static int write_last_words(struct tx *tx, void *request)
{
	struct last_words *words = request;

	return program_runs_crash(tx, words->program_id, words->reason, &words->count);
}

/* End the program now: whatever still runs is recorded as Crashed. */
NORETURN static void end_program(void)
{
	char reason[96];
	struct last_words words = { .program_id = store_program_id(signals.engine->store) };
	struct problem problem;

	snprintf(reason, sizeof reason, "The program was ended by SIG%s and did not return.",
	         sigabbrev_np(signals.first));
	words.reason = str_of(reason);
	if (store_run(signals.engine->store, write_last_words, &words, &problem) < 0)
		engine_lost_record(signals.engine, &problem);
	executor_drain(store_executor(signals.engine->store));
	_exit(128 + signals.first);
}

static void lose_patience(struct loop_timer *timer)
{
	(void)timer;
	end_program();
}

static void take_signal(int number)
{
	char reason[64];

	if (signals.first)
		end_program();
	__atomic_store_n(&signals.first, number, __ATOMIC_RELEASE);
	snprintf(reason, sizeof reason, "The program was ended by SIG%s.", sigabbrev_np(number));
	engine_cancel_all(signals.engine, number == SIGTERM ? reason : NULL);
	loop_timer_start(signals.engine->loop, &signals.patience, clock_monotonic_us() + signals.engine->grace_us);
}

static void on_signal(void *data, int fd)
{
	struct signalfd_siginfo info;

	(void)data;
	while (read(fd, &info, sizeof info) == sizeof info)
		take_signal((int)info.ssi_signo);
}

int signals_watch(struct engine *engine, struct problem *problem)
{
	if (signals.fd <= 0)
		return 0;
	signals.engine = engine;
	signals.patience.fire = lose_patience;
	return loop_watch(engine->loop, signals.fd, on_signal, engine, problem);
}

int signals_status(int status)
{
	int number = __atomic_load_n(&signals.first, __ATOMIC_ACQUIRE);

	return number ? 128 + number : status;
}
