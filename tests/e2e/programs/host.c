/* SPDX-License-Identifier: Apache-2.0 */
/* host - a program with threads of its own that runs a flow without weir_main, with tasks in processes. */
#include <weir.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static json_t *give_pid(weir_run *run)
{
	if (weir_attempt(run) == 1)
		abort();
	return json_integer((json_int_t)getpid());
}

static const weir_task pid_task = {
	.name = "pid",
	.run = give_pid,
	.mode = WEIR_PROCESS,
	.retries = 1,
	.retry_delay_seconds = { 0.05 },
};

static json_t *run_program(weir_run *run)
{
	const char *argv[] = { "sh", "-c", "env | grep -c WEIR_GUARDIAN; ls -l /proc/self/fd | grep -c socket", NULL };

	return weir_process(run, argv, NULL);
}

static const weir_task program_task = { .name = "program", .run = run_program, .mode = WEIR_PROCESS };

static json_t *run_tasks(weir_run *run)
{
	json_t *pid = weir_call(run, &pid_task, NULL);
	json_t *in_process = weir_call(run, &program_task, NULL);
	json_t *here = run_program(run);

	return pid && in_process && here
	               ? json_pack("{s:o, s:o, s:o}", "pid", pid, "in_process", in_process, "here", here)
	               : NULL;
}

static const weir_flow host_flow = { .name = "host-flow", .run = run_tasks };

static void *wait_for_ever(void *argument)
{
	while (pause() < 0)
		;
	return argument;
}

int main(void)
{
	json_auto_t *result = NULL;
	weir_problem problem;
	pthread_t thread;

	printf("main of %s\n", weir_version());
	if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
		return 1;
	if (weir_run_flow(&host_flow, &result, &problem, NULL) < 0)
		return weir_complain(&problem);
	json_dumpf(result, stdout, 0);
	putchar('\n');
	return 0;
}
