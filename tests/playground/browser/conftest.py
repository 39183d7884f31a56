"""A browser and servers for the tests that drive the running app."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from servers import SLOW, RunServer, free_port, serve

RERUNS = 1 if os.environ.get("CI") else 0
"""What fails in a browser is tried once more on the machine that checks every change, as Playwright advises: a click may fall
into the moment in which a busy page changes. The report names what passed only then."""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if RERUNS and item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=RERUNS))


SERVER = "try { localStorage['dp-where'] ||= 'server'; } catch {}"
"""As if every reader had chosen it: a lab then samples on the server. A later script of a test may choose otherwise."""


def _on_server(browser: Browser) -> Browser:
    new_context = browser.new_context

    def context(**options: Any) -> BrowserContext:
        made = new_context(**options)
        made.add_init_script(SERVER)
        return made

    browser.new_context = context  # type: ignore[method-assign]
    browser.new_page = lambda **options: context(**options).new_page()  # type: ignore[method-assign]
    return browser


def _executable(own: str) -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    return own if Path(own).exists() else None


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Headless Chromium: the one on PATH, or Playwright's own, which is installed where there is none.

    A new one for each file: as long as it is there, asyncio's loop runs in this thread, and other tests need it free.
    """
    with sync_playwright() as playwright:
        path = _executable(playwright.chromium.executable_path)
        if path is None:  # a fresh machine: the test command does its own set-up
            installed = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
            path = _executable(playwright.chromium.executable_path)
            if installed.returncode or path is None:
                pytest.fail("No Chromium, and none could be installed. On Debian: apt-get install chromium.")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield _on_server(browser)
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A window of a visitor of its own; no error may happen in it."""
    context = chromium.new_context(viewport={"width": 1300, "height": 1000})
    context.set_default_timeout(SLOW)
    expect.set_options(timeout=SLOW)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"{error}\n{error.stack}"))
    yield page
    context.close()
    assert not errors


@contextmanager
def _run_streamlit(script_path: Path, port: int | None = None, env: Mapping[str, str] | None = None) -> Iterator[str]:
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script_path), "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true", "--server.fileWatcherType", "none"]
    command += ["--browser.gatherUsageStats", "false"]
    with serve(command, f"http://127.0.0.1:{port}/_stcore/health", env):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def run_streamlit() -> RunServer:
    """`with run_streamlit(script_path, port=None, env=None) as url:` serves a script; without a port, on a free one."""
    return _run_streamlit


@contextmanager
def _run_gradio(
    port: int | None = None, env: Mapping[str, str] | None = None, args: Sequence[str] = ()
) -> Iterator[str]:
    port = port or free_port()
    command = [sys.executable, "-m", "playground.gradio_ui", "--port", str(port), *args]
    with serve(command, f"http://127.0.0.1:{port}/", env):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def run_gradio() -> RunServer:
    """`with run_gradio(port=None, env=None, args=()) as url:` serves the Gradio app; without a port, on a free one."""
    return _run_gradio
