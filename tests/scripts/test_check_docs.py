# SPDX-License-Identifier: Apache-2.0
"""scripts/check-docs sees dead links, settings that have changed, and targets that are gone."""
import unittest

from support import ScriptCase

TABLE = """const struct setting weir_settings_rows[] = {
\t{ "home", "WEIR_HOME", SETTING_PATH, .fallback = "~/.weir", .help = "where state lies" },
\t{ "log.level", "WEIR_LOG_LEVEL", SETTING_LEVEL, .fallback = "INFO",
\t  .help = "what is shown" },
\t{ "note", "WEIR_NOTE", SETTING_TEXT, .help = "free text" },
};
"""
SETTINGS = """| name | environment | default | what it is |
| --- | --- | --- | --- |
| `home` | `WEIR_HOME` | `~/.weir` | where state lies |
| `log.level` | `WEIR_LOG_LEVEL` | `INFO` | what is shown |
| `note` | `WEIR_NOTE` |  | free text |
"""


class CheckDocs(ScriptCase):
    script = "check-docs"

    def setUp(self):
        super().setUp()
        self.write("Makefile", "all:\ntest: all\n")
        self.write("src/base/settings_table.c", TABLE)
        self.write("docs/settings.md", SETTINGS)
        self.write("README.md", "See [settings](docs/settings.md#top), [web](https://example.org) and `make test`.\n")

    def test_what_is_right(self):
        self.assert_passes()

    def test_dead_links(self):
        self.write("docs/a.md", "one\n[x](settings.md) [y](README.md)\n")
        self.assert_refused(["docs/a.md:2: there is no README.md"])

    def test_settings_that_changed(self):
        self.write("docs/settings.md", SETTINGS.replace("`INFO`", "`DEBUG`") + "| `old` | `WEIR_OLD` | `1` | gone |\n")
        self.assert_refused(
            [
                "docs/settings.md: no row reads | log.level | WEIR_LOG_LEVEL | INFO | what is shown |",
                "docs/settings.md: log.level is not so in src/base/settings_table.c",
                "docs/settings.md: old is not so in src/base/settings_table.c",
            ]
        )

    def test_targets_that_are_gone(self):
        self.write("docs/a.md", "`make tests`\n")
        self.assert_refused(["docs/a.md: the Makefile has no target tests"])


if __name__ == "__main__":
    unittest.main()
