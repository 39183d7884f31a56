"""A newcomer's walk through the Microscope, in both front ends: look, point, fork, come back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Locator, Page, expect

from servers import ROOT, RunServer

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::Warning:gradio")]
LINK = "microscope?model=ideal:digits&steps=8&frame=3"
LOOK = ".dp-microscope[data-branch]"


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def app(request: pytest.FixtureRequest, run_streamlit: RunServer, run_gradio: RunServer) -> Iterator[str]:
    if request.param == "gradio":
        with run_gradio() as url:
            yield url
    else:
        with run_streamlit(ROOT / "playground" / "app.py") as url:
            yield url


def opened(page: Page, url: str) -> Locator:
    page.goto(url)
    expect(page.get_by_text(re.compile(r"Done after \d+ of \d+ steps"))).to_be_visible()
    return page.locator(LOOK)


def number(text: str) -> float:
    return float(text.replace("−", "-").split("=")[-1])


def sums(look: Locator) -> None:
    """What is written is a sum, up to the rounding of its parts."""
    for line in look.locator(".dp-sum").all():
        result, *terms = (number(text) for text in line.locator(".dp-term-bottom").all_inner_texts())
        signs = [text.strip() for text in line.locator(".dp-sign").all_inner_texts()][1:]
        total = sum(-term if sign == "−" else term for sign, term in zip(signs, terms, strict=True))
        assert result == pytest.approx(total, abs=0.002)


def test_look_point_fork_and_come_back(app: str, page: Page, tmp_path: Path) -> None:
    look = opened(page, f"{app}/{LINK}")
    expect(look).to_have_attribute("data-branches", "2")  # the walk, and the real picture
    expect(look).to_have_attribute("data-step", "3")
    sums(look)

    # Pointing lights up what belongs together, shows another pixel, and asks nobody.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    look.locator(".dp-sum .dp-term").nth(1).hover()
    assert look.locator(".dp-part.dp-hot").count() == 1
    kind = look.locator(".dp-part.dp-hot").get_attribute("data-kind")
    assert look.locator(f".dp-term[data-kind='{kind}']").get_attribute("class") == "dp-term dp-hot"
    before = look.get_attribute("data-pixel")
    look.locator(".dp-card-stage").nth(1).hover(position={"x": 5, "y": 5})
    expect(look).not_to_have_attribute("data-pixel", before or "")
    sums(look)
    assert not [
        url for url in asked if not url.startswith(("data:", "blob:")) and "/static/" not in url
    ]  # programs may come late

    # By key: along the strip, and over the picture.
    look.locator(".dp-branch-slider").first.focus()
    page.keyboard.press("ArrowRight")
    expect(look).to_have_attribute("data-step", "4")
    expect(page).to_have_url(re.compile("frame=4"))
    page.mouse.move(2, 2)
    expect(look).to_have_attribute("data-pixel", "14,14")
    look.locator(".dp-card-stage").first.focus()
    page.keyboard.press("ArrowDown")
    expect(look).to_have_attribute("data-pixel", "15,14")
    expect(page).to_have_url(re.compile("row=15"))
    sums(look)
    with page.expect_download() as download:
        look.locator("[data-action=csv]").click()
    download.value.save_as(tmp_path / "pixel.csv")
    rows = [line.split(",") for line in (tmp_path / "pixel.csv").read_text().splitlines()[1:]]
    assert {row[0] for row in rows} == {str(step) for step in range(8)}

    with page.expect_download() as download:
        look.locator("[data-action=svg]").click()
    drawn = ElementTree.parse(download.value.path()).getroot()
    said = ["".join(text.itertext()) for text in drawn.iterfind(".//{*}text")]
    assert said[0].startswith("The step: x")
    assert len(drawn.findall(".//{*}image")) == look.locator(".dp-part").count() == len(said) - 1

    # A fork with another class, and back again by its link.
    form = page.locator("#microscope-fork-label, [class*='st-key-microscope-fork']").filter(
        has_text="Class after the fork"
    )
    field = form.first.locator("input").first
    field.click()
    page.get_by_role("option", name="8", exact=True).click()
    page.get_by_role("button", name="Fork here").click()
    expect(look).to_have_attribute("data-branches", "3")
    expect(page).to_have_url(re.compile(r"forks=0(%40|@)4"))
    expect(look.locator(".dp-branch").nth(1)).to_contain_text("class 8")
    look = opened(page, page.url)
    expect(look).to_have_attribute("data-branches", "3")
    expect(look).to_have_attribute("data-branch", "1")
    sums(look)
    page.get_by_role("button", name="Remove the last fork").click()
    expect(look).to_have_attribute("data-branches", "2")


def test_the_sampling_lab_leads_here_with_its_picture(app: str, page: Page) -> None:
    page.goto(f"{app}/sampling?model=ideal:digits&steps=6&count=3&eta=0.5")
    expect(page.get_by_text("Done after 6 of 6 steps")).to_be_visible()
    link = page.get_by_role("link", name=re.compile("in the Microscope"))
    link.click()
    page.wait_for_url(re.compile(r"/microscope\?.*eta=0.5"))
    expect(page.get_by_text(re.compile(r"Done after \d+ of \d+ steps"))).to_be_visible()
    expect(page.locator(LOOK)).to_have_attribute("data-step", "3")


def test_bad_links_say_so(app: str, page: Page) -> None:
    page.goto(f"{app}/{LINK}&forks=1@2:seed=x")
    expect(page.get_by_text("each after the one that it leaves")).to_be_visible()
    page.goto(f"{app}/microscope?model=run:20200101-000000-00000000")
    expect(page.get_by_text("There is no training run").first).to_be_visible()
