# SPDX-License-Identifier: Apache-2.0
"""The command line from outside: what it prints, on which stream, and with which status it ends."""
import json
import os
import re
import resource
import sqlite3
import subprocess

import pytest
from conftest import CHATTY, HANG_SECONDS, ID, TASK, WEIR, normalise

FAILED, USAGE, IO_ERROR, WRONG_VERSION = 1, 2, 74, 78

# --- Listings ---

LONG_NAME = "an-unusually-long-name-that-goes-on-and-on-until-it-does-not-fit-into-any-terminal-that-people-have"

RUNS = f"""\
ID                                    Flow            Name                                                                                                 State      When
{ID['late-lark']}  etl             late-lark                                                                                            Scheduled  in 2 hours
{ID['waiting-wren']}  etl             waiting-wren                                                                                         Pending    5 minutes ago
{ID['long']}  etl             an-unusually-long-name-that-goes-on-and-on-until-it-does-not-fit-into-any-terminal-that-people-have  Crashed    9 minutes ago
{ID['evil']}  bad\\x1b[2Jflow  evil\\x1b]0;title\\x07\\nname\\u202e                                                                     Running    19 minutes ago
{ID['failed']}  数据拉取流程    勇敢的水獭🦦                                                                                         Failed     25 minutes ago
{ID['calm-otter']}  etl             calm-otter                                                                                           Completed  2 hours ago
"""


def test_flow_runs(weir):
    assert weir("flow-run", "ls").ok() == RUNS


def test_flows(weir):
    assert normalise(weir("flow", "ls").ok()) == """\
ID                                    Name            Created
UUID  bad\\x1b[2Jflow  just now
UUID  etl             just now
UUID  数据拉取流程    just now
"""


def test_task_runs(weir):
    assert weir("task-run", "ls").ok() == f"""\
ID                                    Name     State      When
{TASK['store-0']}  store-0  Failed     2 hours ago
{TASK['清洗-0']}  清洗-0   Skipped    2 hours ago
{TASK['load-0']}  load-0   Completed  2 hours ago
"""


def names(weir, *args):
    return [row["name"] for row in weir.json(*args)]


@pytest.mark.parametrize("options, expected", [
    (["--limit", "1"], ["late-lark"]),
    (["--setting", "cli.limit=2"], ["late-lark", "waiting-wren"]),
    (["--state", "Completed"], ["calm-otter"]),
    (["--state", "completed", "--state=FAILED"], ["勇敢的水獭🦦", "calm-otter"]),
    (["--state", "Completed", "--limit", "1", "--state", "Pending"], ["waiting-wren"]),
    (["--state", "Completed", "--state", "completed"], ["calm-otter"]),
    (["--state", "Completed", "--flow", "数据拉取流程"], []),
    (["--state", "Failed", "--state", "Crashed", "--flow", "etl"], [LONG_NAME]),
    (["--state", "Failed", "--state", "Crashed", "--state", "Pending", "--limit", "2"], ["waiting-wren", LONG_NAME]),
    (["--state", "Failed", "--limit", "9223372036854775807"], ["勇敢的水獭🦦"]),
    (["--state-type", "scheduled"], ["late-lark"]),
    (["--state-type", "SCHEDULED"] * 20, ["late-lark"]),
    (["--state-type", "PENDING", "--state", "Completed"], []),
    (["--flow", "数据拉取流程"], ["勇敢的水獭🦦"]),
    (["--flow-name", "etl", "--limit", "2"], ["late-lark", "waiting-wren"]),
], ids=lambda value: " ".join(value)[:40])
def test_flow_runs_are_chosen(weir, options, expected):
    assert names(weir, "flow-run", "ls", *options) == expected


def test_a_flow_is_chosen_by_its_id(weir):
    flow = next(flow for flow in weir.json("flow", "ls") if flow["name"] == "数据拉取流程")
    assert names(weir, "flow-run", "ls", "--flow", flow["id"]) == ["勇敢的水獭🦦"]


def test_task_runs_are_chosen(weir):
    assert names(weir, "task-run", "ls", "--flow-run", "calm-otter", "--state", "failed") == ["store-0"]
    assert names(weir, "task-run", "ls", "--state-type", "COMPLETED", "--limit", "1") == ["清洗-0"]
    assert names(weir, "task-run", "ls", "--flow-run", "late-lark") == []


def test_an_unknown_flow_is_an_error_with_a_hint(weir):
    ended = weir("flow-run", "ls", "--flow", "elt")
    assert (ended.code, ended.stdout) == (FAILED, "")
    assert ended.stderr == "weir: no flow is named 'elt'; did you mean 'etl'?\n"


def test_an_unknown_state_name_is_a_warning_since_anybody_may_name_a_state(weir):
    ended = weir("flow-run", "ls", "--state", "Completid")
    assert ended.code == 0
    assert ended.stdout == "ID  Flow  Name  State  When\n"
    assert ended.stderr == ("weir: warning: 'Completid' is not a name that Weir gives to states; "
                            "did you mean 'Completed'?\n")


# --- JSON: the field names of the Prefect API ---


def test_flow_run_json(weir):
    run = weir.json("flow-run", "ls", "--state", "Completed")[0]
    assert run["id"] == ID["calm-otter"]
    assert run["flow_name"] == "etl"
    assert run["tags"] == ["nightly", "数据"]
    assert run["parameters"] == {"count": 3, "big": 2**70}
    assert (run["state_type"], run["state_name"]) == ("COMPLETED", "Completed")
    assert run["state"]["type"] == "COMPLETED"
    assert run["state"]["id"] == run["state_id"]
    assert run["state"]["state_details"]["flow_run_id"] == run["id"]
    assert run["run_count"] == 1
    assert run["total_run_time"] == run["estimated_run_time"] == 1798.0
    assert {"created", "updated", "start_time", "end_time", "expected_start_time", "estimated_start_time_delta",
            "parent_task_run_id", "auto_scheduled", "labels"} <= run.keys()
    assert "program_id" not in run


def test_names_in_json_are_as_they_are(weir):
    [run] = weir.json("flow-run", "ls", "--state", "Running")
    assert run["name"] == "evil\x1b]0;title\x07\nname\u202e"
    assert run["flow_name"] == "bad\x1b[2Jflow"


def test_json_is_an_element_to_a_line(weir):
    lines = weir("flow-run", "ls", "-o", "json").ok().splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("[", "]", 8)
    assert weir("flow-run", "ls", "-ojson", "--state", "Paused").ok() == "[]\n"


def test_flow_and_task_run_json(weir):
    assert weir.json("flow", "ls")[1].keys() == {"id", "created", "updated", "name", "tags", "labels"}
    task = weir.json("task-run", "ls", "--state", "failed")[0]
    assert (task["name"], task["task_key"], task["dynamic_key"]) == ("store-0", "store", "0")
    assert task["flow_run_id"] == ID["calm-otter"]
    assert task["state"]["message"] == "disk full\n  at line 2"


# --- inspect ---


def test_inspect_a_flow_run(weir):
    assert normalise(weir("flow-run", "inspect", "勇敢的水獭🦦").ok()) == f"""\
Flow run '勇敢的水獭🦦'
  State                       Failed (FAILED), 25 minutes ago
  Message                     接口暂时不可用
                              second line \\x1b[31m
  Flow                        数据拉取流程
  ID                          {ID['failed']}
  Created                     TIME (AGO)
  Updated                     TIME (AGO)
  Flow ID                     UUID
  Labels                      {{"prefect.flow.id":"UUID"}}
  Run count                   1
  Expected start time         TIME (AGO)
  Start time                  TIME (AGO)
  End time                    TIME (AGO)
  Total run time              29.000 s

History
When                     State    Message
TIME  Pending
TIME  Running
TIME  Failed   接口暂时不可用\\nsecond line \\x1b[31m
"""


def test_inspect_counts_task_runs(weir):
    assert "\n  Task runs                   2 Completed, 1 Failed\n" in weir("flow-run", "inspect", "calm-otter").ok()


def test_inspect_a_task_run(weir):
    text = weir("task-run", "inspect", "store-0").ok()
    assert text.startswith("Task run 'store-0'\n  State                       Failed (FAILED), 2 hours ago\n"
                           "  Message                     disk full\n                                at line 2\n")
    assert f"\n  Flow run ID                 {ID['calm-otter']}\n" in text
    assert re.search(r"\nHistory\nWhen +State +Message\n\S+ \S+  Pending\n\S+ \S+  Running\n\S+ \S+  Failed   disk full", text)


def test_inspect_json(weir):
    run = weir.json("flow-run", "inspect", "calm-otter")
    assert run["id"] == ID["calm-otter"]
    assert run["task_run_counts"] == {"COMPLETED": 2, "FAILED": 1}
    assert [state["name"] for state in run["states"]] == ["Pending", "Running", "Completed"]
    assert run["states"][-1] == run["state"]
    task = weir.json("task-run", "inspect", "清洗-0")
    assert [state["name"] for state in task["states"]] == ["Pending", "Running", "Skipped"]


@pytest.mark.parametrize("word", [ID["calm-otter"], ID["calm-otter"].upper(), ID["calm-otter"].replace("-", ""),
                                  ID["waiting-wren"][:13], "calm-otter"])
def test_a_run_is_found_by(weir, word):
    assert weir.json("flow-run", "inspect", word)["id"] in (ID["calm-otter"], ID["waiting-wren"])


def test_an_ambiguous_id_names_the_candidates(weir):
    ended = weir("flow-run", "inspect", "0196f3a2-7c4d")
    assert (ended.code, ended.stdout) == (FAILED, "")
    assert ID["calm-otter"] in ended.stderr and "late-lark" in ended.stderr
    # What a name holds does not reach the terminal from a message either.
    assert "\x1b" not in ended.stderr and "\x07" not in ended.stderr


@pytest.mark.parametrize("command", [["flow-run", "inspect"], ["flow-run", "logs"], ["task-run", "inspect"],
                                     ["task-run", "logs"], ["flow-run", "cancel"], ["flow-run", "delete"], ["why"]],
                         ids=" ".join)
def test_an_unknown_run_is_named(weir, command):
    ended = weir(*command, "no-such-run")
    assert (ended.code, ended.stdout) == (FAILED, ""), ended
    assert "no-such-run" in ended.stderr


# --- logs ---

LOGS = """\
2026-01-31 08:00:00.000 | INFO    | Flow run 'calm-otter' - starting
2026-01-31 08:00:00.001 | DEBUG   | Task run 'load-0' - loading 数据
2026-01-31 08:00:00.002 | INFO    | Task run 'load-0' - two
\tlines
2026-01-31 08:00:00.003 | WARNING | Task run '清洗-0' - red \x1b[31m and bell \x07
2026-01-31 08:00:00.004 | ERROR   | Task run 'store-0' - disk full
2026-01-31 08:00:00.005 | CRITICAL | Flow run 'calm-otter' - done
"""


def test_logs_of_a_flow_run_hold_those_of_its_tasks(weir):
    assert weir("flow-run", "logs", "calm-otter").ok() == LOGS


def test_logs_of_a_task_run(weir):
    assert weir("task-run", "logs", "load-0").ok() == (
        "2026-01-31 08:00:00.001 | DEBUG   | Task run 'load-0' - loading 数据\n"
        "2026-01-31 08:00:00.002 | INFO    | Task run 'load-0' - two\n\tlines\n")


def test_logs_in_the_local_time_zone(weir):
    text = weir("flow-run", "logs", "calm-otter", "--head", "1", env={"TZ": "CST-8"}).ok()
    assert text.startswith("2026-01-31 16:00:00.000 | INFO")


def test_logs_json(weir):
    lines = weir.json("flow-run", "logs", "calm-otter")
    assert [line["level"] for line in lines] == [20, 10, 20, 30, 40, 50]
    assert lines[3]["message"] == "red \x1b[31m and bell \x07"
    assert lines[3]["timestamp"] == "2026-01-31T08:00:00.003000Z"
    assert lines[3]["task_run_id"] == TASK["清洗-0"]
    assert weir("flow-run", "logs", "late-lark", "-o", "json").ok() == "[]\n"
    assert weir("flow-run", "logs", "late-lark").ok() == ""


# Which lines each way of choosing gives, by the last digit of their milliseconds.
@pytest.mark.parametrize("options, expected", [
    ([], "012345"),
    (["--reverse"], "543210"),
    (["--head", "2"], "01"),
    (["--head=2", "-r"], "10"),
    (["--tail", "2"], "45"),
    (["-t2", "-r"], "54"),
    (["--head"], "012345"),
    (["--tail", "--reverse"], "543210"),
    (["--head", "6"], "012345"),
    (["--tail", "6"], "012345"),
    (["--tail", "7"], "012345"),
    (["--head", "7", "-r"], "543210"),
    (["--tail", "1"], "5"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else value)
def test_logs_are_chosen(weir, options, expected):
    lines = weir.json("flow-run", "logs", "calm-otter", *options)
    digits = [line["timestamp"][22] if "." in line["timestamp"] else "0" for line in lines]
    assert "".join(digits) == expected


def test_head_and_tail_at_once_are_wrong_usage(weir):
    ended = weir("flow-run", "logs", "calm-otter", "--head", "1", "--tail", "1")
    assert (ended.code, ended.stdout, ended.stderr) == (USAGE, "", "weir: give --head or --tail, not both\n")


# --- Many log lines ---

COUNT = 100_000


@pytest.fixture(scope="module")
def chatty(tmp_path_factory):
    from conftest import Weir
    weir = Weir(tmp_path_factory.mktemp("chatty"))
    weir.make("logs", COUNT)
    return weir


def numbers(text):
    return [int(line.rpartition(" ")[2]) for line in text.splitlines()]


def test_each_of_many_lines_once_and_in_order(chatty):
    assert numbers(chatty("flow-run", "logs", "chatty").ok()) == list(range(COUNT))


def test_many_lines_reversed(chatty):
    assert numbers(chatty("flow-run", "logs", "chatty", "--reverse").ok()) == list(range(COUNT - 1, -1, -1))


@pytest.mark.parametrize("options, expected", [
    (["--tail", "3"], range(COUNT - 3, COUNT)),
    (["--head", "3", "--reverse"], range(2, -1, -1)),
    (["--tail", "50000"], range(50000, COUNT)),
    (["--head", "50000", "-r"], range(49999, -1, -1)),
    (["--head", "10000"], range(10000)),
    (["--head", "10001"], range(10001)),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_some_of_many_lines(chatty, options, expected):
    assert numbers(chatty("flow-run", "logs", "chatty", *options).ok()) == list(expected)


def test_many_lines_as_json(chatty):
    lines = chatty.json("flow-run", "logs", CHATTY)
    assert [line["message"] for line in lines] == [f"line {i}" for i in range(COUNT)]


def test_a_reader_that_goes_away_ends_it_quietly(chatty):
    process = chatty.start("flow-run", "logs", "chatty")
    assert process.stdout.readline().endswith(b"line 0\n")
    process.stdout.close()
    assert process.wait(HANG_SECONDS) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def peak_bytes(weir, *args):
    process = weir.start(*args)
    while process.stdout.read(65536):
        pass
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    assert process.returncode == 0
    return usage.ru_maxrss * 1024


def test_many_lines_are_not_held_in_memory(chatty):
    if b"__asan_init" in open(WEIR, "rb").read():
        pytest.skip("the address sanitizer's own memory hides it")
    # The output has 6 MB, the JSON 25 MB.
    few = peak_bytes(chatty, "flow-run", "logs", "chatty", "--head", "10000")
    assert peak_bytes(chatty, "flow-run", "logs", "chatty") < few + 3_000_000
    assert peak_bytes(chatty, "flow-run", "logs", "chatty", "-o", "json") < few + 8_000_000


def test_a_reader_that_pauses_holds_no_snapshot(chatty):
    """Else the write-ahead log would grow as long as somebody looks at a page of the log."""
    process = chatty.start("flow-run", "logs", "chatty")
    process.stdout.readline()
    with sqlite3.connect(chatty.database, timeout=0) as db:
        db.execute("UPDATE log SET level = 20 WHERE rowid = 1")
        db.commit()
        busy, pages, done = db.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
    assert (busy, pages) == (0, done)
    process.kill()
    process.communicate()


def test_more_task_runs_than_names_are_remembered(empty):
    empty.make("tasks", 700)
    lines = empty("flow-run", "logs", "wide").ok().splitlines()
    assert len(lines) == 700
    for number, line in enumerate(lines):
        assert line.endswith(f"| Task run 'work-{number}' - work-{number}")
    # More rows than the table holds back to learn its widths.
    empty.make("logs", 1)
    assert len(empty("task-run", "ls", "--limit", "1000").ok().splitlines()) == 701


# --- On a terminal ---


def test_a_wide_terminal_shows_all(weir):
    ended = weir.on_terminal("flow-run", "ls", columns=300, env={"NO_COLOR": "1"})
    assert ended.ok() == RUNS


@pytest.mark.parametrize("columns, env", [(80, {}), (0, {"COLUMNS": "80"}), (200, {"COLUMNS": "80"}), (0, {}),
                                          (80, {"COLUMNS": "nonsense"})], ids=str)
def test_80_columns_keep_ids_whole(weir, columns, env):
    ended = weir.on_terminal("flow-run", "ls", columns=columns, env={"NO_COLOR": "1", **env})
    assert ended.ok() == f"""\
ID                                    Flow    Name     State      When
{ID['late-lark']}  etl     late-l…  Scheduled  in 2 hours
{ID['waiting-wren']}  etl     waitin…  Pending    5 minutes ago
{ID['long']}  etl     an-unu…  Crashed    9 minutes ago
{ID['evil']}  bad\\x…  evil\\x…  Running    19 minutes ago
{ID['failed']}  数据…   勇敢的…  Failed     25 minutes ago
{ID['calm-otter']}  etl     calm-o…  Completed  2 hours ago
"""


def test_a_narrow_terminal_cuts_ids_to_prefixes(weir):
    ended = weir.on_terminal("flow-run", "ls", "--state", "Pending", columns=50, env={"NO_COLOR": "1"})
    assert ended.ok() == """\
ID             Flow  Name    State    When
0196f3a2-7c4e  etl   waiti…  Pending  5 minutes ago
"""
    prefix = ended.stdout.splitlines()[1].split()[0]
    assert weir.json("flow-run", "inspect", prefix)["id"] == ID["waiting-wren"]


def test_not_a_terminal_is_never_cut(weir):
    assert weir("flow-run", "ls", env={"COLUMNS": "40"}).ok() == RUNS


@pytest.mark.parametrize("env, coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True),
                                           ({"TERM": "dumb"}, False)], ids=str)
def test_colours(weir, env, coloured):
    text = weir.on_terminal("flow-run", "ls", columns=300, env=env).ok()
    assert ("\x1b[32mCompleted\x1b[0m" in text) == coloured
    assert ("\x1b[31mFailed\x1b[0m" in text) == coloured
    assert re.sub(r"\x1b\[\d*m", "", text) == RUNS


def test_no_colours_in_a_pipe(weir):
    for command in (["flow-run", "ls"], ["flow-run", "inspect", "calm-otter"], ["why", "calm-otter"], ["--help"]):
        assert "\x1b" not in weir(*command).stdout


def test_log_messages_can_not_drive_the_terminal(weir):
    text = weir.on_terminal("flow-run", "logs", "calm-otter", env={"NO_COLOR": "1"}).ok()
    assert text == LOGS.replace("\x1b", "\\x1b").replace("\x07", "\\x07")


# --- why ---


def test_why_as_text(weir):
    text = weir("why", "store-0").ok()
    assert re.sub(r"2\d{3}-\d\d-\d\dT[0-9:.]+Z", "TIME", normalise(text)) == """\
Task run 'store-0' failed at TIME: disk full.
  - the last lines of its log (since 2026-01-31 08:00:00.004 +0000 (AGO))
      lines:
        2026-01-31 08:00:00.004 | ERROR | disk full
Next: Repair the cause, and run it again.
"""


def test_why_shows_causes_and_their_details(weir):
    text = weir("why", "calm-otter").ok()
    assert f"""
      task run id: {TASK['store-0']}
      state: Failed
      run count: 1
      message: disk full
          at line 2
""" in text


def test_why_as_json(weir):
    for word in ID.values():
        answer = weir.json("why", word)
        assert answer["run"]["id"] == word
        text = weir("why", word).ok()
        # A line each, whatever the names hold.
        assert len(text.splitlines()[0]) >= len(answer["answer"])
        assert text.count("\n  - ") == len(answer["because"])
        assert text.splitlines()[-1] == f"Next: {answer['next']}"
        assert "\x1b" not in text and "\x07" not in text


def test_why_takes_task_runs_too(weir):
    assert weir.json("why", "store-0")["run"]["id"] == TASK["store-0"]


# --- cancel ---


def state_of(weir, run):
    return weir.json("flow-run", "inspect", run)["state"]


def test_cancel_a_scheduled_run(weir):
    assert weir("flow-run", "cancel", "late-lark").ok() == (
        "Flow run 'late-lark' is cancelled: Scheduled flow run has no infrastructure to terminate.\n")
    assert state_of(weir, "late-lark")["type"] == "CANCELLED"


def test_cancel_of_a_run_that_has_ended(weir):
    ended = weir("flow-run", "cancel", "calm-otter")
    assert (ended.code, ended.stdout) == (FAILED, "")
    assert ended.stderr == "weir: flow run 'calm-otter' is not active: it became Completed 2 hours ago\n"
    assert state_of(weir, "calm-otter")["type"] == "COMPLETED"


def test_cancel_several(weir):
    ended = weir("flow-run", "cancel", "calm-otter", "late-lark", "no-such-run", "-o", "json")
    assert ended.code == FAILED
    [cancelled] = json.loads(ended.stdout)
    assert (cancelled["name"], cancelled["status"], cancelled["state"]["type"]) == ("late-lark", "REJECT", "CANCELLED")
    assert cancelled["details"]["reason"] == "Scheduled flow run has no infrastructure to terminate."
    assert len(ended.stderr.splitlines()) == 2


def test_cancel_reaches_the_program(empty):
    program = empty.program()
    ended = empty("flow-run", "cancel", program.run)
    assert ended.ok() == "Flow run 'steady-swan' is being cancelled.\n"
    assert program.line() == f"message cancel {program.run}"
    assert program.line() == "cancelled"
    assert state_of(empty, program.run)["message"] == "the program has ended it"
    program.leave()


def test_cancel_of_a_program_that_does_not_listen(empty):
    program = empty.program("deaf")
    ended = empty("flow-run", "cancel", program.run)
    assert (ended.code, ended.stdout) == (0, "Flow run 'steady-swan' is being cancelled.\n")
    assert ended.stderr.startswith("weir: warning: the program that runs 'steady-swan' does not answer")
    assert state_of(empty, program.run)["type"] == "CANCELLING"
    # Again: the rules refuse it, and the answer is the same.
    assert empty("flow-run", "cancel", program.run).code == 0
    program.kill()
    ended = empty("flow-run", "cancel", program.run)
    assert ended.code == FAILED
    assert state_of(empty, program.run)["type"] == "CANCELLED"


def test_cancel_of_a_dead_program(empty):
    program = empty.program()
    program.kill()
    assert empty("flow-run", "ls").ok().count("Running") == 1  # looking changes nothing
    ended = empty("flow-run", "cancel", program.run)
    assert (ended.code, ended.stdout) == (FAILED, "")
    assert ended.stderr == ("weir: ended 1 run of programs that have died\n"
                            "weir: flow run 'steady-swan' is not active: it became Crashed just now\n")
    assert state_of(empty, program.run)["type"] == "CRASHED"


def test_cancel_of_a_run_that_its_program_left(empty):
    program = empty.program()
    program.leave()
    assert empty("flow-run", "cancel", program.run).ok() == (
        "Flow run 'steady-swan' is cancelled: The program that ran it is gone.\n")
    assert state_of(empty, program.run)["type"] == "CANCELLED"


def test_cancel_of_a_run_that_nobody_runs(weir):
    ended = weir("flow-run", "cancel", "waiting-wren")
    assert (ended.code, ended.stdout) == (0, "Flow run 'waiting-wren' is being cancelled.\n")
    assert ended.stderr.startswith("weir: warning: no program of this machine runs 'waiting-wren'")


# --- delete ---


def rows(weir, table, where="1"):
    with sqlite3.connect(f"file:{weir.database}?mode=ro", uri=True) as db:
        return db.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]


def test_delete_takes_all_of_the_run(weir):
    assert weir("flow-run", "delete", "calm-otter").ok() == f"Deleted flow run 'calm-otter' ({ID['calm-otter']})\n"
    assert rows(weir, "flow_run") == 5
    assert rows(weir, "task_run") == rows(weir, "log") == rows(weir, "task_run_state") == 0
    assert weir("database", "check").ok().endswith(": OK\n")


def test_delete_several(weir):
    ended = weir("flow-run", "delete", "calm-otter", "no-such-run", ID["evil"], "--output=json")
    assert ended.code == FAILED
    assert json.loads(ended.stdout) == [{"id": ID["calm-otter"], "name": "calm-otter"},
                                        {"id": ID["evil"], "name": "evil\x1b]0;title\x07\nname\u202e"}]
    assert "no-such-run" in ended.stderr
    assert rows(weir, "flow_run") == 4


@pytest.mark.parametrize("answer, left", [("n\n", 6), ("\n", 6), ("y\n", 5), ("Yes\n", 5)])
def test_delete_asks_on_a_terminal(weir, answer, left):
    ended = weir.on_terminal("flow-run", "delete", "calm-otter", answer=answer)
    assert ended.stdout.startswith("Delete flow run 'calm-otter' with its task runs and logs? [y/N] ")
    assert ended.code == (0 if left == 5 else FAILED)
    assert rows(weir, "flow_run") == left


def test_delete_does_not_ask_when_told_so(weir):
    ended = weir.on_terminal("flow-run", "delete", "-y", "calm-otter", answer="n\n")
    assert ended.stdout == f"Deleted flow run 'calm-otter' ({ID['calm-otter']})\n"


def test_delete_of_a_run_that_a_program_works_on(empty):
    program = empty.program()
    ended = empty("flow-run", "delete", program.run)
    assert (ended.code, ended.stdout) == (FAILED, "")
    assert f"weir flow-run cancel {program.run}" in ended.stderr
    assert rows(empty, "flow_run") == 1


def test_delete_of_many_rows(empty):
    empty.make("logs", 5000)
    empty("flow-run", "delete", "chatty").ok()
    assert rows(empty, "log") == rows(empty, "flow_run") == 0


# --- Without a database ---


@pytest.mark.parametrize("command, text, value", [
    (["flow", "ls"], "ID  Name  Created\n", []),
    (["flow-run", "ls"], "ID  Flow  Name  State  When\n", []),
    (["flow-run", "ls", "--flow", "etl"], "ID  Flow  Name  State  When\n", []),
    (["task-run", "ls"], "ID  Name  State  When\n", []),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
@pytest.mark.parametrize("there", [False, True], ids=["missing", "empty"])
def test_listings_are_empty(empty, command, text, value, there):
    if there:
        empty.database.touch()
    ended = empty(*command)
    assert (ended.code, ended.stdout) == (0, text), ended
    assert len(ended.stderr.splitlines()) == 1 and str(empty.database) in ended.stderr
    ended = empty(*command, "-o", "json")
    assert (ended.code, json.loads(ended.stdout)) == (0, value)
    assert there or list(empty.home.iterdir()) == []


@pytest.mark.parametrize("command", [["flow-run", "inspect", "x"], ["flow-run", "logs", "x"], ["flow-run", "cancel", "x"],
                                     ["flow-run", "delete", "x"], ["why", "x"], ["database", "check"],
                                     ["database", "backup", "copy.db"], ["database", "reset", "-y"]], ids=" ".join)
def test_nothing_is_found_and_nothing_made(empty, command):
    ended = empty(*command)
    assert (ended.code, ended.stdout) == (FAILED, ""), ended
    assert str(empty.database) in ended.stderr
    assert list(empty.home.iterdir()) == [] and list(empty.work.iterdir()) == []


# --- The database ---


def test_backup_is_a_whole_database(weir, tmp_path):
    copy = tmp_path / "副本.db"
    assert weir("database", "backup", copy).ok() == f"Wrote {copy} ({copy.stat().st_size} bytes)\n"
    assert weir("flow-run", "ls", env={"WEIR_DATABASE": str(copy)}).ok() == RUNS
    before = copy.read_bytes()
    ended = weir("database", "backup", copy)
    assert (ended.code, ended.stdout) == (FAILED, "")
    assert copy.read_bytes() == before
    again = weir.json("database", "backup", f"{copy}.2")
    assert again == {"path": f"{copy}.2", "size_bytes": len(before)}


def test_backup_to_where_nothing_can_be_written(weir):
    ended = weir("database", "backup", "/no/such/folder/weir.db")
    assert ended.code != 0 and ended.stdout == "", ended
    assert "/no/such/folder/weir.db" in ended.stderr


def test_check_finds_damage(weir):
    assert weir.json("database", "check") == {"path": str(weir.database), "ok": True, "problem": None}
    data = bytearray(weir.database.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    for start in range(page * 4, len(data), page):
        data[start:start + 64] = b"\xff" * 64
    weir.database.write_bytes(data)
    ended = weir("database", "check")
    assert ended.code == IO_ERROR and str(weir.database) in ended.stderr and "OK" not in ended.stdout, ended


def test_a_file_that_is_no_database(empty):
    empty.database.write_bytes(b"this is no database at all\n" * 100)
    for command in (["flow-run", "ls"], ["database", "check"], ["flow-run", "cancel", "x"]):
        ended = empty(*command)
        assert (ended.code, ended.stdout) == (IO_ERROR, ""), ended
        assert str(empty.database) in ended.stderr
    assert empty("database", "reset", "-y").ok() == f"Removed {empty.database}\n"
    assert not empty.database.exists()


def test_a_database_of_a_newer_weir_is_not_written_to(weir):
    with sqlite3.connect(weir.database) as db:
        db.execute("UPDATE meta SET value = 99 WHERE name IN ('schema_version', 'min_writer_version')")
    assert weir("flow-run", "cancel", "late-lark").code == WRONG_VERSION


def test_reset(weir):
    for ending in ("-wal", "-shm"):
        weir.home.joinpath("weir.db" + ending).touch()
    assert weir("database", "reset", "--yes").ok() == f"Removed {weir.database}\n"
    assert not [file for file in weir.home.iterdir() if file.name in ("weir.db", "weir.db-wal", "weir.db-shm")]


def test_reset_without_a_terminal_needs_yes(weir):
    ended = weir("database", "reset")
    assert (ended.code, ended.stdout) == (USAGE, "")
    assert "-y" in ended.stderr and weir.database.exists()


@pytest.mark.parametrize("answer, gone", [("n\n", False), ("y\n", True)])
def test_reset_asks_on_a_terminal(weir, answer, gone):
    ended = weir.on_terminal("database", "reset", answer=answer)
    assert f"Remove {weir.database} with all flows, runs and logs? [y/N] " in ended.stdout
    assert ended.code == (0 if gone else FAILED)
    assert weir.database.exists() != gone


def test_reset_refuses_while_a_program_runs(empty):
    program = empty.program()
    ended = empty("database", "reset", "-y")
    assert (ended.code, ended.stdout) == (75, ""), ended
    assert f"make_runs (pid {program.process.pid})" in ended.stderr
    assert empty.database.exists()
    program.kill()
    empty("database", "reset", "-y").ok()


# --- Settings ---


def test_settings_and_where_they_come_from(empty):
    empty.work.joinpath(".env").write_text("# settings\nWEIR_THREADS=3\n")
    shown = {row["name"]: row for row in empty.json("config", "view", "--setting", "cli.limit=7",
                                                    env={"WEIR_LOG_LEVEL": "debug"})}
    assert {name: (row["value"], row["source"]) for name, row in shown.items()} == {
        "home": (str(empty.home), "environment"), "log.level": ("debug", "environment"),
        "engine.threads": ("3", ".env:2"), "cli.limit": ("7", "command line")}
    assert shown["cli.limit"]["environment"] == "WEIR_CLI_LIMIT"
    every = empty.json("config", "view", "--show-defaults")
    assert len(every) > len(shown)
    assert next(row for row in every if row["name"] == "log.format")["source"] == "default"
    assert len(empty.json("config", "view", "--show-defaults", "--hide-defaults")) == 2


def test_settings_as_text(empty):
    text = empty("config", "view", "--show-defaults").ok()
    assert text.splitlines()[0].split() == ["Setting", "Value", "Source", "Meaning"]
    assert re.search(rf"\nhome +{empty.home} +environment +\S", text)


def test_settings_without_any(empty, tmp_path):
    ended = empty("config", "view", env={"WEIR_HOME": "", "HOME": str(tmp_path)})
    assert (ended.code, ended.stderr) == (0, "weir: every setting has its default; --show-defaults shows them\n")


@pytest.mark.parametrize("flag, message", [
    ("cli.limt=3", "cli.limit"),
    ("cli.limit=many", "many"),
    ("cli.limit", "NAME=VALUE"),
], ids=lambda value: value)
def test_wrong_settings_are_wrong_usage(empty, flag, message):
    for command in (["config", "view"], ["version"]):
        ended = empty(*command, "--setting", flag)
        assert (ended.code, ended.stdout) == (USAGE, ""), ended
        assert message in ended.stderr


def test_wrong_environment(empty):
    ended = empty("flow-run", "ls", env={"WEIR_CLI_LIMIT": "many", "WEIR_LOG_LEVEL": "loud"})
    assert (ended.code, ended.stdout) == (USAGE, "")
    assert "WEIR_CLI_LIMIT" in ended.stderr and "WEIR_LOG_LEVEL" in ended.stderr
    # What needs no settings works: one wants to read the help then.
    assert empty("version", env={"WEIR_CLI_LIMIT": "many"}).code == 0


# --- Help and usage ---

COMMANDS = ["flow ls", "flow-run ls", "flow-run inspect", "flow-run logs", "flow-run cancel", "flow-run resume",
            "flow-run delete",
            "task-run ls", "task-run inspect", "task-run logs", "why",
            "artifact ls", "artifact inspect", "artifact delete",
            "variable ls", "variable get", "variable inspect", "variable set", "variable unset",
            "secret ls", "secret set", "secret unset",
            "concurrency-limit create", "concurrency-limit ls", "concurrency-limit inspect", "concurrency-limit read",
            "concurrency-limit reset", "concurrency-limit delete",
            "gcl create", "gcl ls", "gcl inspect", "gcl update", "gcl enable", "gcl disable", "gcl delete",
            "config view", "database backup", "database check", "database reset", "version"]


def test_help_lists_every_command(empty):
    text = empty("--help").ok()
    assert re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)(?:  +|\n +)[A-Z]", text, re.M) == COMMANDS
    assert text == empty("help").ok() == empty("-h").ok()
    assert text.startswith("Usage: weir [OPTIONS] COMMAND [ARGUMENTS]\n")


@pytest.mark.parametrize("words", [[], *(command.split() for command in COMMANDS), ["flow-run"], ["database"]], ids=" ".join)
def test_help_of(empty, words):
    text = empty(*words, "--help").ok()
    assert text == empty("help", *words).ok()
    assert all(len(line) <= 80 and line == line.rstrip() for line in text.splitlines()), text
    if " ".join(words) in COMMANDS:
        assert "\nExample:\n  weir " in text
        assert text.startswith(f"Usage: weir {' '.join(words)} [OPTIONS]")


def test_help_of_a_group_by_its_word(empty):
    assert empty("flow-run", "help").ok() == empty("flow-run", "--help").ok()
    assert empty("flow-run", "help", "ls").ok() == empty("flow-run", "ls", "-h").ok()


def test_help_text(empty):
    assert empty("flow-run", "logs", "--help").ok() == """\
Usage: weir flow-run logs [OPTIONS] ID

Show the log of a flow run and of its tasks.

Times are those of the local time zone; --output json has them in UTC. On a
terminal, control characters in messages are shown as escapes.

Arguments:
  ID                          a run's id, the beginning of one (4 characters or
                              more), or its name

Options:
  --head [N]                  only the first N lines [at least 1; without N: 20]
  -t, --tail [N]              only the last N lines [at least 1; without N: 20]
  -r, --reverse               the newest line first

Global options:
  -o, --output FORMAT         for people or for programs [text, json; default:
                              text]
  --setting NAME=VALUE        change a setting for this command (weir config
                              view) [may be repeated]
  -h, --help                  show this text
  -v, --version               show the version of Weir

Example:
  weir flow-run logs calm-otter --tail 50
  weir flow-run logs calm-otter | grep ERROR
"""


@pytest.mark.parametrize("args, message", [
    (["flowrun", "ls"], "unknown command 'weir flowrun'; did you mean 'flow-run'?\nSee 'weir --help'."),
    (["flow-run", "lss"], "unknown command 'weir flow-run lss'; did you mean 'ls'?\nSee 'weir flow-run --help'."),
    (["logs", "x"], "unknown command 'weir logs'; did you mean 'flow-run logs'?\nSee 'weir --help'."),
    (["help", "wyh"], "unknown command 'weir wyh'; did you mean 'why'?\nSee 'weir --help'."),
    (["flow-run", "ls", "--stat", "x"],
     "unknown option '--stat'; did you mean '--state'?\nSee 'weir flow-run ls --help'."),
    (["flow-run", "ls", "--limit", "many"],
     "option '--limit' needs a whole number, not 'many'\nSee 'weir flow-run ls --help'."),
    (["flow-run", "ls", "--limit", "0"], "option '--limit' is 0, but must be at least 1\nSee 'weir flow-run ls --help'."),
    (["flow-run", "ls", "x"], "'x' is one argument too many for 'weir flow-run ls'\nSee 'weir flow-run ls --help'."),
    (["flow-run", "ls", "-o", "xml"],
     "option '-o' takes one of text, json, not 'xml'\nSee 'weir flow-run ls --help'."),
    (["flow-run", "logs"], "'weir flow-run logs' needs ID: a run's id, the beginning of one (4 characters or more), or "
                           "its name\nSee 'weir flow-run logs --help'."),
    (["--limit", "3", "flow-run", "ls"], "unknown option '--limit'\nSee 'weir --help'."),
    (["flow-run", "ls\x1b[2J"], "unknown command 'weir flow-run ls\\x1b[2J'"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_wrong_usage(empty, args, message):
    ended = empty(*args)
    assert (ended.code, ended.stdout) == (USAGE, "")
    assert ended.stderr.startswith("weir: " + message), ended


@pytest.mark.parametrize("args", [[], ["flow-run"], ["-o", "json"]], ids=str)
def test_no_command_shows_what_there_is(empty, args):
    ended = empty(*args)
    assert (ended.code, ended.stdout) == (USAGE, "")
    assert ended.stderr == empty(*args, "--help").ok()


def test_global_options_go_anywhere(weir):
    expected = weir("flow-run", "ls", "--output", "json", "--setting", "cli.limit=1").ok()
    assert weir("--output", "json", "--setting=cli.limit=1", "flow-run", "ls").ok().count("\n") == expected.count("\n") == 3
    assert json.loads(weir("flow-run", "-o=json", "ls", "--limit", "1").ok())[0]["name"] == "late-lark"


def test_version(empty):
    version = empty("--version").ok()
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", version)
    assert empty("-v").ok() == version
    assert empty("version").ok().startswith(f"Version          {version}")
    assert empty.json("version")["version"] == version.strip()


# --- Output that can't be written ---


@pytest.mark.parametrize("command", [["version"], ["--help"], ["flow-run", "ls"], ["flow-run", "logs", "calm-otter"],
                                     ["flow-run", "inspect", "calm-otter"], ["flow-run", "ls", "-o", "json"]], ids=" ".join)
def test_a_full_disk_is_reported(weir, command):
    with open("/dev/full", "wb") as full:
        ended = weir(*command, stdout=full)
    assert (ended.code, ended.stderr) == (IO_ERROR, "weir: can't write the output: No space left on device\n")


def test_a_file_that_may_not_grow_is_reported(chatty):
    with open(chatty.work / "out", "wb") as out:
        ended = chatty("flow-run", "logs", "chatty", stdout=out,
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)))
    assert (ended.code, ended.stderr) == (IO_ERROR, "weir: can't write the output: File too large\n")


@pytest.mark.parametrize("fds", ([0], [1], [0, 1], [0, 1, 2]), ids=str)
def test_closed_descriptors_do_not_reach_the_database(weir, fds):
    def close():
        for fd in fds:
            os.close(fd)

    before = [weir("database", "check").ok(), rows(weir, "flow_run")]
    process = subprocess.Popen([WEIR, "flow-run", "delete", "calm-otter"], env=weir.env, cwd=weir.work,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=close)
    out, err = process.communicate(timeout=HANG_SECONDS)
    assert out == (b"" if 1 in fds else f"Deleted flow run 'calm-otter' ({ID['calm-otter']})\n".encode())
    assert process.returncode == (IO_ERROR if 1 in fds else 0)
    if 2 not in fds:
        assert err == (b"weir: can't write the output: Bad file descriptor\n" if 1 in fds else b"")
    assert [weir("database", "check").ok(), rows(weir, "flow_run") + 1] == before


def test_a_reader_that_is_gone_does_not_stop_the_work(weir):
    reading, writing = os.pipe()
    os.close(reading)
    ended = weir("flow-run", "delete", "calm-otter", "late-lark", stdout=writing)
    os.close(writing)
    assert (ended.code, ended.stderr) == (0, "")
    assert rows(weir, "flow_run") == 4
