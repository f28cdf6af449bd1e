# SPDX-License-Identifier: Apache-2.0
"""How many no-op tasks stock Prefect gets done and recorded in a second: called one after the other, and mapped.

usage: prefect_tasks.py

Reads lines "sequential" or "mapped"; measures a round for each, and answers with a line: tasks a second. Prefect's own
server runs beside, as it does for a flow that is started without one, with an SQLite database in a new folder. A round
ends when the server has recorded the end of every task run, since tasks are recorded after the flow that ran them has
gone on. Log lines below WARNING are off: neither side writes any.
"""
import os
import sys
import tempfile
import time

TASKS = 200  # in a round
WARM_UP_TASKS = 20
POLL_SECONDS = 0.1  # more often would take time from what is measured


def measure(flow_function, count, client):
    """Tasks a second, from the start of the flow to its last recorded task run."""
    start = time.perf_counter()
    flow_run_id = flow_function(count)
    query = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    while True:
        answer = client.post("/task_runs/count", json=query)
        answer.raise_for_status()
        recorded = answer.json()
        if recorded == count:
            return count / (time.perf_counter() - start)
        if time.perf_counter() - start > 600:
            raise SystemExit(f"prefect_tasks: {recorded} of {count} task runs were recorded in 10 minutes")
        time.sleep(POLL_SECONDS)


def main():
    with tempfile.TemporaryDirectory(prefix="bench-prefect-", ignore_cleanup_errors=True) as home:
        # Before Prefect is imported: it reads its settings then.
        os.environ.update(PREFECT_HOME=home, PREFECT_LOGGING_LEVEL="WARNING", PREFECT_SERVER_ANALYTICS_ENABLED="false",
                          PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120", DO_NOT_TRACK="1")
        os.environ.pop("PREFECT_API_URL", None)

        from prefect import flow, task
        from prefect.client.orchestration import get_client
        from prefect.runtime import flow_run

        @task
        def noop(value):
            return value

        @flow
        def sequential(count):
            for i in range(count):
                noop(i)
            return flow_run.id

        @flow
        def mapped(count):
            noop.map(range(count)).result()
            return flow_run.id

        with get_client(sync_client=True) as client:
            flows = {"sequential": sequential, "mapped": mapped}
            for function in flows.values():
                measure(function, WARM_UP_TASKS, client._client)
            for line in sys.stdin:
                print(round(measure(flows[line.strip()], TASKS, client._client), 2), flush=True)


if __name__ == "__main__":
    main()
