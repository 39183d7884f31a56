"""Ends training runs that have had their time, where many share a machine. What such a run has learned is kept."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.runs.service import TrainingService

LOOK = 2.0
"""Seconds between two looks."""


class Timekeeper:
    """Adds up how long each run is trained, also over pauses and from one resume to the next.

    Args:
        service: whose runs; what other processes train is theirs to end.
        seconds: that one run may take.
    """

    def __init__(self, service: TrainingService, seconds: float) -> None:
        self._service, self._most = service, seconds
        self._taken: dict[str, float] = {}

    def look(self, passed: float) -> None:
        """Note that so many seconds have passed since the last look, and end what has had its time."""
        run_id = self._service.trains()
        if run_id is None:
            return
        self._taken[run_id] = self._taken.get(run_id, 0.0) + passed
        if self._taken[run_id] >= self._most:
            self._service.stop(run_id)


def start(seconds: float) -> None:
    """Look after the runs of this process from now on, in a thread of its own."""
    threading.Thread(target=_keep, args=(seconds,), name="timekeeper", daemon=True).start()


def _keep(seconds: float) -> None:
    from playground import preload

    preload.wait()
    from engine.runs.service import service

    keeper, before = Timekeeper(service(), seconds), time.monotonic()
    while True:
        time.sleep(LOOK)
        now = time.monotonic()
        keeper.look(now - before)
        before = now
