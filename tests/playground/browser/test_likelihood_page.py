"""A newcomer in the Likelihood lab, in both front ends."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=["gradio", "streamlit"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with (
        request.getfixturevalue("run_gradio")()
        if request.param == "gradio"
        else request.getfixturevalue("run_streamlit")(APP)
    ) as address:
        yield address


def _totals(bars: Locator) -> list[float]:
    """The lengths of the bars as they stand there."""
    return [float(bits) for bits in (bars.get_attribute("data-total") or "").split(",")]


def test_a_newcomer_in_the_lab(page: Page, url: str) -> None:
    page.goto(f"{url}/likelihood?pictures=2")
    bars = page.locator(".dp-stacked")
    expect(bars).to_have_attribute("data-bars", "3")  # there without a press
    expect(page.get_by_text("Done after 6 of 6")).to_be_visible()
    expect(page.get_by_text(re.compile("^2 of 2 images"))).to_be_visible()  # the bars, which come after that line
    # By keyboard: a part of a bar says what it is.
    parts = bars.locator("svg g[tabindex]")
    parts.first.focus()
    expect(bars).to_contain_text("diffusion, small variance, L₀:")
    page.keyboard.press("Tab")
    expect(bars).to_contain_text("diffusion, small variance, t = 2 … 8:")

    # What is seen can be taken away, and says the same.
    with page.expect_download() as download:
        bars.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    totals = [float(row["bits_per_dim"]) for row in rows if row["term"] == "total"]
    assert totals == pytest.approx(_totals(bars), abs=1e-3)
    assert all(0.5 < bits < 4 for bits in totals)
    for name, kind in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as download:
            bars.get_by_role("button", name=name).click()
        assert Path(download.value.path()).read_bytes().startswith(kind)

    # The interpolation of the latent variables moves in the browser.
    interpolation = page.locator(".dp-timeline")
    interpolation.locator(".dp-scrubber").focus()
    page.keyboard.press("End")
    expect(interpolation.locator(".dp-where")).to_have_text("100 % of the path")

    # The map of a training.
    page.get_by_text("Excess loss over training").first.click()
    heat = page.locator(".dp-heatmap")
    expect(heat).to_have_attribute("data-rows", "10")
    heat.locator(".dp-plot").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(heat).to_contain_text("above the Bayes-optimal loss")


def test_another_comparison_waits_for_its_button_and_a_bad_link_says_so(page: Page, url: str) -> None:
    page.goto(f"{url}/likelihood?pictures=2&compare=variance&blocks=21&data=emoji")
    expect(page.get_by_text("Timestep blocks = “21”")).to_be_visible()
    bars = page.locator(".dp-stacked")
    expect(bars).to_have_attribute("data-bars", "2")
    expect(page.get_by_text("There is no VAE of emoji yet").first).to_be_visible()
    expect(page.get_by_text("Done after 4 of 4")).to_be_visible()
    page.get_by_text("Digits", exact=True).first.click()
    expect(page.get_by_text("The settings have changed since")).to_be_visible()
    page.wait_for_url(re.compile(r"likelihood\?((?!data=).)*$"))
    page.get_by_role("button", name="Measure").click()
    expect(bars).to_have_attribute("data-bars", "3")


def test_stop_keeps_what_there_is(page: Page, url: str) -> None:
    page.goto(f"{url}/likelihood?pictures=150&blocks=200&seed=9")
    bars = page.locator(".dp-stacked")
    expect(bars).to_have_attribute("data-bars", re.compile("[123]"))
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped after")).to_be_visible()
    assert int(bars.get_attribute("data-bars") or 0) >= 1
