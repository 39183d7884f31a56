"""The client-side components in headless Chromium, in Streamlit and without any framework."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from playground.components import source
from playground.components.payloads.curve import curve_values
from playground.components.payloads.panels import EquationPanel
from playground.components.payloads.timeline import Lane, Position, Timeline

from servers import RunServer

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).with_name("components_app.py")


@pytest.fixture(scope="module")
def url(run_streamlit: RunServer) -> Iterator[str]:
    with run_streamlit(SCRIPT) as address:
        yield address


@contextmanager
def opened(browser: Browser, address: str, width: int = 1280, **context: object) -> Iterator[tuple[Page, list[str]]]:
    """A page, and the list of everything that it sends: requests and websocket frames."""
    page = browser.new_page(viewport={"width": width, "height": 900}, **context)
    sent: list[str] = []
    errors: list[str] = []
    # The browser may ask for the icon of a page again when its address changes.
    free = ("data:", f"{address}/favicon")
    page.on("request", lambda request: None if request.url.startswith(free) else sent.append(request.url))
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append("websocket")))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if "rror:" in message.text else None)
    try:
        page.goto(address)
        yield page, sent
        assert not errors
    finally:
        page.close()


def ready(page: Page) -> Locator:
    root = page.locator(".dp-timeline")
    expect(root).to_have_attribute("data-position", "0", timeout=30_000)
    page.wait_for_timeout(700)
    return root


def value(root: Locator, name: str) -> str:
    return root.get_attribute(f"data-{name}") or ""


def drag(page: Page, root: Locator, start: float, end: float, steps: int = 20) -> None:
    box = root.locator(".dp-scrubber").bounding_box()
    assert box
    y = box["y"] + box["height"] / 3
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], y, steps=steps)
    page.mouse.up()
    page.wait_for_timeout(50)


def lane_pixels(root: Locator) -> str:
    return str(root.locator("canvas[data-lane=x_t]").evaluate("c => c.toDataURL()"))


LATENCY = """
node => {
  window.latencies = [];
  node.addEventListener("pointermove", () => {
    const start = performance.now();
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.latencies.push(performance.now() - start);
      channel.port2.postMessage(0);
    });
  }, { capture: true });
}
"""


def test_scrubbing_is_at_screen_rate_and_asks_no_server(chromium: Browser, url: str) -> None:
    with opened(chromium, url) as (page, sent):
        root = ready(page)
        assert value(root, "count") == "201"
        before = lane_pixels(root)
        root.locator(".dp-scrubber").evaluate(LATENCY)
        sent.clear()
        drag(page, root, 0.02, 0.75, steps=60)
        assert value(root, "position") == "150"
        assert value(root, "t") == "150"
        assert lane_pixels(root) != before
        assert root.locator(".dp-formula .dp-value").first.inner_text() == f"{np.cos(150 / 201 * np.pi / 2):.3f}"
        # Only the middle one: other tests hold up single frames. `python -m benchmarks pages` has the slowest twentieth.
        page.evaluate("window.latencies.length = 0")
        for start, end in ((0.75, 0.1), (0.1, 0.9), (0.9, 0.3)):
            drag(page, root, start, end, steps=60)
        times = np.array(page.evaluate("window.latencies"))
        assert len(times) > 100
        middle = float(np.median(times))
        page.wait_for_timeout(500)
        assert sent == []
        assert middle <= 16


def test_keyboard(chromium: Browser, url: str) -> None:
    with opened(chromium, url) as (page, sent):
        root = ready(page)
        strip = root.get_by_role("slider", name="Timeline")
        strip.focus()
        sent.clear()
        for key, position in (
            ("ArrowRight", 1),
            ("Shift+ArrowRight", 11),
            ("ArrowLeft", 10),
            ("End", 200),
            ("ArrowRight", 200),
            ("Shift+ArrowLeft", 190),
            ("Home", 0),
        ):
            page.keyboard.press(key)
            expect(root).to_have_attribute("data-position", str(position))
        assert strip.get_attribute("aria-valuetext") == "t = 0 of 200"
        page.keyboard.press("Space")
        expect(root).to_have_attribute("data-playing", "true")
        page.keyboard.press("Space")
        expect(root).to_have_attribute("data-playing", "false")
        assert sent == []


def test_play_speed_pause_and_the_end(chromium: Browser, url: str) -> None:
    with opened(chromium, url) as (page, _):
        root = ready(page)
        root.get_by_label("Speed").select_option("4")
        root.get_by_role("button", name="Play").click()
        rates = root.evaluate(  # several short spans: on a busy machine some of them hold a pause
            """async node => {
              const rates = [];
              for (let k = 0; k < 6 && node.dataset.playing === "true"; k++) {
                const [from, since] = [Number(node.dataset.position), performance.now()];
                await new Promise(done => setTimeout(done, 200));
                rates.push((Number(node.dataset.position) - from) / (performance.now() - since) * 1000);
              }
              return rates;
            }"""
        )
        assert any(75 <= rate <= 115 for rate in rates), f"24 frames a second, four times as fast: {rates}"
        root.get_by_role("button", name="Pause").click()
        expect(root).to_have_attribute("data-playing", "false")
        here = value(root, "position")
        page.wait_for_timeout(200)
        assert value(root, "position") == here
        drag(page, root, 0.5, 0.97)
        root.get_by_role("button", name="Play").click()
        expect(root).to_have_attribute("data-position", "200")
        expect(root).to_have_attribute("data-playing", "false")
        root.get_by_role("button", name="Repeat").click()
        root.get_by_role("button", name="Play").click()
        page.wait_for_timeout(4000)
        assert value(root, "playing") == "true"


def test_picking_is_told_to_the_server_and_an_unrelated_rerun_keeps_the_playhead(chromium: Browser, url: str) -> None:
    with opened(chromium, url) as (page, _):
        root = ready(page)
        drag(page, root, 0.1, 0.6)
        here = value(root, "position")
        box = root.locator("canvas[data-lane=x0]").bounding_box()
        assert box
        page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
        expect(page.get_by_text("picked 5")).to_be_visible()
        assert root.locator(".dp-picked:visible").count() == 2
        expect(root.locator(".dp-zoom")).to_be_visible()
        page.get_by_role("button", name="Something else").click()
        page.wait_for_timeout(800)
        assert value(root, "position") == here
        assert value(root, "picked") == "5"
        root.locator(".dp-stage").first.focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        expect(page.get_by_text("picked 5")).to_be_visible()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page.get_by_text("picked 6")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_text("picked None")).to_be_visible()
        assert value(root, "position") == here


def test_a_rerun_does_not_send_the_pictures_again(chromium: Browser, url: str) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: received.append(len(data))))
    try:
        page.goto(url)
        root = ready(page)
        assert max(received) > 500_000
        for _ in range(3):
            received.clear()
            page.get_by_role("button", name="Something else").click()
            page.wait_for_timeout(900)
            assert received
            print(f"\na rerun sends {sum(received)} bytes")
            assert sum(received) < 50_000
        assert value(root, "position") == "0"
    finally:
        page.close()


def test_saving_a_frame(chromium: Browser, url: str) -> None:
    with opened(chromium, url) as (page, _):
        root = ready(page)
        drag(page, root, 0.1, 0.5)
        with page.expect_download() as download:
            root.get_by_role("button", name="Save this frame").click()
        assert download.value.suggested_filename == "whole-t100.png"
        image = Image.open(download.value.path())
        assert image.size == (4 * (2 * 112 + 4), 4 * 112)


def test_frames_that_stream_in(chromium: Browser, url: str) -> None:
    with opened(chromium, f"{url}/?show=stream") as (page, _):
        root = page.locator(".dp-timeline")
        expect(root).to_have_attribute("data-live", "true", timeout=30_000)
        assert value(root, "count") == "41"
        state = loaded(page, root, 8)
        assert int(state["position"]) == int(state["loaded"]) - 1, "the playhead follows the newest frame"
        root.locator(".dp-scrubber").focus()
        page.keyboard.press("Home")
        expect(root.get_by_role("button", name="Follow the newest")).to_be_visible()
        state = loaded(page, root, int(state["loaded"]) + 4)
        assert state["live"] == "true"
        assert state["position"] == "0", "the reader went away from the newest frame and stays there"
        root.get_by_role("button", name="Follow the newest").click()
        expect(root).to_have_attribute("data-live", "false", timeout=30_000)
        assert (value(root, "loaded"), value(root, "position")) == ("41", "40")


def loaded(page: Page, root: Locator, frames: int) -> dict[str, str]:
    """The state of the root, all at one moment, once there are that many frames."""
    node = root.element_handle()
    page.wait_for_function("([node, n]) => Number(node.dataset.loaded) >= n", arg=[node, frames], timeout=20_000)
    return dict(root.evaluate("node => ({ ...node.dataset })"))


def test_what_a_job_has_brought_stays_as_the_reader_left_it_when_the_job_ends(chromium: Browser, url: str) -> None:
    with opened(chromium, f"{url}/?show=job") as (page, _):
        root = ready(page)
        drag(page, root, 0.02, 0.75)
        assert value(root, "position") == "150"
        root.evaluate("node => { node.dataset.same = 'yes' }")
        expect(page.get_by_text("Done after 2 of 2")).to_be_visible(timeout=30_000)
        page.wait_for_timeout(500)
        assert value(root, "position") == "150"
        assert value(root, "same") == "yes"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_at_400_pixels(chromium: Browser, url: str, scheme: str) -> None:
    with opened(chromium, url, 400, color_scheme=scheme, has_touch=True) as (page, _):
        root = ready(page)
        assert value(root, "scheme") == scheme
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        for button in root.locator(".dp-player button:visible").all():
            box = button.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 400
            assert min(box["width"], box["height"]) >= 36
        strip = root.locator(".dp-scrubber")
        box = strip.bounding_box()
        assert box
        assert box["y"] + box["height"] < 900, "the slider is reachable without scrolling"
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 10)
        expect(root).to_have_attribute("data-position", "100")


def test_charts_and_the_curve(chromium: Browser, url: str) -> None:
    with opened(chromium, f"{url}/?show=charts") as (page, sent):
        editor = page.locator(".dp-curve-editor")
        expect(editor).to_have_attribute("data-points", "4", timeout=30_000)
        chart = page.locator(".dp-livechart").first
        assert value(chart, "points") == "600"
        expect(page.get_by_text("Nothing yet.")).to_be_visible()
        plot = chart.locator(".dp-hover")
        plot.scroll_into_view_if_needed()
        sent.clear()
        plot.hover()
        expect(chart.locator(".dp-tip")).to_contain_text("floor")
        assert sent == []

        point = editor.get_by_role("slider", name="Point 2 of 4")
        point.focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Shift+ArrowLeft")
        expect(page.get_by_text("points [[0.0, 1.0], [0.25, 0.81]")).to_be_visible()
        page.keyboard.press("Delete")
        expect(editor).to_have_attribute("data-points", "3")
        expect(page.get_by_text("points [[0.0, 1.0], [0.7, 0.3], [1.0, 0.0]]")).to_be_visible()
        page.keyboard.press("Delete")
        expect(editor).to_have_attribute("data-points", "3")

        point = editor.get_by_role("slider", name="Point 2 of 3")
        point.scroll_into_view_if_needed()
        box = point.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x - 60, y - 800, steps=5)
        page.mouse.up()
        points = json.loads(value(editor, "curve"))
        assert points[1][1] == 1, "a point does not rise above the one before"

        # A stroke with bumps upward gives a curve that never rises.
        plot = editor.locator(".dp-draw").bounding_box()
        assert plot
        page.mouse.move(plot["x"] + 60, plot["y"] + 60)
        page.mouse.down()
        for i in range(50):
            page.mouse.move(plot["x"] + 60 + i / 50 * (plot["width"] - 90), plot["y"] + 60 + i * 4 + 25 * np.sin(i / 3))
        page.mouse.up()
        points = json.loads(value(editor, "curve"))
        assert 3 <= len(points) <= 12
        assert np.all(np.diff(curve_values(points, np.linspace(0, 1, 101))) <= 1e-12)
        expect(page.get_by_text(f"points {[[float(a), float(b)] for a, b in points]}")).to_be_visible()
        count = len(points)
        x0, x1 = points[0][0], points[1][0]
        inner = plot["width"] - 64
        page.mouse.dblclick(plot["x"] + 46 + (x0 + x1) / 2 * inner, plot["y"] + 150)
        expect(editor).to_have_attribute("data-points", str(min(12, count + 1)))


def standalone(page: Page, payloads: list[dict[str, object]]) -> Locator:
    """Mounts the timeline without any framework and gives it the payloads one after the other."""
    page.set_content(f"<!doctype html><style>{source.css()}</style><div id=root></div>")
    page.evaluate(
        """async ([code, payloads]) => {
          const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
          const { mount } = await import(url);
          window.events = [];
          window.instance = mount(document.getElementById("root"), (name, value) => window.events.push([name, value]));
          for (const payload of payloads) window.instance.update(payload);
        }""",
        [source.javascript("timeline"), payloads],
    )
    root = page.locator("#root")
    expect(root).to_have_attribute("data-count", str(payloads[-1]["total"] or len(payloads[-1]["positions"])))
    return root


def small(lo: int, hi: int, live: bool, **more: object) -> dict[str, object]:
    frames = np.stack([np.full((1, 4, 4), 10 * k, np.uint8) for k in range(lo, hi)])
    positions = tuple(Position(k, f"step {k}") for k in range(lo, hi))
    lane = Lane.of_pictures("x", "x", frames, first=lo)
    total = 20 if live else None
    return Timeline("small", (lane,), positions, live=live, first=lo, total=total, **more).to_payload()


def shade(root: Locator) -> int:
    return int(root.locator("canvas[data-lane]").evaluate("c => c.getContext('2d').getImageData(0, 0, 1, 1).data[0]"))


def test_missing_frames_do_not_matter(chromium: Browser) -> None:
    page = chromium.new_page()
    try:
        root = standalone(page, [small(0, 3, True), small(8, 10, True)])
        expect(root).to_have_attribute("data-loaded", "10")
        assert shade(root) == 90
        for position, nearest in ((3, 20), (4, 20), (7, 80)):
            root.locator(".dp-scrubber").focus()
            page.keyboard.press("Home")
            for _ in range(position):
                page.keyboard.press("ArrowRight")
            expect(root).to_have_attribute("data-position", str(position))
            assert shade(root) == nearest
            assert root.locator(".dp-where").inner_text() == {3: "step 2", 4: "step 2", 7: "step 2"}[position]
        page.evaluate("payload => window.instance.update(payload)", small(0, 20, False))
        expect(root).to_have_attribute("data-loaded", "20")
        assert value(root, "position") == "7"
        assert shade(root) == 70
    finally:
        page.close()


def test_text_is_never_taken_for_html(chromium: Browser) -> None:
    page = chromium.new_page()
    try:
        evil = "<img src=x onerror=alert(1)><script>alert(1)</script><b>bold</b> {a}"
        panel = EquationPanel("t", evil, {"a": ["<i>no</i>"] * 4})
        root = standalone(page, [small(0, 4, False, panels=(panel,))])
        formula = root.locator(".dp-formula")
        assert formula.locator("img, script, i").count() == 0
        assert formula.locator("b").inner_text() == "bold"
        assert "<i>no</i>" in formula.inner_text()
        assert "<img src=x onerror=alert(1)>" in formula.inner_text()
    finally:
        page.close()


def test_autoplay_respects_the_wish_for_less_motion(chromium: Browser) -> None:
    for motion, playing in (("reduce", "false"), ("no-preference", "true")):
        page = chromium.new_page(reduced_motion=motion)
        try:
            root = standalone(page, [small(0, 20, False, autoplay=True, fps=2.0)])
            expect(root).to_have_attribute("data-playing", playing)
        finally:
            page.close()


def test_the_position_is_reported_when_it_rests(chromium: Browser) -> None:
    page = chromium.new_page()
    try:
        root = standalone(page, [small(0, 20, False, report_position=True)])
        drag(page, root, 0.1, 0.8)
        page.wait_for_timeout(400)
        assert page.evaluate("window.events") == [["position", int(value(root, "position"))]]
        page.evaluate("window.instance.destroy()")
        assert page.locator("#root > *").count() == 0
    finally:
        page.close()
