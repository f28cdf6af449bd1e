# SPDX-License-Identifier: Apache-2.0
"""scripts/abi lets a library grow, and refuses what would break programs that were compiled before."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import SCRIPTS

HEADER = """
enum weir_kind { WEIR_ONE, WEIR_TWO };
typedef struct weir_run weir_run;
typedef struct weir_task {
	const char *name;
	int (*run)(weir_run *run);
	enum weir_kind kind;
	void *reserved[4];
} weir_task;
int weir_call(weir_run *run, const weir_task *task);
void weir_close(weir_run *run);
"""
SOURCE = """
#include "weir/weir.h"
struct weir_run { int hidden; };
int weir_call(weir_run *run, const weir_task *task) { return task->run(run) + run->hidden; }
void weir_close(weir_run *run) { (void)run; }
"""


@unittest.skipUnless(shutil.which("abidw") and shutil.which("gcc"), "needs abigail-tools and gcc")
class Abi(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "include/weir").mkdir(parents=True)
        self.assertEqual(self.build_and("update")[0], 0)

    def build_and(self, action, old="", new="", source=SOURCE, options=("-g",), soname="libweir.so.0"):
        """Build a library with the header changed, and hand it to the script: (exit status, output)."""
        assert old in HEADER
        (self.root / "include/weir/weir.h").write_text(HEADER.replace(old, new) if old else HEADER)
        (self.root / "weir.c").write_text(source)
        library = self.root / "libweir.so"
        subprocess.run(
            ["gcc", "-shared", "-fPIC", *options, f"-Wl,-soname,{soname}", "-Iinclude", "-o", library, "weir.c"],
            cwd=self.root, check=True,
        )
        done = subprocess.run(
            [sys.executable, SCRIPTS / "abi", action, library, self.root], capture_output=True, text=True, check=False
        )
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def allow(self, *arguments, **options):
        status, output = self.build_and("check", *arguments, **options)
        self.assertEqual((status, output), (0, ""))

    def refuse(self, expected, *arguments, **options):
        status, output = self.build_and("check", *arguments, **options)
        self.assertEqual(status, 1, output)
        self.assertIn(expected, output)

    def test_what_stays(self):
        self.allow()
        self.allow(options=("-g", "-O2"))
        self.allow(source=SOURCE.replace("int hidden", "long other, hidden"))

    def test_what_may_be_added(self):
        self.allow("void weir_close", "int weir_more(void);\nvoid weir_close", source=SOURCE + "int weir_more(void) { return 1; }")
        self.allow("WEIR_TWO }", "WEIR_TWO, WEIR_THREE }")
        self.allow("void *reserved[4]", "double seconds;\n\tvoid *reserved[3]")

    def test_functions_that_are_gone(self):
        self.refuse("weir_close", "void weir_close(weir_run *run);", "", source=SOURCE.replace("void weir_close", "static void shut"))

    def test_functions_that_are_called_otherwise(self):
        self.refuse("weir_close", "void weir_close(weir_run *run)", "void weir_close(weir_run *run, int how)",
                    source=SOURCE.replace("weir_close(weir_run *run)", "weir_close(weir_run *run, int how)").replace(
                        "(void)run;", "(void)run; (void)how;"))

    def test_structs_that_change(self):
        self.refuse("weir_task", "void *reserved[4]", "void *reserved[5]")
        self.refuse("weir_task", "const char *name;", "const char *name;\n\tint number;\n\tint another;")
        self.refuse("weir_task", "enum weir_kind kind;\n\tvoid *reserved[4]", "long kind;\n\tvoid *reserved[4]")

    def test_values_that_change(self):
        self.refuse("WEIR_TWO", "WEIR_ONE, WEIR_TWO", "WEIR_ZERO, WEIR_ONE, WEIR_TWO")

    def test_a_new_soname_needs_a_new_reference(self):
        self.refuse("libweir-1.abi", soname="libweir.so.1")

    def test_without_debug_information(self):
        self.assertEqual(self.build_and("check", options=())[0], 77)


if __name__ == "__main__":
    unittest.main()
