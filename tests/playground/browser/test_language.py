"""Both front ends in two languages: as the browser asks, as the link says, by the button in the head, and both at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from test_accessibility import CUT_TEXT

from engine.language import _, speaking
from playground.labs.forward import text as forward
from playground.labs.guidance import text as guidance
from playground.labs.home.text import LABS

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit, run_gradio) -> Iterator[str]:
    with run_streamlit(APP) if request.param == "streamlit" else run_gradio() as url:
        yield url


def _in_chinese(text: str) -> str:
    with speaking("zh"):
        said = _(text)
    assert said != text
    return said


def _is_in(page: Page, tag: str, title: str) -> None:
    """Wait until the page is the one with that heading, in that language."""
    expect(page.get_by_role("heading", level=1)).to_have_text(title if tag == "en" else _in_chinese(title))
    page.wait_for_function("tag => document.documentElement.lang === tag", arg=tag)


def test_the_language_is_that_of_the_browser_and_stands_in_the_link(chromium: Browser, server: str) -> None:
    page = chromium.new_context(locale="zh-CN").new_page()
    page.goto(f"{server}/forward")
    _is_in(page, "zh", forward.TITLE)
    page.wait_for_function("new URLSearchParams(location.search).get('lang') === 'zh'")
    page.get_by_text(_in_chinese("Cosine"), exact=True).first.click()  # a change that the server answers
    page.wait_for_function("location.search.includes('schedule=cosine') && location.search.includes('lang=zh')")
    expect(page.get_by_role("img", name=_in_chinese("Signal-to-noise ratio"))).to_be_visible()
    page.get_by_role("link", name=_in_chinese("Guidance"), exact=True).first.click()
    _is_in(page, "zh", guidance.TITLE)
    page.wait_for_function("location.search.includes('lang=zh')")
    page.context.close()


def test_the_button_changes_the_language_and_nothing_else(page: Page, server: str) -> None:
    page.goto(f"{server}/forward?number=12")
    _is_in(page, "en", forward.TITLE)
    expect(page.locator(".dp-timeline canvas").first).to_be_visible()
    page.get_by_text("中文", exact=True).click()
    _is_in(page, "zh", forward.TITLE)
    number = page.get_by_role("spinbutton", name=_in_chinese("Number in its class")).first
    expect(number).to_have_value("12")
    expect(page.get_by_role("button", name=_in_chinese("Play"), exact=True).first).to_be_visible()
    page.get_by_text("English", exact=True).click()
    _is_in(page, "en", forward.TITLE)
    page.wait_for_function("location.search.includes('number=12') && !location.search.includes('lang=zh')")
    expect(page.get_by_role("spinbutton", name="Number in its class").first).to_have_value("12")


def test_two_visitors_read_two_languages_at_once(chromium: Browser, server: str) -> None:
    pages = {tag: chromium.new_context().new_page() for tag in ("en", "zh")}
    for tag, page in pages.items():
        page.goto(f"{server}/sampling?model=ideal:digits&steps=5&count=2&lang={tag}")
    for tag, page in pages.items():
        expect(page.get_by_text("Done after" if tag == "en" else "完成").first).to_be_visible(timeout=60_000)
    for tag, page in pages.items():
        words = (
            page.get_by_role("main").inner_text()
            if page.get_by_role("main").count()
            else page.locator("body").inner_text()
        )
        assert ("Predicted" in words or "prediction" in words) == (tag == "en")
        assert ("预测" in words) == (tag == "zh")
        page.context.close()


OVERLAPS = """() => {
  const button = document.querySelector(".dp-language, .st-key-reader button").getBoundingClientRect();
  return [...document.querySelectorAll(".nav-holder a, [data-testid=stTopNav] a")].filter((link) => {
    const box = link.getBoundingClientRect();
    const isBeside = box.right <= button.left || box.left >= button.right;
    const row = link.closest("nav")?.getBoundingClientRect() ?? box; // a long row of links is scrolled in it
    const isSeen = box.right > row.left && box.left < row.right && row.right > button.left;
    return box.width && isSeen && !isBeside && box.bottom > button.top && box.top < button.bottom;
  }).map((link) => link.textContent);
}"""
"""Links of the head that lie under the button."""


@pytest.mark.parametrize("tag", ["en", "zh"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_button_covers_no_link(chromium: Browser, server: str, width: int, tag: str) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(f"{server}/forward?lang={tag}")
    _is_in(page, tag, forward.TITLE)
    expect(page.locator(".dp-language, .st-key-reader button")).to_be_visible()
    page.wait_for_function(f"({OVERLAPS})().length === 0")
    context.close()


@pytest.mark.parametrize("lab", ["", *(address for address, *_rest in LABS)])
def test_no_chinese_text_is_cut_on_a_phone(chromium: Browser, server: str, lab: str) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{server}/{lab}?lang=zh")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_function("document.documentElement.lang === 'zh'")
    expect(page.locator(".dp-root:visible, img:visible").first).to_be_visible()
    page.wait_for_function(f"({CUT_TEXT})().length === 0")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 1
    context.close()
