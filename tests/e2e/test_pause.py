# SPDX-License-Identifier: Apache-2.0
"""Flow runs that wait for a person: paused in their program, and suspended."""
import signal
import sqlite3
import uuid

import pytest
from support import CANCELLED, FAILED, USAGE, eventually

PAUSED = ["Pending", "Running", "Paused"]
SUSPENDED = ["Pending", "Running", "Suspended"]
CONFLICT = 1


def start_paused(home, flow, *args, **options):
    """Start a flow that pauses; gives the program and the run's id when it is recorded as Paused."""
    program = home.start("pauses", "run", flow, *args, **options)
    run_id = program.line("asking ")
    wait_for_state(home, run_id, "PAUSED")
    return program, run_id


def state_of(home, run_id):
    with home.store_when_there() as store:
        rows = store.rows("SELECT state_type FROM flow_run WHERE id = ?", uuid.UUID(run_id).bytes)
    return rows[0]["state_type"] if rows else None


def wait_for_state(home, run_id, state):
    eventually(lambda: state_of(home, run_id) == state, f"the run is {state}")


def suspend(home, flow, **parameters):
    """Run a flow until it is suspended; gives its run."""
    ended = home.flow("pauses", flow, **parameters)
    assert ended.code == 0, ended
    assert "is suspended" in ended.stderr
    assert "resume" in ended.stderr
    with home.store() as store:
        run = store.flow_run(flow)
    assert run["states"][-1] == "Suspended", ended
    return run


def states_of(home, flow):
    with home.store() as store:
        store.check()
        return store.flow_run(flow)["states"]


# --- Paused ---


@pytest.mark.parametrize("flow", ["asks", "asks-async"])
def test_a_pause_with_input(home, flow):
    program, run_id = start_paused(home, flow)
    resumed = home.weir("flow-run", "resume", run_id, "--input", "name=老王", "-i", "n=7")
    assert resumed.code == 0, resumed
    assert "goes on" in resumed.stdout
    ended = program.wait()
    assert ended.code == 0, ended
    assert ended.result == {"name": "老王", "n": 7}
    assert states_of(home, flow) == PAUSED + ["Running", "Completed"]


def test_input_as_json_and_a_default(home):
    program, run_id = start_paused(home, "asks")
    resumed = home.weir_json("flow-run", "resume", run_id, "--input-json", '{"name": "a", "n": 1}', "--input", "name=b")
    assert (resumed["id"], resumed["state"]["type"]) == (run_id, "RUNNING")
    assert program.wait().result == {"name": "b", "n": 1}


@pytest.mark.parametrize("args,status,message", [
    ([], USAGE, "'name' is missing: it must be a string. Try: weir flow-run resume"),
    (["-i", "name=x", "-i", "n=seven"], USAGE, "'n' must be an integer, not 'seven'"),
    (["-i", "name=x", "-i", "n=1.5"], USAGE, "'n' must be an integer"),
    (["-i", "name=x", "-i", "nn=1"], USAGE, "'nn' is not asked for (asked for: name, n)"),
    (["-i", "nn=1"], USAGE, "'name' is missing"),
    (["-i", "name"], USAGE, "option '--input' needs NAME=VALUE, not 'name'"),
    (["-i", "=x"], USAGE, "option '--input' needs NAME=VALUE"),
    (["--input-json", "{"], USAGE, "option '--input-json' is not JSON"),
    (["--input-json", "[]"], USAGE, "option '--input-json' must be a JSON object"),
    (["--input-json", '{"name": 7}'], USAGE, "'name' must be a string, not 7"),
    (["--input-json", '{"name": null}'], USAGE, "'name' must be a string, not null"),
    (["--input-json", '{"name": "x", "n": 3.0}'], USAGE, "'n' must be an integer, not 3.0"),
])
def test_wrong_input_leaves_it_paused(home, args, status, message):
    program, run_id = start_paused(home, "asks")
    refused = home.weir("flow-run", "resume", run_id, *args)
    assert refused.code == status, refused
    assert message in refused.stderr
    assert state_of(home, run_id) == "PAUSED"
    home.weir("flow-run", "resume", run_id, "-i", "name=x")
    assert program.wait().result == {"name": "x", "n": 2}


def test_what_is_asked_for_is_shown(home):
    _, run_id = start_paused(home, "asks")
    run = home.weir_json("flow-run", "inspect", run_id)
    assert run["input_schema"] == {
        "title": "Input", "type": "object",
        "properties": {"name": {"title": "name", "type": "string", "description": "who it is for", "position": 0},
                       "n": {"title": "n", "type": "integer", "default": 2, "position": 1}},
        "required": ["name"]}
    assert run["input_description"] == "who is it for?"
    details = run["state"]["state_details"]
    assert details["pause_key"] == "who" and details["pause_timeout"] and not details["pause_reschedule"]
    assert details["run_input_keyset"] == {"description": "paused-who-description", "response": "paused-who-response",
                                           "schema": "paused-who-schema"}
    how = f"weir flow-run resume {run['name']} --input name=… [--input n=…]"
    assert how in home.weir("flow-run", "inspect", run_id).stdout
    why = home.weir_json("why", run_id)
    assert why["because"][0]["detail"] == {"description": "who is it for?",
                                           "name": "a string, required; who it is for",
                                           "n": "an integer, by default 2"}
    assert why["next"].endswith(how)


def test_a_pause_is_not_repeated_and_uses_up_no_retry(home):
    program, run_id = start_paused(home, "asks-once")
    home.weir("flow-run", "resume", run_id, "-i", "name=x")
    # The second one has no key and asks for nothing.
    eventually(lambda: states_of(home, "asks-once")[3:] == ["Running", "Paused"], "it is paused again")
    assert home.weir("flow-run", "resume", run_id).code == 0
    ended = program.wait()
    assert ended.code == 0, ended
    assert ended.result == [{"name": "x", "n": 2}, {}]
    assert states_of(home, "asks-once") == PAUSED + ["Running", "Paused", "Running", "AwaitingRetry", "Retrying",
                                                     "AwaitingRetry", "Retrying", "Completed"]


def test_children_go_on_meanwhile(home):
    program, run_id = start_paused(home, "works")
    with home.store() as store:
        eventually(lambda: [task["state_type"] for task in store.task_runs(run_id)] == ["COMPLETED"], "the task ends")
    assert state_of(home, run_id) == "PAUSED"
    home.weir("flow-run", "resume", run_id, "-i", "name=x")
    assert program.wait().result == "worked"


@pytest.mark.parametrize("flow", ["asks", "asks-async", "regardless"])
def test_nobody_resumes_it(home, flow):
    ended = home.flow("pauses", flow, seconds=0.3)
    assert ended.code == FAILED, ended
    assert "not resumed in time" in ended.stderr
    assert states_of(home, flow) == PAUSED + ["Failed"]
    with home.store() as store:
        run = store.flow_run(flow)
        assert store.last_state("flow_run", run["id"])["message"] == "The run was not resumed in time."
    late = home.weir("flow-run", "resume", run["id"], "-i", "name=x")
    assert late.code == CONFLICT and "is not paused: it became Failed" in late.stderr, late


def test_the_time_limit_of_the_flow_goes_on(home):
    ended = home.flow("pauses", "limited")
    assert ended.code == FAILED, ended
    assert states_of(home, "limited") == PAUSED + ["TimedOut"]


@pytest.mark.parametrize("flow", ["asks", "asks-async"])
def test_a_paused_run_is_cancelled(home, flow):
    program, run_id = start_paused(home, flow)
    assert home.weir("flow-run", "cancel", run_id).code == 0
    ended = program.wait()
    assert ended.code == CANCELLED, ended
    assert states_of(home, flow) == PAUSED + ["Cancelled"]


def test_a_cancellation_that_was_lost(home):
    program, run_id = start_paused(home, "asks")
    for socket in (home.path / "run").glob("*.sock"):
        socket.unlink()
    cancelled = home.weir("flow-run", "cancel", run_id)
    assert cancelled.code == 0 and "does not answer" in cancelled.stderr, cancelled
    assert program.wait().code == CANCELLED
    assert states_of(home, "asks") == PAUSED + ["Cancelled"]


@pytest.mark.parametrize("number,state,code", [(signal.SIGTERM, "Crashed", 128 + 15), (signal.SIGINT, "Cancelled", 130)])
def test_a_paused_program_is_ended(home, number, state, code):
    program, _ = start_paused(home, "asks")
    program.send(number)
    ended = program.wait()
    assert ended.code == code, ended
    assert states_of(home, "asks") == PAUSED + [state]


def test_a_paused_program_is_killed(home):
    program, run_id = start_paused(home, "asks")
    program.kill()
    program.wait()
    refused = home.weir("flow-run", "resume", run_id, "-i", "name=x")
    assert refused.code == CONFLICT and "is not paused: it became Crashed" in refused.stderr, refused
    assert states_of(home, "asks") == PAUSED + ["Crashed"]


def test_a_message_that_was_lost(home):
    """Somebody writes into the store and says nothing."""
    program, run_id = start_paused(home, "asks")
    for socket in (home.path / "run").glob("*.sock"):
        socket.unlink()
    resumed = home.weir("flow-run", "resume", run_id, "-i", "name=x")
    assert resumed.code == 0 and "does not answer" in resumed.stderr, resumed
    assert program.wait().result == {"name": "x", "n": 2}


def test_a_subflow_is_paused(home):
    program, run_id = start_paused(home, "below")
    home.weir("flow-run", "resume", run_id, "-i", "name=x")
    assert program.wait().result == {"name": "x", "n": 2}
    with home.store() as store:
        assert [task["states"] for task in store.task_runs()] == [
            ["Pending"] + PAUSED + ["Running", "Completed"]]


def test_a_run_that_is_not_paused(home):
    home.flow("pauses", "answers")
    refused = home.weir("flow-run", "resume", "nobody")
    assert refused.code != 0 and "nobody" in refused.stderr
    with home.store() as store:
        run = store.flow_run("answers")
    refused = home.weir("flow-run", "resume", run["id"])
    assert refused.code == CONFLICT and "is not paused: it became Completed" in refused.stderr, refused


@pytest.mark.parametrize("how,message", [
    (0, "only a flow can be paused: task 'pausing-task' can't"),
    (1, "only a flow can be suspended: task 'suspending-task' can't"),
    (2, "only a top-level flow can be suspended: 'plain' was called by another one"),
    (3, "the run can't be paused: flow 'wrong': the fallback of parameter 'x' is not an integer"),
    (4, "the run can't be paused: the time limit of a pause can't be negative"),
])
def test_where_there_is_no_pausing(home, how, message):
    ended = home.flow("pauses", "wrong", how=how)
    assert ended.code == FAILED, ended
    assert message in ended.stderr


# --- Suspended ---


@pytest.mark.parametrize("flow", ["leaves", "leaves-async"])
def test_a_suspended_run_goes_on_in_another_program(home, flow):
    run = suspend(home, flow)
    assert run["states"] == SUSPENDED
    ended = home.run("pauses", "resume", run["name"])
    assert ended.code == 0, ended
    # Its tasks are run again, as other runs: those of before stay as they were.
    assert ended.result == {"task": "counting-1", "input": {}, "late": "worked", "attempt": 1}
    with home.store() as store:
        now = store.flow_run(flow)
        tasks = store.task_runs(run["id"])
        store.check()
    assert now["id"] == run["id"] and now["program_id"] != run["program_id"]
    assert now["states"] == SUSPENDED + ["Resuming", "Running", "Completed"]
    assert [task["name"] for task in tasks] == ["counting-0", "working-0", "counting-1", "working-1"]
    assert {task["states"][-1] for task in tasks} == {"Completed"}
    assert now["parameters"] == run["parameters"]


def test_a_suspended_run_with_input(home):
    run = suspend(home, "leaves", asks=True)
    refused = home.run("pauses", "resume", run["id"])
    assert refused.code == CONFLICT and "waits for its input: 'name' is missing" in refused.stderr, refused
    given = home.weir("flow-run", "resume", run["id"], "-i", "name=x")
    assert given.code == 0 and f"PROGRAM resume {run['name']}" in given.stdout, given
    again = home.weir("flow-run", "resume", run["id"], "-i", "name=y")
    assert again.code == CONFLICT and "is not paused: it became Resuming" in again.stderr, again
    assert f"PROGRAM resume {run['name']}" in home.weir_json("why", run["id"])["next"]
    ended = home.run("pauses", "resume", run["id"][:13])
    assert ended.result["input"] == {"name": "x", "n": 2}, ended


def test_a_run_is_suspended_twice(home):
    run = suspend(home, "leaves-twice")
    ended = home.run("pauses", "resume", run["id"])
    assert ended.code == 0 and "is suspended" in ended.stderr, ended
    ended = home.run("pauses", "resume", run["id"])
    assert ended.code == 0 and ended.result == 1, ended
    assert states_of(home, "leaves-twice") == SUSPENDED + ["Resuming", "Running", "Suspended", "Resuming", "Running",
                                                           "Completed"]


def test_a_value_wins_over_a_suspension(home):
    ended = home.flow("pauses", "answers")
    assert ended.code == 0 and ended.result == "no need to wait", ended
    assert states_of(home, "answers") == ["Pending", "Running", "Completed"]


def test_a_suspended_run_is_left_when_programs_die(home):
    run = suspend(home, "leaves")
    program, _ = start_paused(home, "asks")
    program.kill()
    program.wait()
    assert home.weir("flow-run", "ls").code == 0
    home.flow("pauses", "answers")  # marks what the dead program left
    with home.store() as store:
        assert store.flow_run("asks")["state_type"] == "CRASHED"
        assert store.flow_run("leaves")["states"] == SUSPENDED
    # One that was resumed and not begun is left as well.
    home.weir("flow-run", "resume", run["id"])
    home.flow("pauses", "wrong", how=3)
    assert states_of(home, "leaves") == SUSPENDED + ["Resuming"]
    assert home.run("pauses", "resume", run["id"]).code == 0


def test_the_program_that_suspended_it_is_killed(home):
    """The run is Suspended, and the kernel ends the program before it can say goodbye."""
    program = home.start("pauses", "run", "leaves")
    run_id = program.line("leaving ")
    eventually(lambda: state_of(home, run_id) == "PAUSED" or not program.running(), "it is suspended")
    program.kill()
    program.wait()
    home.flow("pauses", "answers")
    assert states_of(home, "leaves") == SUSPENDED
    assert home.run("pauses", "resume", run_id).code == 0


def test_two_programs_resume_one_run(home):
    run = suspend(home, "leaves", sleeps=True)
    first = home.start("pauses", "resume", run["id"])
    first.line("sleeping ")
    second = home.run("pauses", "resume", run["id"])
    assert second.code == CONFLICT and "is not suspended: it is Running" in second.stderr, second
    home.weir("flow-run", "cancel", run["id"])
    assert first.wait().code == CANCELLED
    assert states_of(home, "leaves")[-2:] == ["Cancelling", "Cancelled"]


def test_many_programs_resume_one_run(home):
    run = suspend(home, "leaves")
    programs = [home.start("pauses", "resume", run["id"]) for _ in range(4)]
    codes = sorted(program.wait().code for program in programs)
    assert codes == [0, CONFLICT, CONFLICT, CONFLICT]
    assert states_of(home, "leaves") == SUSPENDED + ["Resuming", "Running", "Completed"]


def test_a_suspended_run_is_cancelled(home):
    run = suspend(home, "leaves")
    cancelled = home.weir("flow-run", "cancel", run["id"])
    assert cancelled.code == 0 and "is cancelled" in cancelled.stdout, cancelled
    assert states_of(home, "leaves") == SUSPENDED + ["Cancelled"]
    refused = home.run("pauses", "resume", run["id"])
    assert refused.code == CONFLICT and "is not suspended: it is Cancelled" in refused.stderr, refused


@pytest.mark.parametrize("who", ["weir", "program"])
def test_a_suspended_run_whose_time_is_up(home, who):
    run = suspend(home, "leaves", seconds=0.001)
    if who == "weir":
        refused = home.weir("flow-run", "resume", run["id"])
    else:
        refused = home.run("pauses", "resume", run["id"])
    assert refused.code == FAILED and "not resumed in time" in refused.stderr, refused
    assert states_of(home, "leaves") == SUSPENDED + ["Failed"]


def test_a_paused_run_is_not_taken_over(home):
    program, run_id = start_paused(home, "asks")
    refused = home.run("pauses", "resume", run_id)
    assert refused.code == CONFLICT and "in a program that waits for 'weir flow-run resume'" in refused.stderr, refused
    home.weir("flow-run", "resume", run_id, "-i", "name=x")
    assert program.wait().code == 0


def test_a_program_without_the_flow(home):
    run = suspend(home, "leaves")
    refused = home.run("hello", "resume", run["id"])
    assert refused.code != 0 and "is one of flow 'leaves', which hello does not have" in refused.stderr, refused
    assert states_of(home, "leaves") == SUSPENDED


def test_parameters_that_do_not_fit_any_more(home):
    run = suspend(home, "leaves")
    with sqlite3.connect(home.database) as db:
        db.execute("UPDATE flow_run SET parameters = '{\"gone\": 1}'")
    db.close()
    refused = home.run("pauses", "resume", run["id"])
    assert refused.code == CONFLICT and "don't fit any more" in refused.stderr and "'gone'" in refused.stderr, refused
    assert states_of(home, "leaves") == SUSPENDED


@pytest.mark.parametrize("args,status,message", [
    ([], USAGE, "resume which run?"),
    (["a", "b"], USAGE, "'resume' takes one run, not 'b' as well"),
    (["nobody"], None, "nobody"),
])
def test_wrong_resumptions(home, args, status, message):
    ended = home.run("pauses", "resume", *args)
    assert ended.code != 0 and (status is None or ended.code == status), ended
    assert message in ended.stderr


def test_deleting_a_suspended_run_deletes_its_input(home):
    run = suspend(home, "leaves", asks=True)
    with home.store() as store:
        assert store.count("flow_run_input") == 2
    assert home.weir("flow-run", "delete", run["id"], "--yes").code == 0
    with home.store() as store:
        assert store.count("flow_run_input") == 0
