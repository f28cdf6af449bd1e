# SPDX-License-Identifier: Apache-2.0
"""Limits, artifacts, variables and secrets on the command line: exact output, wrong usage, a terminal."""
import contextlib
import os
import pty
import signal
import subprocess
import termios

import pytest
from conftest import HANG_SECONDS, WEIR, normalise

FAILED, USAGE = 1, 2


# --- gcl ---


def test_a_limit_from_its_making_to_its_end(empty):
    assert empty("gcl", "create", "db", "--limit", "3").ok() == "Created concurrency limit 'db': 3 slots\n"
    assert empty("global-concurrency-limit", "create", "api", "-l1", "--slot-decay-per-second", "0.5", "--disable").ok() == \
        "Created concurrency limit 'api': 1 slot, not active\n"
    assert empty("gcl", "ls").ok() == """\
Name  Limit  Held  Decay/s  Active  Updated
api   1      0     0.5      no      just now
db    3      0              yes     just now
"""
    assert empty("gcl", "update", "db", "--limit", "5").ok() == "Updated concurrency limit 'db': 5 slots\n"
    assert empty("gcl", "enable", "api").ok() == "Updated concurrency limit 'api': 1 slot\n"
    assert empty("gcl", "disable", "api").ok() == "Updated concurrency limit 'api': 1 slot, not active\n"
    assert empty("gcl", "update", "api", "--enable", "--name", "net").ok() == "Updated concurrency limit 'api': 1 slot\n"
    assert [row["name"] for row in empty.json("gcl", "ls")] == ["db", "net"]
    assert empty("gcl", "delete", "db").ok() == "Deleted concurrency limit 'db'\n"
    assert [row["name"] for row in empty.json("gcl", "ls")] == ["net"]


def test_inspecting_a_limit(empty):
    made = empty.json("gcl", "create", "db", "--limit", "3")
    assert {name: made[name] for name in made if name not in ("id", "created", "updated")} == {
        "name": "db", "limit": 3, "active": True, "active_slots": 0, "denied_slots": 0, "slot_decay_per_second": 0.0,
        "avg_slot_occupancy_seconds": 2.0}
    shown = empty.json("gcl", "inspect", "db")
    assert shown == {**made, "waiting": 0, "holders": []}
    assert empty.json("gcl", "inspect", made["id"]) == shown
    assert normalise(empty("gcl", "inspect", "db").ok()) == """\
Concurrency limit 'db'
  ID                          UUID
  Created                     TIME (AGO)
  Updated                     TIME (AGO)
  Limit                       3
  Active                      yes
  Active slots                0
  Denied slots                0
  Slot decay per second       0
  Avg slot occupancy seconds  2
  Waiting                     0
"""
    updated = empty.json("gcl", "update", made["id"], "--limit", "4")
    assert (updated["name"], updated["limit"]) == ("db", 4)


@pytest.mark.parametrize("words, code, message", [
    (["create", "x"], USAGE, "how many slots? Say --limit N"),
    (["create", "a/b", "--limit", "1"], USAGE, "must not contain '/'"),
    (["create", "x", "--limit", "-1"], USAGE, "between 0 and 2147483647"),
    (["create", "x", "--limit", "1", "--slot-decay-per-second", "fast"], USAGE, "takes a number, not 'fast'"),
    (["create", "x", "--limit", "1", "--slot-decay-per-second=-1"], USAGE, "the slot decay is a number from 0 on"),
    (["create", "db", "--limit", "1"], FAILED, "there is a limit named 'db' already"),
    (["update", "db"], USAGE, "there is nothing to change"),
    (["update", "db", "--enable", "--disable"], USAGE, "contradict"),
    (["update", "nothing", "--limit", "1"], FAILED, "there is no concurrency limit 'nothing'"),
    (["inspect", "nothing"], FAILED, "there is no concurrency limit 'nothing'"),
    (["delete", "nothing"], FAILED, "there is no concurrency limit 'nothing'"),
    (["enable", "nothing"], FAILED, "there is no concurrency limit 'nothing'"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_wrong_words_about_limits(empty, words, code, message):
    empty("gcl", "create", "db", "--limit", "1").ok()
    ended = empty("gcl", *words)
    assert (ended.code, ended.stdout) == (code, ""), ended
    assert message in ended.stderr


def test_without_a_database(empty):
    assert "no runs yet" in empty("gcl", "ls").stderr
    for words in (["gcl", "inspect", "x"], ["gcl", "delete", "x"], ["variable", "get", "x"], ["secret", "unset", "x"],
                  ["artifact", "inspect", "x"]):
        assert empty(*words).code == FAILED
    assert not empty.database.exists()


# --- concurrency-limit ---


def test_limits_on_tags(empty):
    assert empty("concurrency-limit", "create", "db", "2").ok() == "Created concurrency limit 'tag:db': 2 slots\n"
    assert empty("concurrency-limit", "create", "db", "3").ok() == "Updated concurrency limit 'tag:db': 3 slots\n"
    empty("gcl", "create", "other", "--limit", "1").ok()
    assert empty("concurrency-limit", "ls").ok() == """\
Name  Limit  Held  Decay/s  Active  Updated
db    3      0              yes     just now
"""
    assert empty.json("concurrency-limit", "read", "db") == empty.json("gcl", "inspect", "tag:db")
    assert empty.json("concurrency-limit", "inspect", "db")["limit"] == 3
    assert empty("concurrency-limit", "reset", "db").ok() == "Reset concurrency limit 'tag:db': took 0 slots back\n"
    assert empty("concurrency-limit", "delete", "db").ok() == "Deleted concurrency limit 'tag:db'\n"
    ended = empty("concurrency-limit", "delete", "db")
    assert (ended.code, ended.stderr) == (FAILED, "weir: there is no concurrency limit 'tag:db'\n")
    assert empty("concurrency-limit", "create", "db", "many").code == USAGE
    assert empty("concurrency-limit", "create", "db", "-1").code == USAGE


# --- secret set, on a terminal ---


def ask_on_terminal(weir, *args):
    """Start it on a terminal that echoes, as terminals do; gives it when it has asked, with the terminal and what it said."""
    master, slave = pty.openpty()
    process = subprocess.Popen([WEIR, *args], env=weir.env, cwd=weir.work, stdin=slave, stdout=slave, stderr=slave)
    output = b""
    while b"shown): " not in output:
        output += os.read(master, 4096)
    return process, master, slave, output


def test_a_secret_that_is_typed_is_not_shown(empty):
    process, master, slave, output = ask_on_terminal(empty, "secret", "set", "token")
    os.write(master, b"open sesame\n")
    os.close(slave)
    with contextlib.suppress(OSError):
        while data := os.read(master, 4096):
            output += data
    os.close(master)
    assert process.wait(HANG_SECONDS) == 0, output
    assert b"sesame" not in output
    assert b"Set secret 'token'" in output
    assert [row["name"] for row in empty.json("secret", "ls")] == ["token"]


def test_a_terminal_shows_again_what_is_typed_when_it_is_interrupted(empty):
    process, master, slave, _ = ask_on_terminal(empty, "secret", "set", "token")
    assert not termios.tcgetattr(slave)[3] & termios.ECHO
    process.send_signal(signal.SIGINT)
    assert process.wait(HANG_SECONDS) == -signal.SIGINT
    assert termios.tcgetattr(slave)[3] & termios.ECHO
    os.close(slave)
    os.close(master)


# --- What is printed is what was meant, also on a terminal ---


def test_values_can_do_nothing_to_a_terminal(empty):
    empty("variable", "set", "evil", "\x1b[2Jtext").ok()
    assert "\x1b[2J" not in empty.on_terminal("variable", "get", "evil", columns=80).stdout
    assert empty("variable", "get", "evil").ok() == "\x1b[2Jtext\n"  # a program gets what was stored
    assert "\x1b[2J" not in empty("variable", "ls").ok()
