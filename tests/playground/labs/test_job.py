"""Jobs: results as they come, stopping, and errors in the reader's words."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from playground.labs.shared.job import Job, Partial, in_words
from playground.labs.shared.view import job_view


def test_results_are_seen_as_they_come_and_stay() -> None:
    go, seen = threading.Event(), threading.Event()

    def work() -> Iterator[Partial[str]]:
        yield Partial(1, 2, "half")
        seen.set()
        go.wait(10)
        yield Partial(2, 2, "whole")

    job = Job(work)
    assert seen.wait(10)
    half = job.state
    assert (half.is_running, half.result, half.fraction, half.version) == (True, "half", 0.5, 1)
    assert half.seconds_left is not None
    assert "1 of 2" in in_words(half)
    go.set()
    job.wait(10)
    whole = job.state
    assert (whole.status, whole.result, whole.version, whole.seconds_left) == ("finished", "whole", 2, None)
    assert job.state.seconds == whole.seconds  # its clock has stopped


def test_a_stopped_job_drops_its_iterator_and_keeps_what_there_was() -> None:
    closed, begun = threading.Event(), threading.Event()

    def work() -> Iterator[Partial[int]]:
        try:
            for k in range(10**9):
                yield Partial(k, 10**9, k)
                begun.set()
        finally:
            closed.set()

    job = Job(work)
    assert begun.wait(10)
    job.stop()
    assert job.state.status == "stopped"
    assert closed.wait(10)
    job.wait(10)
    assert job.state.result is not None
    assert in_words(job.state).startswith("Stopped")


def test_a_refusal_is_told_as_it_is_and_a_fault_with_a_sentence() -> None:
    def refuses() -> Iterator[Partial[int]]:
        yield Partial(1, 3, 7)
        raise ValueError("Take fewer cells.")

    def breaks() -> Iterator[Partial[int]]:
        yield from ()
        raise RuntimeError("out of memory")

    refused, broken = Job(refuses), Job(breaks)
    refused.wait(10)
    broken.wait(10)
    assert (refused.state.status, refused.state.error, refused.state.result) == ("failed", "Take fewer cells.", 7)
    assert broken.state.error.endswith(": out of memory")


def test_the_result_of_the_job_before_stays_until_there_is_another() -> None:
    first: Job[int] = Job(lambda: iter([Partial(1, 1, 7)]))
    assert first.wait(5)
    second: Job[int] = Job(lambda: iter([]), begin=False)
    second.replace(first)
    third: Job[int] = Job(lambda: iter([]), begin=False)
    third.replace(second)  # which was stopped before its first result
    assert (second.before, third.before) == (7, 7)
    assert second.state.status == "stopped"
    assert job_view(third.state, start="").is_waiting
    assert not job_view(first.state, start="").is_waiting
