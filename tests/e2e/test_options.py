# SPDX-License-Identifier: Apache-2.0
"""Options of tasks and flows: names by templates, failures that are allowed, children at a time, hooks, retries."""
import json
import signal

import pytest
from support import CANCELLED, FAILED, USAGE, eventually


def run_flow(home, flow, **parameters):
    """Run a flow of `options`; gives the ended program, its run and its task runs."""
    ended = home.flow("options", flow, **parameters)
    with home.store() as store:
        run = store.flow_run(flow)
        tasks = store.task_runs(run["id"])
        store.check()
    return ended, run, tasks


def lines(home, run, start):
    with home.store() as store:
        return [message for message in store.messages(run["id"]) if message.startswith(start)]


# --- Names ---


def test_names_by_template(home):
    ended, run, tasks = run_flow(home, "names", value=[1, {"a": None}])
    assert ended.code == 0, ended
    assert run["name"] == 'names of [1,{"a":null}]'
    names = [task["name"] for task in tasks]
    assert names == [f'named of [1,{{"a":null}}] in names/{run["name"]} #0 {{}}', "plain-0",
                     f"named of late in names/{run['name']} #1 {{}}", "mine", "named-below-0"]
    with home.store() as store:
        below = store.flow_run("named-below")
    # Made when its argument was known: of the run, of its record, and of its parameters.
    assert ended.result == below["name"] == "below late #0"
    assert below["parameters"] == {"value": "late"}


@pytest.mark.parametrize("value,name", [
    ("two\nlines", "names of two lines"),
    ("", "names of "),
    ("老" * 100, "names of " + "老" * 39 + "…"),
    ("x" * 120, "names of " + "x" * 120),
    ("x" * 121, "names of " + "x" * 117 + "…"),
    ("{value}", "names of {value}"),
    (7.5, "names of 7.5"),
    (None, "names of null"),
])
def test_values_in_names(home, value, name):
    ended, run, tasks = run_flow(home, "names", value=value)
    assert ended.code == 0, ended
    assert run["name"] == name
    assert len(tasks[0]["name"].encode()) <= 240


def test_a_task_with_an_unknown_placeholder(home):
    ended, run, tasks = run_flow(home, "bad-task-name")
    assert ended.code == FAILED, ended
    assert "there is no {thing}; there are {task_name}, {flow_name}, {flow_run_name}, {count}" in ended.stderr
    assert tasks == []


def test_a_flow_with_an_open_brace(home):
    ended = home.run("options", "run", "bad-flow-name")
    assert ended.code == 2, ended
    assert 'flow \'bad-flow-name\': .run_name "{flow_name", character 1: this { has no }' in ended.stderr


# --- Failures that are allowed ---


def test_failures_that_are_allowed(home):
    ended, run, tasks = run_flow(home, "allows")
    assert ended.code == 0, ended
    failure = {"state": {"type": "FAILED", "name": "Failed", "message": "it went wrong"}}
    of_one, of_other, of_map, after, plain = ended.result
    assert of_one == {"inner": failure}
    assert (of_other["state"]["type"], of_other["state"]["name"]) == ("PENDING", "NotReady")
    assert "did not reach a 'COMPLETED' state" in of_other["state"]["message"]
    assert of_map == ["well", failure, None]
    assert after == "after"
    assert plain == "no placeholder"
    # The inputs are recorded all the same, and the failure counts as looked at.
    inputs = [task["task_inputs"] for task in tasks if task["task_key"] == "plain"]
    assert [len(value) for each in inputs for value in each.values()] == [1, 1, 1, 3, 2]
    assert not lines(home, run, "1 failed run(s) that nobody looked at")


def test_a_failure_that_is_not_allowed_everywhere(home):
    ended, _, tasks = run_flow(home, "allows-half")
    assert ended.code == FAILED, ended
    assert [task["states"][-1] for task in tasks] == ["Failed", "NotReady"]


def test_an_allowed_failure_where_another_type_is_declared(home):
    ended, _, tasks = run_flow(home, "allows-typed")
    assert ended.code == FAILED, ended
    assert "parameter 'value' must be a string, not an object" in ended.stderr
    assert tasks[1]["states"] == ["Pending", "Failed"]


# --- How many at a time ---


@pytest.mark.parametrize("failures", [0, 1, 2])
@pytest.mark.parametrize("threads", [1, 8])
def test_two_children_at_a_time(home, failures, threads):
    ended = home.flow("options", "two", failures=failures, env={"WEIR_THREADS": str(threads)})
    assert ended.code == 0, ended
    assert ended.result["most"] <= 2
    if failures == 0 and threads == 1:
        assert ended.result["values"] == list(range(12))


@pytest.mark.parametrize("failures", [0, 2])
def test_two_coroutines_at_a_time(home, failures):
    ended = home.flow("options", "two-async", failures=failures)
    assert ended.code == 0, ended
    assert ended.result["most"] == 2
    assert len(ended.result["values"]) == 40


def test_two_processes_at_a_time(home):
    ended, _, tasks = run_flow(home, "two-processes")
    assert ended.code == 0, ended
    begins = [(task["start_time"], 1) for task in tasks]
    ends = [(task["end_time"], -1) for task in tasks]
    running = most = 0
    for _, change in sorted(begins + ends):
        running += change
        most = max(most, running)
    assert len(tasks) == 6 and most <= 2


@pytest.mark.parametrize("threads", [1, 4])
def test_one_at_a_time_whatever_waits_for_what(home, threads):
    ended = home.flow("options", "one", env={"WEIR_THREADS": str(threads)})
    assert ended.code == 0, ended
    assert ended.result["most"] <= 2  # the call of the flow itself is not counted
    with home.store() as store:
        assert {task["states"][-1] for task in store.task_runs()} == {"Completed"}


def test_subflows_take_their_turns(home):
    ended, run, tasks = run_flow(home, "subflows-one")
    assert ended.code == 0, ended
    assert len(tasks) == 5


def test_cancelling_ends_those_in_line(home):
    program = home.start("options", "run", "line", env={"WEIR_THREADS": "4"})
    run_id = program.line("started ")
    program.line("sleeping")
    with home.store() as store:
        eventually(lambda: sorted(task["state_type"] for task in store.task_runs(run_id)) ==
                   ["PENDING"] * 3 + ["RUNNING"], "one runs, three wait")
        waiting = [task for task in store.task_runs(run_id) if task["state_type"] == "PENDING"]
    why = home.weir_json("why", waiting[0]["id"])
    assert "the limit of its flow run is reached" in why["answer"]
    assert ".max_parallel" in why["because"][0]["cause"]
    home.weir("flow-run", "cancel", run_id)
    ended = program.wait()
    assert ended.code == CANCELLED, ended
    with home.store() as store:
        assert {task["state_type"] for task in store.task_runs(run_id)} == {"CANCELLED"}
        assert store.flow_run("line")["state_type"] == "CANCELLED"
        store.check()


# --- Hooks ---


def test_hooks_of_what_completes(home):
    ended, run, _ = run_flow(home, "hooks")
    assert ended.code == 0, ended
    assert lines(home, run, "hook") == ["hook the-flow: Running, attempt 1", "hook hooked-0: Running, attempt 1",
                                        "hook hooked-0: Completed, attempt 1", "hook the-flow: Completed, attempt 1"]
    assert not lines(home, run, "a hook could")


def test_hooks_of_what_fails(home):
    ended, run, [task] = run_flow(home, "hooks", how="fails")
    assert ended.code == FAILED, ended
    assert task["states"] == ["Pending", "Running", "AwaitingRetry", "Retrying", "Failed"]
    assert lines(home, run, "hook") == ["hook the-flow: Running, attempt 1", "hook hooked-0: Running, attempt 1",
                                        "hook hooked-0: Retrying, attempt 2", "hook hooked-0: Failed, attempt 2",
                                        "hook the-flow: Failed, attempt 1"]


def test_hooks_of_what_skips(home):
    ended, run, _ = run_flow(home, "hooks", how="skips")
    assert ended.code == 0, ended
    assert lines(home, run, "hook hooked")[-1] == "hook hooked-0: Skipped, attempt 1"


def test_hooks_of_what_is_cancelled(home):
    program = home.start("options", "run", "hooks", "--param=how=cancel")
    run_id = program.line("started ")
    program.line("acting")
    with home.store() as store:
        eventually(lambda: store.task_runs(run_id), "its task is recorded")
    home.weir("flow-run", "cancel", run_id)
    ended = program.wait()
    assert ended.code == CANCELLED, ended
    assert lines(home, {"id": run_id}, "hook")[-2:] == ["hook hooked-0: Cancelled, attempt 1",
                                                        "hook the-flow: Cancelled, attempt 1"]


def test_hooks_when_the_program_is_ended(home):
    program = home.start("options", "run", "hooks", "--param=how=cancel")
    program.line("acting")
    program.send(signal.SIGTERM)
    ended = program.wait()
    assert ended.code == 128 + signal.SIGTERM, ended
    with home.store() as store:
        run = store.flow_run("hooks")
    assert run["state_type"] == "CRASHED"
    assert lines(home, run, "hook the-flow: C") == ["hook the-flow: Crashed, attempt 1"]


# --- Retries ---


def test_a_condition_decides_of_retries(home):
    ended, run, [task] = run_flow(home, "condition")
    assert ended.code == FAILED, ended
    assert task["states"] == ["Pending", "Running", "AwaitingRetry", "Retrying", "Failed"]
    assert lines(home, run, "asked after") == ["asked after attempt 1: Failed (it went wrong)",
                                               "asked after attempt 2: Failed (it went wrong)"]


def test_delays_double_and_are_drawn(home):
    ended, _, [task] = run_flow(home, "backoff")
    assert ended.code == FAILED, ended
    assert task["empirical_policy"]["retry_delay"][:4] == [0.01, 0.02, 0.04, 0.08]
    assert task["empirical_policy"]["retry_jitter_factor"] == 0.5
    with home.store() as store:
        rows = store.state_rows("task_run", task["id"])
    assert [row["name"] for row in rows].count("AwaitingRetry") == 3


def test_a_limit_shorter_than_the_delay_of_a_retry(home):
    ended, _, [task] = run_flow(home, "limits")
    assert ended.code == FAILED, ended
    assert task["states"] == ["Pending", "Running", "AwaitingRetry", "Retrying", "TimedOut"]


# --- What a program tells of its flows ---


def test_a_schema(home):
    ended = home.run("options", "schema", "described")
    assert ended.code == 0, ended
    assert ended.result == {
        "title": "Parameters",
        "type": "object",
        "properties": {
            "path": {"title": "path", "type": "string", "description": "where it lies", "position": 0},
            "limit": {"title": "limit", "type": "integer", "default": 3, "position": 1},
            "ratio": {"title": "ratio", "type": "number", "default": None, "position": 2},
            "what": {"title": "what", "default": {"a": [1]}, "position": 3},
            "on": {"title": "on", "type": "boolean", "default": True, "position": 4},
        },
        "required": ["path"],
    }


def test_a_schema_without_parameters(home):
    assert home.run("options", "schema", "allows").result == {"title": "Parameters", "type": "object",
                                                               "properties": {}}


@pytest.mark.parametrize("args,status,message", [
    (["schema"], USAGE, "the schema of which flow?"),
    (["schema", "descrbed"], USAGE, "no flow is named 'descrbed'; did you mean 'described'?"),
    (["schema", "described", "more"], USAGE, "'schema' takes one flow, not 'more' as well"),
    (["schema", "bad-flow-name"], USAGE, "this { has no }"),
    (["ls", "--jason"], USAGE, "'ls' takes nothing but --json, not '--jason'"),
    (["ls", "--json", "x"], USAGE, "'ls' takes nothing but --json, not 'x'"),
    (["ls", "--json"], USAGE, "flow 'bad-flow-name': .run_name"),
])
def test_wrong_questions(home, args, status, message):
    ended = home.run("options", *args)
    assert ended.code == status, ended
    assert message in ended.stderr
    assert ended.stdout == ""


def test_flows_as_json(home):
    flow = json.loads(home.run("pauses", "ls", "--json").stdout)[0]
    assert flow["name"] == "asks"
    assert flow["tags"] == ["people", "slow"]
    assert (flow["version"], flow["description"]) == ("2.1", "asks for a name and a number")
    assert flow["parameter_openapi_schema"] == home.run("pauses", "schema", "asks").result
