# SPDX-License-Identifier: Apache-2.0
"""What a call that does nothing costs elsewhere: awaited by asyncio, handed to a thread or a process by
concurrent.futures, or as a task of stock Prefect.

usage: calls.py

Reads lines with the name of a kind of call; measures a round of it, and answers with a line: microseconds for each.
"""
import asyncio
import concurrent.futures
import os
import sys
import tempfile
import time

CALLS = 2000
PROCESS_CALLS = 200
PREFECT_CALLS = 100


def give_back(value):
    return value


async def give_back_async(value):
    return value


def per_call(function, count):
    start = time.perf_counter()
    for i in range(count):
        function(i)
    return (time.perf_counter() - start) / count * 1e6


async def per_await(function, count):
    start = time.perf_counter()
    for i in range(count):
        await function(i)
    return (time.perf_counter() - start) / count * 1e6


def with_executor(executor, count):
    with executor(max_workers=2) as pool:
        pool.submit(give_back, 0).result()  # its workers are started by now
        return per_call(lambda i: pool.submit(give_back, i).result(), count)


def prefect_calls():
    from prefect import flow, task

    noop = task(give_back)

    @flow
    def calling():
        noop(0)
        return per_call(noop, PREFECT_CALLS)

    return calling()


KINDS = {
    "asyncio-await": lambda: asyncio.run(per_await(give_back_async, CALLS)),
    "asyncio-task": lambda: asyncio.run(per_await(lambda i: asyncio.ensure_future(give_back_async(i)), CALLS)),
    "asyncio-to-thread": lambda: asyncio.run(per_await(lambda i: asyncio.to_thread(give_back, i), CALLS)),
    "concurrent.futures-threads": lambda: with_executor(concurrent.futures.ThreadPoolExecutor, CALLS),
    "concurrent.futures-processes": lambda: with_executor(concurrent.futures.ProcessPoolExecutor, PROCESS_CALLS),
    "prefect": prefect_calls,
}


def main():
    with tempfile.TemporaryDirectory(prefix="bench-prefect-", ignore_cleanup_errors=True) as home:
        # Before Prefect is imported: it reads its settings then.
        os.environ.update(PREFECT_HOME=home, PREFECT_LOGGING_LEVEL="WARNING", PREFECT_SERVER_ANALYTICS_ENABLED="false",
                          PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120", DO_NOT_TRACK="1")
        os.environ.pop("PREFECT_API_URL", None)
        for line in sys.stdin:
            print(round(KINDS[line.strip()](), 3), flush=True)


if __name__ == "__main__":
    main()
