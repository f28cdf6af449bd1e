# SPDX-License-Identifier: Apache-2.0
"""How runs end: failing, skipping, recovering, retrying; and what they print and log."""
import pytest
from support import FAILED

PLAIN = ["Pending", "Running", "Completed"]
FAILS = ["Pending", "Running", "Failed"]


def run_flow(home, flow, **parameters):
    """Run a flow of `outcomes`; gives the ended program, its run, its task runs and the last message."""
    ended = home.flow("outcomes", flow, **parameters)
    with home.store() as store:
        run = store.flow_run(flow)
        tasks = store.task_runs(run["id"])
        message = store.last_state("flow_run", run["id"])["message"]
        store.check()
    return ended, run, tasks, message


@pytest.mark.parametrize("flow,task_states", [("returns-null", []), ("task-returns-null", [FAILS])])
def test_null_without_a_failure_is_one(home, flow, task_states):
    ended, run, tasks, message = run_flow(home, flow)
    assert ended.code == FAILED, ended
    assert run["states"] == FAILS
    assert [task["states"] for task in tasks] == task_states
    assert "returned NULL without weir_fail" in message
    assert "returned NULL without weir_fail" in ended.stderr


def test_a_task_that_fails_at_every_attempt(home):
    ended, run, [task], message = run_flow(home, "always-fails")
    assert ended.code == FAILED, ended
    assert task["states"] == ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Failed"]
    assert task["run_count"] == 3
    assert "the pump broke at attempt 3" in message
    assert run["states"] == FAILS


def test_awaited_retries_know_when(home):
    _, _, [task], _ = run_flow(home, "always-fails")
    with home.store() as store:
        rows = store.state_rows("task_run", task["id"])
    awaiting = [row for row in rows if row["name"] == "AwaitingRetry"]
    assert [row["type"] for row in awaiting] == ["SCHEDULED"] * 2
    assert all(row["details"]["scheduled_time"] for row in awaiting)
    assert [f"attempt {n}" in row["message"] for n, row in enumerate(awaiting, 1)] == [True, True]
    # The state before which a run may not start has passed when it starts.
    retrying = [row["timestamp"] for row in rows if row["name"] == "Retrying"]
    for delay_us, await_row, start in zip((50_000, 100_000), awaiting, retrying):
        assert start - await_row["timestamp"] >= delay_us - 5_000


def test_a_final_failure_is_not_retried(home):
    ended, _, [task], message = run_flow(home, "fails-final")
    assert ended.code == FAILED, ended
    assert task["states"] == FAILS
    assert task["run_count"] == 1
    assert "no use trying again" in message


def test_a_flow_skips_itself(home):
    ended, run, _, message = run_flow(home, "skips")
    assert ended.code == 0, ended
    assert ended.result is None
    assert run["states"] == ["Pending", "Running", "Skipped"]
    assert run["state_type"] == "COMPLETED"
    assert message == "nothing to do today"


def test_a_flow_is_retried(home):
    ended, run, _, _ = run_flow(home, "flow-retries")
    assert ended.code == 0, ended
    assert ended.result == 2
    assert run["states"] == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
    assert run["run_count"] == 2


def test_a_flow_recovers_from_its_task(home):
    ended, run, [task], _ = run_flow(home, "recovers")
    assert ended.code == 0, ended
    assert (ended.result["type"], ended.result["name"]) == (5, "Failed")
    assert ended.result["message"].endswith("the valve broke at attempt 1")
    assert run["states"] == PLAIN
    assert task["states"] == FAILS


def test_a_value_wins_over_a_failure_and_a_warning_tells(home):
    ended, run, _, _ = run_flow(home, "value-wins")
    assert ended.code == 0, ended
    assert ended.result == "went on"
    with home.store() as store:
        warnings = [line["message"] for line in store.logs(run["id"]) if line["level"] == 30]
    assert any("the fan broke at attempt 1" in message for message in warnings), warnings


def test_the_first_failure_is_the_reason(home):
    ended, _, tasks, message = run_flow(home, "first-failure")
    assert ended.code == FAILED, ended
    assert [task["states"] for task in tasks] == [FAILS, FAILS]
    assert "the first broke" in message


# --- Output ---


def test_prints_become_log_lines(home):
    ended, run, _, _ = run_flow(home, "prints", count=3)
    assert ended.code == 0, ended
    with home.store() as store:
        lines = [line for line in store.logs(run["id"]) if line["message"].startswith(("printed", "and a"))]
    assert [line["message"] for line in lines] == ["printed 0", "printed 1", "printed 2",
                                                   "and a last line without a break"]
    assert {line["level"] for line in lines} == {20}


def test_log_levels(home):
    _, run, _, _ = run_flow(home, "logs")
    with home.store() as store:
        said = {line["message"]: line["level"] for line in store.logs(run["id"])}
    assert said["an info line with 漢字"] == 20
    assert said["a warning line"] == 30
    assert said["an error line"] == 40
    assert "a debug line" not in said


def test_debug_lines_are_kept_when_asked_for(home):
    home.flow("outcomes", "logs", env={"WEIR_LOG_LEVEL": "DEBUG"})
    with home.store() as store:
        assert {line["message"]: line["level"] for line in store.logs()}["a debug line"] == 10


def test_log_lines_keep_their_order(home):
    _, run, _, _ = run_flow(home, "logs", count=2000)
    with home.store() as store:
        numbers = [int(message.split()[1]) for message in store.messages(run["id"]) if message.startswith("line ")]
    assert numbers == list(range(2000))


def test_logs_also_go_to_stderr_of_the_program(home):
    ended, _, _, _ = run_flow(home, "logs")
    assert "an info line with 漢字" in ended.stderr
    assert "an error line" in ended.stderr
    assert "an error line" not in ended.stdout


def test_a_wrong_setting_of_weir_is_refused(home):
    ended = home.flow("outcomes", "skips", env={"WEIR_THREADS": "a few"})
    assert ended.code == 2, ended
    assert "WEIR_THREADS" in ended.stderr and "a few" in ended.stderr
