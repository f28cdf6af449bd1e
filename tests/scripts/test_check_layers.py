# SPDX-License-Identifier: Apache-2.0
"""scripts/check-layers finds every kind of breach, and nothing else, under the rules of docs/layers.md."""
import unittest

from support import SCRIPTS, ScriptCase

LAYERS = (SCRIPTS.parent / "docs" / "layers.md").read_text(encoding="utf-8")


class CheckLayers(ScriptCase):
    script = "check-layers"

    def setUp(self):
        super().setUp()
        self.write("docs/layers.md", LAYERS)

    def test_includes_that_are_allowed(self):
        self.write("src/rules/a.c", '#include "rules/a.h"\n#include "base/json.h"\n#include "weir/errors.h"\n')
        self.write("src/base/b.c", '#include "weir/errors.h"\n#include <string.h>\n')
        self.write("src/engine/c.c", '#include <jansson.h>\n#include "core/core.h"\n#include "weir/weir.h"\n')
        self.write("src/store/d.c", "#include <sqlite3.h>\nint x = sqlite3_open(path, &db);\n")
        self.write("src/cli/e.c", '#include "engine/engine.h"\n')
        self.write("src/main.c", '#include "cli/cli.h"\n')
        self.write("examples/f.c", "#include <weir.h>\n#include <stdio.h>\n")
        self.write("tests/base/g.c", '#include "core/core.h"\n#include <sqlite3.h>\nint t = time(NULL);\n')
        self.write("include/weir/weir.h", '#include <jansson.h>\n#include "errors.h"\n')
        self.assert_passes()

    def test_includes_that_are_not(self):
        self.write("src/base/a.c", '#include "base/a.h"\n\n#  include "store/db.h"\n')
        self.write("src/rules/b.h", "#include <sqlite3.h>\n#include <uv.h>\n")
        self.write("src/store/c.c", '#include "rules/verdict.h"\n#include <weir.h>\n#include <weir/weir.h>\n')
        self.write("src/core/d.c", "#include <jansson.h>\n")
        self.write("src/worker/e.c", '#include "server/server.h"\n')
        self.write("include/weir/weir.h", '#include "base/base.h"\n')
        self.write("examples/f.c", '#include "engine/engine.h"\n')
        self.assert_refused(
            [
                "include/weir/weir.h:1: include/weir may not include src/base (base/base.h)",
                "src/base/a.c:3: src/base may not include src/store (store/db.h)",
                "src/core/d.c:1: <jansson.h> belongs to "
                "examples, include/weir, src/cli, src/engine, src/glue, src/queue",
                "src/rules/b.h:1: <sqlite3.h> belongs to src/queue, src/store",
                "src/rules/b.h:2: <uv.h> belongs to src/loop, src/net",
                "src/store/c.c:1: src/store may not include src/rules (rules/verdict.h)",
                "src/store/c.c:2: src/store may not include include/weir (weir/weir.h)",
                "src/store/c.c:3: src/store may not include include/weir (weir/weir.h)",
                "src/worker/e.c:1: src/worker may not include src/server (server/server.h)",
                "examples/f.c:1: examples may not include src/engine (engine/engine.h)",
            ]
        )

    def test_includes_that_name_no_folder(self):
        self.write("src/base/a.c", '#include "json.h"\n#include "bases/json.h"\n')
        self.write("src/new/b.c", "int x;\n")
        self.assert_refused(
            [
                'src/base/a.c:1: "json.h" names no folder of docs/layers.md: write it as "base/json.h"',
                'src/base/a.c:2: "bases/json.h" names no folder of docs/layers.md: write it as "base/json.h"',
                "src/new/b.c:1: the folder is not in docs/layers.md",
            ]
        )

    def test_calls_that_are_banned(self):
        self.write(
            "src/rules/a.c",
            "void f(void)\n{\n\tint64_t now = clock_wall_us();\n\tnow = time (NULL);\n"
            "\tpthread_mutex_lock(&mutex);\n\tstruct uuid id = uuid_new();\n\tuv_now(loop);\n}\n",
        )
        self.write("src/store/b.c", "\treturn rand() + 1;\n\tfprintf(stderr, text);\n\tabort();\n")
        self.write("src/core/c.c", '/* a\n   comment */ char *x = strdup("y");\n\tsqlite3_step(s);\n')
        self.assert_refused(
            [
                "src/core/c.c:2: strdup (memory): src/base",
                "src/core/c.c:3: sqlite3_* is called only in src/queue, src/store",
                "src/rules/a.c:3: clock_wall_us (clock): all but src/model src/rules",
                "src/rules/a.c:4: time (clock): all but src/model src/rules",
                "src/rules/a.c:5: pthread_mutex_lock (threads): all but src/model src/rules src/core src/api",
                "src/rules/a.c:6: uuid_new (random): all but src/model src/rules",
                "src/rules/a.c:7: uv_* is called only in src/loop, src/net",
                "src/store/b.c:1: rand (weak random): nowhere",
                "src/store/b.c:2: stderr (output): src/base/base.c src/engine src/cli src/main.c",
                "src/store/b.c:3: abort (exit): src/base/base.c src/loop src/engine src/cli src/main.c",
            ]
        )

    def test_what_only_looks_like_a_call(self):
        self.write(
            "src/rules/a.c",
            "/* time() and rand() */\n"
            '\tconst char *text = "time() \\" rand()"; // clock_gettime()\n'
            "\tdriver->open(db);\n\tops.send(x);\n\trun_time(x);\n\tlog_printf(x);\n\tint time;\n"
            "\tint (*open)(void);\n\tchar quote = '\"'; char other = '\"';\n",
        )
        self.write("src/cli/b.c", "\tprintf(text);\n\texit(1);\n\tfputs(text, stdout);\n")
        self.assert_passes()

    def test_wrong_tables_are_refused(self):
        for text in (
            "# nothing\n",
            LAYERS.replace("## Calls", "## Something"),
            LAYERS.replace("`src/base` `src/model` |", "`src/base` `src/models` |"),
        ):
            self.write("docs/layers.md", text)
            status, lines = self.run_script()
            self.assertEqual(status, 2)
            self.assertTrue(lines[0].startswith("docs/layers.md: "), lines)


if __name__ == "__main__":
    unittest.main()
