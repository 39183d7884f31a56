"""Forty visitors of one server, who draw without a pause for five minutes: no error, own pictures, bounded memory."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks import visitors as crowd
from engine.registry import open_model

VISITORS, STEPS = 40, 5
GROWTH = 1.1
"""Of the server's memory, from the middle of the time to its end."""


def cases() -> list[str]:
    """One."""
    return [f"{VISITORS} visitors for 5 minutes"]


def run(case: str, work: Path) -> tuple[str, int]:
    """Rounds of all of them, until the time is over."""
    model = open_model(crowd.MODEL)
    recipes = [crowd.recipe_of(model, 1, STEPS, k) for k in range(VISITORS)]
    own = [crowd.drawn(model, recipe) for recipe in recipes]
    minutes = float(case.split()[-2])
    memory, wrong, rounds = [], 0, 0
    with crowd.server() as (url, process):
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end or rounds < 2:
            done = asyncio.run(crowd.round_of(url, recipes, own))
            memory.append(process.memory_info().rss / 1e6)
            wrong, rounds = wrong + done.errors + done.wrong, rounds + 1
    problem = f"{wrong} errors or wrong pictures" if wrong else ""
    first, middle, last = memory[0], memory[len(memory) // 2], memory[-1]
    if last > GROWTH * middle:
        problem += f" the server has grown from {first:.0f} over {middle:.0f} to {last:.0f} MB"
    return problem.strip(), rounds * VISITORS
