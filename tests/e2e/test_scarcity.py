# SPDX-License-Identifier: Apache-2.0
"""Programs that run out of what the system gives, print too much, or use what is not theirs any more."""
import resource

from support import FAILED, sanitized, threads_of, without_preload


def test_out_of_descriptors(home):
    ended = home.flow("scarcity", "descriptors",
                      options={"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))})
    assert ended.code == 0, ended
    without_loop, without_pipes, with_loop, with_pipes = ended.result
    assert without_loop.startswith("Crashed") and "too many open files" in without_loop.lower(), without_loop
    assert "Too many open files" in without_pipes
    assert with_loop == "done"
    assert with_pipes["returncode"] == 0


def threads_needed(home):
    """How many threads a program starts before its pool has any."""
    for count in range(1, 12):
        if home.flow("scarcity", "threads", env=threads_of(count)).code == 0:
            return count
    raise AssertionError("it never works")


def test_out_of_threads(home):
    if without_preload("scarcity"):
        return
    least = threads_needed(home)
    # With fewer it ends with the reason and its exit status; with one in the pool all is done.
    ended = home.flow("scarcity", "threads", env=threads_of(0))
    assert ended.code not in (0, None) and "could not be started" in ended.stderr, ended
    assert "ulimit -u" in ended.stderr
    ended = home.flow("scarcity", "threads", env=threads_of(least))
    assert ended.result == ["done"] * 8
    # A loop for coroutines is one thread more than there are.
    ended = home.flow("scarcity", "loop", env=threads_of(least - 1))
    assert "could not be started" in str(ended.stderr) + str(ended.stdout), ended
    with home.store() as store:
        store.check()


def test_three_megabytes_without_a_line_break(home):
    ended = home.flow("scarcity", "printing")
    assert ended.code == 0, ended
    with home.store() as store:
        for task in store.task_runs():
            lines = [line["message"] for line in store.logs() if line["task_run_id"] == task["id"]]
            printed = "".join(line for line in lines if not line.startswith(("Finished", "Created")))
            assert len(printed) == 3 * 1024 * 1024 + len("the end")
            assert printed.endswith("zthe end") or printed.endswith("the end")
            assert max(map(len, lines)) <= 1024 * 1024


def test_bytes_that_are_no_text(home):
    ended = home.flow("scarcity", "bytes")
    assert ended.code == 0, ended
    assert ended.result == "Failed: failed with \ufffd"
    with home.store() as store:
        messages = store.messages()
    assert "bytes \ufffd\ufffd and text" in messages
    assert "printed \ufffd(" in messages


def test_a_dangling_parameter_is_found_by_the_address_sanitizer(home):
    name = "scarcity" if sanitized("scarcity") else "scarcity_asan"
    ended = home.flow(name, "dangling", env={"ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_leaks=0"})
    assert ended.code in (99, FAILED), ended
    assert "heap-use-after-free" in ended.stderr
