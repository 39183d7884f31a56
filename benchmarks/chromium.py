"""Servers of both apps, a headless Chromium, and a stopwatch that runs inside the page."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
STOPWATCH = Path(__file__).with_name("stopwatch.js").read_text(encoding="utf-8")
PATIENCE = 60_000
"""Milliseconds after which something that does not happen ends the measurement."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The one on PATH, or Playwright's own. Raises Playwright's Error where there is neither."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def streamlit(script: Path, port: int, env: Mapping[str, str] | None = None) -> AbstractContextManager[float]:
    """`streamlit run script`; see `serving`."""
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true", "--browser.gatherUsageStats", "false"]
    return serving(command, port, env)


def gradio(port: int, env: Mapping[str, str] | None = None) -> AbstractContextManager[float]:
    """The Gradio app as Spaces starts it; see `serving`."""
    return serving([sys.executable, str(ROOT / "playground" / "gradio_app.py"), "--port", str(port)], port, env)


@contextmanager
def serving(command: list[str], port: int, env: Mapping[str, str] | None = None) -> Iterator[float]:
    """A server from its spawn to its end; gives the wall-clock time of the spawn once it listens.

    Raises RuntimeError where the server does not come up.
    """
    spawned = time.time()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _listens(port):
            if process.poll() is not None or time.time() - spawned > PATIENCE / 1000:
                raise RuntimeError(f"The server did not start: {' '.join(command)}")
            time.sleep(0.01)
        yield spawned
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def new_page(browser: Browser) -> Page:
    """An empty page of a fresh profile, as large as a small laptop's."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(STOPWATCH)
    return page


def moment(page: Page, condition: str) -> float:
    """Wall-clock time at which a condition of stopwatch.js is met, as the page itself sees it, in seconds."""
    script = f"() => stopwatch.{condition} && performance.timeOrigin + performance.now()"
    handle = page.wait_for_function(script, polling="raf", timeout=PATIENCE)
    return float(handle.json_value()) / 1000


def answer_time(page: Page, condition: str, act: Callable[[], None]) -> float:
    """Milliseconds from the key or pointer that `act` presses to the frame in which the condition is met."""
    page.evaluate(f"() => stopwatch.start(stopwatch.{condition}, {PATIENCE})")
    act()
    milliseconds = page.evaluate("() => stopwatch.answer")
    if milliseconds is None:
        raise RuntimeError(f"The page never answered: {condition}, {page.url}")
    return float(milliseconds)


def at_rest(page: Page) -> None:
    """Wait until the script has run to its end and the browser has drawn what came of it."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(250)
