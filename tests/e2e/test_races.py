# SPDX-License-Identifier: Apache-2.0
"""What goes on when a flow has ended: abandoned functions, hooks that come late, loops that are gone."""
import sqlite3
import time

from support import threads_of, without_preload

SHORT_GRACE = {"WEIR_GRACE_SECONDS": "0.2"}


def scene(home, name, env=None):
    ended = home.run("races", name, env=env)
    assert ended.code == 0, ended
    assert ended.stdout.endswith("lives\n"), ended
    with home.store() as store:
        store.check()
    return ended


def test_an_abandoned_coroutine_leaves_the_thread_of_its_loop_alone(home):
    ended = scene(home, "loop-in-pool", env=SHORT_GRACE)
    assert "completed: " in ended.stdout, ended
    with home.store() as store:
        assert [run["states"][-1] for run in store.flow_runs("deaf-flow")] == ["Completed"] * 2
        assert [task["states"][-1] for task in store.task_runs() if task["task_key"] == "deaf"] == ["TimedOut"] * 4


def test_a_child_may_end_when_the_loop_of_its_abandoned_parent_is_gone(home):
    ended = scene(home, "loop-is-gone", env=SHORT_GRACE)
    assert "exceeded its time limit" in ended.stdout, ended
    with home.store() as store:
        assert store.flow_run("loop-is-gone")["states"][-1] == "TimedOut"


def test_a_retried_flow_calls_the_hook_of_its_end_only(home):
    ended = scene(home, "retried-with-hook")
    assert [line for line in ended.stdout.splitlines() if "hook" in line] == ["hook of attempt 2: Completed"]


def test_a_hook_for_which_no_thread_can_be_started_is_missed(home):
    if without_preload("races"):
        return
    for count in range(1, 12):
        ended = home.run("races", "hooked-flow", env=threads_of(count), timeout=30)
        with home.store_when_there() as store:
            runs = store.flow_runs("hooked-flow")
        if runs:
            break
    assert "completed: \nlives\n" == ended.stdout, ended
    with home.store() as store:
        run = store.flow_run("hooked-flow")
        assert run["states"] == ["Pending", "Running", "Completed"]
        assert any(message.startswith("the hook of its end is not called:") for message in store.messages(run["id"]))
        store.check()


def test_slots_that_come_too_late_are_given_back(home):
    assert home.weir("gcl", "create", "one", "--limit", "1").code == 0
    program = home.start("races", "late-slots", env=SHORT_GRACE)
    program.line("asks")
    lock = sqlite3.connect(home.database, isolation_level=None, timeout=30)
    lock.execute("BEGIN IMMEDIATE")
    time.sleep(2.5)  # over its time limit and the grace time
    lock.execute("ROLLBACK")
    lock.close()
    ended = program.wait()
    assert ended.code == 0 and "completed: " in ended.stdout, ended
    with home.store() as store:
        store.check()
        assert [task["states"][-1] for task in store.task_runs()] == ["TimedOut", "Completed"]
        assert store.count("slot") == store.count("slot_waiter") == 0
