# SPDX-License-Identifier: Apache-2.0
"""Tasks in processes of their own: what they can do, and all the ways in which they, their guardian and their program end."""
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from support import FAILED, alive, eventually, sanitized, stat_fields

CRASHED_ONCE = ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]


def call(home, task, value=None, **options):
    parameters = {} if value is None else {"value": value}
    return home.flow("process_mode", "call", task=task, **parameters, **options)


def only_task(home, flow="call"):
    """The only task run, and the message of its last state."""
    with home.store() as store:
        store.check()
        [task] = store.task_runs(store.flow_run(flow)["id"])
        return task, store.last_state("task_run", task["id"])["message"]


def messages(home):
    with home.store() as store:
        return {line["message"]: line["level"] for line in store.logs()}


def start_call(home, task, *words, env=None):
    """Start it, and wait for log lines "<word> <pid>"; gives the program and the pids."""
    program = home.start("process_mode", "run", "call", f"--param=task={task}", env=env)
    with home.store_when_there() as store:
        def pids():
            said = dict(line.split() for line in store.messages() if len(line.split()) == 2 and line.split()[1].isdigit())
            return all(word in said for word in words) and [int(said[word]) for word in words]

        return program, eventually(pids, f"it logs {words}")


def children(pid):
    """Living processes and zombies whose parent it is."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat_fields(entry.name)) and int(fields[1]) == pid:
            found.append(int(entry.name))
    return found


def guardian_of(pid):
    found = [child for child in children(pid) if Path(f"/proc/{child}/comm").read_text().strip() == "weir-guardian"]
    assert len(found) == 1, found
    return found[0]


def gone(*pids):
    eventually(lambda: not any(alive(pid) for pid in pids), f"processes {pids} are gone")


# --- What such a function can do ---


@pytest.mark.parametrize("value", [7, -1.5, "text 漢字", None, True, [1, [2, {"a": {}}]], {"k": "v"}, 2**62])
def test_values_cross_both_ways(home, value):
    ended = home.run("process_mode", "run", "call", "--params", json.dumps({"task": "echo", "value": value}))
    assert ended.code == 0, ended
    assert ended.result == value


def test_it_knows_its_run(home):
    ended = call(home, "about")
    task, _ = only_task(home)
    result = ended.result
    assert result.pop("pid") > 0
    assert result == {"id": task["id"], "name": task["name"], "attempt": 1, "cancelled": False}
    assert task["states"] == ["Pending", "Running", "Completed"]


def test_what_it_prints_and_logs_are_its_log_lines(home):
    ended = call(home, "say")
    assert ended.code == 0, ended
    said = messages(home)
    for message, level in {"printed": 20, "weir-printed 7": 20, "to stderr": 40, "informed": 20, "warned 漢字": 30,
                           "from a program": 20, "without a line break": 20}.items():
        assert said.get(message) == level, (message, said)
    assert "too quiet" not in said
    task, _ = only_task(home)
    with home.store() as store:
        assert {line["task_run_id"] for line in store.logs() if line["message"] == "printed"} == {task["id"]}


def test_without_log_prints_its_output_is_that_of_the_program(home):
    ended = call(home, "say-aloud")
    assert ended.code == 0, ended
    for line in ("printed", "weir-printed 7", "from a program"):
        assert line in ended.stdout
    assert "to stderr" in ended.stderr
    said = messages(home)
    assert "printed" not in said and "informed" in said


def test_a_megabyte_without_a_line_break(home):
    assert call(home, "print-long").code == 0
    with home.store() as store:
        assert max(len(message) for message in store.messages()) == 1024 * 1024


@pytest.mark.parametrize("task,states,message", [
    ("skip", ["Pending", "Running", "Skipped"], "nothing to do"),
    ("fail-final", ["Pending", "Running", "Failed"], "never again"),
    ("fail-once", CRASHED_ONCE, None),
    ("return-nothing", ["Pending", "Running", "Failed"], "returned NULL without weir_fail"),
    ("return-in-spite", ["Pending", "Running", "Completed"], None),
    ("sleep", ["Pending", "Running", "Completed"], None),
])
def test_it_ends_as_its_function_says(home, task, states, message):
    call(home, task)
    run, said = only_task(home)
    assert (run["states"], said) == (states, message)


def test_it_begins_as_a_new_process_does(home):
    result = call(home, "describe-process").result
    assert result == {"sigpipe_default": True, "sigint_blocked": False, "stdin": 0, "leads_group": True,
                      "folder": str(home.work)}


def test_it_inherits_no_descriptors(home):
    # 3 is the way to its program; others would be the program's or the guardian's.
    assert call(home, "list-descriptors").result == [0, 1, 2, 3]


def test_it_may_run_programs(home):
    ended = call(home, "run-program")
    assert ended.result == {"returncode": 5, "stdout": "out\n", "stderr": "err\n", "truncated": False}
    said = messages(home)
    assert (said["out"], said["err"]) == (20, 40)


@pytest.mark.parametrize("which,what", list(enumerate(["start other runs"] * 5 + [
    "read checkpoints", "keep checkpoints", "begin transactions", "read secrets", "read variables",
    "set variables", "record artifacts", "take slots of limits", "take slots of limits"])))
def test_it_is_refused_what_needs_the_store(home, which, what):
    assert call(home, "start-flow", which).code == FAILED
    task, message = only_task(home)
    assert task["states"] == ["Pending", "Running", "Failed"]
    assert f"a task in process mode can't {what}" in message


def test_it_starts_no_flows(home):
    assert call(home, "start-flow", 14).code == FAILED
    assert "can't start flows" in only_task(home)[1]


def test_a_coroutine_calls_them(home):
    ended = home.flow("process_mode", "mixed")
    assert ended.code == 0, ended
    program, results, called = ended.result
    assert (program["returncode"], program["stdout"]) == (5, "out\n")
    assert (results, called) == ([1, 2, 3], "called")


# --- Large values ---


def test_ten_megabytes_both_ways(home):
    assert len(call(home, "make-bytes", 10_000_000).result) == 10_000_000
    ended = home.flow("process_mode", "passes-on", size=10_000_000)
    assert ended.code == 0, ended
    assert ended.result == 10_000_000


def test_a_result_over_the_limit(home):
    assert call(home, "make-bytes", 2_000_000, env={"WEIR_RESULTS_MAX_BYTES": "1000000"}).code == FAILED
    assert "more than the 1000000 bytes" in only_task(home)[1]


def test_a_result_that_is_not_utf8(home):
    assert call(home, "return-bad-text").code == FAILED
    assert "not UTF-8" in only_task(home)[1]


# --- How it may die ---


def test_a_segfault_is_retried(home):
    ended = call(home, "segfault-once")
    assert ended.code == 0, ended
    assert ended.result == 2
    task, _ = only_task(home)
    assert task["states"] == CRASHED_ONCE
    with home.store() as store:
        crash = store.state_rows("task_run", task["id"])[2]["message"]
    assert "SIGSEGV" in crash or sanitized("process_mode")
    assert "MB" in crash and "of CPU" in crash
    assert "last words" in messages(home)


@pytest.mark.parametrize("task,message", [
    ("segfault-always", "ended by SIGSEGV (peak "),
    ("abort", "ended by SIGABRT (peak "),
    ("exit-3", "exited with status 3 before it returned (peak "),
    ("exit-silently", "exited with status 0 before it returned (peak "),
    ("misbehave", "exited with status 0 before it returned (peak "),
])
def test_its_death_is_a_crashed_run(home, task, message):
    ended = call(home, task)
    assert ended.code == FAILED, ended
    run, said = only_task(home)
    assert run["states"] == ["Pending", "Running", "Crashed"]
    assert run["state_type"] == "CRASHED"
    assert said.startswith("the process of the task ")
    assert message in said or (task == "segfault-always" and sanitized("process_mode"))


def test_it_is_killed_from_outside(home):
    program, [child] = start_call(home, "wait-for-death", "child")
    os.kill(child, signal.SIGKILL)
    assert program.wait().code == 0
    task, _ = only_task(home)
    assert task["states"] == CRASHED_ONCE
    with home.store() as store:
        assert "SIGKILL" in store.state_rows("task_run", task["id"])[2]["message"]


def test_the_guardian_is_killed(home):
    """Its children die with it, and another guardian is started, by a program that has threads by now."""
    program, [child] = start_call(home, "wait-for-death", "child")
    guardian = guardian_of(program.pid)
    os.kill(guardian, signal.SIGKILL)
    assert program.wait().code == 0
    gone(child, guardian)
    task, _ = only_task(home)
    assert task["states"] == CRASHED_ONCE
    with home.store() as store:
        assert "guardian" in store.state_rows("task_run", task["id"])[2]["message"]


@pytest.mark.parametrize("victim", ["program", "guardian"])
@pytest.mark.parametrize("task", ["run-script", "run-script-in-thread"])
def test_nothing_is_left_of_a_killed_program_or_guardian(home, task, victim):
    program, pids = start_call(home, task, "script", "grandchild", *(["child"] if task == "run-script" else []))
    guardian = guardian_of(program.pid)
    os.kill(program.pid if victim == "program" else guardian, signal.SIGKILL)
    program.wait()
    gone(guardian, *pids)


def test_the_system_has_no_memory_for_it(home):
    """Its own limit; the function has to see to what malloc says."""
    assert call(home, "use-memory", 1_000_000_000).code == FAILED
    if not sanitized("process_mode"):
        assert only_task(home)[1] == "malloc said no"


def test_weir_has_no_memory_in_it(home):
    assert call(home, "exhaust-memory", 150_000_000).code == FAILED
    run, message = only_task(home)
    assert run["state_type"] == "CRASHED"
    assert "out of memory" in message or sanitized("process_mode")


# --- Time limits ---


def test_a_deaf_process_is_killed_with_its_grandchild(home):
    ended = call(home, "be-deaf", env={"WEIR_GRACE_SECONDS": "0.2"})
    assert ended.code == FAILED, ended
    task, message = only_task(home)
    assert task["states"] == ["Pending", "Running", "TimedOut"]
    assert "0.3" in message
    with home.store() as store:
        [child] = [int(line.split()[1]) for line in store.messages() if line.startswith("child ")]
    eventually(lambda: not group_members(child), "its process group is empty")


def group_members(group):
    return [entry.name for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and (fields := stat_fields(entry.name)) and int(fields[2]) == group
            and fields[0] != "Z"]


def test_a_process_may_outlive_sigterm_and_end_well(home):
    assert call(home, "end-well").code == FAILED
    task, _ = only_task(home)
    assert task["states"] == ["Pending", "Running", "TimedOut"]
    assert "woken by -7, cancelled 1" in messages(home)


def test_a_cancelled_run_ends_its_process(home):
    program, [child] = start_call(home, "wait-for-death", "child")
    with home.store() as store:
        run = store.flow_run("call")
    assert home.weir("flow-run", "cancel", run["id"]).code == 0
    assert program.wait().code == 130
    gone(child)
    assert only_task(home)[0]["state_type"] == "CANCELLED"


def test_ctrl_c_reaches_the_program_first(home):
    program, [child] = start_call(home, "wait-for-death", "child")
    os.killpg(program.pid, signal.SIGINT)
    assert program.wait().code == 130
    gone(child)
    assert only_task(home)[0]["state_type"] == "CANCELLED"


# --- What it leaves behind ---


def test_a_grandchild_that_is_left_behind(home):
    ended = call(home, "leave-grandchild")
    assert ended.code == 0, ended
    assert not any(message.startswith("never seen") for message in messages(home))


def test_a_copy_that_returns_from_the_function(home):
    ended = call(home, "fork-and-return")
    assert ended.result == 1
    assert "must end by exit or _exit" in ended.stderr


def test_many_leave_no_zombies_and_no_descriptors(home):
    program = home.start("process_mode", "run", "many", "--param", "wait=true")
    before, after = map(int, program.line("done ").split())
    # One of its threads may have something open for a moment.
    assert after <= before + 2
    guardian = guardian_of(program.pid)
    assert children(program.pid) == [guardian]
    eventually(lambda: children(guardian) == [], "the guardian has waited for all")
    assert len(os.listdir(f"/proc/{guardian}/fd")) == 6
    program.send(signal.SIGINT)
    program.wait()
    gone(guardian)


# --- What can't be done ---


def test_no_descriptors_are_left(home):
    assert home.flow("process_mode", "without-descriptors").code == FAILED
    assert "Too many open files" in only_task(home, "without-descriptors")[1]


@pytest.mark.parametrize("flow,message", [("from-heap", "static"), ("late", "static")])
def test_a_task_that_the_guardian_does_not_know(home, flow, message):
    assert home.flow("process_mode", flow).code == FAILED
    task, said = only_task(home, flow)
    assert task["state_type"] == "FAILED"
    assert message in said


# --- Programs that don't call weir_main ---


def test_a_program_with_threads(home):
    ended = home.run("host")
    assert ended.code == 0, ended
    assert ended.stdout.count("main of") == 1
    result = ended.result
    assert result["pid"] > 0
    for place in ("in_process", "here"):
        # Neither the guardian's variable nor a socket of Weir's is passed on.
        assert result[place]["stdout"] == "0\n0\n"
    task = home.store().task_runs()[0]
    assert task["states"] == CRASHED_ONCE


def test_a_program_in_cpp_with_objects_made_before_main(home):
    ended = home.run("host_cpp")
    assert ended.code == 0, ended
    assert ended.stdout == "grüße 7 Ann\n"
    assert "printed by C++" in messages(home)


# --- A fork in a task's thread ---

# At its exit the sanitizer's search for leaks waits for locks that threads of the program may have held.
NO_LEAK_CHECK = {"ASAN_OPTIONS": "detect_leaks=0"}


def test_a_copy_of_the_program_can_do_nothing(home):
    ended = home.flow("process_mode", "forks", env=NO_LEAK_CHECK)
    assert ended.code == 0, ended
    assert ended.result == 7
    assert "printed by the copy" in ended.stdout
    assert "logged by the copy" not in messages(home)
    with home.store() as store:
        store.check()


def test_a_copy_of_the_program_that_returns(home):
    ended = home.flow("process_mode", "forks", env=NO_LEAK_CHECK, how="return")
    assert ended.code == 0, ended
    assert ended.result == 1
    assert "must end by exit or _exit" in ended.stderr


def test_a_copy_does_not_stand_for_the_program(home):
    """The program is killed while a copy lives on: whoever opens the store next sees that it is dead."""
    program = home.start("process_mode", "run", "forks", "--param=how=sleep", env=NO_LEAK_CHECK,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with home.store_when_there() as store:
        [line] = eventually(lambda: [line for line in store.messages() if line.startswith("copy ")], "it has forked")
    copy = int(line.split()[1])
    guardian = guardian_of(program.pid)
    program.kill()
    program.wait()
    assert alive(copy)
    gone(guardian)
    assert call(home, "echo").code == 0
    with home.store() as store:
        assert store.flow_run("forks")["state_type"] == "CRASHED"
    os.kill(copy, signal.SIGKILL)
