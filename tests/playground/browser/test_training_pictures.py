"""Other pictures in the Training lab: a folder is prepared, looked at, and trained on; a preparation is cancelled."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from servers import ROOT, SLOW, RunServer

pytestmark = pytest.mark.browser

PROGRESS = re.compile(r"of 30,000 pictures")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """birds/owl, birds/wren: 60 small photographs; many: 30,000, which take a while."""
    home: Path = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    for folder in ("birds/owl", "birds/wren", "many"):
        (home / folder).mkdir(parents=True)
        for k in range(30):
            small = generator.integers(0, 256, (3, 3, 3), dtype=np.uint8)
            Image.fromarray(small).resize((16, 16)).save(home / folder / f"{k}.jpg")
    for k in range(30, 30_000):
        os.link(home / "many" / f"{k % 30}.jpg", home / "many" / f"{k}.jpg")
    return home


@pytest.fixture(scope="module")
def app(run_streamlit: RunServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The running playground, with an empty folder for runs and one for pictures."""
    places = {name: str(tmp_path_factory.mktemp(name.lower())) for name in ("RUNS", "DATA")}
    env = {f"DIFFUSION_PLAYGROUND_{name}": place for name, place in places.items()}
    with run_streamlit(ROOT / "playground" / "app.py", env=env) as url:
        yield url


def prepare_folder(page: Page, folder: Path) -> None:
    page.get_by_text("Other data sets …", exact=True).click()
    page.get_by_role("radio", name="A folder").click()
    page.get_by_role("textbox", name="Path of the folder").fill(str(folder))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Prepare")).to_be_enabled()
    page.get_by_role("button", name="Prepare").click()


def test_cancel_ends_a_preparation_and_the_next_one_is_trained_on(app: str, page: Page, home: Path) -> None:
    page.goto(f"{app}/training?steps=6&batch=2")
    expect(page.get_by_text(re.compile("Handwritten digits: 4,000 training images"))).to_be_visible()
    prepare_folder(page, home / "many")
    expect(page.get_by_text(PROGRESS)).to_be_visible()
    page.reload()  # a page that is loaded again finds it
    expect(page.get_by_text(PROGRESS)).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled. Nothing of it remains.")).to_be_visible()
    page.get_by_role("button", name="Choose another source").click()
    expect(page.get_by_role("button", name="Choose another source")).to_have_count(0)
    page.reload()

    prepare_folder(page, home / "birds")
    expect(page.get_by_text("birds: 54 training images, 16 × 16")).to_be_visible()
    expect(page.get_by_text("2 of 27 images each: owl, wren")).to_be_visible()
    expect(page.get_by_text("The images are mirrored, as suits photographs")).to_be_visible()
    assert "flips=1" in page.url
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text(re.compile("finished.*step 6 of 6.*birds mirrored"))).to_be_visible()


def test_a_link_to_pictures_that_are_not_here_says_so(app: str, page: Page) -> None:
    page.goto(f"{app}/training?data=hub:owner/name&steps=6")
    expect(page.get_by_text(re.compile("“hub:owner/name” is not here. It was set to digits"))).to_be_visible()
    expect(page.get_by_text(re.compile("Handwritten digits: 4,000 training images"))).to_be_visible()


def test_the_panel_fits_on_a_phone(app: str, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{app}/training")
    page.get_by_text("Other data sets …", exact=True).click(timeout=SLOW)
    for source in ("A folder", "A zip", "Hugging Face", "Well-known sets"):
        page.get_by_role("radio", name=source).click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
    expect(page.get_by_role("button", name="Download 12 MB")).to_be_visible(timeout=SLOW)
    context.close()
