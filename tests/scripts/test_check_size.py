# SPDX-License-Identifier: Apache-2.0
"""scripts/check-size counts lines of files and functions as people do."""
import unittest

from support import ScriptCase


def function(signature, lines):
    """A function of so many lines, from its signature to its brace."""
    head = signature.splitlines() + ["{"]
    return "\n".join(head + ["\tx++;"] * (lines - len(head) - 1) + ["}"]) + "\n"


class CheckSize(ScriptCase):
    script = "check-size"

    def test_limits_are_allowed(self):
        self.write("src/base/a.c", "\n".join([function("int f(void)", 100), function("int g(void)", 7)]))
        self.write("src/base/b.c", "int x;\n" * 600)
        status, lines = self.run_script()
        self.assertEqual(
            lines, ["src: 2 functions, median 7 lines, 99 % within 100, longest 100; 707 lines, 0 % comments"]
        )
        self.assertEqual(status, 0)

    def test_long_functions_fail(self):
        signatures = {
            "int f(void)": "f",
            "static struct str find_all(struct arena *arena,\n                           int (*each)(void *data))": "find_all",
            "PRINTF_LIKE(2, 3) static int refuse(const char *format, ...)": "refuse",
            "static void each(int) __attribute__((noinline))": "each",
        }
        for signature, name in signatures.items():
            self.write("src/base/a.c", "/* why */\n" + function(signature, 101) + "\nint y;\n")
            self.assert_refused([f"src/base/a.c:2: {name} has 101 lines; 100 is the limit"])

    def test_long_tables_are_no_functions(self):
        self.write("src/base/a.c", "static const int rows[] = {\n" + "\t1,\n" * 150 + "};\n" + function("int f(void)", 5))
        self.assert_passes()

    def test_long_files(self):
        self.write("src/base/a.c", "int x;\n" * 601 + function("int f(void)", 5))
        self.write("tests/base/b.c", "int x;\n" * 1001)
        self.assert_refused(
            [
                "src/base/a.c:1: warning: 606 lines; over 600 a file is hard to hold in mind",
                "tests/base/b.c:1: 1001 lines; 1000 is the limit: split it by noun",
            ]
        )

    def test_comments_are_counted(self):
        self.write("src/base/a.c", "/* one\n   two */\nint x; /* not this */\n// three\n\n" + function("int f(void)", 6))
        _, lines = self.run_script()
        self.assertTrue(lines[-1].endswith("10 lines, 30 % comments"), lines)


if __name__ == "__main__":
    unittest.main()
