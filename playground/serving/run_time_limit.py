"""Stops training runs that have used up their time, where many share a machine. What such a run has learned is kept."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.runs.service import TrainingService

PERIOD = 2.0
"""Seconds between two checks."""


class RunTimeLimit:
    """Adds up how long each run is trained, also over pauses and from one resume to the next.

    Args:
        service: whose runs; those that other processes train are not stopped here.
        seconds: that one run may take.
    """

    def __init__(self, service: TrainingService, seconds: float) -> None:
        self._service, self._most = service, seconds
        self._used: dict[str, float] = {}

    def check(self, passed: float) -> None:
        """Count `passed` seconds for the run that is trained, and stop it where it has used up its time."""
        run_id = self._service.trains()
        if run_id is None:
            return
        self._used[run_id] = self._used.get(run_id, 0.0) + passed
        if self._used[run_id] >= self._most:
            self._service.stop(run_id)


def start(seconds: float) -> None:
    """Limit the runs of this process from now on, in a thread of its own."""
    threading.Thread(target=_watch, args=(seconds,), name="run time limit", daemon=True).start()


def _watch(seconds: float) -> None:
    from playground import preload

    preload.wait()
    from engine.runs.service import service

    limit, before = RunTimeLimit(service(), seconds), time.monotonic()
    while True:
        time.sleep(PERIOD)
        now = time.monotonic()
        limit.check(now - before)
        before = now
