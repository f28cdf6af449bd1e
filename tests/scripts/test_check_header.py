# SPDX-License-Identifier: Apache-2.0
"""scripts/check-header finds what a public header declares and says nothing about."""
import unittest

from support import ScriptCase

HEADER = """/* SPDX-License-Identifier: Apache-2.0 */
/* what all of it is */
#ifndef A_H
#define A_H

#ifdef __cplusplus
extern "C" {
#endif

/* a handle */
typedef struct weir_run weir_run;

/* a record */
typedef struct weir_row {
	const char *name; /* its name */
	/* two numbers */
	int first;
	int second;
	void (*destroy)(void *value, int how); /* not NULL,
	                                          never */
	int several[4]; /* of them */
	void *reserved[8];
} weir_row;

/* kinds */
enum weir_kind { WEIR_ONE, WEIR_TWO = 7 };

/* two functions */
WEIR_API int weir_one(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);
WEIR_API WEIR_MUST_CHECK int weir_two(weir_run *run, struct weir_row *row,
                                      int more);

WEIR_API void weir_three(void); /* three; not four */

#ifdef __cplusplus
}
#endif

#endif
"""


class CheckHeader(ScriptCase):
    script = "check-header"

    def refuse(self, text, expected):
        self.write("include/weir/a.h", text)
        self.assert_refused([f"include/weir/a.h:{line}: {name} has no comment" for line, name in expected])

    def test_what_is_right(self):
        self.write("include/weir/a.h", HEADER)
        self.assert_passes()

    def test_functions(self):
        self.refuse(
            "/* heading */\n\nint a(int x);\n\n/* b */\nint b(void);\nint c(void);\n\nint *d(struct e *f)\n\tWEIR_PRINTF(1, 2);\n",
            [(3, "a"), (9, "d")],
        )

    def test_types(self):
        self.refuse(
            "typedef struct weir_run weir_run;\nstruct weir_row {\n\tint x; /* x */\n};\ntypedef void weir_hook(int a);\n",
            [(1, "weir_run"), (2, "weir_row"), (5, "weir_hook")],
        )

    def test_members(self):
        self.refuse(
            "/* a row */\nstruct row {\n\tint a;\n\tint b; /* b */\n\tint c[3];\n\n\t/* d and e */\n\tint d;\n"
            "\tunsigned\n\t        e;\n\n\tint (*f)(int g);\n\tint reserved[4];\n};\n",
            [(3, "a"), (5, "c"), (12, "f")],
        )

    def test_values(self):
        self.refuse("enum kind {\n\tONE, /* one */\n\tTWO = 2,\n};\n", [(1, "kind"), (3, "TWO")])

    def test_the_comment_before_an_empty_line_is_about_something_else(self):
        self.refuse("/* about all */\n\n#define X 1\nint a(void);\n", [(4, "a")])

    def test_without_headers(self):
        status, lines = self.run_script()
        self.assertEqual((status, lines), (1, ["0 headers, 0 declarations without a comment"]))


if __name__ == "__main__":
    unittest.main()
