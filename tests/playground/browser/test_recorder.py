"""The Recorder, in both front ends: two strips, one map, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit, run_gradio) -> Iterator[str]:
    with run_streamlit(APP) if request.param == "streamlit" else run_gradio() as url:
        yield url


def test_scrubbing_both_times_asks_the_server_nothing(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(f"{server}/recorder")
    root = page.locator(".dp-recorder[data-id]")
    expect(root).to_be_visible()
    page.wait_for_timeout(1500)  # Gradio always keeps a request open: what the page itself loads is there by then
    total = int(root.get_attribute("data-total") or 0)
    assert total > 5
    expect(root).to_have_attribute("data-trained", str(total - 1))
    picture = "(root) => root.querySelector('canvas').toDataURL()"
    trained, denoised = root.locator(".dp-scrubber").all()

    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    before = root.evaluate(picture)
    trained.focus()
    page.keyboard.press("Home")
    expect(root).to_have_attribute("data-trained", "0")
    untrained = root.evaluate(picture)
    assert untrained != before
    denoised.focus()
    page.keyboard.press("ArrowLeft")
    assert root.evaluate(picture) != untrained

    # A finger on the map moves both.
    chart = root.locator(".dp-map")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, box["y"] + box["height"] - 3)
    page.mouse.down()
    expect(root).to_have_attribute("data-trained", str(total - 1))
    expect(root).to_have_attribute("data-denoised", "0")
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3, steps=5)
    page.mouse.up()
    assert root.evaluate(picture) == before
    assert [url for url in sent if not url.startswith(("data:", "blob:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_training_that_is_not_there_is_told(page: Page, server: str) -> None:
    page.goto(f"{server}/recorder?run=20000101-000000-00000000")
    expect(page.get_by_text("is not here")).to_be_visible()
    expect(page.locator(".dp-recorder[data-id]")).to_be_visible()
