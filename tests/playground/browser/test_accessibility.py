"""Every page of both front ends, measured by axe-core in both themes, on a desk and at a phone's width."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, TimeoutError, expect

from playground.labs.home.text import LABS

from servers import SLOW

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser
TITLES = {"": "Start"} | {address: title for address, _, title, _ in LABS}
COURSE = {"learn": "Learn", "teach": "Teach", "forward?lesson=1&at=0": "Forward", "forward?lesson=1&at=7": "Forward"}
"""Pages of the course, and a lab beside which a lesson stands: asking, with its figures covered, and checking."""
COMPUTES = {"sampling", "guidance", "likelihood", "points", "microscope", "xray"}
"""Labs that compute something when they are opened, and say how long it took."""
FIRST_FIGURE = {
    "training": "img",
    "schedules": ".dp-strips",
    "likelihood": ".dp-stacked",
    "learn": ".dp-course .dp-lesson",
    "teach": ".dp-lab, [class*=st-key-lab-card]",
} | dict.fromkeys([address for address in COURSE if "lesson" in address], ".dp-rail[data-step]")
SMALL_TEXT = """() => [...document.querySelectorAll("body *")].filter((e) =>
  [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())
  && !e.closest("svg, sub, sup, script, style, noscript")
  && e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && e.getBoundingClientRect().width > 1
  && parseFloat(getComputedStyle(e).fontSize) > 0 && parseFloat(getComputedStyle(e).fontSize) < 12
).map((e) => getComputedStyle(e).fontSize + " " + e.outerHTML.slice(0, 120))"""

CUT_TEXT = """() => {
  const all = [document, ...[...document.querySelectorAll("*")].map((e) => e.shadowRoot).filter(Boolean)].flatMap((root) => [...root.querySelectorAll("*")]);
  const scrolls = (e) => e && (/auto|scroll/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  return all.flatMap((e) => [...e.childNodes].filter((n) => n.nodeType === 3 && n.textContent.trim()).flatMap((text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    const isCut = range.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility({ visibilityProperty: true }) && !scrolls(e);
    return isCut ? [text.textContent.trim().slice(0, 80)] : [];
  }));
}"""  # noqa: E501
"""Text that ends beyond the right edge, where nothing scrolls to it."""
WRAPPED = """() => [...document.querySelectorAll(
  "[data-testid=stSidebar] [role=radiogroup], .sidebar fieldset .wrap"
)].filter((group) => {
  const boxes = [...group.querySelectorAll("label")].map((label) => label.getBoundingClientRect());
  const tops = boxes.filter((box) => box.width).map((box) => box.top);
  return tops.some((top) => Math.abs(top - tops[0]) > 3);
}).map((group) => "wraps: " + group.textContent)"""
ODD_NAME = re.compile(r"after after|\\[:._*]|\b[A-Z]{2,}[a-z]{3,}")
"""What a screen reader would stumble over: words run together, escapes, a word twice."""
LAB_LINKS = "[data-testid=stTopNav] a, [data-testid=stSidebarNav] a, .nav-holder a"


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit, run_gradio) -> Iterator[str]:
    with run_streamlit(APP) if request.param == "streamlit" else run_gradio() as url:
        yield url


def _settled(page: Page, lab: str) -> None:
    """Wait until the page shows what it computes when it is opened."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(FIRST_FIGURE.get(lab, ".dp-root canvas")).first).to_be_visible()
    if lab in COMPUTES:
        expect(page.get_by_text(re.compile("^Done after")).first).to_be_visible(timeout=3 * SLOW)
    if lab == "training":  # until it can be pressed, its button is pale
        expect(page.get_by_role("button", name=re.compile("Start training")).first).to_be_enabled()
    if lab == "recorder":  # its strips are named when they are drawn
        expect(page.locator(".dp-recorder[data-id] .dp-scrubber[aria-label]")).to_have_count(2)


def _serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical, a line for each element."""
    return [
        f"{violation['id']}: {node['html'][:140]} {[why['message'] for why in node['any'] + node['all'] + node['none']]}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def _dark(page: Page) -> None:
    """The dark theme, which Streamlit takes from the browser at once, and Gradio when a page is loaded."""
    page.add_style_tag(content="* { transition: none !important; }")  # a colour on its way has a contrast of its own
    page.emulate_media(color_scheme="dark")
    if page.locator(".gradio-container").count():
        page.evaluate("document.body.classList.add('dark')")
    dark = "getComputedStyle(document.querySelector('.stApp, .gradio-container')).colorScheme"
    page.wait_for_function(f"{dark} === 'dark' || document.body.classList.contains('dark')")


@pytest.mark.parametrize("lab", TITLES | COURSE)
def test_a_page_has_no_serious_finding_in_either_theme(page: Page, server: str, lab: str) -> None:
    page.goto(f"{server}/{lab}")
    _settled(page, lab)
    findings = [] if (TITLES | COURSE)[lab] in page.title() else [f"The tab is called {page.title()}."]
    if (count := page.get_by_role("heading", level=1).count()) != 1:
        findings.append(f"{count} headings of the first level")
    findings += _serious(page) + page.evaluate(SMALL_TEXT) + page.evaluate(WRAPPED)
    findings += [line for line in page.locator("body").aria_snapshot().splitlines() if ODD_NAME.search(line)]
    _dark(page)
    findings += _serious(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    with contextlib.suppress(TimeoutError):  # said below
        page.wait_for_function(f"({CUT_TEXT})().length === 0")
    findings += [f"cut at the right: {text}" for text in page.evaluate(CUT_TEXT)]
    assert not findings, "\n".join(findings)


def test_every_lab_is_in_sight_and_reached_by_keys(page: Page, server: str) -> None:
    for width in (1280, 960):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{server}/schedules")
        _settled(page, "schedules")
        expect(page.locator(LAB_LINKS)).to_contain_text(list(TITLES.values()))
        for link in page.locator(LAB_LINKS).all():
            expect(link).to_be_in_viewport(ratio=0.9)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to main content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1:focus, main:focus, [data-testid=stMain]:focus")).to_be_visible()
    page.locator(LAB_LINKS).first.focus()
    page.keyboard.press("Tab")
    ring = "(({outlineStyle: s, outlineWidth: w}) => [s, parseFloat(w)])(getComputedStyle(document.activeElement))"
    style, width = page.evaluate(ring)
    assert (style, width >= 2) == ("solid", True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    _settled(page, "schedules")
    if (menu := page.get_by_role("button", name="Expand sidebar")).count():
        menu.click()
    for link in page.locator(LAB_LINKS).all():
        expect(link).to_be_in_viewport(ratio=0.9)
