"""How quickly the pages come and answer, measured in headless Chromium on servers that are started for it.

Times are taken by the page's own clock, in the frames of its screen: what the reader waits for, without the detour
through the program that presses the buttons.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks.chromium import ROOT, answer_time, at_rest, chromium, free_port, gradio, moment, new_page, streamlit
from benchmarks.figures import Figure
from benchmarks.signs import signs

APP = ROOT / "playground" / "app.py"
BARE = 'import streamlit as st\n\nst.write("Hello")\n'
TIMELINE_DRAWN = "inked()"
CANVAS = "'.dp-stage canvas'"
STRIPS = "'.dp-row img'"
WARM_UP = 2
"""Changes of each control that are not counted."""
STOPS = 10


def measure(parts: Collection[str], *, starts: int, changes: int) -> list[Figure]:
    """The parts that are wanted: "first", "signs", "scrub", "change", "training", "stop"."""
    figures: list[Figure] = []

    def add(new: list[Figure]) -> None:
        for figure in new:
            print(f"{figure.what}: {figure.measured()}", flush=True)
        figures.extend(new)

    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        if "first" in parts:
            add(first_page(browser, Path(folder), starts))
        if "signs" in parts:
            add(signs(browser, Path(folder), starts))
        if not {"scrub", "change", "training", "stop"} & set(parts):
            return figures
        with _playground(Path(folder)) as url:
            if "scrub" in parts:
                add(scrubbing(browser, url, "", "start page"))
                add(scrubbing(browser, url, "/forward", "Forward lab"))
            if "change" in parts:
                for change in CHANGES:
                    add([changed(browser, url, change, changes, goal=150)])
            if "stop" in parts:
                add([stopping(browser, url)])
            if "training" in parts:
                with _training(browser, url):
                    for change in CHANGES:
                        add([changed(browser, url, change, changes, goal=500, meanwhile=", while a network trains")])
    return figures


@contextmanager
def _playground(folder: Path) -> Iterator[str]:
    """The running playground with no training runs in it, and the engine already loaded."""
    port = free_port()
    with streamlit(APP, port, {"DIFFUSION_PLAYGROUND_RUNS": str(folder / "runs")}):
        yield f"http://127.0.0.1:{port}"


# --- the first page -----------------------------------------------------------------------------------------------------


def first_page(browser: Browser, folder: Path, starts: int) -> list[Figure]:
    """From the spawn of a server to pictures on the start page, by turns: ours, Gradio's, and Streamlit's of one line."""
    bare = folder / "bare.py"
    bare.write_text(BARE, encoding="utf-8")
    env = {"DIFFUSION_PLAYGROUND_RUNS": str(folder / "runs")}
    page = new_page(browser)
    kinds: dict[str, tuple[Callable[[int], AbstractContextManager[float]], str]] = {
        "ours": (lambda port: streamlit(APP, port, env), TIMELINE_DRAWN),
        "bare": (lambda port: streamlit(bare, port, env), "text('[data-testid=stMarkdown]', 'Hello')"),
        "gradio": (lambda port: gradio(port, env), TIMELINE_DRAWN),
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for attempt in range(starts + 1):  # the first warms the disk and the browser up
        for name, (start, ready) in kinds.items():
            port = free_port()
            with start(port) as spawned:
                page.goto(f"http://127.0.0.1:{port}", wait_until="commit")
                came = moment(page, ready) - spawned
                if attempt:
                    seconds[name].append(came)
                page.goto("about:blank")
    page.context.close()
    ratios = tuple(ours / bare for ours, bare in zip(seconds["ours"], seconds["bare"], strict=True))
    of_both = tuple(other / ours for other, ours in zip(seconds["gradio"], seconds["ours"], strict=True))
    return [
        Figure("First usable page, from `streamlit run`", tuple(seconds["ours"]), "s", "median", 4),
        Figure("The same for a Streamlit page of one line", tuple(seconds["bare"]), "s", "median"),
        Figure("First usable page / page of one line", ratios, "×", "median"),
        Figure("First usable page of the Gradio app, as Spaces starts it", tuple(seconds["gradio"]), "s", "median", 10),
        Figure("First usable page, Gradio / Streamlit", of_both, "×", "median", 1.5),
    ]


# --- scrubbing ----------------------------------------------------------------------------------------------------------


def scrubbing(browser: Browser, url: str, path: str, where: str, *, drags: int = 3, moves: int = 60) -> list[Figure]:
    """Drag along the strip, and count what goes over the network meanwhile."""
    page = new_page(browser)
    traffic: list[str] = []
    page.on("request", lambda request: traffic.append(request.url) if not request.url.startswith("data:") else None)

    def watch(event: str, socket: object) -> None:
        traffic.append(event)

    page.on("websocket", lambda socket: socket.on("framesent", lambda _: watch("sent", socket)))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda _: watch("received", socket)))
    page.goto(url + path)
    moment(page, TIMELINE_DRAWN)
    at_rest(page)
    page.wait_for_timeout(1500)
    strip = page.locator(".dp-scrubber")
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()
    assert box
    page.evaluate("() => stopwatch.followPointer()")
    traffic.clear()

    def move(to: float) -> None:
        page.mouse.move(box["x"] + to * box["width"], box["y"] + box["height"] / 3, steps=moves)

    def moved() -> tuple[float, ...]:
        page.wait_for_timeout(200)
        values = page.evaluate("() => stopwatch.moves.splice(0)")
        return tuple(values)

    page.mouse.move(box["x"] + 0.05 * box["width"], box["y"] + box["height"] / 3)
    page.mouse.down()
    moved()
    for drag in range(drags):
        move(0.05 if drag % 2 else 0.95)
    times = moved()
    page.mouse.up()
    asked = len(traffic)
    for drag in range(drags):
        move(0.05 if drag % 2 else 0.95)
    idle = moved()
    page.context.close()
    return [
        Figure(f"Scrubbing, {where}: pointer to pixels", times, "ms", goal=16),
        Figure(f"Scrubbing, {where}: pointer to an empty frame, for comparison", idle, "ms"),
        Figure(f"Scrubbing, {where}: requests and websocket frames", (float(asked),), "in all", "median", 0),
    ]


# --- changed controls ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One control that is changed again and again.

    Args:
        what: as it stands in the table.
        path: of the page.
        shows: selectors of stopwatch.js; all of them have to show something new.
        act: changes the control for the k-th time.
        new_picture: whether another picture is taken before each change: what was computed once is kept, and would come
            back immediately.
        ready: what else is to be done before, without being measured.
    """

    what: str
    path: str
    shows: str
    act: Callable[[Page, int], None]
    new_picture: bool = False
    ready: Callable[[Page], None] | None = None


def _number(page: Page, k: int) -> None:
    page.get_by_test_id("stNumberInputStepUp").first.click()


def _schedule(page: Page, k: int) -> None:
    page.get_by_test_id("stSidebar").get_by_text(("Cosine", "Sigmoid", "Linear")[k % 3], exact=True).click()


def _open_classes(page: Page) -> None:
    page.get_by_test_id("stSelectbox").first.locator("input").click()
    page.get_by_role("option").first.wait_for()


def _class(page: Page, k: int) -> None:
    page.get_by_role("option").nth((4, 7, 1)[k % 3]).click()


def _slide(page: Page, k: int) -> None:
    page.get_by_test_id("stSlider").locator("input[type=range]").first.press("ArrowRight")


def _rescale(page: Page, k: int) -> None:
    page.get_by_test_id("stSidebar").get_by_text("Scale the linear schedule to T").click()


BOTH = f"{STRIPS}, {CANVAS}"
CHANGES = (
    Change("Forward: another schedule", "/forward", CANVAS, _schedule, new_picture=True),
    Change("Forward: another class", "/forward", CANVAS, _class, new_picture=True, ready=_open_classes),
    Change("Forward: another number", "/forward", CANVAS, _number),
    # Without rescaling: with it, T changes so little of the pictures that not a pixel may differ.
    Change("Schedules: another T, strips and timeline", "/schedules?rescale=0", BOTH, _slide),
    Change("Schedules: rescaling on and off, strips and timeline", "/schedules?T=100", BOTH, _rescale),
)


def changed(browser: Browser, url: str, change: Change, times: int, *, goal: float, meanwhile: str = "") -> Figure:
    """From the key or pointer to other pixels on the screen, with the playhead in the middle of the timeline."""
    page = new_page(browser)
    page.goto(url + change.path)
    moment(page, TIMELINE_DRAWN)
    at_rest(page)
    page.locator(".dp-scrubber").focus()
    for _ in range(4):
        page.keyboard.press("PageUp")
    values = []
    for k in range(WARM_UP + times):
        if change.new_picture:
            answer_time(page, f"changed({change.shows})", lambda k=k: _number(page, k))
            at_rest(page)
        if change.ready is not None:
            change.ready(page)
        values.append(answer_time(page, f"changed({change.shows})", lambda k=k: change.act(page, k)))
        at_rest(page)
    page.context.close()
    return Figure(change.what + meanwhile, tuple(values[WARM_UP:]), "ms", goal=goal)


@contextmanager
def _training(browser: Browser, url: str) -> Iterator[None]:
    """A training run that was started on the Training page and goes on all the while."""
    page = new_page(browser)
    page.goto(f"{url}/training?steps=50000")
    page.get_by_role("button", name="Start training").click()
    head = page.get_by_text(re.compile(r"training: step [1-9]"))
    head.wait_for()
    link, before = page.url, head.inner_text()
    page.goto("about:blank")
    yield
    page.goto(link)
    head.wait_for()
    if head.inner_text() == before:
        raise RuntimeError("The training run did not go on: the figures are not what they claim to be.")
    print(f"Meanwhile the run went on. Before: “{before}”, now: “{head.inner_text()}”", flush=True)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("stopped: step").wait_for()
    page.context.close()


# --- Stop ---------------------------------------------------------------------------------------------------------------


def stopping(browser: Browser, url: str) -> Figure:
    """From the press of Stop to the page that says after how many steps it stopped."""
    page = new_page(browser)
    page.goto(f"{url}/sampling?steps=1000&count=16")
    values = []
    for k in range(STOPS):
        moment(page, "text('[data-testid=stProgress]', 'Step ')")
        page.get_by_text("s left").wait_for()
        page.wait_for_timeout(1000 + 137 * k)  # at another moment of a step each time
        stopped = "appears('[data-testid=stCaptionContainer]', 'Stopped after')"
        values.append(answer_time(page, stopped, page.get_by_role("button", name="Stop").click))
        at_rest(page)
        if k + 1 < STOPS:
            page.get_by_role("button", name="Draw", exact=True).click()
    page.context.close()
    return Figure("Sampling: Stop, 16 images, the shipped network", tuple(values), "ms", goal=200)
