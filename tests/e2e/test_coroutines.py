# SPDX-License-Identifier: Apache-2.0
"""Flows and tasks on event loops: structured however they are nested, mixed with threads, cancelled, limited, overflowing."""
import re
import time

import pytest
from support import CANCELLED, FAILED, LONG, eventually

PLAIN = ["Pending", "Running", "Completed"]


def run_flow(home, flow, env=None, code=0, **parameters):
    ended = home.flow("coroutines", flow, env=env, **parameters)
    assert ended.code == code, ended
    with home.store() as store:
        store.check()
    return ended


# --- The program of the document, in every form ---

FORMS = {
    "not-awaited": None,
    "gathered": [1, 2, 3],
    "awaited-map": [1, 2, 3],
    "inner-as-task": [1, 2, 3],
    "restructured": [1, 2, 3],
}


@pytest.mark.parametrize("form", FORMS)
def test_async_tasks_under_map_end_cleanly(home, form):
    ended = home.flow("nested_map", form, seconds=5.0 if LONG else 0.5)
    assert ended.code == 0, ended
    assert ended.result == FORMS[form]
    assert "closed" not in ended.stderr
    with home.store() as store:
        outer = store.flow_run(form)
        inner = store.flow_runs("process")
        tasks = store.task_runs()
        messages = [line["message"] for line in store.logs()]
        store.check()
    assert outer["states"] == PLAIN
    # A task run that stands for a flow run is made Pending, and then goes with it.
    assert all(run["states"] == PLAIN for run in inner)
    assert all(task["states"] in (PLAIN, ["Pending", *PLAIN]) for task in tasks), tasks
    assert sorted(message for message in messages if re.fullmatch("[0-9]", message)) == ["1", "2", "3"]
    assert len(inner) == (0 if form in ("inner-as-task", "restructured") else 3)
    # None outlives the run that started it; and they slept at the same time.
    assert all(run["end_time"] <= outer["end_time"] for run in inner + tasks)
    if inner:
        assert max(run["start_time"] for run in inner) < min(run["end_time"] for run in inner)


# --- Nesting ---

@pytest.mark.parametrize("wait", [True, False], ids=["awaited", "left"])
def test_four_deep(home, wait):
    ended = run_flow(home, "tree", depth=4, width=3, wait=wait)
    assert ended.result == (81 if wait else None)
    with home.store() as store:
        runs = store.flow_runs("tree")
        tasks = store.task_runs()
    assert len(runs) == 1 + 3 + 9 + 27 + 81
    assert all(run["states"] == PLAIN for run in runs)
    assert {task["state_type"] for task in tasks} == {"COMPLETED"}
    ends = {run["id"]: run["end_time"] for run in runs}
    stand_ins = {task["id"]: task for task in tasks}
    for run in runs[1:]:
        parent = stand_ins[run["parent_task_run_id"]]["flow_run_id"]
        assert run["end_time"] <= ends[parent]


def test_a_failing_leaf_fails_what_waits_for_it(home):
    ended = run_flow(home, "tree", depth=4, width=2, fail=True, code=FAILED)
    assert "the first leaf fails" in ended.stderr
    with home.store() as store:
        failed = [run for run in store.flow_runs("tree") if run["state_type"] == "FAILED"]
        left = store.count("flow_run", "state_type NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')")
    # The leaf and those above it, none beside it.
    assert len(failed) == 5 and left == 0


@pytest.mark.parametrize("children", [10_000] if LONG else [1_000])
def test_many_children(home, children):
    ended = home.flow("async_fanout", "async-fanout", children=children, seconds=0.5)
    assert ended.code == 0, ended
    assert ended.result == children
    with home.store() as store:
        assert store.count("task_run", "state_type = 'COMPLETED'") == children
        store.check()


def test_many_nested_flows(home):
    width = 10_000 if LONG else 500
    ended = run_flow(home, "tree", depth=1, width=width, seconds=0.2)
    assert ended.result == width
    with home.store() as store:
        assert store.count("flow_run", "state_type = 'COMPLETED'") == width + 1


def test_calls_go_deeper_than_a_stack(home):
    ended = run_flow(home, "deep", depth=500)
    assert ended.code == 0


# --- Loops of threads ---

@pytest.mark.parametrize("threads, rounds", [(8, 3)] if not LONG else [(8, 3), (16, 50)])
def test_each_thread_has_its_own_loop(home, threads, rounds):
    ended = home.run("loops", threads, rounds)
    assert ended.code == 0, ended
    total = threads * rounds
    assert f"made {total} closed {total} wrong 0" in ended.stdout
    with home.store() as store:
        assert store.count("flow_run", "state_type = 'COMPLETED'") == total * 4
        store.check()


def test_values_of_a_loop_are_destroyed_with_it_the_newest_first(home):
    ended = run_flow(home, "loop-locals")
    lines = [line for line in ended.stdout.splitlines() if not line.startswith(("[", "]", " "))]
    assert lines == ["make a", "make b", "function returns", "destroy b", "destroy a"]
    assert ended.result == [True, True, True] or "true" in ended.stdout


def test_values_of_a_run_are_destroyed_with_it(home):
    ended = run_flow(home, "run-locals")
    assert ended.stdout.splitlines() == ["make a", "make b", "on no loop", "destroy b", "destroy a", "true"]


# --- With threads ---

@pytest.mark.parametrize("flow", ["mixed-async", "mixed-thread", "sandwich"])
@pytest.mark.parametrize("threads", ["1", "4"])
def test_modes_call_each_other(home, flow, threads):
    assert run_flow(home, flow, env={"WEIR_THREADS": threads}).result == [5, 1, 1]


@pytest.mark.parametrize("mode", ["async", "thread"])
def test_sockets(home, mode):
    assert run_flow(home, f"socket-{mode}").result == [True, True, "ping"]


def test_programs_run_beside_each_other(home):
    results = run_flow(home, "programs", env={"WEIR_THREADS": "1"}).result
    assert [result["stdout"] for result in results] == ["done\n"] * 4
    with home.store() as store:
        tasks = store.task_runs()
    assert max(task["start_time"] for task in tasks) < min(task["end_time"] for task in tasks)


def test_what_blocks_goes_to_threads(home):
    ended = run_flow(home, "blocking")
    assert ended.result == [True] * 6
    with home.store() as store:
        assert store.messages().count("blocked") == 6


# --- Output and order ---

def test_lines_of_coroutines_do_not_mix(home):
    run_flow(home, "printing")
    with home.store() as store:
        printed = sorted(message for message in store.messages() if message.startswith("first"))
    assert printed == [f"first {i}, second {i}" for i in range(1, 5)]


def test_children_come_as_they_end(home):
    assert run_flow(home, "order").result == [1, 2, 3]


# --- Time limits, failures, cancellation ---

def test_a_time_limit_arrives_at_the_next_wait(home):
    assert run_flow(home, "limited").result == 2
    with home.store() as store:
        [task] = store.task_runs()
        assert "exceeded its time limit" in " ".join(state["message"] or "" for state in
                                                     store.state_rows("task_run", task["id"]))


def test_a_flow_over_its_limit(home):
    run_flow(home, "flow-with-limit", code=FAILED)
    with home.store() as store:
        assert store.flow_run()["state_name"] == "TimedOut"


def test_a_coroutine_that_hears_nothing_is_abandoned_and_lets_others_go_on(home):
    ended = home.flow("coroutines", "deaf", env={"WEIR_GRACE_SECONDS": "0.2"})
    assert ended.code == FAILED, ended
    with home.store() as store:
        deaf, other = store.task_runs()
        store.check()
    assert deaf["state_name"] == "TimedOut"
    assert other["state_type"] == "COMPLETED"


def test_children_are_cancelled_with_the_flow_that_fails(home):
    ended = run_flow(home, "failing", code=FAILED)
    assert "2 is even" in ended.stderr
    with home.store() as store:
        sleeper, _ = store.task_runs()
    assert sleeper["state_type"] == "CANCELLED"


def test_a_failure_is_taken_out(home):
    assert run_flow(home, "recovering").result == ["Failed", "2 is even"]


def test_a_cancelled_parent_ends_its_children(home):
    program = home.start("coroutines", "run", "sleeping")
    run_id = program.line("started ")
    with home.store() as store:
        eventually(lambda: store.count("task_run", "state_type = 'RUNNING'") == 3, "its tasks run")
    began = time.monotonic()
    assert home.weir("flow-run", "cancel", run_id).code == 0
    ended = program.wait()
    assert ended.code == CANCELLED, ended
    assert time.monotonic() - began < 30
    with home.store() as store:
        assert store.flow_run()["state_type"] == "CANCELLED"
        assert {task["state_type"] for task in store.task_runs()} == {"CANCELLED"}
        store.check()


def test_an_overflowing_stack_is_told_of(home):
    # A sanitizer has handlers of its own, which this test is not about.
    ended = home.flow("coroutines", "overflow", env={"ASAN_OPTIONS": "handle_segv=0:detect_stack_use_after_return=0"})
    assert ended.code < 0, ended
    assert home.run("hello").code == 0  # whoever opens next records it
    with home.store() as store:
        run = store.flow_run("overflow")
    assert run["state_type"] == "CRASHED"
    why = home.weir("why", run["id"])
    assert "stack overflow of a coroutine" in why.stdout, why
    assert f"flow run '{run['name']}'" in why.stdout
