# SPDX-License-Identifier: Apache-2.0
"""Stored results, caches, transactions and checkpoints: over runs, over programs, and over their deaths."""
import json
import os
import signal
import subprocess
import time

import pytest
from support import FAILED, HANG_SECONDS, eventually

ROOT = os.geteuid() == 0


def storage(home):
    return home.path / "storage"


def result_files(home):
    """The files of results, without the storage's own."""
    return sorted(path for path in storage(home).rglob("*")
                  if path.is_file() and path.relative_to(storage(home)).parts[0] not in ("locks", "temporary"))


def header(path):
    return json.loads(path.read_bytes().split(b"\n", 1)[0])


def computed(home):
    """The lines that tasks have written when they were executed."""
    path = home.work / "computed"
    return path.read_text().splitlines() if path.exists() else []


def task_states(home):
    with home.store() as store:
        return [run["states"] for run in store.task_runs()]


def last_task_state(home):
    with home.store() as store:
        return store.last_state("task_run", store.task_runs()[-1]["id"])


def completed(ended, result):
    assert ended.code == 0, ended
    assert ended.result == result, ended


# --- Caches ---


def test_a_cached_result_is_used_by_other_runs_and_programs(home):
    completed(home.flow("results", "repeat", times=2), [49, 49])
    completed(home.flow("results", "repeat"), [49])
    assert computed(home) == ["square 7"]
    assert task_states(home) == [["Pending", "Running", "Completed"], ["Pending", "Cached"], ["Pending", "Cached"]]


def test_what_a_cached_run_tells(home):
    home.flow("results", "repeat", times=2)
    with home.store() as store:
        first, second = store.task_runs()
        state, cached = store.last_state("task_run", first["id"]), store.last_state("task_run", second["id"])
    assert json.loads(state["data"]) == {
        "type": "reference", "storage_key": result_files(home)[0].name, "expiration": None,
        "serializer": {"type": "json"}, "prefect_version": "3.8.3", "storage_block_id": None}
    assert cached["data"] == state["data"]
    assert cached["type"] == "COMPLETED"
    assert first["id"] in cached["message"] and first["name"] in cached["message"]
    assert first["cache_key"] == second["cache_key"] == cached["details"]["cache_key"]
    assert (second["start_time"], second["run_count"]) == (second["end_time"], 0)


def test_where_a_result_came_from_can_be_asked(home):
    home.flow("results", "repeat", times=2)
    with home.store() as store:
        first, second = store.task_runs()
    ended = home.weir("task-run", "inspect", second["id"])
    assert ended.code == 0, ended
    assert "from the cache" in ended.stdout and first["id"] in ended.stdout
    ended = home.weir("why", second["id"])
    assert "from the cache" in ended.stdout and first["id"] in ended.stdout, ended


def test_a_file_tells_what_it_is(home):
    home.flow("results", "repeat", task="expiring")
    (path,) = result_files(home)
    line = header(path)
    assert line["key"] == path.name
    assert (line["run_type"], line["run_name"], line["size"]) == ("task", "square-0", 2)
    assert line["expiration"] > line["created"]
    assert path.read_bytes().split(b"\n", 1)[1] == b"49"
    assert path.stat().st_mode & 0o077 == 0


def test_an_expired_result_is_computed_anew(home):
    home.flow("results", "repeat", task="expiring", times=2)
    assert computed(home) == ["square 7"]
    with home.store() as store:
        assert store.task_runs()[0]["cache_expiration"] == store.task_runs()[1]["cache_expiration"] is not None
    time.sleep(1.1)
    home.flow("results", "repeat", task="expiring")
    assert computed(home) == ["square 7"] * 2
    assert len(result_files(home)) == 1


def test_refreshing_computes_and_replaces(home):
    home.flow("results", "repeat")
    (before,) = [header(path) for path in result_files(home)]
    home.flow("results", "repeat", task="refreshed")
    home.flow("results", "repeat", env={"WEIR_REFRESH_CACHE": "true"})
    home.flow("results", "repeat")
    assert computed(home) == ["square 7"] * 3
    (after,) = [header(path) for path in result_files(home)]
    assert after["cache_key"] == before["cache_key"] and after["run_id"] != before["run_id"]


@pytest.mark.parametrize("flow, task", [("at-once", "plain"), ("async-at-once", "async"), ("async-at-once", "plain"),
                                        ("at-once", "process"), ("async-at-once", "process")])
def test_runs_with_one_key_compute_once(home, flow, task):
    completed(home.flow("results", flow, task=task, times=20, seconds=0.2), [49] * 20)
    assert computed(home) == ["square 7"]
    states = task_states(home)
    assert sorted(states)[:19] == [["Pending", "Cached"]] * 19
    assert len(result_files(home)) == 1


def test_many_coroutines_compute_once(home):
    ended = home.flow("results", "async-at-once", task="async", times=2000, seconds=0.1)
    assert ended.code == 0 and json.loads(ended.stdout) == [49] * 2000, ended
    assert computed(home) == ["square 7"]


def test_two_programs_compute_once(home):
    first = home.start("results", "run", "at-once", "--param=times=3", "--param=seconds=0.5")
    second = home.start("results", "run", "at-once", "--param=times=3", "--param=seconds=0.5")
    completed(first.wait(), [49] * 3)
    completed(second.wait(), [49] * 3)
    assert computed(home) == ["square 7"]


def test_the_death_of_who_computes_lets_the_next_one_compute(home):
    first = home.start("results", "run", "repeat", "--param=seconds=60")
    eventually(lambda: computed(home) == ["square 7"], "the first computes")
    second = home.start("results", "run", "repeat", "--param=seconds=60")
    second.line("started")
    with home.store() as store:
        eventually(lambda: store.count("task_run") == 2, "the second has begun")
    assert computed(home) == ["square 7"]
    os.kill(first.pid, signal.SIGKILL)
    eventually(lambda: computed(home) == ["square 7"] * 2, "the second computes")


def test_a_copy_that_a_task_has_forked_holds_no_key(home):
    first = home.start("results", "run", "forking", "--param=seconds=1")
    eventually(lambda: computed(home) == ["forked"], "it has forked")
    os.kill(first.pid, signal.SIGKILL)
    completed(home.flow("results", "forking"), "computed")


def test_cancelling_who_waits_for_a_key(home):
    first = home.start("results", "run", "repeat", "--param=seconds=60")
    eventually(lambda: computed(home) == ["square 7"], "the first computes")
    second = home.start("results", "run", "at-once", "--param=seconds=60", "--param=times=3")
    with home.store() as store:
        eventually(lambda: store.count("task_run") == 4, "the second waits")
    second.send(signal.SIGINT)
    assert second.wait().code == 130
    first.send(signal.SIGINT)
    assert first.wait().code == 130
    assert computed(home) == ["square 7"]


def test_retries_keep_the_key(home):
    ended = home.flow("results", "retries")
    assert ended.code == 0, ended
    assert ended.result[0] == ended.result[1]
    assert len(computed(home)) == 3 and len(set(computed(home))) == 1


def test_when_one_fails_the_next_one_computes(home):
    completed(home.flow("results", "hands-over"), 2)
    assert computed(home) == ["fails"] * 2


def test_a_call_of_itself_does_not_wait_for_itself(home):
    completed(home.flow("results", "nested"), True)
    assert computed(home) == ["nested outer", "nested inner"]
    with home.store() as store:
        assert any("computed without the cache" in message for message in store.messages())


@pytest.mark.parametrize("task, changed", [("plain", {"number": 8}), ("by-run", {}), ("by-flow", {"note": [1]})])
def test_what_else_is_computed(home, task, changed):
    home.flow("results", "repeat", task=task, times=2)
    home.flow("results", "repeat", task=task, times=2, **changed)
    assert len(computed(home)) == 2
    assert len(result_files(home)) == 2


@pytest.mark.parametrize("task", ["by-build", "by-flow"])
def test_what_is_the_same_over_programs(home, task):
    home.flow("results", "repeat", task=task)
    home.flow("results", "repeat", task=task)
    assert computed(home) == ["square 7"]


@pytest.mark.parametrize("key, expected", [
    ("\"mine\"", 1),  # a text is the whole key, shared by both tasks
    ("{\"b\": 1, \"a\": [0.5]}", 2),  # other values are hashed with the task's name
    ("null", 4),  # not cached
])
def test_key_functions(home, key, expected):
    ended = home.run("results", "run", "keyed", f"--param=key={key}")
    assert ended.code == 0, ended
    assert len(computed(home)) == expected
    with home.store() as store:
        keys = [run["cache_key"] for run in store.task_runs()]
    assert len(set(keys)) == (1 if expected == 4 else expected)
    assert ("mine" in keys) == (expected == 1)


@pytest.mark.parametrize("key", ['""', json.dumps("x" * 5000)])
def test_keys_that_are_refused(home, key):
    ended = home.run("results", "run", "keyed", f"--param=key={key}")
    assert ended.code == FAILED
    assert "the cache key has" in last_task_state(home)["message"]
    assert computed(home) == []


# --- Damage ---


def damage(path, how):
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[:-1])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "changed":
        path.write_bytes(data[:-1] + b"8")
    elif how == "renamed":
        path.rename(path.with_name("0" * 64))
    elif how == "newer":
        path.write_bytes(b'{"weir_result":99}\n')


@pytest.mark.parametrize("how, warned", [("truncated", True), ("empty", True), ("changed", True), ("newer", True),
                                         ("renamed", False)])
def test_a_damaged_file_is_computed_anew(home, how, warned):
    home.flow("results", "repeat")
    (path,) = result_files(home)
    damage(path, how)
    ended = home.flow("results", "repeat", times=2)
    completed(ended, [49, 49])
    assert (str(path) in ended.stderr) == warned
    assert computed(home) == ["square 7"] * 2
    assert path.read_bytes().endswith(b"\n49")


def test_a_file_that_cannot_be_read_fails_the_run(home):
    home.flow("results", "repeat")
    (path,) = result_files(home)
    path.unlink()
    path.mkdir()
    ended = home.flow("results", "repeat")
    assert last_task_state(home)["type"] == "FAILED", ended
    assert path.name in last_task_state(home)["message"]


# --- Persisted results ---


@pytest.mark.parametrize("task, env, kept", [
    ("persisted", {}, 1), ("unsaid", {}, 0), ("never", {}, 0), ("unsaid", {"WEIR_PERSIST_RESULTS": "1"}, 2),
    ("never", {"WEIR_PERSIST_RESULTS": "1"}, 1),  # the flow's own
])
def test_which_results_are_kept(home, task, env, kept):
    completed(home.flow("results", "gives", task=task, env=env), "text")
    files = result_files(home) if storage(home).exists() else []
    assert len(files) == kept
    for path in files:
        assert path.read_bytes().endswith(b"\n\"text\"")


def test_a_name_of_ones_own(home):
    completed(home.flow("results", "gives", task="named", what="a/b"), "a/b")
    (path,) = result_files(home)
    assert path == storage(home) / "reports/a/b/gives-named"
    assert json.loads(last_task_state(home)["data"])["storage_key"] == "reports/a/b/gives-named"


@pytest.mark.parametrize("what", ["..", "../../../out", ".", "", "x" * 300])
def test_names_that_are_refused(home, what):
    ended = home.flow("results", "gives", task="named", what=what)
    assert ended.code == FAILED, ended
    assert "the result key" in last_task_state(home)["message"]
    assert not storage(home).exists() or result_files(home) == []


def test_the_result_of_a_flow(home):
    completed(home.flow("results", "kept", task="never"), "text")
    (path,) = result_files(home)
    with home.store() as store:
        state = store.last_state("flow_run", store.flow_run()["id"])
    assert json.loads(state["data"])["storage_key"] == path.name
    assert header(path)["run_type"] == "flow"


def test_another_folder(home, tmp_path):
    folder = tmp_path / "elsewhere"
    home.flow("results", "repeat", env={"WEIR_RESULTS_PATH": str(folder)})
    assert len(list(folder.iterdir())) == 3 and not storage(home).exists()


@pytest.mark.parametrize("what, env, reason", [
    ("large", {"WEIR_RESULTS_MAX_BYTES": "1000000"}, "1000000 bytes that results.max_bytes (WEIR_RESULTS_MAX_BYTES)"),
    ("invalid", {}, "it holds text that is not UTF-8 (at $.rows[1])"),
    ("deep", {}, "nested more than"),
])
def test_results_that_cannot_be_kept(home, what, env, reason):
    ended = home.flow("results", "gives", what=what, env=env)
    assert ended.code == FAILED, ended
    assert reason in last_task_state(home)["message"]
    assert not storage(home).exists() or result_files(home) == []


def test_a_folder_that_may_not_be_written(home):
    home.path.mkdir()
    storage(home).write_text("a file where the folder should be")
    ended = home.flow("results", "gives")
    assert ended.code == FAILED
    assert f"{storage(home)}: " in last_task_state(home)["message"]


@pytest.mark.skipif(ROOT, reason="root may write everywhere")
def test_a_folder_of_somebody_else(home):
    home.path.mkdir()
    storage(home).mkdir(mode=0o500)
    ended = home.flow("results", "gives")
    assert ended.code == FAILED
    assert "Permission denied" in last_task_state(home)["message"]


@pytest.fixture
def small_storage(home, tmp_path):
    """A storage that has room for a result of some hundred KB."""
    if not ROOT:
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "weir-test", str(folder)], check=True)
    yield folder
    home.close()
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(home, small_storage):
    env = {"WEIR_RESULTS_PATH": str(small_storage)}
    ended = home.flow("results", "gives", what="large", env=env)
    assert ended.code == FAILED
    message = last_task_state(home)["message"]
    assert "the result can't be stored" in message and "No space left on device" in message
    assert [path for path in small_storage.rglob("*") if path.is_file()] == []
    completed(home.flow("results", "gives", env=env), "text")


def test_what_a_killed_program_left_is_removed(home):
    program = home.start("results", "run", "repeat", "--param=seconds=60")
    eventually(lambda: computed(home), "it computes")
    (lock,) = (storage(home) / "temporary").iterdir()
    left = lock.with_name(lock.name.replace(".lock", "-7"))
    left.write_text("half a res")
    other = home.flow("results", "repeat", number=8)
    completed(other, [64])
    assert left.exists() and lock.exists()
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    completed(home.flow("results", "repeat", number=9), [81])
    assert list((storage(home) / "temporary").iterdir()) == []


# --- Transactions ---


def transact(home, *script, flow="transact", **options):
    return home.flow("results", flow, script=list(script), **options)


def hooks(home):
    return [line for line in computed(home) if line.split()[0] in ("commit", "rollback", "committed", "get")]


@pytest.mark.parametrize("script, code, expected", [
    # Each run by itself: its commit follows at once.
    ("a b", 0, ["commit a Completed file-a", "commit b Completed file-b"]),
    ("begin a b commit", 0, ["commit a Completed file-a", "commit b Completed file-b", "committed yes"]),
    ("begin a b rollback c", 0, ["rollback b Completed file-b", "rollback a Completed file-a",
                                 "commit c Completed file-c"]),
    # A run that ends commits when it completes, else rolls back.
    ("begin a b", 0, ["commit a Completed file-a", "commit b Completed file-b"]),
    ("begin a b fail", FAILED, ["rollback b Completed file-b", "rollback a Completed file-a"]),
    # A part that fails.
    ("begin a bad recover commit", 0, ["rollback a Completed file-a", "committed no"]),
    ("begin a bad", 0, ["rollback a Completed file-a"]),
    # A skipped run has done nothing.
    ("begin a skip rollback", 0, ["rollback a Completed file-a"]),
    # Parts that were submitted are waited for.
    ("begin submit commit", 0, ["commit slow Completed file-slow", "committed yes"]),
    ("begin submit rollback", 0, ["rollback slow Completed file-slow"]),
    # Nested.
    ("begin a begin b commit c commit", 0, ["committed yes", "commit a Completed file-a",
                                            "commit b Completed file-b", "commit c Completed file-c",
                                            "committed yes"]),
    ("begin a begin b rollback c commit", 0, ["rollback b Completed file-b", "commit a Completed file-a",
                                              "commit c Completed file-c", "committed yes"]),
    ("begin a begin b commit c rollback", 0, ["committed yes", "rollback c Completed file-c",
                                              "rollback b Completed file-b", "rollback a Completed file-a"]),
    ("begin a begin bad recover commit c commit", 0, ["committed no", "commit a Completed file-a",
                                                      "commit c Completed file-c", "committed yes"]),
    # Runs that a part calls.
    ("begin calling commit", 0, ["commit grandchild Completed file-grandchild", "commit fine Completed file-grandchild",
                                 "committed yes"]),
    ("begin calling rollback", 0, ["rollback fine Completed file-grandchild",
                                   "rollback grandchild Completed file-grandchild"]),
    ("begin calling-bad recover commit", 0, ["rollback grandchild Completed file-grandchild", "committed no"]),
    # Processes of their own: what they have set is known here, and what was set here is known there.
    ("begin process-a rollback process-b", 0, ["rollback process-a Completed file-process-a",
                                               "commit process-b Completed file-process-b"]),
    # Values.
    ("begin set get a get commit", 0, ["get set by the flow", "get set by the flow", "commit a Completed file-a",
                                       "committed yes"]),
    ("get begin a get rollback get", 0, ["get nothing", "get file-a", "rollback a Completed file-a", "get nothing"]),
])
def test_transactions(home, script, code, expected):
    ended = transact(home, *script.split())
    assert ended.code == code, ended
    assert hooks(home) == expected


def test_what_a_process_cannot_do(home):
    ended = transact(home, "refused")
    assert "a task in process mode can't" in last_task_state(home)["message"], ended
    assert task_states(home) == [["Pending", "Running", "Failed"]]


def test_transactions_of_coroutines(home):
    ended = transact(home, *"begin a begin b commit submit rollback".split(), flow="async-transact")
    assert ended.code == 0, ended
    assert hooks(home)[0] == "committed yes" and sorted(hooks(home)[1:]) == [
        "rollback a Completed file-a", "rollback b Completed file-b", "rollback slow Completed file-slow"]


def test_rolled_back_runs_are_recorded_so(home):
    transact(home, *"begin a skip rollback b".split())
    assert task_states(home) == [["Pending", "Running", "Completed", "RolledBack"], ["Pending", "Running", "Skipped"],
                                 ["Pending", "Running", "Completed"]]
    with home.store() as store:
        rolled_back = store.task_runs()[0]
        assert (rolled_back["state_type"], rolled_back["state_name"]) == ("COMPLETED", "RolledBack")
        assert store.last_state("task_run", rolled_back["id"])["message"] == "Task rolled back as part of transaction"
        assert "undone" in store.messages()


def test_a_cancelled_run_rolls_back(home):
    program = home.start("results", "run", "transact", '--param=script=["begin", "a", "hang"]')
    eventually(lambda: computed(home) == ["write a"], "the first part has run")
    program.send(signal.SIGINT)
    assert program.wait().code == 130
    assert hooks(home) == ["rollback a Completed file-a"]


def test_a_cached_result_is_seen_by_others_on_commit(home):
    program = home.start("results", "run", "transact", '--param=script=["begin", "cached", "cached", "hang"]')
    with home.store_when_there() as store:
        eventually(lambda: [run["state_name"] for run in store.task_runs()] == ["Completed", "Cached"],
                   "both parts have ended")
    assert computed(home) == ["write cached"]  # within the transaction it is seen
    assert result_files(home) == []
    completed(transact(home, "cached"), True)
    assert computed(home) == ["write cached"] * 2 + ["commit cached Completed file-cached"]
    program.send(signal.SIGINT)
    program.wait()
    assert computed(home)[3:] == ["rollback cached Completed file-cached"]  # the second one has done nothing
    assert len(result_files(home)) == 1


@pytest.mark.parametrize("end, kept", [("commit", 1), ("rollback", 0)])
def test_staged_results_are_published_or_dropped(home, end, kept):
    completed(transact(home, "begin", "cached", end), True)
    assert len(result_files(home)) == kept
    assert list((storage(home) / "temporary").iterdir()) == []
    completed(transact(home, "cached"), True)
    assert computed(home).count("write cached") == 2 - kept


def test_transactions_of_one_key_do_not_overlap(home):
    programs = [home.start("results", "run", "exclusive") for _ in range(3)]
    for program in programs:
        ended = program.wait()
        assert ended.code == 0, ended
    lines = computed(home)
    assert len(lines) == 30
    for enter, leave in zip(lines[::2], lines[1::2]):
        assert enter.split()[0] == "enter" and leave == enter.replace("enter", "leave")


# --- Checkpoints ---


@pytest.mark.parametrize("flow", ["resumes", "async-resumes"])
def test_retries_go_on_where_they_were(home, flow):
    completed(home.flow("checkpoints", flow), ["did one", "did two"])
    assert computed(home) == ["step one", "step two"]
    with home.store() as store:
        assert store.count("checkpoint") == 3


def test_keys_and_values_that_cannot_be_kept(home):
    completed(home.flow("checkpoints", "odd-checkpoints"), None)


def test_checkpoints_outlive_their_program_and_go_with_their_run(home):
    program = home.start("checkpoints", "run", "keep")
    run_id = program.line("kept ")
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    home.weir("flow-run", "ls")
    with home.store() as store:
        rows = {row["key"]: row["value"] for row in store.rows("SELECT * FROM checkpoint WHERE lower(hex(flow_run_id)) = ?",
                                                               run_id.replace("-", ""))}
        assert rows == {"one": '"did one"', "position": '{"at":[1,2]}'}
    home.flow("hello", "hello")  # it finds the dead program's run
    ended = home.weir("flow-run", "delete", run_id, "--yes")
    assert ended.code == 0, ended
    with home.store() as store:
        assert store.count("checkpoint") == 0


def test_calls_with_one_key_at_once_make_one_call(home):
    completed(home.flow("checkpoints", "once-at-once"), ["did shared"] * 5)
    assert computed(home) == ["step shared"]


def test_a_call_that_failed_is_made_again(home):
    completed(home.flow("checkpoints", "once-fails"), "did good")
    assert computed(home) == ["step bad", "step good"]
