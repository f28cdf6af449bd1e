# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: the binary, run on a database of its own, also on a terminal."""
import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest

WEIR = os.environ["WEIR"]
MAKE_RUNS = os.environ["MAKE_RUNS"]

# How long anything may take before it counts as hung. Never a measure of speed.
HANG_SECONDS = 60

ID = {name: f"0196f3a2-7c4{'e' if name == 'waiting-wren' else 'd'}-7000-8000-00000000000{number}"
      for number, name in enumerate(["calm-otter", "failed", "evil", "late-lark", "long", "waiting-wren"], 1)}
CHATTY = "0196f3a2-9000-7000-8000-000000000001"
TASK = {name: f"0196f3a2-8000-7000-8000-00000000000{number}" for number, name in enumerate(["load-0", "清洗-0", "store-0"], 1)}


class Ended:
    """A program that has ended."""

    def __init__(self, args, code, stdout, stderr):
        self.args, self.code, self.stdout, self.stderr = args, code, stdout, stderr

    def __repr__(self):
        return f"weir {' '.join(self.args)}\nexit status {self.code}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"

    def ok(self):
        """What it printed; it must have ended well and complained of nothing."""
        assert self.code == 0 and self.stderr == "", self
        return self.stdout


class Weir:
    def __init__(self, folder):
        self.home = Path(folder, "home")
        self.work = Path(folder, "work")
        self.home.mkdir()
        self.work.mkdir()
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith("WEIR_") and name not in ("COLUMNS", "NO_COLOR", "TERM")}
        self.env.update(WEIR_HOME=str(self.home), TZ="UTC0", LC_ALL="C.UTF-8", TERM="xterm")
        self.programs = []

    @property
    def database(self):
        return self.home / "weir.db"

    def make(self, *args):
        subprocess.run([MAKE_RUNS, str(self.database), *map(str, args)], check=True, env=self.env, timeout=HANG_SECONDS)

    def __call__(self, *args, env=None, **options):
        """Run it to its end."""
        args = [str(arg) for arg in args]
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        ended = subprocess.run([WEIR, *args], env={**self.env, **(env or {})}, cwd=self.work, stderr=subprocess.PIPE,
                               timeout=HANG_SECONDS, **options)
        return Ended(args, ended.returncode, (ended.stdout or b"").decode(), ended.stderr.decode())

    def json(self, *args, **options):
        return json.loads(self(*args, "-o", "json", **options).ok())

    def start(self, *args, **options):
        return subprocess.Popen([WEIR, *map(str, args)], env=self.env, cwd=self.work, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def on_terminal(self, *args, columns=0, env=None, answer=None):
        """Run it with a terminal that wide (0: it does not say) as its output, and as its input too if there is an answer."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.OPOST  # no "\r\n"
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        if answer is not None:
            os.write(master, answer.encode())
        process = subprocess.Popen([WEIR, *map(str, args)], env={**self.env, **(env or {})}, cwd=self.work,
                                   stdin=slave if answer is not None else subprocess.DEVNULL, stdout=slave,
                                   stderr=slave if answer is not None else subprocess.PIPE)
        os.close(slave)
        output = b""
        # The end of a terminal is an error to read.
        with contextlib.suppress(OSError):
            while data := os.read(master, 65536):
                output += data
        os.close(master)
        _, errors = process.communicate(timeout=HANG_SECONDS)
        return Ended(list(map(str, args)), process.returncode, output.decode(), (errors or b"").decode())

    def program(self, kind="program"):
        """A program that runs a flow; its first line says which run."""
        program = Program(subprocess.Popen([MAKE_RUNS, str(self.database), kind], env=self.env, stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, text=True, bufsize=1))
        self.programs.append(program)
        return program


class Program:
    def __init__(self, process):
        self.process = process
        self.run = self.line().removeprefix("run ")

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def leave(self):
        """End without saying what became of the run."""
        self.process.stdin.close()
        assert self.process.wait(HANG_SECONDS) == 0

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(HANG_SECONDS)

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


def normalise(text):
    """Times and ids that differ from run to run."""
    text = re.sub(r"(?!2026-01-31)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", "TIME", text)
    text = re.sub(r"TIME \+0000 \([^)]*\)", "TIME (AGO)", text)
    text = re.sub(r"(\d \+0000) \([^)]*\)", r"\1 (AGO)", text)
    return re.sub(r"(?!0196f3a2)\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UUID", text)


@pytest.fixture
def empty(tmp_path):
    """The binary with an empty home."""
    weir = Weir(tmp_path)
    yield weir
    for program in weir.programs:
        program.close()


@pytest.fixture
def weir(empty):
    """The binary with a home full of samples."""
    empty.make("samples")
    return empty
