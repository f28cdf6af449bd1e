# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: programs that run in a home of their own, and a look at what they have recorded.

A program is an example, a test program of tests/e2e/programs, or the command line `weir`. All are found in the build
folder, which WEIR_BUILD_DIR names.
"""
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
import urllib.parse
import uuid
from pathlib import Path

BUILD = Path(os.environ.get("WEIR_BUILD_DIR", "build")).resolve()
LONG = os.environ.get("WEIR_TEST_LONG") == "1"

# How long anything may take before it counts as hung. Never a measure of speed.
HANG_SECONDS = 60 if not LONG else 300

TERMINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}

# Exit statuses: weir.h (weir_main) and weir/errors.h.
FAILED, USAGE, CANCELLED, IO_ERROR, NOT_PERMITTED, WRONG_VERSION = 1, 2, 130, 74, 77, 78


def program_path(name):
    """The built program of that name: an example, a test program, or weir."""
    for folder in ("examples", "subprojects/daily-report", "tests/e2e/programs", "."):
        path = BUILD / folder / name
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise FileNotFoundError(f"there is no program '{name}' in {BUILD}: build it, or set WEIR_BUILD_DIR")


def sanitized(name):
    """Was the program built with the address sanitizer, or that of threads?"""
    program = Path(program_path(name)).read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


def threads_of(run):
    """What to add to the environment of a program so that it gets so many threads."""
    return {"FEW_THREADS": str(run), "LD_PRELOAD": program_path("libfew_threads.so")}


def without_preload(name):
    """A sanitizer must be loaded first, and has a pthread_create of its own."""
    return sanitized(name)


class Ended:
    """A program that has ended."""

    def __init__(self, args, code, stdout, stderr):
        self.args, self.code, self.stdout, self.stderr = args, code, stdout, stderr

    def __repr__(self):
        return (f"{' '.join(map(str, self.args))}\nexit status {self.code}\n"
                f"--- stdout\n{self.stdout[-4000:]}\n--- stderr\n{self.stderr[-4000:]}")

    @property
    def result(self):
        """The flow's result: the JSON value with which stdout ends. A result of null prints nothing."""
        lines = self.stdout.splitlines()
        if not lines:
            return None
        for first in range(max(0, len(lines) - 200), len(lines)):
            with contextlib.suppress(ValueError):
                return json.loads("\n".join(lines[first:]))
        raise AssertionError(f"stdout does not end with a JSON value:\n{self!r}")


class Program:
    """A program that runs; ended by the fixture if the test does not."""

    def __init__(self, args, env, cwd, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        self.args = args
        # Unbuffered, so that what `line` has not read is there for `wait`.
        self.process = subprocess.Popen(args, env=env, cwd=cwd, stdin=subprocess.DEVNULL, start_new_session=True,
                                        bufsize=0, **options)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def wait(self, timeout=None):
        """Wait for its end; one that hangs is killed, and the test fails."""
        try:
            out, err = self.process.communicate(timeout=timeout or HANG_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"hangs: {Ended(self.args, None, text(out), text(err))!r}") from None
        return Ended(self.args, self.process.returncode, text(out), text(err))

    def line(self, start):
        """Read stdout up to a line that begins so; returns its rest."""
        for raw in self.process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            if line.startswith(start):
                return line[len(start):].strip()
        raise AssertionError(f"ended without a line '{start}': {self.wait()!r}")

    def measure(self):
        """Wait for its end without reading its output; gives its exit status and peak memory in bytes."""
        peaks = [0]

        def ended():
            peaks.append(peak_memory(self.pid) or peaks[-1])
            return self.process.poll() is not None

        # Not the rusage of wait4: a process begins with that of the one it was forked from.
        eventually(ended, "it ends")
        return self.process.returncode, peaks[-1]

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)

    def close(self):
        """Kill it if it still runs, and whatever it has left behind: that is in its session, if in other groups."""
        if self.running():
            self.kill()
        self.process.wait()
        for pid in session_members(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


def stat_fields(pid):
    """Those of /proc/PID/stat behind the name: state, parent, group, session, …; None when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def peak_memory(pid):
    """Of a living process, in bytes; None when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


def alive(pid):
    """Is there a process of this id that is not a zombie?"""
    fields = stat_fields(pid)
    return fields is not None and fields[0] != "Z"


def session_members(session):
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if (fields := stat_fields(pid)) and int(fields[3]) == session]


def text(data):
    return (data or b"").decode("utf-8", errors="replace")


class Home:
    """A folder for WEIR_HOME, a working folder, and the programs that run with them."""

    def __init__(self, folder):
        self.path = Path(folder, "home")
        self.work = Path(folder, "work")
        self.work.mkdir(parents=True, exist_ok=True)
        self.programs = []

    @property
    def database(self):
        return self.path / "weir.db"

    def environment(self, more=None):
        """That of the tests without what would change Weir, plus the home. A value of None takes a name out."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "PREFECT_"))}
        env.update(WEIR_HOME=str(self.path), NO_COLOR="1", LC_ALL="C.UTF-8", **(more or {}))
        return {name: value for name, value in env.items() if value is not None}

    def start(self, name, *args, env=None, **options):
        args = [arg if isinstance(arg, bytes) else str(arg) for arg in args]
        program = Program([program_path(name), *args], self.environment(env), self.work, **options)
        self.programs.append(program)
        return program

    def run(self, name, *args, env=None, timeout=None, **options):
        """Run a program to its end."""
        with contextlib.closing(self.start(name, *args, env=env, **options)) as program:
            return program.wait(timeout)

    def flow(self, name, flow, env=None, options=None, **parameters):
        """Run a flow of a program; parameters that are not strings are written as JSON."""
        args = [f"--param={key}={value if isinstance(value, str) else json.dumps(value)}"
                for key, value in parameters.items()]
        return self.run(name, "run", flow, *args, env=env, **(options or {}))

    def start_sleeper(self, **options):
        """Start the flow `sleeper`; gives the program and its flow run's id when its task is recorded as running."""
        program = self.start("limits", "run", "sleeper", **options)
        run_id = program.line("started ")
        with self.store() as store:
            eventually(lambda: [task["state_type"] for task in store.task_runs(run_id)] == ["RUNNING"], "its task runs")
        return program, run_id

    def weir(self, *args, **options):
        return self.run("weir", *args, **options)

    def weir_json(self, *args, **options):
        """The answer of `weir … --output json`."""
        ended = self.weir(*args, "--output", "json", **options)
        assert ended.code == 0, ended
        return json.loads(ended.stdout)

    def store(self):
        return Store(self.database)

    def store_when_there(self):
        """The store, as soon as a program has made it."""
        def opened():
            with contextlib.suppress(sqlite3.OperationalError):
                store = Store(self.database)
                store.count("flow_run")
                return store
            return None

        return eventually(opened, f"there is a store in {self.path}")

    def close(self):
        for program in self.programs:
            program.close()


class Store:
    """The recorded rows, read only. Ids come as text, JSON columns as values."""

    JSON_COLUMNS = {"tags", "labels", "parameters", "context", "empirical_policy", "task_inputs", "details"}

    def __init__(self, path):
        self.db = sqlite3.connect(f"file:{urllib.parse.quote(str(path))}?mode=ro", uri=True, timeout=30)
        self.db.row_factory = sqlite3.Row

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.db.close()

    def rows(self, sql, *args):
        return [{key: self.value(key, row[key]) for key in row.keys()} for row in self.db.execute(sql, args)]

    def value(self, column, value):
        if isinstance(value, bytes) and len(value) == 16:
            return str(uuid.UUID(bytes=value))
        if column in self.JSON_COLUMNS and isinstance(value, str):
            return json.loads(value)
        return value

    def count(self, table, where="1", *args):
        return self.db.execute(f"SELECT count(*) FROM {table} WHERE {where}", args).fetchone()[0]

    def flow_runs(self, flow=None):
        """Flow runs with the names of their states in order, oldest first."""
        runs = self.rows("SELECT run.*, flow.name AS flow_name FROM flow_run AS run JOIN flow ON flow.id = run.flow_id "
                         "WHERE ?1 IS NULL OR flow.name = ?1 ORDER BY run.id", flow)
        return [dict(run, states=self.states("flow_run", run["id"])) for run in runs]

    def flow_run(self, flow=None):
        """The only run of that flow."""
        runs = self.flow_runs(flow)
        assert len(runs) == 1, [run["flow_name"] for run in runs]
        return runs[0]

    def task_runs(self, flow_run_id=None):
        """Task runs in the order of their making, with the names of their states."""
        blob = uuid.UUID(flow_run_id).bytes if flow_run_id else None
        runs = self.rows("SELECT * FROM task_run WHERE ?1 IS NULL OR flow_run_id = ?1 ORDER BY id", blob)
        return [dict(run, states=self.states("task_run", run["id"])) for run in runs]

    def state_rows(self, table, run_id):
        return self.rows(f"SELECT * FROM {table}_state WHERE run_id = ? ORDER BY timestamp, id",
                         uuid.UUID(run_id).bytes)

    def states(self, table, run_id):
        return [state["name"] for state in self.state_rows(table, run_id)]

    def last_state(self, table, run_id):
        return self.state_rows(table, run_id)[-1]

    def logs(self, flow_run_id=None):
        blob = uuid.UUID(flow_run_id).bytes if flow_run_id else None
        return self.rows("SELECT * FROM log WHERE ?1 IS NULL OR flow_run_id = ?1 ORDER BY timestamp, id", blob)

    def messages(self, flow_run_id=None):
        return [line["message"] for line in self.logs(flow_run_id)]

    def integrity(self):
        return [row[0] for row in self.db.execute("PRAGMA integrity_check")]

    def check(self):
        """What must hold of every store, whatever has happened to it."""
        assert self.integrity() == ["ok"]
        for table in ("flow_run", "task_run"):
            assert self.count(f"{table}_state", f"run_id NOT IN (SELECT id FROM {table})") == 0
            assert self.count(table, f"state_id IS NOT NULL AND state_id NOT IN (SELECT id FROM {table}_state)") == 0
        assert self.count("flow_run", "flow_id NOT IN (SELECT id FROM flow)") == 0
        assert self.count("task_run", "flow_run_id IS NOT NULL AND flow_run_id NOT IN (SELECT id FROM flow_run)") == 0


def eventually(question, what, seconds=None):
    """Ask until the answer is true; returns it."""
    deadline = time.monotonic() + (seconds or HANG_SECONDS)
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)
