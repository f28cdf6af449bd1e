# SPDX-License-Identifier: Apache-2.0
"""Disks that are full, files that are broken, foreign or forbidden."""
import ctypes
import os
import resource
import signal
import sqlite3
import subprocess
import time

import pytest
from support import FAILED, IO_ERROR, NOT_PERMITTED, TERMINAL, WRONG_VERSION, eventually

MEGABYTE = 1024 * 1024
ROOT = os.geteuid() == 0


def confirmed_ids(ended):
    return [line.split()[1] for line in ended.stdout.splitlines() if line.startswith("confirmed ")]


def check_after_trouble(home, confirmed):
    """Whatever has happened: what was confirmed is there, and the next program finds a sound store."""
    ended = home.run("hello")
    assert ended.code == 0, ended
    with home.store() as store:
        store.check()
        runs = {run["id"]: run for run in store.flow_runs()}
    assert [run_id for run_id in confirmed if run_id not in runs] == []
    assert {run["state_type"] for run in runs.values()} <= TERMINAL


# --- Full disks ---


def limit_file_size():
    """Files may not grow beyond 1 MiB; writing more is an error rather than a signal."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, MEGABYTE))


def test_a_database_that_may_not_grow(home):
    ended = home.flow("children", "confirms", env={"WEIR_HOLD_SECONDS": "1"}, count=1000000,
                      options={"preexec_fn": limit_file_size})
    assert ended.code in (FAILED, IO_ERROR), ended
    assert "weir.db" in ended.stderr
    assert confirmed_ids(ended)
    check_after_trouble(home, confirmed_ids(ended))


@pytest.fixture
def small_disk(home):
    """The home is a small file system, but with room for a log that is waiting to be copied into the database."""
    if not ROOT:
        pytest.skip("only root can mount a small file system; RLIMIT_FSIZE stands in for it")
    home.path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "weir-test", str(home.path)], check=True)
    yield home.path
    home.close()
    subprocess.run(["umount", "-l", str(home.path)], check=True)


def free_bytes(path):
    status = os.statvfs(path)
    return status.f_bavail * status.f_bsize


def fill(path, left):
    """Take all space but so many bytes; gives the file that does."""
    filler = path / "filler"
    with open(filler, "wb") as file:
        file.write(b"\0" * max(0, free_bytes(path) - left))
    return filler


def test_a_full_disk_that_stays_full(home, small_disk):
    assert home.run("hello").code == 0
    filler = fill(small_disk, MEGABYTE // 2)
    ended = home.flow("children", "confirms", env={"WEIR_HOLD_SECONDS": "1"}, count=1000000)
    assert ended.code in (FAILED, IO_ERROR), ended
    assert "full" in ended.stderr
    filler.unlink()
    check_after_trouble(home, confirmed_ids(ended))


def test_a_full_disk_that_is_cleared_in_time(home, small_disk):
    assert home.run("hello").code == 0
    filler = fill(small_disk, MEGABYTE // 4)
    program = home.start("children", "run", "confirms", "--param", "count=300", env={"WEIR_HOLD_SECONDS": "60"})
    eventually(lambda: free_bytes(small_disk) < 64 * 1024, "the disk is full")
    time.sleep(0.3)
    filler.unlink()
    ended = program.wait()
    assert ended.code == 0, ended
    assert len(confirmed_ids(ended)) == 300
    check_after_trouble(home, confirmed_ids(ended))


def test_a_disk_without_any_space(home, small_disk):
    fill(small_disk, 0)
    ended = home.run("hello", env={"WEIR_HOLD_SECONDS": "1"})
    assert ended.code == IO_ERROR, ended
    assert str(small_disk) in ended.stderr


# --- Broken files ---


def test_a_database_that_is_none(home):
    home.path.mkdir()
    rubbish = os.urandom(64 * 1024)
    home.database.write_bytes(rubbish)
    for ended in (home.run("hello"), home.weir("flow-run", "ls")):
        assert ended.code == IO_ERROR, ended
        assert str(home.database) in ended.stderr
    assert home.database.read_bytes() == rubbish, "a file that is not ours is left as it is"


def test_a_database_that_is_cut_off(home):
    assert home.run("hello").code == 0
    size = home.database.stat().st_size
    os.truncate(home.database, size // 2 // 4096 * 4096)
    ended = home.run("hello")
    assert ended.code == IO_ERROR, ended
    assert str(home.database) in ended.stderr


def test_an_empty_file_becomes_a_database(home):
    home.path.mkdir()
    home.database.touch()
    ended = home.run("hello")
    assert ended.code == 0, ended


def test_a_folder_in_place_of_the_database(home):
    home.database.mkdir(parents=True)
    ended = home.run("hello")
    assert ended.code > 0, ended
    assert str(home.database) in ended.stderr


def test_a_file_in_place_of_the_home(home):
    home.path.write_text("not a folder")
    ended = home.run("hello")
    assert ended.code > 0, ended
    assert str(home.path) in ended.stderr


def test_the_home_is_made_with_its_parents_and_for_its_owner_alone(home):
    home.path = home.path / "a" / "b"
    assert home.run("hello").code == 0
    assert home.path.stat().st_mode & 0o777 == 0o700


# --- Forbidden files ---


def obey_modes():
    """Even root is refused what the modes forbid: drop CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH for the next exec."""
    if ROOT:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):
            if libc.prctl(24, capability, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "prctl(PR_CAPBSET_DROP)")


def test_a_database_that_may_not_be_read(home):
    assert home.run("hello").code == 0
    home.database.chmod(0)
    for ended in (home.run("hello", preexec_fn=obey_modes), home.weir("flow-run", "ls", preexec_fn=obey_modes)):
        assert ended.code == NOT_PERMITTED, ended
        assert str(home.database) in ended.stderr


def test_a_home_that_may_not_be_written(home):
    home.path.mkdir()
    home.path.chmod(0o555)
    ended = home.run("hello", preexec_fn=obey_modes)
    home.path.chmod(0o700)
    assert ended.code == NOT_PERMITTED, ended
    assert str(home.path) in ended.stderr


# --- Databases of a newer version ---


def make_newer(path):
    """Raise every version in the table meta beyond what this build knows."""
    db = sqlite3.connect(path)
    key, value = [row[1] for row in db.execute("PRAGMA table_info(meta)")][:2]
    changed = db.execute(f"UPDATE meta SET {value} = 1000000 WHERE {key} LIKE '%version%'").rowcount
    db.commit()
    db.close()
    assert changed > 0, "the table meta names no version"


def test_a_database_of_a_newer_version(home):
    assert home.run("hello").code == 0
    make_newer(home.database)
    ended = home.run("hello")
    assert ended.code == WRONG_VERSION, ended
    assert str(home.database) in ended.stderr
    with home.store() as store:
        assert len(store.flow_runs()) == 1


def test_the_command_line_does_not_write_to_a_newer_version(home):
    assert home.run("hello").code == 0
    with home.store() as store:
        run = store.flow_run()
    make_newer(home.database)
    ended = home.weir("flow-run", "delete", run["id"])
    assert ended.code == WRONG_VERSION, ended
    with home.store() as store:
        assert store.flow_run()["id"] == run["id"]
