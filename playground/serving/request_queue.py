"""The queue of visitors' requests: one for each tab, first come, first served, and dropped when the tab is closed.

Admitted requests go through the network in common batches (`engine.runtime.batching`), so that they advance side by side.
Admission bounds what is in memory; a request that waits knows its place in the queue.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.runtime import allocator
from playground.labs.sampling.controls import Side
from playground.labs.sampling.job import SamplingJob
from playground.labs.shared.job import Job
from playground.serving import zerogpu

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe

GRACE = 10.0
"""Seconds that a request outlives its last session: a tab that is loaded again finds it."""
MOST_IMAGES = 640
"""Drawn at a time, over all requests: 40 visitors with 16 images each. Two cores take one step of so many guided digits in
about two seconds; with more, every page would seem to stand still."""
MOST_BYTES = 1_000_000_000
"""Of pictures kept for the visitors: of all requests that are being drawn, or have ended and are still shown."""
MOST_KEPT = 128
"""Requests that have ended and are still kept."""
TAB_LENGTHS = range(16, 201)
"""Letters of a tab's token. A shorter one could be guessed, and an empty one comes from a browser that has made none."""


class Request(SamplingJob):
    """A sampling request of one tab. Made by `RequestQueue.submit`.

    It is "running" also while it waits, with nothing done and no estimate of the time left.
    """

    def __init__(self, queue: RequestQueue, model: Model, recipes: dict[Side, Recipe]) -> None:
        self._queue = queue
        ended = lambda: queue._ended(self)  # noqa: E731
        super().__init__(secrets.token_hex(8), model, recipes, begin=False, on_end=ended, frames=zerogpu.frames)
        self.images = max(len(recipe.seeds) for recipe in recipes.values())  # the sides of a comparison take turns
        kept = sum(frames * len(recipes[side].seeds) for side, frames in self.totals.items())
        self.bytes = 3 * kept * math.prod(model.shape)  # a kept frame shows x_t, x̂0 and ε̂

    @property
    def place(self) -> int:
        """In the queue, 1 for the next; 0 while it is being drawn and when it has ended."""
        return self._queue._place(self)

    def stop(self) -> None:
        """End it. Its pictures so far stay; it evaluates the network at most once more."""
        super().stop()
        self._queue._stopped(self)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until it has ended and frees its room; False where it has not by then."""
        return self._queue._wait(self, timeout)


@dataclass(eq=False)
class _Tab:
    request: Request | None = None
    sessions: set[str] = field(default_factory=set)
    left_at: float = 0.0
    jobs: dict[str, Job[Any]] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    """What each of the jobs was started for."""


class RequestQueue:
    """Takes requests, admits them, and drops them. Every method may be called from any thread.

    Args:
        most_images, most_bytes, most_kept: see the constants. A request above these is drawn alone.
        grace: seconds.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        *,
        most_images: int = MOST_IMAGES,
        most_bytes: int = MOST_BYTES,
        most_kept: int = MOST_KEPT,
        grace: float = GRACE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_images, self._most_bytes, self._most_kept = most_images, most_bytes, most_kept
        self._grace, self._clock = grace, clock
        self._changed = threading.Condition(threading.RLock())
        self._tabs: dict[str, _Tab] = {}
        self._tab_of: dict[str, str] = {}
        self._queue: list[Request] = []
        self._drawn: set[Request] = set()
        self._kept: dict[Request, None] = {}  # those that have ended, the oldest first
        self._timer: threading.Timer | None = None

    # --- requests -------------------------------------------------------------------------------------------------

    def submit(self, tab: str, model: Model, recipes: dict[Side, Recipe]) -> Request:
        """Draw this for a tab, in place of its request before. Where no session is attached, grace begins.

        Args:
            tab: a token that the browser made at random and that it alone knows, see `attach`.
            model, recipes: as for a SamplingJob, and checked with `Visitor.check_drawing`.

        Raises:
            RecipeError, ModelError: where a recipe does not fit the model; the request before it goes on.
            ValueError: for a token that anybody could guess.
        """
        _check(tab)
        request = Request(self, model, recipes)
        with self._changed:
            there = self._tabs.setdefault(tab, _Tab(left_at=self._clock()))
            before, there.request = there.request, request
            if before is not None:
                self._forget(before)
            self._queue.append(request)
            self._admit()
            self._watch()
        return request

    def request(self, tab: str) -> Request | None:
        """The last request of this tab; None where there is none, or it was dropped."""
        with self._changed:
            return self._tabs.get(tab, _Tab()).request

    def withdraw(self, tab: str) -> None:
        """Stop the request of this tab and drop it, if there is one."""
        with self._changed:
            request = self._tabs.get(tab, _Tab()).request
            if request is not None:
                self._forget(request)

    # --- other work -----------------------------------------------------------------------------------------------

    def put(self, tab: str, lab: str, job: Job[Any], settings: object = None) -> None:
        """Keep a lab's job for a tab, in place of the one before it, which is stopped. It ends when the tab is gone.

        `settings` are those that its result depends on, see `is_for`. Raises ValueError for a token that anybody could guess.
        """
        _check(tab)
        with self._changed:
            there = self._tabs.setdefault(tab, _Tab(left_at=self._clock()))
            before, there.jobs[lab], there.settings[lab] = there.jobs.get(lab), job, settings
            self._watch()
        if before is not None:
            before.stop()

    def drop(self, tab: str, lab: str) -> None:
        """Stop a lab's job for a tab and drop it, if there is one."""
        with self._changed:
            job = self._tabs.get(tab, _Tab()).jobs.pop(lab, None)
        if job is not None:
            job.stop()

    def job(self, tab: str, lab: str) -> Job[Any] | None:
        """The job of this lab for that tab; None where there is none, or it was dropped."""
        with self._changed:
            return self._tabs.get(tab, _Tab()).jobs.get(lab)

    def is_for(self, tab: str, lab: str, settings: object) -> bool:
        """Whether the tab has a job of this lab, started for these settings: a link asks for its own, whatever was there."""
        with self._changed:
            there = self._tabs.get(tab, _Tab())
            return lab in there.jobs and there.settings.get(lab) == settings

    # --- sessions -------------------------------------------------------------------------------------------------

    def attach(self, tab: str, session: str) -> None:
        """A session shows this tab now, and no other one. Raises ValueError for a token that anybody could guess.

        Args:
            tab: the token that the browser keeps for as long as the tab is open (sessionStorage): unguessable, since it
                gives access to the tab's requests.
            session: of the front end; a tab that is loaded again has another one.
        """
        _check(tab)
        with self._changed:
            if self._tab_of.get(session) != tab:
                self.detach(session)
            self._tab_of[session] = tab
            self._tabs.setdefault(tab, _Tab()).sessions.add(session)

    def detach(self, session: str) -> None:
        """A session has ended. If it was the tab's last one, its request is stopped and dropped after the grace."""
        with self._changed:
            tab = self._tab_of.pop(session, None)
            there = self._tabs.get(tab) if tab is not None else None
            if there is not None:
                there.sessions.discard(session)
                there.left_at = self._clock()
                self._watch()

    def sweep(self) -> None:
        """Drop the tabs that have had no session for longer than the grace. A timer calls this."""
        with self._changed:
            self._timer = None
            for tab, there in list(self._tabs.items()):
                if not there.sessions and self._clock() >= there.left_at + self._grace:
                    del self._tabs[tab]
                    for job in there.jobs.values():
                        job.stop()
                    if there.request is not None:
                        self._forget(there.request)
            self._watch()
            is_empty = not self._tabs
        if is_empty:  # what a class has left in the heaps of forty threads would stay there, and grow with each class
            allocator.release_freed_memory()

    def _watch(self) -> None:
        """Start the timer where a tab has no session; there is one timer at most."""
        left = [there.left_at for there in self._tabs.values() if not there.sessions]
        if left and self._timer is None:
            self._timer = threading.Timer(max(0.0, min(left) + self._grace - self._clock()), self.sweep)
            self._timer.daemon = True
            self._timer.start()

    # --- the queue, under the lock --------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Start the next requests as long as they fit; ended ones are dropped for them, the oldest first."""
        while self._queue and self._fits(self._queue[0]):
            request = self._queue.pop(0)
            self._drawn.add(request)
            request.begin()
        held = sum(request.bytes for request in (*self._drawn, *self._kept))
        while self._kept and (held > self._most_bytes or len(self._kept) > self._most_kept):
            oldest = next(iter(self._kept))
            held -= oldest.bytes
            self._forget(oldest)

    def _fits(self, request: Request) -> bool:
        if not self._drawn:
            return True
        together = (*self._drawn, request)
        images, size = sum(one.images for one in together), sum(one.bytes for one in together)
        return images <= self._most_images and size <= self._most_bytes

    def _forget(self, request: Request) -> None:
        for there in self._tabs.values():
            if there.request is request:
                there.request = None
        request.stop()
        self._kept.pop(request, None)

    def _stopped(self, request: Request) -> None:
        """Take it out of the queue, if it is there; one that is being drawn leaves by itself, see `_ended`."""
        with self._changed:
            if request in self._queue:
                self._queue.remove(request)
                self._keep(request)
                self._admit()
                self._changed.notify_all()

    def _ended(self, request: Request) -> None:
        """Its thread has nothing more to do: the next may begin."""
        with self._changed:
            self._drawn.discard(request)
            self._keep(request)
            self._admit()
            self._changed.notify_all()

    def _keep(self, request: Request) -> None:
        if any(there.request is request for there in self._tabs.values()):
            self._kept[request] = None

    def _place(self, request: Request) -> int:
        with self._changed:
            return self._queue.index(request) + 1 if request in self._queue else 0

    def _wait(self, request: Request, timeout: float | None) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: request not in self._drawn and request not in self._queue, timeout)


def _check(tab: str) -> None:
    if len(tab) not in TAB_LENGTHS:
        raise ValueError(
            f"The token of a tab has {TAB_LENGTHS.start} to {TAB_LENGTHS.stop - 1} letters, made at random."
        )


_request_queue = RequestQueue()


def request_queue() -> RequestQueue:
    """The request queue of this process."""
    return _request_queue
