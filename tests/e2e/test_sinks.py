# SPDX-License-Identifier: Apache-2.0
"""Nobody listens: output that is closed, full or stuck never keeps a flow from completing."""
import os
import subprocess

import pytest

PLAIN = ["Pending", "Running", "Completed"]


def closed_pipe():
    """The writing end of a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def stuck_pipe():
    """The writing end of a full pipe that somebody holds open without reading; and that somebody."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return writing, reading


def check_completed(home, flow):
    with home.store() as store:
        assert store.flow_run(flow)["states"] == PLAIN
        store.check()


SINKS = {
    "full-device": lambda: os.open("/dev/full", os.O_WRONLY),
    "closed-pipe": closed_pipe,
    "null-device": lambda: os.open("/dev/null", os.O_WRONLY),
    "read-only": lambda: os.open("/dev/null", os.O_RDONLY),
}


@pytest.mark.parametrize("sink", SINKS)
def test_a_log_that_takes_nothing(home, sink):
    fd = SINKS[sink]()
    ended = home.flow("outcomes", "logs", count=500, options={"stderr": fd})
    os.close(fd)
    assert ended.code == 0, ended
    assert ended.result == 500
    check_completed(home, "logs")


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("flow", ["logs", "prints"])
def test_a_standard_output_that_takes_nothing(home, flow, sink):
    """The flow completes; that its result could not be written may show in the exit status, but not as a signal."""
    fd = SINKS[sink]()
    ended = home.flow("outcomes", flow, count=500, options={"stdout": fd})
    os.close(fd)
    assert ended.code >= 0, ended
    check_completed(home, flow)


def test_a_log_that_is_stuck(home):
    writing, reading = stuck_pipe()
    ended = home.flow("outcomes", "logs", count=5000, options={"stderr": writing})
    os.close(writing)
    os.close(reading)
    assert ended.code == 0, ended
    check_completed(home, "logs")
    with home.store() as store:
        assert store.count("log", "message LIKE 'line %'") == 5000


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=["stdin", "stdout", "stderr", "all"])
def test_closed_descriptors(home, closed):
    """The database must not get the number of a standard stream, and log lines into its pages."""
    def close():
        for fd in closed:
            os.close(fd)

    sinks = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for _ in range(3):
        ended = home.flow("outcomes", "logs", count=100, options={"preexec_fn": close, **sinks})
        assert ended.code >= 0, ended
    with home.store() as store:
        store.check()
        assert [run["states"] for run in store.flow_runs("logs")] == [PLAIN] * 3
