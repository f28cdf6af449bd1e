# SPDX-License-Identifier: Apache-2.0
"""Concurrency limits: never more than they allow, in the order of waiting, across programs, and free when holders are gone."""
import pytest
from support import eventually


def trace(home):
    file = home.work / "trace"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def most_at_once(home):
    """How many had begun and not ended, at most; every one has ended."""
    now = most = 0
    for what, _ in trace(home):
        now += {"begin": 1, "end": -1}.get(what, 0)
        most = max(most, now)
    assert now == 0
    return most


def gcl(home, *args):
    ended = home.weir("gcl", *args)
    assert ended.code == 0, ended
    return ended


def slots(store):
    return store.count("slot")


def waiting(home):
    with home.store() as store:
        return store.count("slot_waiter")


def let_go(home, name):
    (home.work / name).touch()


def flow_of(home, *args, **options):
    """Start a flow of the program `slots`."""
    flow, *parameters = args
    return home.start("slots", "run", flow, *[word for parameter in parameters for word in ("--param", parameter)], **options)


# --- Tags ---


@pytest.mark.parametrize("mode", ["thread", "async"])
def test_a_limit_on_a_tag_is_never_exceeded(home, mode):
    assert home.weir("concurrency-limit", "create", "db", "2").code == 0
    ended = home.flow("slots", "mapped", mode=mode, count=8, env={"WEIR_THREADS": "8"})
    assert ended.code == 0, ended
    assert len(trace(home)) == 16
    assert most_at_once(home) <= 2
    with home.store() as store:
        run = store.flow_run("mapped")
        states = [task["states"] for task in store.task_runs(run["id"])]
        assert slots(store) == 0 and store.count("slot_waiter") == 0
        message = "Concurrency limit reached for tags: db"
        assert store.count("task_run_state", "name = 'AwaitingConcurrencySlot' AND message <> ?", message) == 0
        assert message in store.messages(run["id"])
        store.check()
    assert all(state in (["Pending", "Running", "Completed"],
                         ["Pending", "AwaitingConcurrencySlot", "Running", "Completed"]) for state in states), states
    assert ["Pending", "AwaitingConcurrencySlot", "Running", "Completed"] in states


def test_tags_without_a_limit_ask_nobody(home):
    assert home.weir("concurrency-limit", "create", "other", "1").code == 0
    ended = home.flow("slots", "mapped", count=4, env={"WEIR_THREADS": "4"})
    assert ended.code == 0, ended
    with home.store() as store:
        assert all(task["states"] == ["Pending", "Running", "Completed"] for task in store.task_runs())


def test_two_tags_are_taken_together(home):
    assert home.weir("concurrency-limit", "create", "db", "3").code == 0
    assert home.weir("concurrency-limit", "create", "net", "1").code == 0
    ended = home.flow("slots", "mapped", mode="two", count=4, env={"WEIR_THREADS": "4"})
    assert ended.code == 0, ended
    assert most_at_once(home) == 1


def test_a_limit_of_nothing_fails_the_run(home):
    assert home.weir("concurrency-limit", "create", "db", "0").code == 0
    ended = home.flow("slots", "mapped", count=1)
    assert ended.code == 1, ended
    assert trace(home) == []
    with home.store() as store:
        [task] = store.task_runs()
        assert task["states"] == ["Pending", "Failed"]
        assert store.last_state("task_run", task["id"])["message"] == (
            'The concurrency limit on tag "db" is 0 and will deadlock if the task tries to run again.')


def test_a_limit_that_comes_while_the_program_runs(home):
    """The program has looked at the limits before this one was made."""
    assert home.weir("concurrency-limit", "create", "other", "1").code == 0
    program = flow_of(home, "serial", "count=100000")
    eventually(lambda: len(trace(home)) >= 2, "some tasks have run")

    def held():
        with home.store() as store:
            return slots(store)

    assert held() == 0
    assert home.weir("concurrency-limit", "create", "db", "1").code == 0
    eventually(held, "a task takes a slot")
    assert home.weir("concurrency-limit", "delete", "db").code == 0
    eventually(lambda: not held(), "no task takes one any more")
    program.kill()


def test_cancelled_waiters_leave_the_queue(home):
    assert home.weir("concurrency-limit", "create", "db", "1").code == 0
    program = flow_of(home, "mapped", "count=3", "seconds=60", env={"WEIR_THREADS": "3"})
    home.store_when_there().db.close()
    eventually(lambda: waiting(home) == 2, "two wait")
    with home.store() as store:
        run = store.flow_run("mapped")
    assert home.weir("flow-run", "cancel", run["id"]).code == 0
    program.wait()
    with home.store() as store:
        assert store.flow_run("mapped")["state_type"] == "CANCELLED"
        assert store.count("slot_waiter") == 0 and slots(store) == 0
        assert {task["state_type"] for task in store.task_runs()} == {"CANCELLED"}
        store.check()


# --- Asked for by functions ---


def test_who_waited_longest_comes_first(home):
    gcl(home, "create", "db", "--limit", "1")
    program = flow_of(home, "ordered", env={"WEIR_THREADS": "9"})
    for number in range(8):
        program.line(f"started {number}")
        eventually(lambda count=number + 1: waiting(home) == count, f"{number} stands in the queue")
        let_go(home, f"waits-{number}")
    ended = program.wait()
    assert ended.code == 0, ended
    assert [who for what, who in trace(home) if what == "has"] == [str(number) for number in range(8)]


def test_programs_share_a_limit(home):
    gcl(home, "create", "db", "--limit", "1")
    first = flow_of(home, "holder", "who=first", "until=go")
    first.line("has first")
    second = flow_of(home, "holder", "who=second", "until=go")
    second.line("asks")
    eventually(lambda: waiting(home) == 1, "the second one waits")
    assert [who for what, who in trace(home)] == ["first"]
    let_go(home, "go")
    assert first.wait().code == 0 and second.wait().code == 0
    assert trace(home) == [["has", "first"], ["gives", "first"], ["has", "second"], ["gives", "second"]]
    with home.store() as store:
        assert slots(store) == 0


def test_slots_of_a_killed_program_are_free_for_the_next_one(home):
    gcl(home, "create", "db", "--limit", "1")
    first = flow_of(home, "holder", "who=first")
    first.line("has first")
    first.kill()
    first.process.wait()
    with home.store() as store:
        assert slots(store) == 1
    assert home.flow("slots", "asker").result == "success"
    with home.store() as store:
        assert slots(store) == 0
        assert store.flow_run("holder")["state_type"] == "CRASHED"


def test_a_living_waiter_notices_that_the_holder_was_killed(home):
    """Nobody opens the store anew: the one that waits looks itself."""
    gcl(home, "create", "db", "--limit", "1")
    first = flow_of(home, "holder", "who=first")
    first.line("has first")
    second = flow_of(home, "holder", "who=second", "until=go")
    second.line("asks")
    eventually(lambda: waiting(home) == 1, "the second one waits")
    first.kill()
    first.process.wait()
    second.line("has second")
    let_go(home, "go")
    assert second.wait().code == 0


def test_a_killed_waiter_is_in_nobodys_way(home):
    gcl(home, "create", "db", "--limit", "2")
    first = flow_of(home, "holder", "who=first", "until=go")
    first.line("has first")
    second = flow_of(home, "holder", "who=second", "slots=2")
    second.line("asks")
    eventually(lambda: waiting(home) == 1, "the second one waits")
    third = flow_of(home, "holder", "who=third", "until=go")
    third.line("asks")
    eventually(lambda: waiting(home) == 2, "the third one waits behind it")
    second.kill()
    second.process.wait()
    third.line("has third")
    let_go(home, "go")
    assert first.wait().code == 0 and third.wait().code == 0


def test_a_raised_limit_lets_others_in(home):
    gcl(home, "create", "db", "--limit", "1")
    first = flow_of(home, "holder", "who=first", "until=go")
    first.line("has first")
    second = flow_of(home, "holder", "who=second", "until=go")
    eventually(lambda: waiting(home) == 1, "the second one waits")
    gcl(home, "update", "db", "--limit", "2")
    second.line("has second")
    let_go(home, "go")
    assert first.wait().code == 0 and second.wait().code == 0


def test_a_deleted_limit_lets_all_in(home):
    gcl(home, "create", "db", "--limit", "1")
    first = flow_of(home, "holder", "who=first", "until=go")
    first.line("has first")
    second = flow_of(home, "holder", "who=second", "until=go")
    eventually(lambda: waiting(home) == 1, "the second one waits")
    gcl(home, "delete", "db")
    second.line("has second")
    let_go(home, "go")
    assert first.wait().code == 0 and second.wait().code == 0


def test_a_lowered_limit_refuses_who_waits_for_more(home):
    gcl(home, "create", "db", "--limit", "2")
    first = flow_of(home, "holder", "who=first", "until=go")
    first.line("has first")
    second = flow_of(home, "holder", "who=second", "slots=2")
    eventually(lambda: waiting(home) == 1, "the second one waits")
    gcl(home, "update", "db", "--limit", "1")
    ended = second.wait()
    assert ended.code == 1, ended
    let_go(home, "go")
    assert first.wait().code == 0
    with home.store() as store:
        assert any("Slots requested is greater than the limit" in line for line in store.messages())


def test_waiting_within_a_time(home):
    gcl(home, "create", "db", "--limit", "1")
    first = flow_of(home, "holder", "until=go")
    first.line("has it")
    for seconds in (0, 0.2):
        assert home.flow("slots", "asker", seconds=seconds).result == "timed out"
    assert waiting(home) == 0
    let_go(home, "go")
    first.wait()
    assert home.flow("slots", "asker", seconds=0).result == "success"


def test_more_than_the_limit_has(home):
    gcl(home, "create", "db", "--limit", "2")
    assert home.flow("slots", "asker", slots=3).result == "over a limit"
    assert home.flow("slots", "asker", slots=0).result == "invalid argument"
    with home.store() as store:
        assert any("3 of 'db', which has 2" in message for message in store.messages())


def test_what_has_no_limit_is_not_limited(home):
    assert home.flow("slots", "asker", slots=1000).result == "success"


def test_giving_back_more_than_was_taken(home):
    gcl(home, "create", "db", "--limit", "1")
    ended = home.flow("slots", "generous")
    assert ended.result == 0, ended
    with home.store() as store:
        assert "gave back 1 of 3 slots of 'db': it held no more" in store.messages()
        assert slots(store) == 0


def test_rates_decay(home):
    gcl(home, "create", "api", "--limit", "2", "--slot-decay-per-second", "20")
    ended = home.flow("slots", "rated", count=6)
    assert ended.code == 0, ended
    assert len(trace(home)) == 6
    with home.store() as store:
        assert slots(store) == 0 and store.count("slot_waiter") == 0


def test_rates_need_a_decay(home):
    gcl(home, "create", "api", "--limit", "2")
    ended = home.flow("slots", "rated", count=1)
    assert ended.code == 1, ended
    with home.store() as store:
        assert any("do not have a decay configured: 'api'" in message for message in store.messages())


def test_an_attempt_that_is_given_up_holds_nothing(home):
    gcl(home, "create", "db", "--limit", "1")
    ended = home.flow("slots", "deaf", env={"WEIR_GRACE_SECONDS": "0.2"})
    assert ended.result == 0, ended


# --- Asking why ---


def test_why_tells_which_limit_and_who_holds_it(home):
    gcl(home, "create", "db", "--limit", "1")
    first = flow_of(home, "holder", "who=first", "until=go")
    first_id = first.line("asks ")
    first.line("has first")
    second = flow_of(home, "holder", "who=second", "until=go")
    second_id = second.line("asks ")
    eventually(lambda: waiting(home) == 1, "the second one waits")
    answer = home.weir_json("why", second_id)
    [cause] = [cause for cause in answer["because"] if "limit" in cause["cause"]]
    assert cause["cause"] == "it waits for 1 slot of the concurrency limit 'db': 1 of 1 is held"
    assert [holder["id"] for holder in cause["detail"]["held_by"]] == [first_id]
    assert cause["detail"]["before"] == 0
    let_go(home, "go")
    first.wait()
    second.wait()


def test_why_of_a_task_that_waits(home):
    assert home.weir("concurrency-limit", "create", "db", "1").code == 0
    program = flow_of(home, "mapped", "count=2", "seconds=60", env={"WEIR_THREADS": "2"})
    home.store_when_there().db.close()
    eventually(lambda: waiting(home) == 1, "one waits")

    def waiter():
        with home.store() as store:
            tasks = [task for task in store.task_runs() if task["state_name"] == "AwaitingConcurrencySlot"]
            return tasks and tasks[0]

    task = eventually(waiter, "it says so")
    answer = home.weir_json("why", task["id"])
    assert "waits for a slot" in answer["answer"]
    assert "1 slot of the concurrency limit 'tag:db'" in answer["because"][0]["cause"]
    assert home.weir("why", task["id"]).code == 0
    program.kill()


def test_the_command_line_shows_who_holds_slots(home):
    gcl(home, "create", "db", "--limit", "3")
    program = flow_of(home, "holder", "slots=2", "until=go")
    run_id = program.line("asks ")
    program.line("has it")
    limit = home.weir_json("gcl", "inspect", "db")
    assert (limit["limit"], limit["active_slots"], limit["waiting"]) == (3, 2, 0)
    assert [(holder["holder_id"], holder["slots"]) for holder in limit["holders"]] == [(run_id, 2)]
    assert run_id in gcl(home, "inspect", "db").stdout
    let_go(home, "go")
    program.wait()
