"""A newcomer's walk through the Points lab, in both front ends."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from servers import ROOT, free_port, serve

pytestmark = pytest.mark.browser
GRADIO = """
from playground.gradio_ui import app
from playground.labs.home import text
text.LABS = tuple(lab for lab in text.LABS if lab[0] == "points")
text.GROUPS = (("Sampling", text.LABS),)
from playground import preload
demo = app.build()
demo.queue(default_concurrency_limit=None)
demo.launch(server_port=PORT, prevent_thread_lock=True, quiet=True, **app.appearance())
preload.start()
demo.block_thread()
"""


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit) -> Iterator[str]:
    if request.param == "streamlit":
        with run_streamlit(ROOT / "playground" / "app.py") as url:
            yield url
        return
    port = free_port()
    program = GRADIO.replace("PORT", str(port))
    with serve([sys.executable, "-c", program], f"http://127.0.0.1:{port}/"):
        yield f"http://127.0.0.1:{port}"


def stage(page: Page, number: int = 0):
    return page.locator(".dp-points[data-count]").nth(number)


def test_a_walk_through_the_lab(page: Page, server: str) -> None:
    page.goto(f"{server}/points?particles=300&count=300&steps=20&train_steps=200")
    expect(stage(page)).to_have_attribute("data-clouds", "2")
    expect(stage(page)).to_have_attribute("data-count", "21")
    # It plays by itself; taken in hand, it stays where it is put, and the playhead asks nobody.
    page.locator(".dp-scrubber").first.focus()
    page.keyboard.press("Home")
    expect(page.locator(".dp-where").first).to_have_text("t = 200 of 200")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("PageUp")
    expect(page.locator(".dp-where").first).to_have_text("t = 100 of 200")
    # A particle under the pointer tells where it is and what the denoiser makes of it.
    canvas = page.locator(".dp-points-canvas").first
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".dp-readout").first).to_contain_text("x̂₀ = (")
    for layer in ("arrows", "density", "overlay"):
        page.locator(f"[data-layer={layer}]").first.click()
    expect(page.locator(".dp-points-canvas")).to_have_count(1)
    # A program file may come late on a busy machine; what is drawn comes from nowhere.
    ours = [url for url in asked if not url.startswith(("data:", "blob:")) and "/static/" not in url]
    assert [url for url in ours if "heartbeat" not in url] == []
    with page.expect_download() as saved:
        page.get_by_label("Save this step").first.select_option("csv")
    rows = saved.value.path().read_text().splitlines()
    assert rows[0].startswith("cloud,particle,class,t,x,y")
    assert len(rows) == 1 + 2 * 300
    # The drawing shows what the page shows: the density of both clouds, arrows, and particles of two classes twice.
    with page.expect_download() as saved:
        page.get_by_label("Save this step").first.select_option("svg")
    drawn = ElementTree.parse(saved.value.path()).getroot()
    assert len(drawn.findall(".//{*}image")) == 2
    filled = [path for path in drawn.iterfind(".//{*}path") if path.get("fill") != "none"]
    circles = [path.get("d", "").count("a") // 2 for path in filled]
    assert sum(circles) > 300
    arrows = max((path.get("d", "") for path in drawn.iterfind(".//{*}path[@fill='none']")), key=len)
    assert 3 * arrows.count("M") == 2 * arrows.count("L") > 600  # each a shaft, and a head of two lines
    # A network learns; it is then there to be sampled from.
    page.get_by_role("button", name=re.compile("Train$")).last.click()
    expect(page.get_by_role("button", name="Continue training")).to_be_visible()
    expect(stage(page, 1)).to_have_attribute("data-t", "200")
    page.get_by_text("Trained", exact=True).filter(visible=True).first.click()
    page.wait_for_url("**model=trained**")
    expect(page.get_by_text("No network has been trained")).to_have_count(0)


def test_one_step_of_one_particle_is_taken_apart(page: Page, server: str) -> None:
    page.goto(f"{server}/points?particles=200&count=200&steps=10")
    look = page.locator(".dp-points-microscope[data-particle]")
    expect(look).to_contain_text("No particle is chosen. Click on one")
    expect(stage(page)).to_have_attribute("data-count", "11")
    # A click in the cloud chooses: its step is taken apart, and the link says which.
    page.locator(".dp-scrubber").first.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    canvas = page.locator(".dp-points-canvas").first
    box = canvas.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(look).to_have_attribute("data-trajectories", "2")
    expect(look).to_have_attribute("data-step", "1")
    page.wait_for_url("**frame=1**")
    assert "particle=" in page.url
    sums(look)
    # Cloud and microscope stand at the same step, whichever is moved, and ask nobody for it.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    look.get_by_label("One step forward").click()
    expect(stage(page)).to_have_attribute("data-t", "160")
    page.locator(".dp-scrubber").first.focus()
    page.keyboard.press("ArrowRight")
    expect(look).to_have_attribute("data-t", "140")
    sums(look)
    # A term and its arrow are strong together: pointed at here, found there.
    look.locator(".dp-sum .dp-term[data-kind=x0]").first.focus()
    expect(look.locator(".dp-step").first).to_have_attribute("data-hot", "x0")
    assert [url for url in asked if url.startswith("http") and not allowed(url)] == []
    page.wait_for_url("**frame=3**")
    with page.expect_download() as saved:
        look.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(saved.value.path().read_text().splitlines()))
    assert {(row["cloud"], row["coordinate"], row["step"]) for row in rows} >= {("A", "x", "0"), ("B", "y", "9")}
    with page.expect_download() as saved:
        look.get_by_role("button", name="SVG").click()
    drawn = ElementTree.parse(saved.value.path()).getroot()
    drawing = drawn.findall(".//{http://www.w3.org/2000/svg}g[@clip-path]")
    assert len(drawing) == 4  # two pictures for each cloud, data and all
    assert all(max(len(path.get("d") or "") for path in part.iter()) > 3000 for part in drawing)
    with page.expect_download() as saved:
        look.get_by_role("button", name="PNG").click()
    assert Image.open(saved.value.path()).size == tuple(2 * int(float(drawn.get(side))) for side in ("width", "height"))
    # Another one by its number; the link opens it again.
    look.get_by_label("Particle, 0 to 199").fill("42")
    page.keyboard.press("Enter")
    page.wait_for_url("**particle=42**")
    expect(look).to_have_attribute("data-particle", "42")
    page.goto(page.url)
    expect(look).to_have_attribute("data-particle", "42")
    expect(look).to_have_attribute("data-step", "3")
    expect(stage(page)).to_have_attribute("data-picked", "42")
    expect(stage(page)).to_have_attribute("data-t", "140")


def allowed(url: str) -> bool:
    """What Gradio asks of itself: whether it is alive, and the event that brings the place of rest."""
    return any(part in url for part in ("heartbeat", "queue/"))


def sums(look: Locator) -> None:
    """What is written is a sum, in both coordinates, up to the rounding of its parts."""
    lines = look.locator(".dp-sum:not(.dp-more-parts)").all()
    assert len(lines) == 4
    for line in lines:
        result, *terms = (vector(text) for text in line.locator(".dp-term-bottom").all_inner_texts())
        signs = [text.strip() for text in line.locator(".dp-sign").all_inner_texts()][1:]
        for axis in (0, 1):
            total = sum(-term[axis] if sign == "−" else term[axis] for sign, term in zip(signs, terms, strict=True))
            assert result[axis] == pytest.approx(total, abs=0.003)


def vector(text: str) -> tuple[float, ...]:
    written = text.replace("−", "-").split("=")[-1].strip(" ()")
    return tuple(float(number) for number in written.split(","))


def test_points_are_drawn_with_the_pointer_and_with_the_keys(page: Page, server: str) -> None:
    page.goto(f"{server}/points?data=drawn&particles=200&steps=10")
    expect(page.get_by_text("Draw at least two points")).to_be_visible()
    pad = page.locator(".dp-pad-canvas")
    expect(pad).to_be_visible()
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 160, steps=6)
    page.mouse.up()
    expect(stage(page)).to_have_attribute("data-count", "11")
    page.wait_for_url("**drawn=**")
    before = page.url
    pad.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    page.wait_for_url(lambda url: url != before)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Draw at least two points")).to_be_visible()


def test_a_bad_file_is_refused_in_a_sentence_and_a_good_one_is_shown(page: Page, server: str, tmp_path: Path) -> None:
    page.goto(f"{server}/points?data=file&particles=200&steps=10")
    expect(page.get_by_text("Choose a CSV file")).to_be_visible()
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text("1,2\n3,four\n")
    good.write_text("x,y,kind\n" + "".join(f"{k % 9},{k // 9},{'ab'[k % 2]}\n" for k in range(90)))
    page.locator("input[type=file]").first.set_input_files(bad)
    expect(page.get_by_text("Line 2 begins with “3, four”")).to_be_visible()
    remove = page.get_by_role("button", name="Clear").or_(page.get_by_role("button", name="Remove")).first
    remove.click()
    page.locator("input[type=file]").first.set_input_files(good)
    expect(stage(page)).to_have_attribute("data-count", "11")
    expect(page.locator(".dp-legend").first).to_contain_text("b")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(chromium: Browser, server: str, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, color_scheme=scheme, has_touch=True)
    page = context.new_page()
    page.goto(f"{server}/points?particles=200&steps=10&count=200")
    expect(stage(page)).to_be_visible(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    canvas = page.locator(".dp-points-canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".dp-readout").first).to_contain_text("Particle", timeout=20_000)
    expect(page.locator(".dp-plane").first).to_be_visible(timeout=20_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()
