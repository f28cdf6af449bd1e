# SPDX-License-Identifier: Apache-2.0
"""kill -9 of a running program, at any moment: what it has confirmed is there, and its runs become Crashed."""
import random
import signal
import time

import pytest
from support import LONG, TERMINAL, eventually

ROUNDS = 100 if LONG else 10


@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_a_killed_program_has_kept_its_word(home, round_number):
    delay = random.Random(round_number).uniform(0, 0.6)
    program = home.start("children", "run", "confirms", "--param", "count=1000000")
    # From the first moment of its life to somewhere in its work.
    time.sleep(delay)
    program.kill()
    ended = program.wait()
    assert ended.code == -signal.SIGKILL, ended
    confirmed = [line.split()[1] for line in ended.stdout.splitlines(keepends=True)
                 if line.startswith("confirmed ") and line.endswith("\n")]

    # Another program opens the store for writing, and finds the dead one.
    assert home.run("hello").code == 0
    with home.store() as store:
        store.check()
        runs = {run["id"]: run for run in store.flow_runs()}
        tasks = store.task_runs()
    missing = [run_id for run_id in confirmed if run_id not in runs]
    assert missing == []
    assert {tuple(runs[run_id]["states"]) for run_id in confirmed} <= {("Pending", "Running", "Completed")}
    assert {run["state_type"] for run in runs.values()} <= TERMINAL
    assert {task["state_type"] for task in tasks} <= TERMINAL
    for parent in (run for run in runs.values() if run["flow_name"] == "confirms"):
        assert parent["states"][-1] == "Crashed"


def test_looking_does_not_change_a_dead_programs_runs(home):
    program, run_id = home.start_sleeper()
    program.kill()
    program.wait()
    [row] = home.weir_json("flow-run", "ls")
    assert (row["id"], row["state_type"]) == (run_id, "RUNNING")
    assert home.run("hello").code == 0
    with home.store() as store:
        run = store.flow_run("sleeper")
        [task] = store.task_runs(run["id"])
        state = store.last_state("flow_run", run["id"])
    assert run["states"] == ["Pending", "Running", "Crashed"]
    assert task["states"] == ["Pending", "Running", "Crashed"]
    assert state["message"]
    assert run["end_time"] is not None


def test_dead_programs_are_found_once(home):
    """Ten programs die; of two that open the store at once, one marks each run, and it is marked once."""
    programs = [home.start_sleeper()[0] for _ in range(10)]
    for program in programs:
        program.kill()
        program.wait()
    finders = [home.start("hello") for _ in range(2)]
    assert [finder.wait().code for finder in finders] == [0, 0]
    with home.store() as store:
        store.check()
        states = [run["states"] for run in store.flow_runs("sleeper")]
    assert states == [["Pending", "Running", "Crashed"]] * 10


def test_a_program_that_is_killed_while_it_waits_for_a_retry(home):
    program = home.start("robust_task", "run", "robust-flow", "--param", "kind=temporary")
    with home.store_when_there() as store:
        eventually(lambda: store.count("task_run", "state_name = 'AwaitingRetry'"), "it waits for its retry")
    program.kill()
    program.wait()
    assert home.run("hello").code == 0
    with home.store() as store:
        run = store.flow_run("robust-flow")
        assert run["state_type"] == "CRASHED"
        assert store.task_runs(run["id"])[0]["state_type"] == "CRASHED"
