"""The address of a page: the view of a component stands in it, and the browser's own buttons lead through it."""

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


def test_back_forward_and_reload_keep_settings_and_playhead(page: Page, server: str) -> None:
    page.goto(f"{server}/forward#timeline=3")
    timeline = page.locator(".dp-timeline")
    expect(timeline).to_have_attribute("data-position", "3")
    timeline.get_by_role("button", name="One frame forward").click()
    page.wait_for_function("location.hash === '#timeline=4'")
    _rest(page)
    number = page.get_by_role(
        "spinbutton", name="Number in its class"
    ).first  # one that is replaced may still stand below
    default = number.input_value()
    number.fill("12")
    number.press("Enter")
    page.wait_for_function("location.search === '?number=12'")
    page.wait_for_function("location.hash === '#timeline=4'")
    _rest(page)
    page.go_back()
    page.wait_for_function("location.search === ''")
    expect(number).to_have_value(default)
    page.go_forward()
    expect(number).to_have_value("12")
    page.wait_for_function("location.search === '?number=12'")
    page.reload()
    expect(number).to_have_value("12")
    expect(timeline).to_have_attribute("data-position", "4")
    timeline.get_by_role("button", name="First frame").click()
    page.wait_for_function("location.hash === '#timeline=0'")  # which is not where the page begins


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("sampling?count=1&steps={}", ".dp-timeline[data-t='0'][data-position='{}']"),
        ("guidance?view=trace&steps={}", ".dp-timeline[data-count='{}']"),
        ("likelihood?blocks=20&pictures={}", "text={0} of {0} images"),
    ],
)
def test_a_link_wins_over_what_the_tab_did_before(page: Page, server: str, link: str, shown: str) -> None:
    """A tab finds its results again over a reload; a link with other settings is not answered with them."""
    for number in (3, 4):
        page.goto(f"{server}/{link.format(number)}")
        expect(page.locator(shown.format(number))).to_be_attached()


def test_layers_and_the_position_of_attention_are_written_into_the_address(page: Page, server: str) -> None:
    page.goto(f"{server}/points?steps=5&particles=100#clouds=2")
    clouds = page.locator(".dp-points").first
    expect(clouds).to_have_attribute("data-position", "2")
    clouds.locator("[data-layer=arrows]").click()
    page.wait_for_function("location.hash === '#clouds=2.11'")
    clouds.locator("[data-layer=arrows]").click()
    page.wait_for_function("location.hash === '#clouds=2'")
    page.goto(f"{server}/xray")
    place = page.locator(".dp-xray section[data-query] canvas[role=application]")
    place.press("ArrowLeft")
    page.wait_for_function("/^#attention=\\d+\\.0\\.0\\.1$/.test(location.hash)")
    place.press("ArrowRight")
    page.wait_for_function("location.hash === ''")


def _rest(page: Page) -> None:
    """Until the last change is a second old: what follows at once belongs to the same entry of the history."""
    page.wait_for_function("start => performance.now() > start + 1200", arg=page.evaluate("performance.now()"))


@pytest.mark.parametrize(
    ("lab", "view", "root", "shown"),
    [
        ("", "timeline=20", ".dp-timeline", {"position": "20"}),
        ("sampling?steps=5", "timeline=2.3.0", ".dp-timeline", {"position": "2", "picked": "3"}),
        ("points", "clouds=7", ".dp-points", {"position": "7", "layers": "3"}),
        ("points", "clouds=7.9", ".dp-points", {"position": "7", "layers": "9"}),  # data and arrows
        ("xray", "attention=16.0.2.0", ".dp-xray section[data-query]", {"query": "16", "head": "2", "image": "0"}),
        ("recorder", "map=1.5.2", ".dp-recorder", {"trained": "1", "denoised": "5", "picked": "2"}),
    ],
)
def test_a_link_opens_the_view_that_it_names(
    page: Page, server: str, lab: str, view: str, root: str, shown: dict[str, str]
) -> None:
    page.goto(f"{server}/{lab}#{view}")
    for name, value in shown.items():
        expect(page.locator(root).first).to_have_attribute(f"data-{name}", value)
    page.keyboard.press("Tab")
    assert page.evaluate("location.hash") == f"#{view}"
