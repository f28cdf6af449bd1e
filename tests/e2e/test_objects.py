# SPDX-License-Identifier: Apache-2.0
"""Artifacts, variables and secrets, as programs and people use them."""
import json
import os
import sqlite3
import subprocess

import pytest
from support import program_path

EINVAL, ELIMIT = -1, -10
SECRET = "correct horse battery staple"


def set_secret(home, name="token", text=SECRET):
    """`weir secret set NAME` with the text on its standard input."""
    return subprocess.run([program_path("weir"), "secret", "set", name], input=text, text=True, capture_output=True,
                          env=home.environment(), cwd=home.work)


def artifacts(home, where="1"):
    with home.store() as store:
        return store.rows(f"SELECT * FROM artifact WHERE {where} ORDER BY id")


# --- Artifacts ---


def test_artifacts_are_recorded_with_their_run(home):
    ended = home.flow("objects", "artifacts")
    assert ended.result == [0] * 7, ended
    with home.store() as store:
        run = store.flow_run("artifacts")
        [task] = store.task_runs(run["id"])
        store.check()
    rows = artifacts(home)
    assert {row["flow_run_id"] for row in rows} == {run["id"]}
    by_task = [row for row in rows if row["task_run_id"] == task["id"]]
    by_flow = [row for row in rows if row["task_run_id"] is None]
    for part in (by_task, by_flow):
        assert [(row["key"], row["type"], json.loads(row["data"])) for row in part] == [
            ("report", "markdown", "# 报告"),
            ("rows", "table", '[{"a":1,"b":"x"}]'),
            ("site", "link", "[Weir](https://weir.dev)"),
            (None, "link", "[https://weir.dev](https://weir.dev)"),
            ("bar", "progress", 100.0),
        ]
        assert part[0]["description"] == "about it"
        assert part[4]["description"] == "how far"
        assert part[4]["updated"] > part[4]["created"]


def test_the_newest_of_a_key_is_what_people_see(home):
    home.flow("objects", "artifacts")
    newest = artifacts(home, "key = 'report'")[-1]
    shown = home.weir_json("artifact", "inspect", "report")
    assert shown["id"] == newest["id"] and shown["data"] == "# 报告"
    listed = home.weir_json("artifact", "ls")
    assert sorted(row["key"] for row in listed) == ["bar", "report", "rows", "site"]
    assert {row["id"] for row in listed} == {artifacts(home, f"key = '{key}'")[-1]["id"]
                                             for key in ("bar", "report", "rows", "site")}
    assert len(home.weir_json("artifact", "ls", "--all")) == 10
    text = home.weir("artifact", "inspect", "rows").stdout
    assert '[{"a":1,"b":"x"}]' in text and "table" in text
    assert home.weir("artifact", "ls").stdout.splitlines()[0].split() == ["ID", "Key", "Type", "Updated"]


def test_deleting_artifacts(home):
    home.flow("objects", "artifacts")
    one = artifacts(home, "key = 'report'")[-1]
    ended = home.weir("artifact", "delete", one["id"])
    assert ended.stdout == f"Deleted 1 artifact '{one['id']}'\n"
    assert home.weir_json("artifact", "inspect", "report")["id"] == artifacts(home, "key = 'report'")[0]["id"]
    assert home.weir("artifact", "delete", "bar").stdout == "Deleted 2 artifacts 'bar'\n"
    ended = home.weir("artifact", "delete", "bar")
    assert (ended.code, ended.stderr) == (1, "weir: there is no artifact with the key or id 'bar'\n")
    assert home.weir("artifact", "inspect", "bar").code == 1


def test_wrong_artifacts_are_refused_and_the_run_goes_on(home):
    ended = home.flow("objects", "bad-artifacts")
    assert ended.result == [EINVAL] * 8, ended
    assert artifacts(home) == []
    with home.store() as store:
        messages = [line for line in store.messages() if line.startswith("artifact")]
        levels = {line["level"] for line in store.logs() if line["message"].startswith("artifact")}
    assert len(messages) == 8 and levels == {40}
    assert messages[0] == ("artifact 'Bad Key' was not recorded: an artifact's key is made of 1 to 255 lower case letters, "
                           "digits, dashes: not 'Bad Key'")
    assert messages[-2] == "artifact 'bar' was not recorded: progress is from 0 to 100 per cent, not 101"


# --- Variables ---


def test_variables_are_shared_by_all_flows(home):
    assert home.flow("objects", "variables", value="hello").result == {"before": None, "code": 0, "after": "hello"}
    ended = home.flow("objects", "variables", value={"rows": [1, 2.5, None]})
    assert ended.result == {"before": "hello", "code": 0, "after": {"rows": [1, 2.5, None]}}
    assert home.weir("variable", "get", "greeting").stdout == '{"rows":[1,2.5,null]}\n'
    with home.store() as store:
        events = [row["event"] for row in store.rows("SELECT event FROM event WHERE event LIKE '%variable%'")]
        assert events == ["prefect.variable.created", "prefect.variable.updated"]


def test_variables_on_the_command_line(home):
    assert home.weir("variable", "set", "greeting", "hello").stdout == "Set variable 'greeting'\n"
    assert home.weir("variable", "get", "greeting").stdout == "hello\n"
    ended = home.weir("variable", "set", "greeting", "3")
    assert ended.code == 1 and "--overwrite" in ended.stderr
    shown = home.weir_json("variable", "set", "greeting", "3", "--overwrite", "--tag", "a", "--tag", "b")
    assert (shown["value"], shown["tags"]) == (3, ["a", "b"])
    assert home.weir_json("variable", "set", "greeting", "[4]", "--overwrite")["tags"] == ["a", "b"]
    assert home.weir_json("variable", "get", "greeting") == [4]
    assert [row["name"] for row in home.weir_json("variable", "ls")] == ["greeting"]
    assert "greeting" in home.weir("variable", "inspect", "greeting").stdout
    assert home.weir("variable", "unset", "greeting").stdout == "Deleted variable 'greeting'\n"
    for words in (("unset",), ("get",), ("inspect",)):
        ended = home.weir("variable", *words, "greeting")
        assert (ended.code, ended.stderr) == (1, "weir: there is no variable 'greeting'\n")
    assert home.weir_json("variable", "ls") == []


def test_wrong_variables_are_refused(home):
    assert home.flow("objects", "bad-variables").result == [EINVAL, ELIMIT, EINVAL, EINVAL]
    with home.store() as store:
        assert store.count("variable") == 0
        assert "variable 'long' was not set: the value of variable 'long' has 6001 characters as JSON; at most 5000 are " \
               "allowed" in store.messages()
    assert home.weir("variable", "set", "Upper", "1").code == 2
    # Characters count, not bytes.
    assert home.weir("variable", "set", "wide", "汉" * 4998).code == 0
    assert home.weir("variable", "set", "wider", "汉" * 4999).code == 1


# --- Secrets ---


def test_secrets_are_read_by_flows(home):
    ended = set_secret(home)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "Set secret 'token'\n", "")
    assert home.flow("objects", "secrets", expected=SECRET).result is True
    set_secret(home, text="another one\n")  # the line break at the end is left out
    assert home.flow("objects", "secrets", expected="another one").result is True
    set_secret(home, text="")
    assert home.flow("objects", "secrets", expected="").result is True


def test_secrets_are_nowhere_in_the_clear(home):
    set_secret(home)
    ended = home.flow("objects", "secrets", expected="something else")
    assert ended.result is False
    shown = [home.weir("secret", "ls").stdout, json.dumps(home.weir_json("secret", "ls")), ended.stdout, ended.stderr]
    assert all("token" in text for text in shown[:2])
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert {"weir.db", "secret.key"} <= {path.name for path in files}
    for content in [path.read_bytes() for path in files] + [text.encode() for text in shown]:
        assert SECRET.encode() not in content
        assert b"battery" not in content
    assert "sealed" not in home.weir_json("secret", "ls")[0]
    key = home.path / "secret.key"
    assert key.stat().st_size == 32 and key.stat().st_mode & 0o777 == 0o600


def change_row(home, sql, *args):
    """Write to the database behind Weir's back."""
    with sqlite3.connect(home.database) as db:
        db.execute(sql, args)
    db.close()


@pytest.mark.parametrize("damage", ["first", "last", "cut", "empty", "words", "other"])
def test_tampered_secrets_are_refused(home, damage):
    set_secret(home)
    set_secret(home, "second", "another text")
    with home.store() as store:
        sealed = store.rows("SELECT sealed FROM secret WHERE name = 'token'")[0]["sealed"]
        other = store.rows("SELECT sealed FROM secret WHERE name = 'second'")[0]["sealed"]
    flip = {"0": "1"}
    changed = {
        "first": flip.get(sealed[0], "0") + sealed[1:],
        "last": sealed[:-1] + flip.get(sealed[-1], "0"),
        "cut": sealed[:-2],
        "empty": "",
        "words": "no digits at all",
        "other": other,  # a good one, but sealed for another name
    }[damage]
    change_row(home, "UPDATE secret SET sealed = ? WHERE name = 'token'", changed)
    ended = home.flow("objects", "secrets")
    assert ended.code == 1 and "secret 'token' can't be read" in ended.stderr, ended
    with home.store() as store:
        assert store.flow_run("secrets")["state_type"] == "FAILED"


def test_another_key_reads_nothing(home):
    set_secret(home)
    (home.path / "secret.key").write_bytes(os.urandom(32))
    ended = home.flow("objects", "secrets")
    assert ended.code == 1 and "sealed with another key" in ended.stderr, ended


def test_a_missing_key_is_not_made_anew(home):
    set_secret(home)
    (home.path / "secret.key").unlink()
    ended = home.flow("objects", "secrets")
    assert ended.code == 1 and "the key of the secrets is missing" in ended.stderr, ended
    ended = set_secret(home, "second")
    assert ended.returncode == 1 and "put it back, or unset them" in ended.stderr
    assert not (home.path / "secret.key").exists()
    assert home.weir("secret", "unset", "token").code == 0
    assert set_secret(home, "second").returncode == 0


@pytest.mark.parametrize("spoil, code, message", [
    (lambda key: key.chmod(0o640), 77, "others may read it"),
    (lambda key: key.write_bytes(b"short"), 74, "a key has 32 bytes, this file 5"),
    (lambda key: (key.unlink(), key.mkdir()), 74, "is no file"),
], ids=["readable", "short", "folder"])
def test_a_key_that_is_none_is_refused(home, spoil, code, message):
    set_secret(home)
    spoil(home.path / "secret.key")
    ended = set_secret(home)
    assert ended.returncode == code and message in ended.stderr, ended
    ended = home.flow("objects", "secrets")
    assert ended.code == 1 and message in ended.stderr, ended


def test_missing_secrets(home):
    ended = home.flow("objects", "secrets")
    assert ended.code == 1 and "there is no secret 'token': weir secret set token" in ended.stderr, ended
    assert home.weir("secret", "unset", "token").code == 1
    assert home.weir_json("secret", "ls") == []


def test_texts_that_are_no_secrets(home):
    assert set_secret(home, "Bad Name").returncode == 2
    assert set_secret(home, text="with a \0 byte").returncode == 2
    assert set_secret(home, text="x" * 70000).returncode == 1
    assert set_secret(home, text="x" * 65536).returncode == 0


def test_two_programs_make_one_key(home):
    """Both begin without a key; whoever is first, the other one's secret can be read as well."""
    names = [f"s{number}" for number in range(6)]
    starts = [subprocess.Popen([program_path("weir"), "secret", "set", name], stdin=subprocess.PIPE, text=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=home.environment(), cwd=home.work)
              for name in names]
    for start, name in zip(starts, names):
        _, err = start.communicate(f"text of {name}")
        assert start.returncode == 0, err
    for name in names:
        ended = home.run("objects", "run", "secrets", "--param", f"name={name}", "--param", f"expected=text of {name}")
        assert ended.result is True, ended
    assert [path.name for path in home.path.iterdir() if "secret" in path.name] == ["secret.key"]


# --- Elsewhere than in a thread's function ---


def test_in_hooks(home):
    set_secret(home)
    assert home.weir("gcl", "create", "db", "--limit", "1").code == 0
    ended = home.flow("objects", "hooks")
    assert ended.code == 0, ended
    [ended] = artifacts(home)
    assert (json.loads(ended["data"]), ended["description"]) == ("Failed", "with a secret")
    assert home.weir("variable", "get", "last").stdout == "Failed\n"
    with home.store() as store:
        assert "slots: invalid argument" in store.messages()
        assert store.count("slot") == 0


def test_in_a_coroutine(home):
    set_secret(home)
    ended = home.flow("objects", "on-loop")
    assert ended.result is True, ended
    assert len(artifacts(home)) == 5
    assert home.weir("variable", "get", "greeting").stdout == "loop\n"


@pytest.mark.parametrize("what", ["artifact", "variable", "secret", "limit"])
def test_in_a_process_of_its_own_there_is_no_store(home, what):
    assert home.weir("concurrency-limit", "create", "db", "1").code == 0
    ended = home.flow("objects", "in-process", what=what)
    assert ended.result == (False if what == "secret" else -16), ended
    assert "a task in process mode can't" in ended.stderr
    with home.store() as store:
        assert store.count("slot") == 0 and store.count("artifact") == 0 and store.count("variable") == 0
