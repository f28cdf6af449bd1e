# SPDX-License-Identifier: Apache-2.0
"""What these tests share: commands that must succeed, and an installed tree."""
import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("WEIR_BUILD_DIR", "build")).resolve()
LONG = os.environ.get("WEIR_TEST_LONG") == "1"
HANG_SECONDS = 120 if not LONG else 900

WARNINGS = ["-Wall", "-Wextra", "-Werror"]


def needs(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def call(*command, cwd=None, env=None):
    """Run a command that must succeed; gives what it printed."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@contextlib.contextmanager
def install_log_kept():
    """`ninja uninstall` goes by a list in the build folder: that of what its user has installed comes back afterwards."""
    log = BUILD / "meson-logs/install-log.txt"
    before = log.read_bytes() if log.exists() else None
    yield
    if before is None:
        log.unlink(missing_ok=True)
    else:
        log.write_bytes(before)


class Installed:
    """An installed tree: where its parts are, and the environment that makes tools find them."""

    def __init__(self, root, prefix):
        self.prefix = Path(f"{root}{prefix}")
        [pc_file] = self.prefix.rglob("weir.pc")
        self.libraries = pc_file.parents[1]
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("WEIR_", "PKG_CONFIG")) and name not in ("DESTDIR", "CFLAGS", "LDFLAGS")}
        self.env.update(PKG_CONFIG_PATH=str(pc_file.parent), LD_LIBRARY_PATH=str(self.libraries))
        if root:
            self.env["PKG_CONFIG_SYSROOT_DIR"] = str(root)

    def call(self, *command, cwd=None):
        return call(*command, cwd=cwd, env=self.env)

    def flags(self, *options):
        return self.call("pkg-config", *options, "weir").split()

    def result(self, program, home):
        """The JSON value that a program of one flow prints."""
        self.env["WEIR_HOME"] = str(home)
        return json.loads(self.call(program, cwd=home))
