/* SPDX-License-Identifier: Apache-2.0 */
/* bench_loop - what coroutines cost: switches, starts, wake-ups from other threads, and 100,000 of them asleep. */
#include "base/clock.h"
#include "bench.h"
#include "loop/coroutine.h"
#include "loop/scope.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { ROUNDS = 11, HOT = 200000, COLD = 10000, STARTS = 20000, WAKES = 2000, SLEEPERS = 100000 };
enum { PEER_STACK_SIZE = 64 * 1024 };

static struct loop *loop;

static double now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds for each of count things that a function does, ours and the peer's in turn; the medians. */
static void compare(struct bench *bench, const char *name, clockid_t clock, double count, void (*run)(void),
                    const char *peer, void (*run_peer)(void))
{
	double ours[ROUNDS], peers[ROUNDS];

	run();
	for (int i = 0; i < ROUNDS; i++) {
		double start_ns = now_ns(clock);

		run();
		ours[i] = (now_ns(clock) - start_ns) / count;
		start_ns = now_ns(clock);
		run_peer();
		peers[i] = (now_ns(clock) - start_ns) / count;
	}
	bench_print(bench, name, bench_median(ours, ROUNDS), "ns", peer, bench_median(peers, ROUNDS));
}

static void start(void (*run)(void *argument), void *argument)
{
	struct problem problem;

	if (coroutine_start(loop, run, argument, &problem) < 0) {
		fprintf(stderr, "%s\n", problem.message);
		exit(1);
	}
}

/* --- Two in turn --- */

struct player {
	struct coroutine *self, *other;
	struct player *partner;
	int left;
	bool over;
};

static void play(void *argument)
{
	struct player *player = argument;

	player->self = coroutine_current();
	coroutine_suspend();
	while (player->left-- > 0) {
		coroutine_wake(player->partner->self);
		coroutine_suspend();
	}
	player->over = true;
	coroutine_wake(player->partner->self);
}

static void switch_hot(void)
{
	struct player a = { .left = HOT / 2 }, b = { .left = HOT / 2 };

	a.partner = &b;
	b.partner = &a;
	start(play, &a);
	start(play, &b);
	coroutine_wake(a.self);
	loop_turn_until(loop, &a.over);
	loop_turn_until(loop, &b.over);
}

static ucontext_t peers[COLD], main_context;
static char *peer_stacks;

static void play_peer(void)
{
	for (;;)
		swapcontext(&peers[0], &peers[1]);
}

static void play_other_peer(void)
{
	for (int left = HOT / 2; left > 0; left--)
		swapcontext(&peers[1], &peers[0]);
	setcontext(&main_context);
}

static void make_peer(size_t index, void (*run)(void))
{
	getcontext(&peers[index]);
	peers[index].uc_stack.ss_sp = peer_stacks + index * PEER_STACK_SIZE;
	peers[index].uc_stack.ss_size = PEER_STACK_SIZE;
	peers[index].uc_link = NULL;
	makecontext(&peers[index], run, 0);
}

static void switch_peers_hot(void)
{
	make_peer(0, play_peer);
	make_peer(1, play_other_peer);
	swapcontext(&main_context, &peers[0]);
}

/* --- Many in turn --- */

enum { COLD_TURNS = 50 };

static size_t cold_running;
static bool cold_over;

static void take_turns(void *argument)
{
	(void)argument;
	for (int i = 0; i < COLD_TURNS; i++)
		coroutine_yield();
	cold_over = --cold_running == 0;
}

static void switch_cold(void)
{
	cold_running = COLD;
	for (size_t i = 0; i < COLD; i++)
		start(take_turns, NULL);
	loop_turn_until(loop, &cold_over);
	cold_over = false;
}

static size_t peer_index;

static void take_turns_as_peer(void)
{
	for (;;)
		swapcontext(&peers[peer_index], &main_context);
}

static void switch_peers_cold(void)
{
	for (size_t i = 0; i < COLD; i++)
		make_peer(i, take_turns_as_peer);
	for (size_t i = 0; i < COLD * COLD_TURNS; i++) {
		peer_index = i % COLD;
		swapcontext(&main_context, &peers[peer_index]);
	}
}

/* --- Beginning and end --- */

static void do_nothing(void *argument)
{
	(void)argument;
}

static void start_and_end(void)
{
	for (int i = 0; i < STARTS; i++)
		start(do_nothing, NULL);
}

static void *end_at_once(void *argument)
{
	return argument;
}

static void start_and_end_threads(void)
{
	for (int i = 0; i < STARTS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, end_at_once, NULL) == 0)
			pthread_join(thread, NULL);
	}
}

/* --- From another thread, and back --- */

static sem_t there, back;
static struct coroutine *answering;
static bool answered_all;

static void answer(void *argument)
{
	(void)argument;
	answering = coroutine_current();
	for (int i = 0; i < WAKES; i++) {
		coroutine_suspend();
		sem_post(&back);
	}
	answered_all = true;
}

static void *ask(void *argument)
{
	for (int i = 0; i < WAKES; i++) {
		coroutine_wake(answering);
		sem_wait(&back);
	}
	return argument;
}

static void wake_from_outside(void)
{
	pthread_t thread;

	answered_all = false;
	start(answer, NULL);
	if (pthread_create(&thread, NULL, ask, NULL) != 0)
		return;
	loop_turn_until(loop, &answered_all);
	pthread_join(thread, NULL);
}

static void *ask_thread(void *argument)
{
	for (int i = 0; i < WAKES; i++) {
		sem_post(&there);
		sem_wait(&back);
	}
	return argument;
}

static void wake_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, ask_thread, NULL) != 0)
		return;
	for (int i = 0; i < WAKES; i++) {
		sem_wait(&there);
		sem_post(&back);
	}
	pthread_join(thread, NULL);
}

/* --- Asleep --- */

static struct scope scope;
static double late_us[SLEEPERS];
static size_t asleep;
static bool all_awake;

static void sleep_once(void *argument)
{
	int64_t due_us = *(int64_t *)argument + (int64_t)(asleep++ % 1000) * 1000;

	(void)!scope_sleep(&scope, due_us);
	late_us[--asleep] = (double)(clock_monotonic_us() - due_us);
	all_awake = asleep == 0;
}

static double resident_bytes(void)
{
	long total, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fscanf(file, "%ld %ld", &total, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* Wake-ups are spread over a second: a hundred each millisecond. */
static void measure_sleepers(struct bench *bench)
{
	double before = resident_bytes(), after;
	int64_t due_us = clock_monotonic_us() + 2000000;
	int64_t begun_us = clock_monotonic_us();

	scope_init(&scope);
	for (int i = 0; i < SLEEPERS; i++)
		start(sleep_once, &due_us);
	bench_print(bench, "start of a sleeper, first use", (double)(clock_monotonic_us() - begun_us) * 1e3 / SLEEPERS,
	            "ns", NULL, 0);
	after = resident_bytes();
	bench_print(bench, "memory of a sleeper", (after - before) / SLEEPERS, "bytes", NULL, 0);
	loop_turn_until(loop, &all_awake);
	(void)bench_median(late_us, SLEEPERS);
	bench_print(bench, "lateness of 100,000 sleepers, p50", late_us[SLEEPERS / 2], "us", NULL, 0);
	bench_print(bench, "lateness of 100,000 sleepers, p99", late_us[SLEEPERS / 100 * 99], "us", NULL, 0);
	scope_done(&scope);
}

int main(int argc, char **argv)
{
	struct bench bench;
	struct problem problem;

	bench_init(&bench, argc, argv);
	if (loop_new_here("bench", &loop, &problem) < 0) {
		fprintf(stderr, "%s\n", problem.message);
		return 1;
	}
	measure_sleepers(&bench);
	peer_stacks = xmalloc((size_t)COLD * PEER_STACK_SIZE);
	sem_init(&there, 0, 0);
	sem_init(&back, 0, 0);
	compare(&bench, "switch, two in turn", CLOCK_PROCESS_CPUTIME_ID, HOT, switch_hot, "ucontext", switch_peers_hot);
	compare(&bench, "switch, 10,000 in turn", CLOCK_PROCESS_CPUTIME_ID, COLD * COLD_TURNS, switch_cold,
	        "ucontext, there and back", switch_peers_cold);
	compare(&bench, "start and end", CLOCK_PROCESS_CPUTIME_ID, STARTS, start_and_end, "threads",
	        start_and_end_threads);
	compare(&bench, "wake from a thread, and back", CLOCK_MONOTONIC, WAKES, wake_from_outside,
	        "thread by semaphore", wake_thread);
	free(peer_stacks);
	loop_free(loop);
	bench_done(&bench);
	return 0;
}
