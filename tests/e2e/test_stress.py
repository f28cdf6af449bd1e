# SPDX-License-Identifier: Apache-2.0
"""Random mixtures of everything: all ends, and leaves nothing behind. A few seeds, or many with WEIR_TEST_LONG=1."""
import itertools
import random
import signal
import time

import pytest
from support import CANCELLED, FAILED, LONG, TERMINAL, eventually

FLOWS = ["thread", "async", "timed"]
SEEDS = range(1, 41 if LONG else 3)
CASES = list(itertools.product(FLOWS, SEEDS))
ENVIRONMENT = {"WEIR_GRACE_SECONDS": "0.03", "WEIR_THREADS": "3"}


def start(home, flow, seed):
    assert home.weir("gcl", "create", "pair", "--limit", "2").code == 0
    assert home.weir("concurrency-limit", "create", "few", "2").code == 0
    return home.start("stress", "run", flow, "--param", f"seed={seed}", env=ENVIRONMENT)


def check(home, ended, ends):
    assert ended.code in ends, ended
    for word in ("assertion failed", "Sanitizer", "could not be recorded", "can't be stored"):
        assert word not in ended.stderr, ended
    with home.store() as store:
        store.check()
        for table in ("flow_run", "task_run"):
            left = store.rows(f"SELECT name, state_type, state_name FROM {table}")
            left = [row for row in left if row["state_type"] not in TERMINAL and row["state_name"] != "NotReady"]
            assert not left, (left, ended)
        assert store.count("slot") == 0
        assert store.count("slot_waiter") == 0


@pytest.mark.parametrize("flow,seed", CASES)
def test_all_ends(home, flow, seed):
    check(home, start(home, flow, seed).wait(), (0, FAILED))


@pytest.mark.parametrize("flow,seed", CASES)
def test_all_ends_when_cancelled(home, flow, seed):
    program = start(home, flow, seed)
    program.line("begins")
    time.sleep(random.Random(seed).random() * 0.3)
    with home.store() as store:
        run = eventually(lambda: store.flow_runs(flow), "its beginning is recorded")[0]
    home.weir("flow-run", "cancel", run["id"])  # it may have ended already
    check(home, program.wait(), (0, FAILED, CANCELLED))


@pytest.mark.parametrize("flow,seed", CASES)
def test_all_ends_when_the_program_is_ended(home, flow, seed):
    program = start(home, flow, seed)
    program.line("begins")
    time.sleep(random.Random(seed).random() * 0.3)
    program.send(signal.SIGTERM)
    check(home, program.wait(), (0, FAILED, 128 + signal.SIGTERM))
