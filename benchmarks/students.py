"""The same class where every student's own browser samples: what is left for the server.

Its processor time is counted, not the clock, for all browsers are on this machine, a few at a time, each with an empty cache.
What the server takes at rest, with nobody there, is not counted.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import psutil
from playwright.sync_api import Browser, Page

from benchmarks.chromium import chromium, new_page
from benchmarks.figures import Figure
from benchmarks.visitors import PATIENCE, SCALE, Visit, visit
from engine.recipes.recipe import Recipe

SHARE_GOAL = 2.0
"""Per cent."""
PASSIVE = {"OMP_WAIT_POLICY": "passive"}
"""For the server: a thread that waits for another one does not count as work."""
AT_ONCE = 4
"""Browsers, each with its page and worker."""
REST = 5.0
"""Seconds in which the server is watched at rest."""
WAIT, RESTING = 0.3, 0.04
"""Seconds, and of the processor: a server that takes no more in that time has nothing to do."""


@dataclass
class Meter:
    """Seconds that a server and what it has started compute, beyond what they take at rest."""

    process: psutil.Process
    rest: float = 0.0
    """Seconds of the processor in each of the clock."""

    def processor(self) -> float:
        times = [one.cpu_times() for one in (self.process, *self.process.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def watch(self) -> None:
        """Take anew what the server takes at rest."""
        before, began = self.processor(), time.perf_counter()
        time.sleep(REST)
        self.rest = (self.processor() - before) / (time.perf_counter() - began)

    @contextmanager
    def counting(self, into: list[float]) -> Iterator[None]:
        """Append what is spent in the block, until the server is at rest again."""
        before, began = self.processor(), time.perf_counter()
        yield
        last, now = before, self.processor()
        while now - last > RESTING:
            time.sleep(WAIT)
            last, now = now, self.processor()
        into.append(now - before - self.rest * (time.perf_counter() - began))


def in_browsers(url: str, process: psutil.Process, recipes: list[Recipe], rounds: int) -> list[Figure]:
    """By turns: all of them drawn by the server, and each in a browser of its own. Raises RuntimeError where one is not."""
    meter, drawn, opened, own = Meter(process), [], [], []
    with chromium() as browser:
        _draw(url, recipes[:2])  # to warm up
        _sampled(browser, url, meter, recipes[:1])
        for number in range(rounds):
            meter.watch()
            with meter.counting(drawn):
                _draw(url, recipes)
            each = [
                _sampled(browser, url, meter, recipes[first : first + AT_ONCE])
                for first in range(0, len(recipes), AT_ONCE)
            ]
            opened.append(sum(opening for opening, _ in each))
            own.append(sum(sampling for _, sampling in each))
            print(
                f"Round {number + 1}: {drawn[-1]:.2f} s for pictures of the server, {own[-1]:.2f} s for those of the "
                f"browsers, {opened[-1]:.2f} s for their pages; {meter.rest:.3f} s a second at rest",
                flush=True,
            )
    return _figures(recipes, drawn, own, opened)


def _figures(recipes: list[Recipe], drawn: list[float], own: list[float], opened: list[float]) -> list[Figure]:
    first = recipes[0]
    who = f"{len(recipes)} students × {len(first.seeds)} images × {first.steps} steps, guided"
    shares = tuple(100 * browsers / server for browsers, server in zip(own, drawn, strict=True))
    return [
        Figure(f"{who}, drawn by the server: its processor time", tuple(drawn), "s", "median"),
        Figure("The same, each in the student's browser: processor time of the server", tuple(own), "s", "median"),
        Figure("The second ÷ the first", shares, "%", "median", SHARE_GOAL),
        Figure(
            "Opening their pages and choosing these settings, which is needed either way",
            tuple(opened),
            "s",
            "median",
        ),
    ]


def _draw(url: str, recipes: list[Recipe]) -> None:
    """All of them at the same time, by the server; Playwright has the event loop of this thread."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _asked(url, recipes)).result()


async def _asked(url: str, recipes: list[Recipe]) -> None:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits) as client:
        visits: list[Visit] = await asyncio.gather(*(visit(client, recipe, 0) for recipe in recipes))
    for one in visits:
        if one.problem:
            raise RuntimeError(one.problem)


def _sampled(browser: Browser, url: str, meter: Meter, recipes: list[Recipe]) -> tuple[float, float]:
    """Of the server: until the pages stand, and from then until each browser has drawn all of its recipe."""
    pages = [new_page(browser) for _ in recipes]
    for page in pages:
        page.add_init_script("localStorage.setItem('dp-where', 'server')")  # where it begins
    spent: list[float] = []
    try:
        with meter.counting(spent):
            for page, recipe in zip(pages, recipes, strict=True):
                # One image in one step, which the server draws as the page is opened, is not what is measured.
                page.goto(f"{url}/sampling?model={recipe.model}&steps=1&count=1&scale={SCALE:g}&seed={recipe.seeds[0]}")
            for page, recipe in zip(pages, recipes, strict=True):
                page.wait_for_selector('.dp-timeline[data-live="false"] canvas')
                _set(page, "Images", len(recipe.seeds))
                _set(page, "Steps", recipe.steps)
                page.wait_for_url(re.compile(f"steps={recipe.steps}(&|$)"))
        with meter.counting(spent):
            for page in pages:
                page.get_by_label("this browser").check()
            for page, recipe in zip(pages, recipes, strict=True):
                page.get_by_text(f"{len(recipe.seeds)} images in {recipe.steps} steps: ").wait_for()
        return spent[0], spent[1]
    finally:
        for page in pages:
            page.context.close()


def _set(page: Page, control: str, value: int) -> None:
    field = page.get_by_label(f"number input for {control}")
    field.fill(str(value))
    field.press("Tab")
