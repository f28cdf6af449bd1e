# SPDX-License-Identifier: Apache-2.0
"""Time limits, signals, and programs that a task runs."""
import json
import signal
import subprocess
import sys
import textwrap

import pytest
from support import CANCELLED, FAILED, Ended, alive, eventually, sanitized

PYTHON = sys.executable


def last(home, flow):
    """The only run of the flow, its task runs, and the message with which it ended."""
    with home.store() as store:
        run = store.flow_run(flow)
        store.check()
        return run, store.task_runs(run["id"]), store.last_state("flow_run", run["id"])["message"]


# --- Time limits ---


def test_a_task_over_its_time_limit(home):
    ended = home.flow("limits", "task-times-out")
    assert ended.code == FAILED, ended
    run, [task], message = last(home, "task-times-out")
    assert task["states"] == ["Pending", "Running", "TimedOut"]
    assert task["state_type"] == "FAILED"
    assert run["states"] == ["Pending", "Running", "Failed"]
    assert "0.3" in message


def test_a_flow_over_its_time_limit_takes_its_task_along(home):
    ended = home.flow("limits", "flow-times-out")
    assert ended.code == FAILED, ended
    run, [task], _ = last(home, "flow-times-out")
    assert run["states"] == ["Pending", "Running", "TimedOut"]
    assert task["states"][:2] == ["Pending", "Running"]
    assert task["state_type"] == "CANCELLED"


def test_a_task_that_does_not_return_is_abandoned(home):
    """It sleeps for ten minutes without asking: the program must not wait for it."""
    ended = home.flow("limits", "abandons", env={"WEIR_GRACE_SECONDS": "0.2"}, task="never-retried", seconds=600)
    assert ended.code == FAILED, ended
    run, [task], _ = last(home, "abandons")
    assert task["states"] == ["Pending", "Running", "TimedOut"]
    assert run["state_type"] == "FAILED"


def test_a_task_that_returns_within_the_grace_time_is_retried(home):
    ended = home.flow("limits", "abandons", env={"WEIR_GRACE_SECONDS": "30"}, task="retried-after-return", seconds=0.5)
    assert ended.code == 0, ended
    assert ended.result == 2
    _, [task], _ = last(home, "abandons")
    assert task["states"] == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]


def test_an_abandoned_task_is_not_retried_beside_itself(home):
    ended = home.flow("limits", "abandons", env={"WEIR_GRACE_SECONDS": "0.2"}, task="retried-after-return", seconds=600)
    assert ended.code == FAILED, ended
    _, [task], message = last(home, "abandons")
    assert task["states"] == ["Pending", "Running", "TimedOut"]
    assert "retry_beside_abandoned" in message


def test_an_abandoned_task_is_retried_beside_itself_when_it_says_so(home):
    ended = home.flow("limits", "abandons", env={"WEIR_GRACE_SECONDS": "0.2"}, task="retried-beside", seconds=600)
    assert ended.code == 0, ended
    assert ended.result == 2
    _, [task], _ = last(home, "abandons")
    assert task["states"] == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]


# --- Signals ---


@pytest.mark.parametrize("number,state_type", [(signal.SIGINT, "CANCELLED"), (signal.SIGTERM, "CRASHED")],
                         ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_program_and_its_runs(home, number, state_type):
    program, _ = home.start_sleeper()
    program.send(number)
    ended = program.wait()
    assert ended.code == 128 + number, ended
    run, [task], _ = last(home, "sleeper")
    assert (run["state_type"], task["state_type"]) == (state_type, state_type)


def test_a_function_that_does_not_hear_is_left_behind_by_a_signal(home):
    """The grace time passes, and the program ends all the same; what ran is recorded as Crashed."""
    program = home.start("limits", "run", "deaf", env={"WEIR_GRACE_SECONDS": "0.2"})
    program.line("started ")
    program.send(signal.SIGTERM)
    ended = program.wait()
    assert ended.code == 128 + signal.SIGTERM, ended
    run, _, message = last(home, "deaf")
    assert run["state_type"] == "CRASHED"
    assert "SIGTERM" in message


# --- Programs ---


def process(home, argv, **parameters):
    return home.flow("limits", "process", argv=argv, **parameters)


def test_a_program_gives_its_output_and_code(home):
    ended = process(home, [PYTHON, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"])
    assert ended.code == 0, ended
    assert ended.result == {"returncode": 3, "stdout": "out\n", "stderr": "err\n", "truncated": False}
    with home.store() as store:
        said = {line["message"]: line["level"] for line in store.logs()}
    assert (said["out"], said["err"]) == (20, 40)


def test_a_program_in_a_folder_with_input(home, tmp_path):
    ended = process(home, [PYTHON, "-c", "import os, sys; print(os.getcwd()); print(sys.stdin.read().upper())"],
                    cwd=str(tmp_path), stdin="straße 漢字")
    assert ended.result["stdout"] == f"{tmp_path}\nSTRASSE 漢字\n"


def test_a_program_without_input_reads_its_end(home):
    assert process(home, ["cat"]).result == {"returncode": 0, "stdout": "", "stderr": "", "truncated": False}


def test_a_program_that_is_killed_gives_minus_the_signal(home):
    ended = process(home, [PYTHON, "-c", "import os; os.kill(os.getpid(), 11)"])
    assert ended.code == 0, ended
    assert ended.result["returncode"] == -signal.SIGSEGV


def test_output_that_is_not_asked_for_in_the_logs(home):
    process(home, ["echo", "not logged"], log=False)
    with home.store() as store:
        assert "not logged" not in store.messages()


@pytest.mark.parametrize("argv", [["/nowhere/program"], ["no-program-of-this-name"], ["/etc/passwd"], ["/"]],
                         ids=["missing", "not-in-path", "not-executable", "folder"])
def test_a_program_that_cannot_be_started(home, argv):
    ended = process(home, argv)
    assert ended.code == FAILED, ended
    _, [task], message = last(home, "process")
    assert task["state_type"] == "FAILED"
    assert argv[0] in message


def test_an_empty_command_is_an_error(home):
    ended = process(home, [])
    assert ended.code == FAILED, ended


GRANDCHILD = """
    import os, signal, subprocess, sys, time
    if ignore:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", deaf])
    print(os.getpid(), child.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("ignore", [False, True], ids=["dies-of-sigterm", "ignores-sigterm"])
def test_a_program_over_its_time_limit_is_killed_with_its_children(home, ignore):
    script = f"ignore = {ignore}\n" + textwrap.dedent(GRANDCHILD)
    ended = process(home, [PYTHON, "-c", script], limit=1)
    assert ended.code == FAILED, ended
    _, [task], _ = last(home, "process")
    assert task["state_type"] == "FAILED"
    with home.store() as store:
        [pids] = [message.split() for message in store.messages() if message.replace(" ", "").isdigit()]
    for pid in map(int, pids):
        eventually(lambda: not alive(pid), f"process {pid} is gone")


def test_a_cancelled_run_ends_its_program(home):
    script = "import os, time; print('pid', os.getpid(), flush=True); time.sleep(600)"
    program = home.start("limits", "run", "process", "--param", f'argv=["{PYTHON}", "-c", "{script}"]')
    with home.store_when_there() as store:
        [line] = eventually(lambda: [message for message in store.messages() if message.startswith("pid ")],
                            "it logs its pid")
        run = store.flow_run("process")
    assert home.weir("flow-run", "cancel", run["id"]).code == 0
    assert program.wait().code == CANCELLED
    eventually(lambda: not alive(int(line.split()[1])), "the program is gone")
    run, [task], _ = last(home, "process")
    assert (run["state_type"], task["state_type"]) == ("CANCELLED", "CANCELLED")


def test_bytes_that_are_not_utf8_come_as_replacement_characters(home):
    script = r"import sys; sys.stdout.buffer.write(b'ab\xff\xfe\xe6\xbc\xa2\xc3(\ncut \xe6\xbc')"
    ended = process(home, [PYTHON, "-c", script])
    assert ended.code == 0, ended
    result = ended.result["stdout"]
    assert result.startswith("ab\ufffd\ufffd漢\ufffd(\ncut \ufffd")
    with home.store() as store:
        assert "ab\ufffd\ufffd漢\ufffd(" in store.messages()


def test_nul_bytes_do_not_end_the_output(home):
    ended = process(home, [PYTHON, "-c", r"print('before\0after')"])
    assert ended.code == 0, ended
    assert ended.result["stdout"].startswith("before")
    assert ended.result["stdout"].endswith("after\n")


HUNDRED_MB = """
import sys
for _ in range(1000):
    sys.stdout.buffer.write((b"x" * 999 + {end!r}) * 100)
"""


@pytest.mark.parametrize("end,log", [(b"\n", False), (b"\n", True), (b"x", True)],
                         ids=["lines", "lines-logged", "one-line-logged"])
def test_a_hundred_megabytes_of_output_are_cut(home, end, log):
    output = home.work / "out"
    argv = json.dumps([PYTHON, "-c", HUNDRED_MB.format(end=end)])
    with open(output, "wb") as stdout:
        program = home.start("limits", "run", "process", "--param", f"argv={argv}", "--param", f"log={json.dumps(log)}",
                             "--param", "max_bytes=5000", stdout=stdout, stderr=subprocess.DEVNULL)
        code, peak_bytes = program.measure()
    ended = Ended(program.args, code, output.read_text(), "")
    assert code == 0, ended
    assert ended.result["truncated"] is True
    assert 4900 <= len(ended.result["stdout"]) <= 5000 and set(ended.result["stdout"]) <= {"x", "\n"}
    with home.store() as store:
        assert store.flow_run("process")["state_type"] == "COMPLETED"
        assert all(len(message.encode()) <= 1024 * 1024 + 100 for message in store.messages())
        store.check()
    home.database.unlink()
    # A hundred megabytes went through; they were not kept. (A sanitizer keeps freed memory on purpose.)
    assert sanitized("limits") or peak_bytes < 100_000_000
