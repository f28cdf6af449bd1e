# SPDX-License-Identifier: Apache-2.0
"""Runs a script of scripts/ over a small tree made for one test."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"


class ScriptCase(unittest.TestCase):
    script = None  # its name

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def run_script(self):
        """Returns (exit status, lines)."""
        done = subprocess.run(
            [sys.executable, str(SCRIPTS / self.script), str(self.root)], capture_output=True, text=True, check=False
        )
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout.splitlines()

    def assert_refused(self, expected):
        """Exactly these lines, without the summary at the end."""
        status, lines = self.run_script()
        self.assertEqual(lines[:-1], expected)
        self.assertEqual(status, 1)

    def assert_passes(self):
        status, lines = self.run_script()
        self.assertEqual(lines[:-1], [])
        self.assertEqual(status, 0)
