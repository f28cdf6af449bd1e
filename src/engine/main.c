/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - weir_main: the small command line of a program of flows. */
#include "base/log.h"
#include "base/setting.h"
#include "base/settings_table.h"
#include "engine/callable.h"
#include "engine/guardian_link.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/signals.h"
#include "engine/start.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct command {
	const char *word;
	const char *arguments;
	const char *help;
	program_command_fn *run;
};

static int run_command(const struct program *program, int argc, char **argv);
static int help_command(const struct program *program, int argc, char **argv);

static const struct command commands[] = {
	{ "run", "FLOW [--param NAME=VALUE]... [--params JSON]", "run a flow and print its result", run_command },
	{ "resume", "RUN", "go on with a suspended run, by its id or name", program_resume },
	{ "ls", "[--json]", "list the flows of this program and their parameters", program_ls },
	{ "schema", "FLOW", "print the parameters of a flow as JSON schema", program_schema },
	{ "help", "", "show this text", help_command },
};

int program_wrong_usage(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nTry '%s --help'.\n", program_invocation_short_name);
	return EXIT_USAGE;
}

/* --- help --- */

static int help_command(const struct program *program, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("usage: %s [COMMAND]\n\n", program->name);
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
		printf("  %s %-*s %s\n", commands[i].word, (int)(50 - strlen(commands[i].word)), commands[i].arguments,
		       commands[i].help);
	printf("\nWithout a command, the flow is run%s.\nRuns are recorded in $WEIR_HOME/weir.db: see 'weir flow-run ls'.\n",
	       program->flow_count == 1 ? "" : ", if there is only one");
	return 0;
}

/* --- run --- */

const weir_flow *program_find_flow(const struct program *program, const char *name)
{
	for (size_t i = 0; i < program->flow_count; i++) {
		if (strcmp(program->flows[i]->name, name) == 0)
			return program->flows[i];
	}
	return NULL;
}

int program_unknown_flow(const struct program *program, const char *name)
{
	const char **names = xcalloc(program->flow_count, sizeof *names);
	int nearest, status;

	for (size_t i = 0; i < program->flow_count; i++)
		names[i] = program->flows[i]->name;
	nearest = nearest_word(str_of(name), names, program->flow_count);
	if (nearest >= 0)
		status = program_wrong_usage("no flow is named '%s'; did you mean '%s'?", name, names[nearest]);
	else
		status = program_wrong_usage("no flow is named '%s': see '%s ls'", name, program->name);
	free(names);
	return status;
}

/* "NAME=VALUE" into the arguments, by the declared type. */
static int add_parameter(const weir_flow *flow, json_t *arguments, const char *text)
{
	struct callable what = callable_of_flow(flow);
	const char *equals = strchr(text, '=');
	const weir_parameter *declared;
	struct problem problem;
	char *name;
	json_t *value = NULL;
	int status = 0;

	if (!equals)
		return program_wrong_usage("'--param %s' has no '=': write --param NAME=VALUE", text);
	name = xstrdup(text);
	name[equals - text] = '\0';
	declared = callable_parameter(&what, name);
	if (declared)
		value = value_from_text(declared->type, name, equals + 1, &problem);
	if (!declared)
		status = program_wrong_usage("flow '%s' has no parameter '%s': see '%s ls'", flow->name, name,
		                             program_invocation_short_name);
	else if (!value)
		status = program_wrong_usage("%s", problem.message);
	else
		json_object_set_new(arguments, name, value);
	free(name);
	return status;
}

static int add_parameters(json_t *arguments, const char *text)
{
	json_error_t error;
	json_auto_t *object = json_loads(text, 0, &error);

	if (!json_is_object(object))
		return program_wrong_usage("'--params' must be a JSON object: %s",
		                           object ? "this is something else" : error.text);
	json_object_update(arguments, object);
	return 0;
}

/* The value of an option, given as "--name value" or "--name=value"; NULL when this word is not that option. */
static const char *option_value(const char *name, int argc, char **argv, int *at)
{
	size_t length = strlen(name);
	const char *word = argv[*at];

	if (strncmp(word, name, length) != 0 || (word[length] && word[length] != '='))
		return NULL;
	if (word[length] == '=')
		return word + length + 1;
	if (*at + 1 >= argc)
		return "";
	return argv[++*at];
}

static int read_arguments(const weir_flow *flow, json_t *arguments, int argc, char **argv)
{
	int status = 0;

	for (int i = 0; status == 0 && i < argc; i++) {
		const char *value = option_value("--param", argc, argv, &i);

		if (!value)
			value = option_value("-p", argc, argv, &i);
		if (value) {
			status = add_parameter(flow, arguments, value);
		} else if ((value = option_value("--params", argc, argv, &i))) {
			status = add_parameters(arguments, value);
		} else {
			status = program_wrong_usage("'%s' is not known to 'run'", argv[i]);
		}
	}
	return status;
}

int program_print_json(const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_INDENT(2));
	int status = 0;

	if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
		status = error_exit_status(WEIR_EIO);
	free(text);
	return status;
}

int program_outcome(int code, const struct problem *problem, const json_t *result)
{
	weir_problem shown;
	int status;

	if (code == 0)
		return json_is_null(result) ? 0 : program_print_json(result);
	problem_export(&shown, problem);
	status = weir_complain(&shown);
	return code == WEIR_EAGAIN ? 0 : status;
}

static int run_flow(const weir_flow *flow, int argc, char **argv)
{
	json_t *arguments = json_object();
	json_auto_t *result = NULL;
	struct problem problem;
	int status = read_arguments(flow, arguments, argc, argv);

	if (status) {
		json_decref(arguments);
		return status;
	}
	status = flow_start(flow, arguments, &result, &problem);
	return program_outcome(status, &problem, result);
}

static int run_command(const struct program *program, int argc, char **argv)
{
	const weir_flow *flow;

	if (argc == 0)
		return program_wrong_usage("which flow? See '%s ls'", program->name);
	flow = program_find_flow(program, argv[0]);
	if (!flow)
		return program_unknown_flow(program, argv[0]);
	return run_flow(flow, argc - 1, argv + 1);
}

/* --- The program --- */

/* A program may be started without standard descriptors; files that are opened later must not take their places. */
static void open_missing_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int set_up(void)
{
	struct problem problem;
	struct settings *settings = weir_settings(&problem);
	struct log_options log_options;
	int result = WEIR_EINVAL;

	if (settings) {
		log_options = settings_log_options(settings, STDERR_FILENO);
		log_init(&log_options);
		result = signals_install(&problem);
	}
	if (result == 0)
		result = prints_install(&problem);
	if (result == 0) {
		engine_use_console();
		return 0;
	}
	fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, problem.path, problem.path[0] ? ": " : "",
	        problem.message);
	return error_exit_status(result);
}

static int dispatch(const struct program *program, int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!word || (word[0] == '-' && strcmp(word, "--help") != 0 && strcmp(word, "-h") != 0)) {
		if (program->flow_count == 1)
			return run_flow(program->flows[0], argc - 1, argv + 1);
		return word ? program_wrong_usage("'%s' is no command", word) : help_command(program, 0, NULL);
	}
	if (word[0] == '-')
		return help_command(program, 0, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		if (strcmp(word, commands[i].word) == 0)
			return commands[i].run(program, argc - 2, argv + 2);
	}
	return program_wrong_usage("'%s' is no command; to run a flow, write '%s run FLOW'", word, program->name);
}

WEIR_API int weir_main(int argc, char **argv, const weir_flow *const *flows)
{
	struct program program = { .name = program_invocation_short_name, .flows = flows };
	int status;

	open_missing_descriptors();
	guardian_link_begin();
	setlocale(LC_CTYPE, "");
	while (flows && flows[program.flow_count])
		program.flow_count++;
	status = set_up();
	if (status)
		return status;
	status = dispatch(&program, argc, argv);
	engine_close();
	guardian_link_end();
	log_flush(1000 * 1000);
	return signals_status(status);
}
