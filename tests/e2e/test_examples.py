# SPDX-License-Identifier: Apache-2.0
"""The examples: what they return, and what is recorded of them."""
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support import FAILED, HANG_SECONDS, eventually, program_path

PLAIN = ["Pending", "Running", "Completed"]
TWO_RETRIES = ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying"]

PDD = "商品评分: 4.82\n退货率: 1.7 %\n投诉: 3\n"
ERP = "上海店: 128 单, 25600 元\n杭州店: 96 单, 17280 元\n成都店: 73 单, 12410 元\n"


def task_states(store, flow_run):
    return [task["states"] for task in store.task_runs(flow_run["id"])]


# --- hello ---


@pytest.mark.parametrize("name", ["hello", "hello_cpp"])
def test_hello_runs_its_only_flow(home, name):
    ended = home.run(name)
    assert ended.code == 0, ended
    assert ended.result == ["Processed Alice", "Processed Bob"]
    with home.store() as store:
        run = store.flow_run("my-flow")
        assert run["states"] == PLAIN
        assert run["run_count"] == 1
        assert task_states(store, run) == [PLAIN, PLAIN]
        assert all(task["name"].startswith("my-task") for task in store.task_runs())
        assert [message for message in store.messages(run["id"]) if message.startswith("Hello")] == [
            "Hello, Alice!", "Hello, Bob!"]
        store.check()


def test_hello_lists_its_flow(home):
    ended = home.run("hello", "ls")
    assert ended.code == 0, ended
    assert "my-flow" in ended.stdout
    assert "greet Alice and Bob" in ended.stdout


def test_hello_explains_itself(home):
    ended = home.run("hello", "--help")
    assert ended.code == 0, ended
    assert all(word in ended.stdout for word in ("run", "ls", "--param"))


def test_prints_carry_the_task_run(home):
    home.run("hello")
    with home.store() as store:
        tasks = {task["id"] for task in store.task_runs()}
        owners = [line["task_run_id"] for line in store.logs() if line["message"].startswith("Hello")]
    assert len(owners) == 2 and set(owners) == tasks


# --- dependent_flow ---


def test_dependent_flow(home):
    ended = home.run("dependent_flow")
    assert ended.code == 0, ended
    assert ended.result == {"total": 42, "parts": ["part 0 loaded", "part 1 loaded", "part 2 loaded"]}
    with home.store() as store:
        run = store.flow_run("dependent-flow")
        tasks = store.task_runs(run["id"])
    assert [task["states"] for task in tasks] == [PLAIN] * 5
    a, b, *parts = tasks
    assert a["name"].startswith("task-a") and b["name"].startswith("task-b")
    assert all(part["name"].startswith("task-c") for part in parts)
    # b took a's result, and started after it; no part started before b had ended.
    assert a["id"] in str(b["task_inputs"])
    assert a["end_time"] <= b["start_time"]
    assert all(b["end_time"] <= part["start_time"] for part in parts)
    # The parts ran at the same time: the last one started before the first one ended.
    assert max(part["start_time"] for part in parts) < min(part["end_time"] for part in parts)


# --- data_extraction ---


def test_data_extraction_retries_until_the_source_is_there(home, tmp_path):
    ended = home.flow("data_extraction", "数据拉取流程", state=str(tmp_path))
    assert ended.code == 0, ended
    assert ended.result == {"pdd_quality": PDD, "erp_store": ERP}
    with home.store() as store:
        run = store.flow_run("数据拉取流程")
        pdd, erp = store.task_runs(run["id"])
        messages = store.messages(run["id"])
        retries = [state for state in store.state_rows("task_run", pdd["id"]) if state["name"] == "AwaitingRetry"]
        store.check()
    assert run["states"] == PLAIN
    assert pdd["states"] == TWO_RETRIES + ["Completed"]
    assert pdd["run_count"] == 3
    assert erp["states"] == PLAIN
    assert pdd["name"].startswith("执行Python脚本")
    assert sorted(run["tags"]) == sorted(["数据拉取", "自动化"])
    assert run["parameters"] == {"scripts": None, "state": str(tmp_path)}
    assert pdd["empirical_policy"]["retries"] == 2
    # What the scripts printed, on both of their streams, is in the logs line by line.
    for line in (*PDD.splitlines(), *ERP.splitlines(), "拼多多接口暂时不可用 (1/2)", "拼多多接口暂时不可用 (2/2)"):
        assert line in messages, line
    # Each failure is in the message of its state.
    assert ["(1/2)" in state["message"] or "(2/2)" in state["message"] for state in retries] == [True, True]


def test_data_extraction_runs_from_anywhere(home):
    home.work = Path("/")
    ended = home.run("data_extraction")
    assert ended.code == 0, ended
    assert ended.result == {"pdd_quality": PDD, "erp_store": ERP}


def test_data_extraction_with_other_scripts(home, tmp_path):
    scripts = tmp_path / "other scripts"
    scripts.mkdir()
    (scripts / "pdd_quality.py").write_text("print('one')\n")
    (scripts / "erp_store.py").write_text("import os; print(os.path.basename(os.getcwd()))\n")
    ended = home.flow("data_extraction", "数据拉取流程", scripts=str(scripts))
    assert ended.code == 0, ended
    assert ended.result == {"pdd_quality": "one\n", "erp_store": "other scripts\n"}


def test_data_extraction_without_scripts_fails_after_its_retries(home, tmp_path):
    (tmp_path / "empty").mkdir()
    ended = home.flow("data_extraction", "数据拉取流程", scripts=str(tmp_path / "empty"))
    assert ended.code == FAILED, ended
    with home.store() as store:
        run = store.flow_run("数据拉取流程")
        [pdd] = store.task_runs(run["id"])
        state = store.last_state("flow_run", run["id"])
    assert pdd["states"] == TWO_RETRIES + ["Failed"]
    assert run["state_type"] == "FAILED"
    assert "pdd_quality.py" in state["message"]


def test_data_extraction_without_the_folder_of_scripts(home, tmp_path):
    missing = tmp_path / "nowhere"
    ended = home.flow("data_extraction", "数据拉取流程", scripts=str(missing))
    assert ended.code == FAILED, ended
    with home.store() as store:
        assert str(missing) in store.last_state("flow_run", store.flow_run()["id"])["message"]


# --- complex_data_flow ---


def test_complex_data_flow(home):
    ended = home.run("complex_data_flow")
    assert ended.code == 0, ended
    assert ended.result == [f"处理完成: source_{s}_batch_{i}" for s in "abc" for i in range(3)]
    with home.store() as store:
        tasks = store.task_runs(store.flow_run("complex-data-flow")["id"])
    assert [task["states"] for task in tasks] == [PLAIN] * 12
    assert [task["name"].startswith("check-data-availability") for task in tasks] == [True] * 3 + [False] * 9


def test_complex_data_flow_leaves_out_what_is_offline(home):
    ended = home.flow("complex_data_flow", "complex-data-flow", offline=["source_b"])
    assert ended.code == 0, ended
    assert ended.result == [f"处理完成: source_{s}_batch_{i}" for s in "ac" for i in range(3)]
    with home.store() as store:
        run = store.flow_run("complex-data-flow")
        assert len(store.task_runs(run["id"])) == 9
        assert run["parameters"] == {"sources": ["source_a", "source_b", "source_c"], "offline": ["source_b"]}


def test_complex_data_flow_without_any_source(home):
    ended = home.flow("complex_data_flow", "complex-data-flow", offline=["source_a", "source_b", "source_c"])
    assert ended.code == 0, ended
    assert ended.result is None
    with home.store() as store:
        run = store.flow_run("complex-data-flow")
        assert run["states"] == PLAIN
        assert "❌ 没有可用的数据源" in store.messages(run["id"])


# --- conditional_task ---


@pytest.mark.parametrize("ready,result,states", [
    (False, None, ["Pending", "Running", "Skipped"]),
    (True, "imported", PLAIN),
])
def test_conditional_task(home, ready, result, states):
    ended = home.flow("conditional_task", "conditional-flow", ready=ready)
    assert ended.code == 0, ended
    assert ended.result == result
    with home.store() as store:
        run = store.flow_run("conditional-flow")
        [task] = store.task_runs(run["id"])
        state = store.last_state("task_run", task["id"])
        messages = store.messages(run["id"])
    assert run["states"] == PLAIN
    assert task["states"] == states
    assert state["type"] == "COMPLETED"
    assert ("条件不满足，跳过任务" in messages) == (not ready)
    if not ready:
        assert state["message"] == "跳过执行"


# --- pause_for_input ---


def resume_approval(home, *inputs):
    return home.weir("flow-run", "resume", "approval-of-2026-10", *(f"--input={value}" for value in inputs))


def wait_until_paused(home):
    with home.store_when_there() as store:
        eventually(lambda: [run["state_type"] for run in store.flow_runs("approval")] == ["PAUSED"], "it is paused")


def test_pause_for_input(home):
    program = home.start("pause_for_input")
    program.line("55290 in 297 orders")
    wait_until_paused(home)
    refused = resume_approval(home, "approved=maybe")
    assert refused.code == 2 and "'approved' must be a boolean, not 'maybe'" in refused.stderr, refused
    assert resume_approval(home, "approved=yes", "remark=looks good").code == 0
    ended = program.wait()
    assert ended.code == 0 and ended.result == "published", ended
    with home.store() as store:
        run = store.flow_run("approval")
        assert run["states"] == ["Pending", "Running", "Paused", "Running", "Completed"]
        assert [task["name"] for task in store.task_runs()] == ["report of 2026-10", "publish-0"]
        assert "published, with the remark: looks good" in store.messages(run["id"])
        store.check()


def test_pause_for_input_that_is_not_approved(home):
    program = home.start("pause_for_input")
    wait_until_paused(home)
    assert resume_approval(home, "approved=no").code == 0
    assert program.wait().code == 0
    with home.store() as store:
        run = store.flow_run("approval")
        assert run["states"][-1] == "Skipped"
        assert store.last_state("flow_run", run["id"])["message"] == "not approved: none"


def test_pause_for_input_on_another_day(home):
    left = home.run("pause_for_input", "--param", "leave=yes")
    assert left.code == 0 and "pause_for_input resume approval-of-2026-10" in left.stderr, left
    refused = home.run("pause_for_input", "resume", "approval-of-2026-10")
    assert refused.code == 1 and "waits for its input: 'approved' is missing" in refused.stderr, refused
    assert resume_approval(home, "approved=yes").code == 0
    ended = home.run("pause_for_input", "resume", "approval-of-2026-10")
    assert ended.code == 0, ended
    assert "published" in ended.stdout
    with home.store() as store:
        assert [task["task_key"] for task in store.task_runs() if task["states"][-1] == "Completed"].count(
            "make-report") == 1


# --- robust_task ---


@pytest.mark.parametrize("kind,code,states,attempts", [
    ("temporary", 0, TWO_RETRIES + ["Completed"], 3),
    ("permanent", FAILED, ["Pending", "Running", "Failed"], 1),
    ("skippable", 0, ["Pending", "Running", "Skipped"], 1),
    ("none", 0, PLAIN, 1),
])
def test_robust_task(home, kind, code, states, attempts):
    ended = home.flow("robust_task", "robust-flow", kind=kind)
    assert ended.code == code, ended
    with home.store() as store:
        run = store.flow_run("robust-flow")
        [task] = store.task_runs(run["id"])
        message = store.last_state("flow_run", run["id"])["message"]
    assert task["states"] == states
    assert task["run_count"] == attempts
    assert run["state_type"] == ("COMPLETED" if code == 0 else "FAILED")
    if code == 0:
        assert ended.result == (None if kind == "skippable" else f"done at attempt {attempts}")
    else:
        assert "永久性错误，停止重试" in message


# --- settings ---

DEFAULTS = {"database_url": "sqlite:///data.db", "api_timeout": 300, "api_retries": 3, "timezone": "Asia/Shanghai"}
UNSET = {name.upper(): None for name in DEFAULTS}


def test_settings_have_defaults(home):
    ended = home.run("settings", env=UNSET)
    assert ended.code == 0, ended
    assert ended.result == DEFAULTS
    with home.store() as store:
        assert "timezone = Asia/Shanghai" in store.messages()
        assert "api_timeout = 300" in store.messages()


def test_settings_come_from_the_file_and_the_environment_goes_first(home):
    (home.work / ".env").write_text("# 配置\nexport API_TIMEOUT=30\nTIMEZONE=\"Europe/Berlin\"\nDATABASE_URL='a#b'\n")
    ended = home.run("settings", env={**UNSET, "API_TIMEOUT": "31"})
    assert ended.code == 0, ended
    assert ended.result == {"database_url": "a#b", "api_timeout": 31, "api_retries": 3, "timezone": "Europe/Berlin"}


def test_settings_name_everything_that_is_wrong(home):
    (home.work / ".env").write_text("\nAPI_RETRIES=often\n")
    ended = home.run("settings", env={**UNSET, "API_TIMEOUT": "soon"})
    assert ended.code == FAILED, ended
    with home.store() as store:
        message = store.last_state("flow_run", store.flow_run("settings-flow")["id"])["message"]
    lowered = message.lower()
    assert "api_timeout" in lowered and "soon" in lowered
    assert "api_retries" in lowered and "often" in lowered
    assert ".env:2" in message


# --- stations ---


def test_stations_in_cpp(home):
    ended = home.run("stations")
    assert ended.code == 0, ended
    assert ended.result == {"station": "Valley", "mean": 15.0}
    with home.store() as store:
        tasks = store.task_runs()
    assert {task["name"] for task in tasks} == {f"summarize {name}" for name in ("Harbour", "Hill", "Valley")}
    assert [task["states"] for task in tasks] == [PLAIN] * 3


def test_stations_turns_an_exception_into_a_failure_for_good(home):
    ended = home.flow("stations", "warmest-station", stations={"Hill": "9 warm"})
    assert ended.code == FAILED, ended
    with home.store() as store:
        [task] = store.task_runs()
        state = store.last_state("task_run", task["id"])
    assert task["states"] == ["Pending", "Running", "Failed"]
    assert state["message"].startswith("Hill: a reading is no number")


# --- project: a tree of its own ---

PROJECT_UNSET = dict.fromkeys(("DATA_FOLDER", "REPORT_FOLDER", "SHOPS", "CURRENCY"))

REPORT = """# Sales of 2026-01-05

| shop | orders | turnover |
| --- | --- | --- |
| 上海店 | 3 | 165.49 CNY |
| 杭州店 | 2 | 85.00 CNY |
| 成都店 | 1 | 124.10 CNY |
"""


@pytest.fixture(name="project")
def fixture_project(home):
    """A copy of the project as the working folder, as it would lie on somebody's machine."""
    shutil.copytree(Path(__file__).parents[2] / "examples/project", home.work, dirs_exist_ok=True)
    return home.work


def test_project_writes_the_report_of_a_day(home, project):
    ended = home.flow("daily_report", "daily-report", day="2026-01-05", env=PROJECT_UNSET)
    assert ended.code == 0, ended
    assert ended.result == "reports/2026-01-05.md"
    assert (project / "reports/2026-01-05.md").read_text(encoding="utf-8") == REPORT
    assert sorted(path.name for path in (project / "reports").iterdir()) == ["2026-01-05.md"]
    assert REPORT.strip() in home.weir("artifact", "inspect", "daily-sales").stdout
    with home.store() as store:
        runs = store.flow_runs()
        [daily] = [run for run in runs if run["flow_name"] == "daily-report"]
        assert sorted(run["flow_name"] for run in runs) == [
            "daily-report", "data-extraction", "data-processing", "reporting"]
        assert all(run["states"] == PLAIN for run in runs)
        assert daily["tags"] == ["daily"]
        assert daily["name"] == "report of 2026-01-05"
        # Three shops are read and summed, one report is written; flows in flows have a task run each.
        assert [task["states"][-1] for task in store.task_runs()] == ["Completed"] * 10
        assert "杭州店: line 3 is no sale: refund,-500" in store.messages()
        store.check()


def test_project_goes_on_without_a_shop_that_sent_nothing(home, project):
    ended = home.flow("daily_report", "daily-report", day="2026-01-06", env=PROJECT_UNSET)
    assert ended.code == 0, ended
    rows = (project / ended.result).read_text(encoding="utf-8").splitlines()[4:]
    assert rows == ["| 上海店 | 1 | 1.00 CNY |", "| 杭州店 | 0 | 0.00 CNY |", "| 成都店 | – | – |"]
    with home.store() as store:
        assert [task["states"][-1] for task in store.task_runs()].count("Skipped") == 1


def test_project_refuses_what_is_no_day(home, project):
    ended = home.flow("daily_report", "daily-report", day="../../etc", env=PROJECT_UNSET)
    assert ended.code == FAILED, ended
    assert not (project / "reports").exists()
    with home.store() as store:
        [run] = store.flow_runs("daily-report")
        assert "'../../etc' is no day" in store.last_state("flow_run", run["id"])["message"]


def test_project_names_the_setting_that_is_wrong(home, project):
    (project / "config/.env").write_text("DATA_FOLDER=data\nSHOPS=all\n")
    ended = home.flow("daily_report", "daily-report", day="2026-01-05", env=PROJECT_UNSET)
    assert ended.code == 2, ended
    assert "'SHOPS' must be an array" in ended.stderr and "config/.env:2" in ended.stderr


def deployed(home, project, *args):
    """What cron does."""
    env = home.environment({**PROJECT_UNSET, "PROGRAM": program_path("daily_report")})
    return subprocess.run([project / "deployments/run-daily", *args], env=env, cwd="/", capture_output=True, text=True,
                          timeout=HANG_SECONDS, check=False)


def test_project_is_run_by_its_script(home, project):
    ended = deployed(home, project, "2026-01-05")
    assert ended.returncode == 0, ended
    assert (project / "reports/2026-01-05.md").read_text(encoding="utf-8") == REPORT
    # A day that nobody has sent anything of is reported too: yesterday.
    assert deployed(home, project).returncode == 0
    assert len(list((project / "reports").iterdir())) == 2


def test_project_is_run_once_at_a_time(home, project):
    home.path.mkdir()
    with open(home.path / "daily-report.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert deployed(home, project, "2026-01-05").returncode == 75
    assert not (project / "reports").exists()


# --- all ---


def test_an_example_needs_nothing_but_itself(tmp_path):
    """No file of Weir's, no variable but HOME: the database is made in ~/.weir."""
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    ended = subprocess.run([program_path("hello")], env=env, cwd=tmp_path, capture_output=True, timeout=60)
    assert ended.returncode == 0, ended
    assert (tmp_path / ".weir" / "weir.db").is_file()


# --- cached_task, transaction ---


def test_cached_task_computes_each_key_once(home):
    for expected in (["Cached", "Completed", "Completed"], ["Cached"] * 3):
        ended = home.flow("cached_task", "primes", limit=100000)
        assert ended.code == 0, ended
        assert ended.result == [9592, 5133, 9592]
        with home.store() as store:
            run = store.flow_runs()[-1]
            assert sorted(task["state_name"] for task in store.task_runs(run["id"])) == expected
    ended = home.flow("cached_task", "primes", limit=100000, env={"WEIR_REFRESH_CACHE": "1"})
    with home.store() as store:
        assert {task["state_name"] for task in store.task_runs(store.flow_runs()[-1]["id"])} == {"Completed"}


def test_transaction_keeps_all_pages(home):
    ended = home.run("transaction")
    assert ended.code == 0, ended
    assert ended.result == ["report/cover.txt", "report/facts.txt", "report/figures.txt"]
    assert (home.work / "report/facts.txt").read_text() == "page facts\n"
    with home.store() as store:
        assert "report/cover.txt is there to stay" in store.messages()


def test_transaction_keeps_none(home):
    ended = home.flow("transaction", "publish", pages=["a", "b", ""])
    assert ended.code == FAILED, ended
    assert "a page without a name" in ended.stderr
    assert list((home.work / "report").iterdir()) == []
    with home.store() as store:
        assert sorted(task["state_name"] for task in store.task_runs()) == ["Failed", "RolledBack", "RolledBack"]


# --- crashing_task ---


def test_crashing_task(home):
    ended = home.run("crashing_task")
    assert ended.code == 0, ended
    assert ended.result == {"sensor": "boiler", "celsius": 21.5}
    with home.store() as store:
        run = store.flow_run("measure")
        assert run["states"] == PLAIN
        [task] = store.task_runs(run["id"])
        assert task["states"] == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
        assert store.messages(run["id"]).count("reading boiler") == 2
        assert any("the process of the task ended by SIGSEGV (peak" in message for message in store.messages(run["id"]))
        store.check()
