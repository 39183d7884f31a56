"""The Forward and the Schedules lab in the running app: scrubbing, changing, drawing, links, phones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser

STATE = "(root) => ({ ...root.dataset, picture: root.querySelector('.dp-stage canvas').toDataURL() })"


@pytest.fixture(scope="module")
def server(run_streamlit) -> Iterator[str]:
    with run_streamlit(APP) as url:
        yield url


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()


def opened(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator(".dp-timeline[data-count]")).to_be_visible(timeout=90_000)
    expect(page.locator(".dp-body").first).to_be_visible(timeout=30_000)


def state(page: Page) -> dict[str, str]:
    return page.locator(".dp-timeline").evaluate(STATE)


def settled(page: Page) -> None:
    """Wait until Streamlit has finished its run."""
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=30_000)


def test_scrubbing_forward_moves_pictures_and_panels_without_a_request(page: Page, server: str) -> None:
    opened(page, f"{server}/forward?T=100")
    settled(page)
    assert state(page)["t"] not in ("0", "100")  # it opens where signal and noise can both be seen
    page.locator(".dp-scrubber").press("Home")
    expect(page.locator(".dp-where")).to_have_text("t = 0 of 100")
    before = state(page)["picture"]
    sent: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append("frame")))
    page.on("request", lambda request: sent.append(request.url))
    strip = page.locator(".dp-scrubber")
    box = strip.bounding_box()
    assert box
    page.mouse.move(box["x"] + 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10, steps=8)
    page.mouse.up()
    expect(page.locator(".dp-where")).to_have_text("t = 50 of 100")
    assert state(page)["picture"] != before
    expect(page.locator(".dp-formula").first).to_contain_text("50")
    page.keyboard.press("End")
    expect(page.locator(".dp-where")).to_have_text("t = 100 of 100")
    page.keyboard.press("Home")
    expect(page.locator(".dp-where")).to_have_text("t = 0 of 100")
    assert state(page)["picture"] == before
    assert [url for url in sent if not url.startswith("data:")] == []


def test_changing_the_schedule_changes_the_picture_and_the_link_and_keeps_the_playhead(page: Page, server: str) -> None:
    opened(page, f"{server}/forward?T=100")
    page.locator(".dp-scrubber").press("Home")
    for _ in range(5):
        page.keyboard.press("PageUp")
    expect(page.locator(".dp-where")).to_have_text("t = 50 of 100")
    before = state(page)["picture"]
    page.get_by_text("Cosine", exact=True).first.click()
    page.wait_for_url("**schedule=cosine**", timeout=15_000)
    page.wait_for_function(f"(old) => ({STATE})({ROOT}).picture !== old", arg=before, timeout=15_000)
    expect(page.locator(".dp-where")).to_have_text("t = 50 of 100")
    page.get_by_text("Both", exact=True).first.click()
    expect(page.locator(".dp-lane")).to_have_count(2, timeout=15_000)
    page.reload()
    expect(page.locator(".dp-lane")).to_have_count(2, timeout=60_000)


ROOT = (
    "[...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.dp-timeline')).find(Boolean)"
    " ?? document.querySelector('.dp-timeline')"
)


def test_a_bad_link_says_so(page: Page, server: str) -> None:
    opened(page, f"{server}/forward?T=abc&class_index=99")
    expect(page.get_by_text("which is not a whole number from 10 to 1000")).to_be_visible()
    expect(page.get_by_text("10 classes")).to_be_visible()
    expect(page.locator(".dp-where")).to_have_text(re.compile(r"^t = \d+ of 200$"))


def test_the_gauge_warns_and_its_button_rescales(page: Page, server: str) -> None:
    opened(page, f"{server}/schedules?T=50&rescale=0")
    expect(page.get_by_text("Signal left at t = T")).to_be_visible()
    page.get_by_role("button", name="Scale β by 1000 / T").click()
    expect(page.get_by_text("Signal left at t = T")).to_have_count(0, timeout=15_000)
    page.wait_for_function("!location.search.includes('rescale')", timeout=15_000)


def test_curves_can_be_taken_away(page: Page, server: str) -> None:
    page.goto(f"{server}/schedules")
    page.get_by_text("Larger curves with values").click()
    chart = page.locator(".js-plotly-plot").first
    chart.hover()
    with page.expect_download() as saved:
        chart.locator(".modebar-btn").click()
    assert saved.value.suggested_filename == "schedules.svg"
    with page.expect_download() as saved:
        page.get_by_role("button", name="All values (CSV)").click()
    assert saved.value.path().read_text().startswith("schedule,t,beta,alpha_bar,log_snr,sigma")


def test_a_curve_that_is_drawn_becomes_a_schedule(page: Page, server: str) -> None:
    opened(page, f"{server}/schedules?drawn=1&T=50")
    expect(page.locator(".dp-lane")).to_have_count(4, timeout=15_000)
    editor = page.locator(".dp-curve-editor")
    expect(editor).to_be_visible(timeout=15_000)
    handle = editor.locator(".dp-handle").nth(1)
    before = json.loads(editor.get_attribute("data-curve") or "[]")
    handle.focus()
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    page.wait_for_url("**points=**", timeout=15_000)
    after = json.loads(editor.get_attribute("data-curve") or "[]")
    assert after[1][1] == pytest.approx(before[1][1] - 0.05)
    expect(page.get_by_role("textbox", name="Points: t/T")).to_have_value("0,1; 0.3,0.65; 1,0", timeout=15_000)
    page.get_by_role("textbox", name="Points: t/T").fill("0,1; 0.5,0.4; 0.4,0")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The curve is unchanged.")).to_be_visible(timeout=15_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["forward?way=both&data=emoji&class_index=0", "schedules?drawn=1"])
def test_nothing_is_wider_than_a_phone(chromium: Browser, server: str, path: str, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    opened(page, f"{server}/{path}")
    settled(page)
    page.wait_for_timeout(500)
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 400
    expect(page.get_by_text("Settings and the other labs: the » at the top left.")).to_be_visible()
    context.close()
