/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_extraction - 数据拉取流程: run two Python scripts, retry the one that fails, collect what they print.
 *
 *	build/examples/data_extraction
 *	build/examples/data_extraction run 数据拉取流程 --param state="$(mktemp -d)"     (or: make demo)
 *
 * With a state folder, pdd_quality.py finds its source out of order twice, so its task is retried twice. What the scripts
 * print becomes log lines of the run as it comes; a script that runs for more than 600 s is ended with all it has started.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <weir.h>

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Without a state folder, argv ends one argument earlier. */
static json_t *run_python_script(weir_run *run)
{
	const char *script = weir_string(run, "script_path");
	const char *const argv[] = { "python3", script, weir_string(run, "state"), NULL };
	const weir_process_options options = { .cwd = weir_string(run, "folder") };
	json_auto_t *ended = weir_process(run, argv, &options);

	/* NULL: it could not be started, or its time was up. The run knows why, and is retried. */
	if (!ended)
		return NULL;
	if (json_integer_value(json_object_get(ended, "returncode")) != 0)
		return weir_fail(run, "脚本执行失败: %s", json_string_value(json_object_get(ended, "stderr")));

	weir_print(run, "✅ 脚本执行成功: %s\n", script);
	return json_incref(json_object_get(ended, "stdout"));
}

static const weir_task python_script = {
	.name = "执行Python脚本",
	.description = "执行指定的Python脚本",
	.parameters = { { .name = "script_path", .type = WEIR_STRING, .required = true },
	                { .name = "folder", .type = WEIR_STRING, .required = true },
	                { .name = "state", .type = WEIR_STRING } },
	.run = run_python_script,
	.retries = 2,
	.retry_delay_seconds = { 1 },
	.timeout_seconds = 600,
};

/* The folder "scripts" beside this program, wherever it was started from. */
static const char *scripts_beside_program(void)
{
	static char path[PATH_MAX + sizeof "scripts"];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);

	if (length < 0)
		return "scripts";
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, "scripts");
	return path;
}

static json_t *extract(weir_run *run)
{
	const char *folder = weir_string(run, "scripts");
	const char *state = weir_string(run, "state");

	if (!folder)
		folder = scripts_beside_program();

	/* One after the other; when the first one has failed for good, the second one is not run. */
	json_auto_t *pdd = weir_call(run, &python_script, "[s,s,s?]", "pdd_quality.py", folder, state);
	json_auto_t *erp = pdd ? weir_call(run, &python_script, "[s,s,s?]", "erp_store.py", folder, state) : NULL;

	return json_pack("{s:O,s:O}", "pdd_quality", pdd, "erp_store", erp);
}

static const weir_flow data_extraction_flow = {
	.name = "数据拉取流程",
	.description = "执行数据拉取脚本",
	.tags = { "数据拉取", "自动化" },
	.parameters = { { .name = "scripts", .type = WEIR_STRING, .description = "folder of the scripts" },
	                { .name = "state", .type = WEIR_STRING, .description = "folder (full path) of the outage" } },
	.run = extract,
	.log_prints = WEIR_ON,
};

int main(int argc, char **argv)
{
	static const weir_flow *const flows[] = { &data_extraction_flow, NULL };

	return weir_main(argc, argv, flows);
}
