# SPDX-License-Identifier: Apache-2.0
"""What weir.h says, held against each mode: options of tasks, maps, other threads, return codes, ends from outside."""
import re
import signal

import pytest
from support import CANCELLED, Home, alive, eventually

MODES = ["thread", "async", "process"]


def set_limits(home, **limits):
    for name, count in limits.items():
        assert home.weir("gcl", "create", name, "--limit", str(count)).code == 0


# --- Every option in every mode ---

STATES = {
    "flaky": ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed"],
    "conditional": ["Pending", "Running", "AwaitingRetry", "Retrying", "Failed"],
    "late": ["Pending", "Running", "TimedOut"],
    "skips": ["Pending", "Running", "Skipped"],
    "cached": ["Pending", "Running", "Completed"],
    "kept": ["Pending", "Running", "Completed"],
}
HOOKS = {
    "flaky": ["Running", "Retrying", "Retrying", "Completed"],
    "conditional": ["Running", "Retrying", "Failed"],
    "late": ["Running", "TimedOut"],
    "skips": ["Running", "Skipped"],
    "cached": ["Running", "Completed"],
    "kept": ["Running", "Completed"],
    "dies": ["Running", "Retrying", "Completed"],
    "dead": ["Running", "Crashed"],
}


@pytest.fixture(scope="module", params=["options-thread", "options-async"])
def all_options(request, tmp_path_factory):
    """One run that calls each task of each mode; gives its home, task runs by name, and log lines by task run."""
    home = Home(tmp_path_factory.mktemp(request.param))
    ended = home.flow("promises", request.param)
    assert ended.code == 0, ended
    with home.store() as store:
        store.check()
        tasks = store.task_runs()
        lines = {task["id"]: [] for task in tasks}
        for line in store.logs():
            if line["task_run_id"]:
                lines[line["task_run_id"]].append(line["message"])
    yield home, {task["task_key"]: task for task in reversed(tasks)}, lines
    home.close()


def said(lines, task, word):
    return [line[len(word) + 1:] for line in lines[task["id"]] if line.startswith(word + " ")]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", STATES)
def test_an_option_works_in_each_mode(all_options, kind, mode):
    home, tasks, lines = all_options
    task = tasks[f"{kind}-{mode}"]
    assert task["states"] == STATES[kind]
    assert said(lines, task, "hook") == HOOKS[kind]
    with home.store() as store:
        assert store.count("artifact", "task_run_id = ?", bytes.fromhex(task["id"].replace("-", ""))) == len(HOOKS[kind])
    if kind == "conditional":
        assert "not retried: .retry_condition says no" in lines[task["id"]]
    if kind == "flaky":  # what its hook has said is no outcome
        assert any(line.startswith("returned NULL without weir_fail") for line in lines[task["id"]])
    if kind == "skips":
        assert task["name"] == f"名 skips-{mode} 值"
        assert f"printed in 名 skips-{mode} 值" in lines[task["id"]]
    if kind in ("cached", "kept"):
        assert said(lines, task, "commit") == ["of Completed"]
    if kind == "kept":
        assert [path.name for path in home.path.rglob(f"kept/{mode}/*")] == ["值"]
    if kind == "cached":
        with home.store() as store:
            names = [run["states"] for run in store.task_runs() if run["task_key"] == task["task_key"]]
        assert names == [STATES["cached"], ["Pending", "Cached"]]


@pytest.mark.parametrize("name", ["dies", "dead"])
def test_hooks_of_a_process_that_dies(all_options, name):
    _, tasks, lines = all_options
    assert said(lines, tasks[name], "hook") == HOOKS[name]


# --- Maps ---


@pytest.mark.parametrize("flow", ["maps-thread", "maps-async"])
def test_maps_of_none_and_one(home, flow):
    ended = home.flow("promises", flow)
    assert ended.code == 0, ended
    # Counted, waited for (any, all), asked for the next one; results; outputs that another one is given; no arguments.
    assert ended.result == [[0, 0, True, 0, [], [], ["一"], [], None]] * 3


def test_a_long_map_of_coroutines_one_at_a_time(home):
    ended = home.flow("promises", "one-by-one", count=5000)
    assert ended.code == 0, ended
    assert ended.result == sum(range(5000))


# --- Threads that a function has started and joins ---


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("flow", ["threads-flow", "threads-async", "threads-in-task", "threads-in-coroutine",
                                  "blocking-async"])
def test_other_threads_use_the_run(home, flow, threads):
    """Each calls, submits and maps children of all modes, waits, logs, and uses what the store keeps."""
    set_limits(home, two=2)
    ended = home.flow("promises", flow, env={"WEIR_THREADS": str(threads)})
    assert ended.code == 0, ended
    assert ended.result == ([0, 11] if flow == "blocking-async" else [[0, 11]] * 6)
    with home.store() as store:
        store.check()
        visitors = 1 if flow == "blocking-async" else 6
        assert store.count("task_run", "name LIKE 'echo-%' AND state_name = 'Completed'") == visitors * 3 * 5
        assert sorted(message for message in store.messages() if message.startswith("from ")) \
            == [f"from thread-{number}" for number in range(visitors)]


# --- A loop goes on meanwhile ---


def test_others_go_on_while_a_coroutine_waits_for_a_slot(home):
    set_limits(home, one=1)
    ended = home.flow("promises", "ticking")
    assert ended.code == 0, ended
    assert ended.result == 20  # who holds the slot sleeps so often on the loop of who waits


def test_coroutines_with_one_key_make_one_call(home):
    ended = home.flow("promises", "once-async")
    assert ended.code == 0, ended
    assert ended.result == [1] * 5


# --- Return codes ---


@pytest.mark.parametrize("flow", ["codes-thread", "codes-async"])
def test_return_codes(home, flow):
    invalid, timed_out, limit = -1, -7, -10
    set_limits(home, one=1)
    ended = home.flow("promises", flow)
    assert ended.code == 0, ended
    assert ended.result == {
        "one 1": 0, "one 2": limit, "one 0": invalid, "one -1": invalid, "unlimited 100": 0, " 1": 0, "none": 0,
        "full": timed_out, "full a while": timed_out, "rate": invalid,
        "wait 0": timed_out, "wait": timed_out, "wait for it": 0, "ended as": "TimedOut",
        "sleep": 0, "sleep less": 0,
        "fd": timed_out, "fd 0": timed_out, "fd out": True, "fd end": True, "fd none": invalid,
        "checkpoint": invalid, "checkpoint null": invalid,
        "variable": invalid, "variable null": invalid, "variable nul": 0, "nul": "a\0b",
        "artifact": invalid, "artifact null": invalid, "table null": invalid, "link null": invalid,
        "progress": invalid, "progress null": 0,
    }


# --- In a process of its own ---


def test_what_works_in_a_process(home):
    ended = home.flow("promises", "child")
    assert ended.code == 0, ended
    assert ended.result == {"readable": True, "late": -7, "blocking": True, "local": True, "loop": True,
                            "stdout": "值\n", "set": 7, "recovered": False, "slept": 0}


def test_a_cancelled_process_that_waits_for_a_descriptor_is_woken(home):
    program = home.start("promises", "run", "outlives", env={"WEIR_GRACE_SECONDS": "600"})
    run_id = program.line("started ")
    eventually(lambda: [task["state_type"] for task in home.store().task_runs(run_id)] == ["RUNNING"], "it runs")
    eventually(lambda: "it waits" in home.store().messages(run_id), "it waits")
    assert home.weir("flow-run", "cancel", run_id).code == 0
    assert program.wait().code == CANCELLED
    with home.store() as store:
        assert "waited: canceled" in store.messages(run_id)


# --- Ended from outside ---


@pytest.mark.parametrize("flow", ["busy-thread", "busy-async"])
@pytest.mark.parametrize("how,state,code", [
    (signal.SIGTERM, "Crashed", 128 + signal.SIGTERM),
    (signal.SIGINT, "Cancelled", CANCELLED),
    ("cancel", "Cancelled", CANCELLED),
])
def test_all_that_waits_ends(home, flow, how, state, code):
    """Sleeping, in a process, waiting for a slot as coroutine and as thread, between attempts, paused."""
    set_limits(home, one=1)
    program = home.start("promises", "run", flow)
    run_id = program.line("started ")

    def all_wait():
        with home.store() as store:
            last = {task["task_key"]: task["states"][-1] for task in store.task_runs(run_id) if task["states"]}
            paused = [run["states"][-1] for run in store.flow_runs("pauses-below")]
            waiting = store.count("log", "message LIKE 'hook Running'")
        return last.get("retried-late") == "AwaitingRetry" and paused == ["Paused"] and waiting == 6

    eventually(all_wait, "all of it waits")
    if how == "cancel":
        assert home.weir("flow-run", "cancel", run_id).code == 0
    else:
        program.send(how)
    ended = program.wait()
    assert ended.code == code, ended
    children = [int(pid) for pid in re.findall(r"^child (\d+)$", ended.stderr, re.M)]
    assert not [pid for pid in children if alive(pid)]
    with home.store() as store:
        store.check()
        assert {task["states"][-1] for task in store.task_runs(run_id)} == {state}
        assert {run["states"][-1] for run in store.flow_runs()} == {state}
        # What was between two attempts has none that could call it.
        assert store.count("log", "message = ?", f"hook {state}") == 5


# --- A program with threads and without weir_main ---


def test_flows_from_threads_within_runs_and_coroutines(home):
    ended = home.run("promises", "host")
    assert ended.code == 0, ended
    inner = ["inner"] * 3
    assert ended.result == [["值", inner], ["值", inner], inner, ["值", inner]]
    with home.store() as store:
        store.check()
        assert {run["states"][-1] for run in store.flow_runs()} == {"Completed"}
