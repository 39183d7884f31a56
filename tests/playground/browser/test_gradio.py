"""The Gradio app in Chromium: what it shows, what a link opens, and that it shows what the Streamlit app shows."""

from __future__ import annotations

import base64
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from engine.settings import current
from playground.gradio_ui.page import SIDEBAR
from playground.labs.home.text import LABS
from playground.serving import request_queue as queue_module
from playground.serving.request_queue import RequestQueue, request_queue

from servers import ROOT, RunServer

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::Warning:gradio")]
DONE = re.compile(r"Done after \d+")
PIXELS = """root => {
  const canvases = [...root.querySelectorAll(".dp-lane canvas, .dp-stage canvas")];
  return [...new Set(canvases)].map((canvas) => canvas.toDataURL());
}"""


def at_rest(page: Page, timeline: Locator) -> list[str]:
    """The pictures at the last frame, once nothing changes them any more."""
    expect(timeline).to_have_attribute("data-position", str(int(timeline.get_attribute("data-count") or 0) - 1))
    before, now = [""], timeline.evaluate(PIXELS)
    while now != before:
        page.wait_for_timeout(300)
        before, now = now, timeline.evaluate(PIXELS)
    return list(now)


@pytest.fixture(scope="module")
def gradio_url(run_gradio: RunServer) -> Iterator[str]:
    with run_gradio() as url:
        yield url


@pytest.fixture(scope="module")
def streamlit_url(run_streamlit: RunServer) -> Iterator[str]:
    with run_streamlit(ROOT / "playground" / "app.py") as url:
        yield url


@pytest.fixture(scope="module")
def here() -> Iterator[str]:
    """The app in this very process, where its queue can be looked at. A tab is forgotten after a second."""
    from playground import preload
    from playground.gradio_ui import app

    before, queue_module._request_queue = queue_module._request_queue, RequestQueue(grace=1.0)
    demo = app.build()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        _, url, _ = demo.queue(default_concurrency_limit=None).launch(
            prevent_thread_lock=True, quiet=True, show_error=False, **app.appearance()
        )
        preload.start()
        yield url.rstrip("/")
    demo.close(verbose=False)
    queue_module._request_queue = before


def _decoded(address: str) -> npt.NDArray[np.int16]:
    """A picture in a data address."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"), np.int16)


def drawn(page: Page) -> Locator:
    """The Sampling page's timeline once its pictures are complete."""
    expect(page.get_by_text(DONE)).to_be_visible()
    timeline = page.locator(".dp-timeline")
    expect(timeline).not_to_have_attribute("data-live", "true")
    return timeline


def test_the_first_page_shows_digits_and_leads_to_every_lab(page: Page, gradio_url: str) -> None:
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    page.goto(gradio_url)
    expect(page.locator(".dp-timeline canvas").first).to_be_visible()
    labs = page.locator(".dp-lab")
    count = labs.count()
    assert count > len(LABS)  # and the ways in
    labs.filter(has_text="The forward process:").click()  # the whole card is the link
    expect(page).to_have_url(re.compile("/forward$"))
    expect(page.locator(".dp-lab").first).to_contain_text("Schedules")  # what is next
    expect(page.locator("#forward-timeline canvas").first).to_be_visible()
    links = page.locator("nav a").evaluate_all("all => all.map((one) => one.getBoundingClientRect().toJSON())")
    assert len(links) > len(LABS)
    assert min(link["left"] for link in links) >= SIDEBAR  # none is below it
    assert len({link["top"] for link in links}) == 1
    assert not [url for url in outside if not url.startswith((gradio_url, "data:", "blob:"))]


@pytest.mark.parametrize(
    ("address", "query"),
    [
        ("forward", "data=emoji&class_index=2&number=11&way=both&schedule=cosine&T=40&seed=3"),
        ("sampling", "labels=one&label=8&count=4&seed=5&steps=6&eta=0.5&scale=3"),
        ("sampling", "count=3&steps=5&compare=1&b_steps=4&b_scale=0"),
    ],
)
def test_a_link_shows_the_same_pixels_in_both(
    page: Page, gradio_url: str, streamlit_url: str, address: str, query: str
) -> None:
    pixels, links = [], []
    for url in (gradio_url, streamlit_url):
        page.goto(f"{url}/{address}?{query}")
        timeline = drawn(page) if address == "sampling" else page.locator(".dp-timeline")
        expect(timeline.locator("canvas").first).to_be_visible()
        page.keyboard.press("Tab")
        timeline.locator("[data-action=last]").click()
        pixels.append(at_rest(page, timeline))
        links.append(dict(part.split("=") for part in page.url.partition("#")[0].partition("?")[2].split("&")))
    assert links[0] == links[1] == current(dict(part.split("=") for part in query.split("&")))
    assert pixels[0]
    assert len(pixels[0]) == len(pixels[1])
    for one, other in zip(*pixels, strict=True):  # two sides that share a batch may differ in rounding
        assert np.abs(_decoded(one) - _decoded(other)).max() <= 3


def test_settings_go_into_the_link_and_out_of_it(page: Page, gradio_url: str) -> None:
    page.goto(f"{gradio_url}/forward?T=100000&data=emoji&nonsense=1")
    expect(page.get_by_text("not a whole number from 10 to 1000")).to_be_visible()
    timeline = page.locator("#forward-timeline")
    expect(timeline).to_contain_text("of 200")
    expect(page).to_have_url(re.compile(r"/forward\?data=emoji$"))
    number = page.locator("#forward-T input[type=number]")
    number.fill("60")
    number.press("Enter")
    expect(timeline).to_contain_text("of 60")
    expect(page).to_have_url(re.compile("T=60"))
    page.locator("#forward-schedule label", has_text="Cosine").click()
    expect(page).to_have_url(re.compile("schedule=cosine"))
    page.reload()
    expect(timeline).to_contain_text("of 60")
    expect(page.locator("#forward-schedule input[value=cosine]")).to_be_checked()
    explained = page.get_by_text("The Schedules lab compares them.")
    assert explained.evaluate("node => getComputedStyle(node).fontSize") == "0px"
    page.get_by_text("Explain the settings").click()
    assert explained.evaluate("node => getComputedStyle(node).fontSize") != "0px"


def test_a_picture_of_ones_own_and_a_file_that_is_none(page: Page, gradio_url: str, tmp_path: Path) -> None:
    page.goto(f"{gradio_url}/forward?data=upload&T=20")
    expect(page.get_by_text("Choose an image file above")).to_be_visible()
    timeline = page.locator("#forward-timeline")
    before = timeline.evaluate(PIXELS)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    page.locator("#forward-file input[type=file]").set_input_files(broken)
    expect(page.get_by_text("The previous image is still shown.")).to_be_visible()
    assert timeline.evaluate(PIXELS) == before
    page.get_by_label("Remove this file").or_(page.locator("#forward-file button[aria-label='Clear']")).first.click()
    page.locator("#forward-file input[type=file]").set_input_files(ROOT / "assets" / "screenshots" / "start.png")
    expect(page.get_by_text("The previous image is still shown.")).to_be_hidden()
    page.wait_for_function(
        "before => document.querySelector('#forward-timeline .dp-stage canvas').toDataURL() !== before", arg=before[0]
    )


def test_a_schedule_is_drawn_and_mended(page: Page, gradio_url: str) -> None:
    page.goto(f"{gradio_url}/schedules?drawn=1&rescale=0&T=50")
    expect(page.get_by_text("Signal left at t = T")).to_be_visible()
    page.get_by_role("button", name="Scale β by 1000 / T").click()
    expect(page.get_by_text("Signal left at t = T")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("rescale"))
    editor = page.locator("#schedules-curve canvas").first
    editor.scroll_into_view_if_needed()
    box = editor.bounding_box()
    assert box is not None
    page.mouse.dblclick(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"])
    expect(page).to_have_url(re.compile("points="))
    expect(page.locator("#schedules-points textarea, #schedules-points input").first).to_have_value(
        re.compile(r"0\.[56]\d*,")
    )
    page.get_by_role("button", name="Larger curves with values").click()
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    ground = "chart => getComputedStyle(chart).backgroundColor"
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    assert page.locator(".js-plotly-plot .main-svg").first.evaluate(ground) == "rgba(0, 0, 0, 0)"  # in the dark as well
    with page.expect_download() as saved:
        page.get_by_role("link", name="All values (CSV)").click()
    assert saved.value.path().read_text().startswith("schedule,t,beta,alpha_bar,log_snr,sigma")


def test_curves_that_are_opened_at_once_are_those_of_the_link(page: Page, gradio_url: str) -> None:
    page.goto(f"{gradio_url}/schedules?T=50", wait_until="commit")
    page.get_by_role("button", name="Larger curves with values").click()
    last = """() => {
      const link = document.querySelector("a[download='schedules.csv']");
      return link && atob(link.href.split(",")[1]).trim().split("\\n").at(-1).startsWith("sigmoid,50,");
    }"""
    page.wait_for_function(last)
    page.wait_for_timeout(1500)
    assert page.evaluate(last)


def test_pictures_stream_without_moving_the_page_and_stop_stops(page: Page, gradio_url: str) -> None:
    page.goto(f"{gradio_url}/sampling?steps=300&count=4")
    deck = page.locator("#sampling-timeline .dp-player")
    expect(deck).to_be_visible()
    tops = set()
    for _ in range(8):
        tops.add(round(deck.evaluate("node => node.getBoundingClientRect().top")))
        page.wait_for_timeout(150)
    assert len(tops) == 1
    page.locator("#sampling-stop").click()
    expect(page.get_by_text(re.compile(r"Stopped after \d+ of 300"))).to_be_visible()
    expect(page.locator("#sampling-stop")).to_be_disabled()


def test_the_same_pixels_in_three_tabs_by_keyboard(page: Page, gradio_url: str) -> None:
    page.goto(f"{gradio_url}/sampling?model=digits&steps=2&count=2&sampler=heun")
    tabs = page.locator("#sampling-exportA").get_by_role("tab")
    expect(tabs).to_have_count(3, timeout=30_000)
    expect(page.locator("#sampling-exportA .cm-content:visible")).to_contain_text('"sampler": "heun"')
    expect(page.locator("#sampling-filesA a[download]")).to_have_count(3)
    tabs.nth(1).press("Enter")
    expect(page.locator("#sampling-exportA .cm-content:visible")).to_contain_text("import torch")
    tabs.nth(2).press("Enter")
    expect(page.get_by_text("HeunDiscreteScheduler takes the mean")).to_be_visible()
    expect(page.locator("#sampling-exportA .cm-content:visible")).to_have_count(0)  # a sentence, and nothing to copy


def test_a_reload_finds_the_running_request_and_a_closed_tab_ends_it(
    chromium: Browser, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_queue(), "_grace", 60.0)  # a busy machine takes its time to load a page again
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{here}/sampling?steps=1000&count=4")
    expect(page.locator("#sampling-status")).to_contain_text(re.compile(r"[1-9][\d,]* of [\d,]+ steps"), timeout=30_000)
    (tab,) = request_queue()._tabs
    request = request_queue().request(tab)
    assert request is not None
    page.reload()
    expect(page.locator("#sampling-status")).to_contain_text(re.compile(r"[1-9][\d,]* of [\d,]+ steps"), timeout=30_000)
    assert request_queue().request(tab) is request  # not drawn anew
    assert request.state.status == "running"
    other = context.new_page()  # another tab of the same visitor has a request of its own
    other.goto(f"{here}/sampling?steps=900&count=2")
    expect(other.locator("#sampling-status")).to_contain_text(
        re.compile(r"[1-9][\d,]* of [\d,]+ steps"), timeout=30_000
    )
    assert len(request_queue()._tabs) == 2
    context.close()
    monkeypatch.setattr(request_queue(), "_grace", 0.0)
    for _ in range(150):
        request_queue().sweep()
        if not request_queue()._tabs:
            break
        time.sleep(0.1)
    assert not request_queue()._tabs
    assert request.wait(15)
    assert request.state.status == "stopped"


@pytest.mark.parametrize("address", ["", "forward", "schedules", "sampling"])
def test_a_phone_shows_the_page_and_not_its_settings(chromium: Browser, gradio_url: str, address: str) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, has_touch=True, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{gradio_url}/{address}")
    expect(page.locator(".dp-timeline canvas").first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(600)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    if address:
        assert page.locator(".sidebar.open").count() == 0
        page.get_by_role("button", name="Toggle Sidebar").click()
        expect(page.get_by_text("Explain the settings")).to_be_in_viewport()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(18, 19, 26)"
    context.close()


def test_buttons_have_one_line_and_choices_an_arrow(page: Page, gradio_url: str) -> None:
    """Gradio's own style breaks the words of buttons, and takes from a select what shows that it is one."""
    page.goto(f"{gradio_url}/microscope?steps=4")
    expect(page.locator(".dp-root select:visible").first).to_be_visible()
    buttons = page.locator("button.lg:visible")
    assert buttons.count() > 2
    lines = buttons.evaluate_all(
        "all => all.map((one) => one.clientHeight / parseFloat(getComputedStyle(one).fontSize))"
    )
    assert max(lines) < 3, lines
    looks = page.locator(".dp-root select:visible").evaluate_all(
        "all => all.map((one) => getComputedStyle(one).appearance)"
    )
    assert set(looks) == {"auto"}


def test_a_number_keeps_what_is_typed_while_the_page_answers(page: Page, gradio_url: str) -> None:
    page.goto(f"{gradio_url}/schedules")
    field = page.locator("#schedules-T input[type=number]")
    expect(page.locator(".dp-timeline[data-loaded]").first).to_be_visible()
    field.fill("")
    field.press_sequentially("500", delay=250)  # slower than an answer of the server
    page.wait_for_url(re.compile("[?&]T=500(&|$)"))
    expect(field).to_have_value("500")


def test_names_with_markup_are_shown_as_they_are(page: Page, gradio_url: str) -> None:
    page.goto(f"{gradio_url}/sampling?model=<img src=x onerror=document.title='hacked'>&steps=2&count=1")
    expect(page.get_by_text("is not here. It was set to")).to_be_visible()
    assert "hacked" not in page.title()
    assert page.locator(".dp-problems img").count() == 0
