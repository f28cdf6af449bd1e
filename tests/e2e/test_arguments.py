# SPDX-License-Identifier: Apache-2.0
"""What programs are called with: parameters of flows from the command line, and arguments of tasks."""
import pytest
from support import FAILED, USAGE

DEFAULTS = {"integer": 3, "number": 0.5, "flag": True, "list": [1, "二"], "object": None, "any": None}


@pytest.mark.parametrize("given,expected", [
    ({"text": "x"}, {"text": "x"}),
    ({"text": "{not: json}"}, {"text": "{not: json}"}),
    ({"text": ""}, {"text": ""}),
    ({"text": "a=b"}, {"text": "a=b"}),
    ({"text": "漢字 😀"}, {"text": "漢字 😀"}),
    ({"text": "x", "integer": "-9223372036854775808"}, {"text": "x", "integer": -2**63}),
    ({"text": "x", "number": "7"}, {"text": "x", "number": 7}),
    ({"text": "x", "number": "1e3"}, {"text": "x", "number": 1000.0}),
    ({"text": "x", "flag": "no"}, {"text": "x", "flag": False}),
    ({"text": "x", "list": "[]"}, {"text": "x", "list": []}),
    ({"text": "x", "object": '{"a": {"b": [null]}}'}, {"text": "x", "object": {"a": {"b": [None]}}}),
    ({"text": "x", "any": "7"}, {"text": "x", "any": 7}),
    ({"text": "x", "any": "plain words"}, {"text": "x", "any": "plain words"}),
], ids=["required-only", "text-is-not-parsed", "empty-text", "equals-sign", "unicode", "smallest-integer",
        "number-integer", "number-real", "boolean-word", "empty-array", "object", "any-json", "any-text"])
def test_parameters_by_their_type(home, given, expected):
    ended = home.flow("outcomes", "typed", **given)
    assert ended.code == 0, ended
    assert ended.result == {**DEFAULTS, **expected}
    with home.store() as store:
        assert store.flow_run("typed")["parameters"] == {**DEFAULTS, **expected}


@pytest.mark.parametrize("args,name", [
    ([], "text"),
    (["--param", "text=x", "--param", "colour=red"], "colour"),
    (["--param", "text=x", "--param", "integer=three"], "integer"),
    (["--param", "text=x", "--param", "integer=1.5"], "integer"),
    (["--param", "text=x", "--param", "integer=9223372036854775808"], "integer"),
    (["--param", "text=x", "--param", "number=NaN"], "number"),
    (["--param", "text=x", "--param", "flag=maybe"], "flag"),
    (["--param", "text=x", "--param", "list={}"], "list"),
    (["--param", "text=x", "--param", "object=[1]"], "object"),
    (["--param", "text=x", "--param", 'object={"a":}'], "object"),
    (["--param", "text"], "text"),
    (["--param", "=x"], "param"),
    (["--param"], "param"),
    (["--colour", "text=x"], "colour"),
    (["--param", b"text=\xff\xfe"], "text"),
], ids=["missing", "unknown", "not-an-integer", "real-for-integer", "integer-too-large", "nan", "not-a-boolean",
        "object-for-array", "array-for-object", "broken-json", "no-value", "no-name", "nothing", "unknown-option",
        "not-utf8"])
def test_wrong_parameters_are_refused_before_anything_runs(home, args, name):
    ended = home.run("outcomes", "run", "typed", *args)
    assert ended.code == USAGE, ended
    assert name in ended.stderr
    if home.database.exists():
        with home.store() as store:
            assert store.count("flow_run", "state_type = 'COMPLETED'") == 0


def test_an_unknown_flow_is_named_with_those_there_are(home):
    ended = home.run("outcomes", "run", "returns-nul")
    assert ended.code == USAGE, ended
    assert "returns-nul" in ended.stderr and "returns-null" in ended.stderr


def test_an_unknown_command(home):
    ended = home.run("outcomes", "rum", "typed")
    assert ended.code == USAGE, ended
    assert "rum" in ended.stderr


def test_a_program_with_several_flows_tells_how_to_choose_one(home):
    ended = home.run("outcomes")
    assert ended.code in (0, USAGE), ended
    assert "run" in ended.stdout + ended.stderr and "ls" in ended.stdout + ended.stderr
    assert not home.database.exists()


@pytest.mark.parametrize("how,words", [
    ("missing", ["typed-task", "text"]),
    ("unknown", ["typed-task", "colour"]),
    ("type", ["typed-task", "integer"]),
    ("many", ["typed-task", "7"]),
    ("format", ["typed-task"]),
    ("utf8", ["UTF-8"]),
])
def test_a_wrong_call_of_a_task_fails_the_flow(home, how, words):
    ended = home.flow("outcomes", "wrong-call", how=how)
    assert ended.code == FAILED, ended
    with home.store() as store:
        run = store.flow_run("wrong-call")
        message = store.last_state("flow_run", run["id"])["message"]
        store.check()
    assert run["states"] == ["Pending", "Running", "Failed"]
    assert all(word in message for word in words), message
