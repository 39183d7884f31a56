"""Takes the pictures of the README from the running app: python assets/make_screenshots.py

Starts the playground on a free port with an empty folder for runs, drives it in headless Chromium (Debian's, or Playwright's
own), and writes assets/screenshots/*.png.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "assets" / "screenshots"
TIMELINE = "[data-position][data-count]"


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as runs:
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(ROOT / "playground" / "app.py"),
            "--server.port",
            str(port),
        ]
        server = subprocess.Popen(command, env={**os.environ, "DIFFUSION_PLAYGROUND_RUNS": runs})
        try:
            _wait_for(url + "/_stcore/health")
            OUT.mkdir(exist_ok=True)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium") or None, args=["--no-sandbox", "--disable-gpu"]
                )
                for name, scheme, take in (
                    ("start", "light", _start),
                    ("sampling", "dark", _sampling),
                    ("forward", "light", _forward),
                    ("training", "dark", _training),
                ):
                    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
                    page.set_default_timeout(300_000)
                    take(page, url)
                    page.screenshot(path=OUT / f"{name}.png")
                    page.close()
                browser.close()
        finally:
            server.terminate()
            server.wait(10)


def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("The playground did not start.")


def _middle(page: Page, share: float) -> None:
    """Put the playhead where something is to be seen."""
    count = int(page.locator(TIMELINE).first.get_attribute("data-count") or 1)
    slider = page.get_by_role("slider").locator("visible=true").last
    slider.focus()
    slider.press("Home")
    for _ in range(round(share * (count - 1))):
        slider.press("ArrowRight")
    page.wait_for_timeout(600)


def _start(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator(TIMELINE)).to_have_attribute("data-count", "51", timeout=60_000)
    _middle(page, 0.6)


def _forward(page: Page, url: str) -> None:
    page.goto(f"{url}/forward?data=emoji")
    expect(page.locator(TIMELINE)).to_be_visible(timeout=60_000)
    page.wait_for_timeout(1500)
    _middle(page, 0.3)


def _sampling(page: Page, url: str) -> None:
    page.goto(f"{url}/sampling?count=10&compare=1&b_sampler=ddpm")
    expect(page.get_by_text("Done after")).to_be_visible(timeout=300_000)
    page.wait_for_timeout(1500)
    _middle(page, 0.55)


def _training(page: Page, url: str) -> None:
    page.goto(f"{url}/training?steps=700")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("finished").first).to_be_visible(timeout=300_000)
    page.wait_for_timeout(2500)


if __name__ == "__main__":
    main()
