# SPDX-License-Identifier: Apache-2.0
"""scripts/check-man holds the manual pages against the header and the program."""
import os
import subprocess
import sys
import unittest

from support import SCRIPTS, ScriptCase

HEADER = """/* a header */
#define WEIR_API __attribute__((visibility("default")))
#define WEIR_FOREVER HUGE_VAL
typedef struct weir_run weir_run;
typedef struct weir_flow {
	const char *name; /* weir_gone; in a comment */
	const char *tags[WEIR_MAX_TAGS];
	json_t *(*run)(weir_run *run);
	void *reserved[8];
} weir_flow;
WEIR_API WEIR_MUST_CHECK int weir_wait(weir_run *run, double seconds);
WEIR_API json_t *weir_fail(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);
"""
PAGE = """.Dd January 1, 2026
.Dt WEIR_RUN 3
.Os
.Sh NAME
.Nm weir_wait ,
.Nm weir_fail
.Nd what there is
.Sh SYNOPSIS
.Ft int
.Fn weir_wait "weir_run *run" "double seconds"
.Ft "json_t *"
.Fn weir_fail "weir_run *run" "const char *format" "..."
.Sh DESCRIPTION
.Dv WEIR_FOREVER
waits; the home is
.Ev WEIR_HOME .
.Sh SEE ALSO
.Xr weir_flow 3
"""
FLOW = """.Dd January 1, 2026
.Dt WEIR_FLOW 3
.Os
.Sh NAME
.Nm weir_flow
.Nd a flow
.Sh DESCRIPTION
.Bl -tag -width Ds
.It Fa name
its name
.It Fa tags
its tags
.It Fa run
its function
.El
.Sh SEE ALSO
.Xr poll 2 ,
.Xr weir_fail 3
"""
COMMANDS = """.Dd January 1, 2026
.Dt WEIR 1
.Os
.Sh NAME
.Nm weir
.Nd a program
.Sh DESCRIPTION
.Bl -tag -width Ds
.It Ic flow-run ls
lists
.Bl -tag -width Ds
.It Fl n , Fl -limit Ar N
so many
.El
.It Ic why Ar ID
explains
.It Ic global-concurrency-limit ls
lists
.El
"""
PROGRAM = """#!/bin/sh
case "$*" in
"help") printf 'Usage: weir\\n\\nRuns:\\n  flow-run ls         List.\\n  why                 Explain.\\n  global-concurrency-limit ls\\n                      List.\\n\\nGlobal options:\\n  -h, --help  x\\n' ;;
"help flow-run ls") printf 'List.\\n\\nOptions:\\n  -n, --limit N               so many\\n\\nGlobal options:\\n  -o, --output X\\n' ;;
*) printf 'Explain.\\n\\nGlobal options:\\n  -o, --output X\\n' ;;
esac
"""


class CheckMan(ScriptCase):
    script = "check-man"

    def setUp(self):
        super().setUp()
        self.write("include/weir/weir.h", HEADER)
        self.write("src/base/settings_table.c", '{ "home", "WEIR_HOME" }')
        self.write("man/weir_run.3", PAGE)
        self.write("man/weir_flow.3", FLOW)

    def test_what_is_right(self):
        self.assert_passes()

    def test_functions_without_a_page(self):
        self.write("man/weir_run.3", PAGE.replace(".Ft int\n", "").replace('.Fn weir_wait "weir_run *run" "double seconds"\n', ""))
        self.assert_refused(["man: no synopsis has weir_wait"])

    def test_functions_that_are_called_otherwise(self):
        self.write("man/weir_run.3", PAGE.replace("double seconds", "int seconds"))
        self.assert_refused(["man/weir_run.3:10: the header says int weir_wait(weir_run*run, double seconds)"])

    def test_functions_that_are_gone(self):
        self.write("include/weir/weir.h", HEADER.replace("int weir_wait", "int weir_stay"))
        self.assert_refused(
            [
                "man/weir_run.3:10: there is no function weir_wait",
                "man: no synopsis has weir_stay",
                "man/weir_run.3:5: there is no weir_wait",
                "man/weir_run.3:10: there is no weir_wait",
            ]
        )

    def test_members(self):
        self.write("man/weir_flow.3", FLOW.replace("Fa tags", "Fa labels"))
        self.assert_refused(
            ["man/weir_flow.3: has no item for the member tags", "man/weir_flow.3: the struct has no member labels"]
        )

    def test_commands_of_programs(self):
        self.write("src/engine/main.c", 'static const struct command commands[] = {\n\t{ "run", "FLOW", run },\n};\n')
        self.assert_refused(["man/weir_main.3: has no item for the command run"])
        self.write("man/weir_main.3", ".Dd January 1, 2026\n.Dt WEIR_MAIN 3\n.Os\n.Sh NAME\n.Nm weir_fail\n.Nd starts\n"
                   ".Sh DESCRIPTION\n.Bl -tag -width Ds\n.It Ar PROGRAM Cm run Ar FLOW\nruns\n.El\n")
        self.assert_passes()

    def test_names_and_references(self):
        self.write("man/weir_run.3", PAGE.replace("WEIR_FOREVER", "WEIR_NEVER").replace("weir_flow 3", "weir_flow 7"))
        self.assert_refused(
            ["man/weir_run.3:14: there is no WEIR_NEVER", "man/weir_run.3:18: there is no page weir_flow(7)"]
        )

    def with_program(self):
        """(exit status, lines before the summary) of a run with the program."""
        self.write("weir", PROGRAM)
        os.chmod(self.root / "weir", 0o755)
        done = subprocess.run(
            [sys.executable, SCRIPTS / self.script, self.root, self.root / "weir"], capture_output=True, text=True, check=False
        )
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout.splitlines()[:-1]

    def test_commands(self):
        self.write("man/weir.1", COMMANDS)
        self.assertEqual(self.with_program(), (0, []))

    def test_commands_that_changed(self):
        self.write("man/weir.1", COMMANDS.replace("Fl -limit", "Fl -count").replace("Ic why", "Ic whence"))
        self.assertEqual(
            self.with_program(),
            (
                1,
                [
                    "man/weir.1: flow-run ls does not name its option --limit",
                    "man/weir.1: has no item for the command why",
                    "man/weir.1: there is no command whence",
                ],
            ),
        )


if __name__ == "__main__":
    unittest.main()
