# SPDX-License-Identifier: Apache-2.0
"""A wall clock that somebody sets back while flows run."""
import pytest
from support import BUILD, sanitized


def stepping_back():
    """The environment in which the wall clock steps back an hour at every hundredth reading."""
    return {"LD_PRELOAD": str(BUILD / "tests/e2e/programs/libclock_back.so")}


@pytest.mark.skipif(sanitized("children"), reason="a sanitizer's runtime must be the first library that is loaded")
def test_states_stay_in_order_when_the_clock_steps_back(home):
    ended = home.flow("children", "maps-many", env=stepping_back(), count=500)
    assert ended.code == 0, ended
    with home.store() as store:
        run = store.flow_run("maps-many")
        tasks = store.task_runs(run["id"])
        assert run["states"] == ["Pending", "Running", "Completed"]
        assert len(tasks) == 500
        for task in tasks:
            assert task["states"] == ["Pending", "Running", "Completed"], task
            assert task["start_time"] <= task["end_time"] and task["total_run_time"] >= 0
        stamps = [row["timestamp"] for row in store.state_rows("flow_run", run["id"])]
        assert stamps == sorted(set(stamps))
        assert run["total_run_time"] >= 0
        store.check()


def test_a_retry_is_not_delayed_by_a_clock_that_steps_back(home):
    ended = home.run("robust_task", env=stepping_back() if not sanitized("children") else None)
    assert ended.code == 0, ended
    with home.store() as store:
        [task] = store.task_runs()
        assert task["states"] == ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying",
                                  "Completed"]
