# SPDX-License-Identifier: Apache-2.0
"""The command line on what programs have recorded: listing, logs, why, cancelling and deleting."""
import json
import shutil

import pytest
from support import FAILED, USAGE, Home


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    """A home in which a data extraction was run and retried."""
    folder = tmp_path_factory.mktemp("extracted")
    home = Home(folder)
    ended = home.flow("data_extraction", "数据拉取流程", state=str(folder))
    assert ended.code == 0, ended
    return home


@pytest.fixture
def extraction(home, extracted):
    """The flow run of the data extraction, in the home, which is a copy of that one."""
    shutil.copytree(extracted.path, home.path)
    with home.store() as store:
        return store.flow_run("数据拉取流程")


def test_ls_shows_the_run(home, extraction):
    ended = home.weir("flow-run", "ls", "--limit", "10")
    assert ended.code == 0, ended
    assert "数据拉取流程" in ended.stdout
    assert extraction["name"] in ended.stdout
    assert "Completed" in ended.stdout


def test_ls_as_json(home, extraction):
    [row] = home.weir_json("flow-run", "ls", "--limit", "10")
    assert row["id"] == extraction["id"]
    assert row["name"] == extraction["name"]
    assert row["state_type"] == "COMPLETED"
    assert row["state_name"] == "Completed"
    assert sorted(row["tags"]) == sorted(["数据拉取", "自动化"])
    assert row["parameters"]["state"] == extraction["parameters"]["state"]
    assert row["run_count"] == 1


def test_ls_shows_no_more_than_its_limit_newest_first(home):
    for _ in range(4):
        assert home.run("hello").code == 0
    with home.store() as store:
        ids = [run["id"] for run in store.flow_runs("my-flow")]
    assert [row["id"] for row in home.weir_json("flow-run", "ls", "--limit", "3")] == ids[:0:-1]


def test_ls_of_an_empty_home(home):
    """Nothing has run yet: an empty list, and no database is made by looking."""
    assert home.weir_json("flow-run", "ls") == []
    assert not home.database.exists()


def test_logs_in_order(home, extraction):
    ended = home.weir("flow-run", "logs", extraction["id"])
    assert ended.code == 0, ended
    places = [ended.stdout.find(line) for line in ("拼多多接口暂时不可用 (1/2)", "拼多多接口暂时不可用 (2/2)", "商品评分: 4.82",
                                                   "上海店: 128 单, 25600 元")]
    assert -1 not in places and places == sorted(places), ended


def test_logs_as_json(home, extraction):
    lines = home.weir_json("flow-run", "logs", extraction["id"])
    said = {line["message"]: line["level"] for line in lines}
    assert said["商品评分: 4.82"] == 20
    assert said["拼多多接口暂时不可用 (1/2)"] == 40


@pytest.mark.parametrize("way", ["prefix", "name"])
def test_a_run_is_found_by(home, extraction, way):
    word = extraction["name"] if way == "name" else extraction["id"][:13]
    ended = home.weir("flow-run", "logs", word)
    assert ended.code == 0, ended
    assert "商品评分: 4.82" in ended.stdout


def test_an_unknown_run_is_named(home, extraction):
    ended = home.weir("flow-run", "logs", "no-such-run")
    assert ended.code == FAILED, ended
    assert "no-such-run" in ended.stderr
    assert ended.stdout == ""


def test_inspect(home, extraction):
    run = home.weir_json("flow-run", "inspect", extraction["id"])
    assert run["id"] == extraction["id"]
    assert run["state_name"] == "Completed"


def test_flows_are_listed(home, extraction):
    ended = home.weir("flow", "ls")
    assert ended.code == 0, ended
    assert "数据拉取流程" in ended.stdout


# --- why ---


def test_why_a_run_failed(home):
    home.flow("robust_task", "robust-flow", kind="permanent")
    with home.store() as store:
        run = store.flow_run()
    ended = home.weir("why", run["id"])
    assert ended.code == 0, ended
    assert "robust-task" in ended.stdout
    assert "永久性错误，停止重试" in ended.stdout
    answer = home.weir_json("why", run["id"])
    assert answer["run"]["id"] == run["id"]
    assert answer["state"]["type"] == "FAILED"
    assert "永久性错误，停止重试" in json.dumps(answer, ensure_ascii=False)
    assert answer["answer"] and answer["next"]
    assert all(item["cause"] for item in answer["because"])


def test_why_of_a_completed_run(home, extraction):
    answer = home.weir_json("why", extraction["id"])
    assert answer["state"]["type"] == "COMPLETED"
    assert answer["answer"]


def test_why_of_a_task_run_tells_its_attempts(home):
    home.flow("outcomes", "always-fails")
    with home.store() as store:
        [task] = store.task_runs()
    answer = home.weir_json("why", task["id"])
    assert answer["state"]["type"] == "FAILED"
    told = json.dumps(answer, ensure_ascii=False)
    assert "the pump broke at attempt 3" in told
    assert "3" in answer["answer"] + str(answer["because"])


def test_why_of_a_dead_program(home):
    program, run_id = home.start_sleeper()
    program.kill()
    program.wait()
    answer = home.weir_json("why", run_id)
    told = json.dumps(answer).lower()
    assert "program" in told
    assert any(word in told for word in ("gone", "dead", "died", "crash", "ended", "killed", "no longer"))


# --- cancelling and deleting ---


def test_cancel_reaches_the_program(home):
    program, run_id = home.start_sleeper()
    ended = home.weir("flow-run", "cancel", run_id)
    assert ended.code == 0, ended
    assert program.wait().code == 130
    with home.store() as store:
        run = store.flow_run("sleeper")
        [task] = store.task_runs(run["id"])
        store.check()
    assert run["state_type"] == "CANCELLED"
    assert run["states"][-1] == "Cancelled"
    assert task["states"] == ["Pending", "Running", "Cancelled"]


def test_cancel_of_an_ended_run_says_so(home):
    home.run("hello")
    with home.store() as store:
        run = store.flow_run()
    ended = home.weir("flow-run", "cancel", run["id"])
    assert ended.code == FAILED, ended
    assert "ompleted" in ended.stderr
    with home.store() as store:
        assert store.flow_run()["states"] == ["Pending", "Running", "Completed"]


def test_cancel_of_a_dead_program_ends_its_run(home):
    program, run_id = home.start_sleeper()
    program.kill()
    program.wait()
    with home.store() as store:
        assert store.flow_run()["state_type"] == "RUNNING"
    home.weir("flow-run", "cancel", run_id)
    with home.store() as store:
        assert store.flow_run()["state_type"] in ("CRASHED", "CANCELLED")
        store.check()


def test_delete_takes_everything_of_the_run(home, extraction):
    home.run("hello")
    ended = home.weir("flow-run", "delete", extraction["id"])
    assert ended.code == 0, ended
    with home.store() as store:
        assert [run["flow_name"] for run in store.flow_runs()] == ["my-flow"]
        assert len(store.task_runs()) == 2
        assert store.logs(extraction["id"]) == []
        store.check()


def test_delete_of_an_unknown_run(home, extraction):
    ended = home.weir("flow-run", "delete", "00000000-0000-7000-8000-000000000000")
    assert ended.code == FAILED, ended
    with home.store() as store:
        assert store.count("flow_run") == 1


# --- usage ---


@pytest.mark.parametrize("args", [
    ("flow-run", "lss"),
    ("flowrun", "ls"),
    ("flow-run", "ls", "--limit", "many"),
    ("flow-run", "ls", "--colour-of-the-sky"),
    ("flow-run", "logs"),
], ids=lambda args: "-".join(args).replace("--", ""))
def test_wrong_usage(home, args):
    ended = home.weir(*args)
    assert ended.code == USAGE, ended
    assert ended.stderr and not ended.stdout


def test_version(home):
    ended = home.weir("--version")
    assert ended.code == 0, ended
    assert "0.2.0" in ended.stdout
