"""The sweep of the Guidance lab in the reader's browser: the same grid as the server's, in both front ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser
LONG = 120_000
"""Milliseconds, on a busy machine."""
LINK = "guidance?across_values=0,1,3&down=steps&down_values=2,3&pictures=2"
"""Batches with one prediction and with both, and with two numbers of steps."""


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit, run_gradio) -> Iterator[str]:
    with run_streamlit(APP) if request.param == "streamlit" else run_gradio() as url:
        yield url


def _open(chromium: Browser, server: str, wanted: str, tag: str = "en-US") -> Page:
    page = chromium.new_page(locale=tag)
    page.set_default_timeout(LONG)
    page.context.add_init_script(f"localStorage.setItem('dp-where', '{wanted}')")
    page.goto(f"{server}/{LINK}")
    return page


def _grid(page: Page) -> NDArray[np.int64]:
    """What the lane shows at the end of the trajectory."""
    expect(page.locator('.dp-timeline[data-live="false"]:not([data-count="1"])')).to_be_visible(timeout=LONG)
    read = (
        """canvas => [canvas.width, ...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]"""
    )
    width, *pixels = page.locator(".dp-lanes canvas").first.evaluate(read)
    return np.array(pixels).reshape(-1, width, 4)[..., :3]


@pytest.mark.parametrize("tag", ["en-US", "zh-CN"])
def test_the_grid_is_that_of_the_server(chromium: Browser, server: str, tag: str) -> None:
    page = _open(chromium, server, "browser", tag)
    expect(page.locator('.dp-live-sweep[data-drawn="whole"]')).to_be_visible(timeout=LONG)
    ours = _grid(page)
    assert page.evaluate("dpFacts['guidance.state']") == "finished"
    page.context.close()
    page = _open(chromium, server, "server", tag)
    theirs = _grid(page)
    assert not page.locator(".dp-live-sweep").count()
    page.context.close()
    assert ours.shape == theirs.shape
    apart = np.abs(ours - theirs)
    assert np.quantile(apart, 0.99) <= 3  # of 255, with weights in half precision
    assert theirs.std() > 40  # digits, and no empty grid


def test_what_needs_the_judge_stays_on_the_server(chromium: Browser, server: str) -> None:
    page = _open(chromium, server, "browser")
    expect(page.locator('.dp-live-sweep[data-drawn="whole"]')).to_be_visible(timeout=LONG)
    page.get_by_text("Trace", exact=True).click()
    expect(page.locator("[data-facts*=finished]").first).to_be_attached(timeout=LONG)
    expect(page.locator(".dp-place-line")).to_be_hidden()
    page.context.close()
