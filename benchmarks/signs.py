"""How long a page is without a sign of life when a server that has just started is asked for it, in both front ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.chromium import ROOT, free_port, gradio, moment, new_page, streamlit
from benchmarks.figures import Figure
from playground.labs.home.text import LABS

APP = ROOT / "playground" / "app.py"
PAGES = ("", *(address for address, *_ in LABS))
Start = Callable[[int], AbstractContextManager[float]]


def signs(browser: Browser, folder: Path, starts: int) -> list[Figure]:
    """Every page of both front ends, each on a server of its own; and the first picture of the Sampling lab."""
    env = {"DIFFUSION_PLAYGROUND_RUNS": str(folder / "runs")}
    kinds: dict[str, Start] = {
        "Streamlit": lambda port: streamlit(APP, port, env),
        "Gradio": lambda port: gradio(port, env),
    }
    figures = [
        Figure(f"Longest time without title or placeholder, {name}, each page", _without(browser, start), "s", goal=1)
        for name, start in kinds.items()
    ]
    page = new_page(browser)
    seconds = []
    for _ in range(starts):
        port = free_port()
        with kinds["Streamlit"](port) as spawned:
            page.goto(f"http://127.0.0.1:{port}/sampling", wait_until="commit")
            seconds.append(moment(page, "inked()") - spawned)
            page.goto("about:blank")
    page.context.close()
    return [*figures, Figure("Sampling: first picture, from `streamlit run`", tuple(seconds), "s", "median", 5)]


def _without(browser: Browser, start: Start) -> tuple[float, ...]:
    """Seconds, for each page."""
    values = []
    for address in PAGES:
        port = free_port()
        page = new_page(browser)
        page.add_init_script("stopwatch.watchSigns()")
        with start(port):
            page.goto(f"http://127.0.0.1:{port}/{address}", wait_until="commit")
            moment(page, "text('h1', '')")
            page.wait_for_timeout(3000)  # a page that empties itself does so here
            values.append(float(page.evaluate("() => stopwatch.withoutSign")) / 1000)
        page.context.close()
    return tuple(values)
