"""A newcomer's walk through the Guidance lab, in both front ends: a sweep, one that cannot be, and the two laws."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser
QUICK = "steps=4&across_values=0,4&down_values=2,3"


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit, run_gradio) -> Iterator[str]:
    serving = run_streamlit(APP) if request.param == "streamlit" else run_gradio()
    with serving as url:
        yield url


def typed(page: Page, text: str) -> None:
    """Write the values of the axis that goes across."""
    in_gradio = page.locator("#guidance-across_values").locator("input, textarea")
    field = in_gradio.or_(page.get_by_label("Column values", exact=True)).first
    field.fill(text)
    field.press("Enter")


def test_a_newcomers_walk(page: Page, server: str) -> None:
    page.goto(f"{server}/guidance?{QUICK}")
    # A sweep is drawn without a press, its axes beside it, and scrubs from noise to picture.
    axes = page.locator(".dp-axes")
    expect(page.get_by_text("Done after 16 of 16")).to_be_visible()
    expect(page.locator(".dp-where")).to_have_text("step 4 of 4")
    assert axes.locator(".dp-axis-across span").all_text_contents() == ["0", "4"]
    assert axes.locator(".dp-axis-down span").all_text_contents() == ["2", "3"]
    page.locator(".dp-scrubber").focus()
    page.keyboard.press("Home")
    expect(page.locator(".dp-where")).to_have_text("step 0 of 4")
    # One that is too large is refused before it begins, and what there is stays.
    typed(page, "0:20:0.5")
    expect(page.get_by_text("82 cells, and 64 are the most")).to_be_visible()
    expect(axes).to_be_visible()
    typed(page, "1:3")
    expect(page.get_by_text("3 × 2 = 6 cells")).to_be_visible()
    page.get_by_role("button", name="Draw").click()
    expect(axes.locator(".dp-axis-across span")).to_have_text(["1", "2", "3"])
    page.wait_for_url("**across_values=1*")
    # The two laws in the plane.
    page.get_by_text("2-D density", exact=True).first.click()
    expect(page.get_by_text("Total variation to")).to_be_visible()
    expect(page.locator(".dp-lane")).to_have_count(3)
    expect(page.get_by_text("samples from another density")).to_be_visible()


def test_a_guidance_trace_and_the_trade_off(page: Page, server: str) -> None:
    page.goto(f"{server}/guidance?view=apart&beside=classifier&count=2&steps=4")
    expect(page.get_by_text("Done after 8 of 8")).to_be_visible()
    expect(page.locator(".dp-lane")).to_have_count(10)
    expect(page.locator(".dp-formula")).to_contain_text("difference")
    rows, drawn, size = taken_away(page, page.locator(".dp-panel").nth(1))
    assert rows[0] == ["series", "t", "root mean square"]
    assert [row[0] for row in rows[1:]] == ["difference, A"] * 4 + ["difference, B"] * 4
    assert {"Magnitude of ε̂", "difference, A", "difference, B"} <= drawn
    assert size[0] >= 1200
    page.goto(f"{server}/guidance?view=price&scales=0,3&per_class=3&steps=3")
    expect(page.get_by_text("This takes about a minute").first).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    page.get_by_role("button", name="Draw").click()
    expect(page.get_by_text("Done after 6 of 6")).to_be_visible()
    expect(page.locator(".dp-livechart canvas").first).to_be_visible()
    expect(page.locator(".dp-livechart").get_by_text("Accuracy").first).to_be_visible()
    rows, drawn, size = taken_away(page, page.locator(".dp-livechart").first)
    assert rows[0] == ["series", "guidance scale", "share classified as the label", "low", "high"]
    assert [(row[0], float(row[1])) for row in rows[1:]] == [
        ("classifier-free guidance", 0.0),
        ("classifier-free guidance", 3.0),
    ]
    assert all(0 <= float(row[3]) <= float(row[2]) <= float(row[4]) <= 1 for row in rows[1:])
    assert {"Accuracy", "classifier-free guidance", "guidance scale"} <= drawn
    assert size[0] >= 1200


def taken_away(page: Page, figure: Locator) -> tuple[list[list[str]], set[str], tuple[int, int]]:
    """What is saved of a figure: the rows of its CSV, the texts in its SVG, and the size of its PNG."""
    files = {}
    for kind in ("CSV", "SVG", "PNG"):
        with page.expect_download() as download:
            figure.get_by_label("Save this figure").select_option(kind)
        assert download.value.suggested_filename.endswith(f".{kind.lower()}")
        files[kind] = Path(download.value.path())
    svg = ElementTree.parse(files["SVG"]).getroot()
    assert svg.find(".//{*}clipPath") is not None
    drawn = {"".join(text.itertext()) for text in svg.iterfind(".//{*}text")}
    picture = Image.open(files["PNG"])
    assert picture.size == (2 * round(float(svg.get("width", 0))), 2 * round(float(svg.get("height", 0))))
    assert len(picture.convert("RGB").getcolors(10**6) or ()) > 10
    with files["CSV"].open(encoding="utf-8", newline="") as table:
        return list(csv.reader(table)), drawn, picture.size


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(chromium: Browser, server: str, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, color_scheme=scheme, has_touch=True)
    page = context.new_page()
    page.goto(f"{server}/guidance?steps=3&across=sampler&across_values=&down=steps&down_values=2,3")
    expect(page.locator(".dp-axes")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Done after 10 of 10")).to_be_visible(timeout=60_000)
    wide = page.evaluate("(document.querySelector('[data-testid=stMain]') ?? document.scrollingElement).scrollWidth")
    assert wide <= 400
    box = page.locator(".dp-axes canvas").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 400
    context.close()
