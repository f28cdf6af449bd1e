# SPDX-License-Identifier: Apache-2.0
"""Tasks and flows within flows: nested, mapped, depending on each other."""
import pytest
from support import FAILED, LONG

PLAIN = ["Pending", "Running", "Completed"]


def run_flow(home, flow, env=None, **parameters):
    ended = home.flow("children", flow, env=env, **parameters)
    with home.store() as store:
        run = store.flow_runs(flow)[0]
        tasks = store.task_runs(run["id"])
        store.check()
    return ended, run, tasks


# --- Nesting ---


@pytest.mark.parametrize("submitted", [False, True], ids=["called", "submitted"])
def test_two_hundred_flows_deep_on_two_threads(home, submitted):
    ended = home.flow("children", "nested", env={"WEIR_THREADS": "2"}, depth=200, submitted=submitted)
    assert ended.code == 0, ended
    assert ended.result == 200
    with home.store() as store:
        runs = store.flow_runs("nested")
        stand_ins = {task["id"]: task for task in store.task_runs()}
        store.check()
    assert len(runs) == 201
    assert all(run["states"] == PLAIN for run in runs)
    # Each but the outermost is linked to a task run in the flow run that called it.
    parents = [stand_ins[run["parent_task_run_id"]]["flow_run_id"] for run in runs if run["parent_task_run_id"]]
    assert len(parents) == 200 and set(parents) <= {run["id"] for run in runs}
    assert {task["state_type"] for task in stand_ins.values()} == {"COMPLETED"}


@pytest.mark.skipif(not LONG, reason="thousands of flow runs, each confirmed: WEIR_TEST_LONG=1")
@pytest.mark.parametrize("submitted", [False, True], ids=["called", "submitted"])
def test_endless_recursion_fails_before_the_stack_ends(home, submitted):
    ended = home.flow("children", "nested", depth=10**9, submitted=submitted)
    assert ended.code == FAILED, ended
    assert "deep" in ended.stderr


def test_a_flow_waits_for_the_child_it_leaves(home):
    ended, run, [task] = run_flow(home, "leaves-child")
    assert ended.code == 0, ended
    assert ended.result == "left"
    assert task["states"] == PLAIN
    assert task["end_time"] <= run["end_time"]


# --- Maps ---


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_a_map_of(home, count):
    ended, _, tasks = run_flow(home, "maps-many", count=count)
    assert ended.code == 0, ended
    assert ended.result == count * (count - 1) // 2
    assert len(tasks) == count
    assert {tuple(task["states"]) for task in tasks} <= {tuple(PLAIN)}
    assert len({task["dynamic_key"] for task in tasks}) == count


def test_a_map_with_constant_arguments(home):
    ended, _, tasks = run_flow(home, "maps-with-constant")
    assert ended.code == 0, ended
    assert ended.result == {"all": [101, 102, 103], "last": 103}
    assert all(task["tags"] == ["sum"] for task in tasks)
    assert all(task["name"].startswith("adding") for task in tasks)


def test_in_a_map_the_others_run_to_their_end(home):
    ended, run, tasks = run_flow(home, "maps-failing")
    assert ended.code == FAILED, ended
    assert [task["state_type"] for task in tasks] == ["COMPLETED", "COMPLETED", "FAILED", "COMPLETED", "COMPLETED"]
    with home.store() as store:
        assert "slept badly" in store.last_state("flow_run", run["id"])["message"]


# --- Dependencies ---


def test_wait_for(home):
    ended, _, [first, second] = run_flow(home, "waits-for")
    assert ended.code == 0, ended
    assert ended.result == "after the first"
    assert [first["name"], second["name"]] == ["first", "second"]
    assert second["tags"] == ["late"]
    assert first["end_time"] <= second["start_time"]


def test_wait_for_a_run_that_fails(home):
    ended, run, [first, second] = run_flow(home, "waits-for", fail=True)
    assert ended.code == FAILED, ended
    assert first["states"] == ["Pending", "Running", "Failed"]
    assert second["states"] == ["Pending", "NotReady"]
    assert run["states"] == ["Pending", "Running", "Failed"]


def test_outputs_are_passed_on(home):
    ended, _, tasks = run_flow(home, "passes-outputs")
    assert ended.code == 0, ended
    assert ended.result == {"inside": {"deep": [0, 6]}, "gathered": [5, 6]}
    three, six, inside, *mapped, gathered = tasks
    assert str(six["task_inputs"]).count(three["id"]) == 2
    assert six["id"] in str(inside["task_inputs"])
    assert six["id"] in str(mapped[1]["task_inputs"]) and six["id"] not in str(mapped[0]["task_inputs"])
    assert all(task["id"] in str(gathered["task_inputs"]) for task in mapped)


def test_outputs_of_a_run_that_fails(home):
    ended, _, tasks = run_flow(home, "passes-outputs", fail=True)
    assert ended.code == FAILED, ended
    assert tasks[0]["state_type"] == "FAILED"
    # Whatever needed it, directly or not, is NotReady; what did not has run.
    assert [task["state_name"] for task in tasks[1:]] == ["NotReady", "NotReady", "Completed", "NotReady", "NotReady"]


# --- Waiting ---


def test_next_gives_them_as_they_end(home):
    ended, _, _ = run_flow(home, "takes-next", env={"WEIR_THREADS": "4"})
    assert ended.code == 0, ended
    assert ended.result == [0.05, 0.45, 0.9]


def test_wait_answers(home):
    ended, _, _ = run_flow(home, "waits-in-steps", env={"WEIR_THREADS": "4"})
    assert ended.code == 0, ended
    assert ended.result == [-7, 0, True, 0, "Completed"]  # WEIR_ETIMEDOUT is -7


def test_released_children_run_all_the_same(home):
    ended, _, tasks = run_flow(home, "releases", count=3000)
    assert ended.code == 0, ended
    assert len(tasks) == 3000
    assert {task["state_name"] for task in tasks} == {"Completed"}


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_any_number_of_threads(home, threads):
    ended, _, tasks = run_flow(home, "maps-many", env={"WEIR_THREADS": str(threads)}, count=100)
    assert ended.code == 0, ended
    assert len(tasks) == 100
