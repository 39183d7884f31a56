"""Forward, Schedules, the Recorder and Start without a server: their settings, and the pictures that a browser draws."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from playground.labs.forward import job
from playground.labs.forward.controls import ForwardControls
from playground.labs.schedules import drawn
from playground.labs.shared import picture
from playground.static_site.build import build

pytestmark = pytest.mark.browser
LONG = 90_000
"""Milliseconds, on a busy machine."""
PIXELS = """([canvas], side) => {
  const g = canvas.getContext("2d");
  const middle = (k) => Math.floor((k + 0.5) * canvas.width / side);
  const read = (k) => g.getImageData(middle(k % side), middle(Math.floor(k / side)), 1, 1).data.slice(0, 3);
  return Array.from({ length: side * side }, (_item, k) => Array.from(read(k)));
}"""
"""The values of an enlarged picture, in the middle of each of its pixels."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the site, built once."""
    folder: Path = tmp_path_factory.mktemp("site") / "pages"
    build(folder, ["en"])
    return folder.as_uri()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert not wrong


def shown(page: Page, count: int, t: int) -> None:
    """The timeline, once it has that many positions and stands at that t."""
    expect(page.locator(f'.dp-timeline[data-count="{count}"][data-t="{t}"]')).to_be_visible(timeout=LONG)


@pytest.mark.parametrize(
    "controls",
    [ForwardControls(T=100, seed=3), ForwardControls(T=50, data="emoji", class_index=1, number=4, schedule="cosine")],
)
def test_a_picture_of_the_forward_page_is_the_lab_s(page: Page, site: str, controls: ForwardControls) -> None:
    asked = "&".join(f"{name}={value}" for name, value in controls.model_dump().items())
    t = controls.T // 2
    page.goto(f"{site}/forward.html?{asked}#timeline={t}")
    shown(page, controls.T + 1, t)
    (expected,) = job.noised(controls, picture.chosen(controls), [t])
    found = np.array(page.locator(".dp-stage canvas").evaluate_all(PIXELS, len(expected)))
    assert np.abs(found.reshape(*expected.shape[:2], 3) - expected.astype(int)).max() <= 1


def test_the_classes_of_the_forward_page_are_those_of_its_set(page: Page, site: str) -> None:
    page.goto(f"{site}/forward.html?T=10&class_index=9")
    classes = page.locator("#forward-class_index select")
    expect(classes).to_have_value("9", timeout=LONG)
    page.locator("#forward-data input[value=emoji]").check()
    expect(classes).to_have_value("7")
    expect(classes.locator("option:checked")).to_have_text("flags")
    expect(page.locator(".dp-formula .dp-symbol").first).to_be_visible(timeout=LONG)
    page.locator(".dp-formula .dp-symbol").first.hover()
    expect(page.locator(".dp-symbol-card")).to_be_visible()
    assert "data=emoji" in page.url
    assert "class_index=7" in page.url
    page.go_back()
    expect(classes.locator("option:checked")).to_have_text("9")
    page.goto(f"{site}/forward.html?T=107&schedule=cosine&data=upload")
    expect(page.locator(".site-notice")).to_have_count(2, timeout=LONG)  # of T, and of the upload
    expect(page.locator("#forward-T select")).to_have_value("100")


def test_a_file_that_is_missing_is_said(page: Page, site: str) -> None:
    page.route("**/pictures-emoji.js", lambda route: route.abort())
    page.goto(f"{site}/forward.html?T=10")
    shown(page, 11, 2)
    page.locator("#forward-data input[value=emoji]").check()
    expect(page.get_by_role("alert")).to_have_count(1, timeout=LONG)
    page.unroute("**/pictures-emoji.js")
    page.locator("#forward-number input").fill("3")
    page.locator("#forward-number input").press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".dp-timeline[data-count='11']")).to_be_visible(timeout=LONG)


def test_a_curve_is_drawn_and_a_bad_schedule_is_corrected(page: Page, site: str) -> None:
    page.goto(f"{site}/schedules.html?linear=0&cosine=0&sigmoid=0&T=20")
    expect(page.locator(".site-figure .site-notice")).to_be_visible(timeout=LONG)  # there is none to show
    expect(page.locator(".dp-strips")).to_be_hidden()
    page.locator("#schedules-drawn input").check()
    shown(page, 21, 10)
    handle = page.locator(".dp-handle").last  # at t = T
    handle.press("ArrowUp")
    gauge = page.locator(".site-gauge[data-schedule=drawn]")
    expect(gauge).to_have_attribute("data-state", "wrong", timeout=LONG)
    points = page.locator("#schedules-points input").input_value()
    assert drawn.parse_points(points)[-1][1] > 0
    gauge.get_by_role("button").click()
    expect(gauge).to_have_attribute("data-state", "zero", timeout=LONG)
    expect(page.locator("#schedules-zero select")).to_have_value("drawn")
    page.go_back()
    expect(gauge).to_have_attribute("data-state", "wrong", timeout=LONG)
    page.locator("#schedules-points input").fill("1,0")
    page.locator("#schedules-points input").press("Enter")
    expect(page.locator(".site-figure .site-notice")).to_contain_text(drawn.EXAMPLE, timeout=LONG)


def test_the_recordings_are_shown(page: Page, site: str) -> None:
    page.goto(f"{site}/recorder.html")
    expect(page.locator('.dp-recorder[data-id="recorded-x0"]')).to_be_visible(timeout=LONG)
    page.locator("#recorder-show input[value=x]").check()
    expect(page.locator('.dp-recorder[data-id="recorded-x"][data-loaded="9"]')).to_be_visible(timeout=LONG)
    page.goto(f"{site}/index.html#timeline=50")
    shown(page, 51, 0)
    expect(page.locator(".site-cards a").first).to_have_attribute("href", "learn.html")
    sample, prediction = (
        page.locator(".dp-stage canvas").nth(k).evaluate("(canvas) => canvas.toDataURL()") for k in (0, 1)
    )
    assert sample == prediction
