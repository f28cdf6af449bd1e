# SPDX-License-Identifier: Apache-2.0
"""Several programs and the command line on one WEIR_HOME, at the same time."""
import random
import threading

import pytest
from support import CANCELLED, HANG_SECONDS, TERMINAL, eventually


class Meddler(threading.Thread):
    """Lists, deletes and cancels with the command line, as long as the programs run."""

    def __init__(self, home, programs, seed):
        super().__init__()
        self.home, self.programs, self.random = home, programs, random.Random(seed)
        self.deleted, self.cancelled, self.problem = set(), set(), None

    def run(self):
        try:
            while any(program.running() for program in self.programs):
                self.meddle()
        except Exception as problem:  # the test that joins the thread raises it
            self.problem = problem
            for program in self.programs:
                program.kill()

    def meddle(self):
        runs = self.home.weir_json("flow-run", "ls", "--limit", "200")
        self.delete_one([run["id"] for run in runs if run["state_type"] == "COMPLETED"])
        for run in runs:
            if run["state_type"] == "RUNNING" and run["parameters"].get("seconds") == 600:
                self.cancel(run["id"])

    def delete_one(self, ids):
        ids = sorted(set(ids) - self.deleted)
        if ids:
            run_id = self.random.choice(ids)
            ended = self.home.weir("flow-run", "delete", run_id)
            assert ended.code == 0, ended
            self.deleted.add(run_id)

    def cancel(self, run_id):
        """Once: a second answer depends on how far the first has come."""
        if run_id not in self.cancelled:
            ended = self.home.weir("flow-run", "cancel", run_id)
            assert ended.code == 0, ended
            self.cancelled.add(run_id)


@pytest.mark.parametrize("count", [2, 10])
def test_programs_share_a_home_while_the_command_line_works_on_it(home, count):
    """Half of them confirm subflows, half sleep until they are cancelled."""
    confirming = [home.start("children", "run", "confirms", "--param", "count=15") for _ in range(count // 2)]
    sleeping = [home.start("limits", "run", "sleeper", "--param", "seconds=600") for _ in range(count - count // 2)]
    home.store_when_there().db.close()
    meddler = Meddler(home, confirming + sleeping, seed=count)
    meddler.start()
    meddler.join(HANG_SECONDS)
    if meddler.problem:
        raise meddler.problem
    confirmed = set()
    for program in confirming:
        ended = program.wait()
        assert ended.code == 0, ended
        confirmed |= {line.split()[1] for line in ended.stdout.splitlines() if line.startswith("confirmed ")}
    for program in sleeping:
        ended = program.wait()
        assert ended.code == CANCELLED, ended
    assert len(confirmed) == 15 * len(confirming)
    assert len(meddler.cancelled) == len(sleeping)
    with home.store() as store:
        store.check()
        left = {run["id"]: run for run in store.flow_runs()}
    assert {run["state_type"] for run in left.values()} <= TERMINAL
    # What was confirmed is there, unless it was deleted; and what was deleted is not.
    assert confirmed - set(left) <= meddler.deleted
    assert not meddler.deleted & set(left)
    assert all(left[run_id]["states"][-1] == "Completed" for run_id in confirmed & set(left))
    assert all(left[run_id]["state_type"] == "CANCELLED" for run_id in meddler.cancelled)


def test_a_program_that_starts_leaves_living_ones_alone(home):
    sleeper, _ = home.start_sleeper()
    assert home.run("hello").code == 0
    with home.store() as store:
        assert store.flow_run("sleeper")["state_type"] == "RUNNING"
    assert sleeper.running()


def test_two_programs_make_the_database_at_the_same_time(home):
    """Both find no database; one makes it, and both complete."""
    programs = [home.start("hello") for _ in range(4)]
    for program in programs:
        ended = program.wait()
        assert ended.code == 0, ended
    with home.store() as store:
        assert len(store.flow_runs("my-flow")) == 4
        assert store.count("flow") == 1
        store.check()


def test_reading_does_not_hold_up_writing(home):
    """A reader that keeps its transaction open: programs complete all the same."""
    assert home.run("hello").code == 0
    with home.store() as store:
        store.db.execute("BEGIN")
        assert len(store.flow_runs()) == 1
        ended = home.run("hello")
        assert ended.code == 0, ended
        assert len(store.flow_runs()) == 1
        store.db.execute("COMMIT")
        assert len(store.flow_runs()) == 2


def test_lock_files_of_ended_programs_are_taken_away(home):
    for _ in range(3):
        assert home.run("hello").code == 0
    sleeper, _ = home.start_sleeper()
    assert len(list((home.path / "run").glob("*.lock"))) == 1
    sleeper.kill()
    sleeper.wait()
    assert home.run("hello").code == 0
    eventually(lambda: not list((home.path / "run").glob("*.lock")), "the dead program's lock file is gone")
