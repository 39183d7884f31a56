"""A sampler in the reader's browser: in the Sampling lab of both front ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from engine.data.pixels import to_uint8
from engine.recipes.fork import from_file, recipe_of
from engine.recipes.recipe import Recipe
from engine.registry import open_model

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
pytestmark = pytest.mark.browser
LONG = 90_000
"""Milliseconds, on a busy machine."""
RECIPE = Recipe(model="digits", seeds=(3, 4, 5, 6), labels=(3, 4, 5, 6), steps=6)


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit, run_gradio) -> Iterator[str]:
    with run_streamlit(APP) if request.param == "streamlit" else run_gradio() as url:
        yield url


def _drawn(page: Page) -> Locator:
    """The sampler, once it has drawn all of what its controls say."""
    sampler = page.locator('.dp-live-sampler[data-drawn="whole"]')
    expect(sampler).to_be_visible(timeout=LONG)
    expect(sampler.locator('.dp-timeline[data-live="false"]')).to_be_visible(timeout=LONG)
    return sampler


def _pixels(sampler: Locator) -> list[int]:
    """What the first lane shows."""
    read = """canvas => {
      const copy = Object.assign(document.createElement("canvas"), { width: 56, height: 56 });
      const g = copy.getContext("2d");
      g.drawImage(canvas, 0, 0, 56, 56);
      return [...g.getImageData(0, 0, 56, 56).data];
    }"""
    pixels: list[int] = sampler.locator(".dp-lanes canvas").first.evaluate(read)
    return pixels


def _move(sampler: Locator, setting: str, value: str) -> None:
    """Move a slider as a hand does, and wait for what comes of it."""
    before = _pixels(sampler)
    sampler.locator(f'[data-setting="{setting}"]').fill(value)
    expect(sampler.page.locator(f'.dp-live-sampler[data-{setting}="{value}"]')).to_be_visible(timeout=LONG)
    assert _pixels(_drawn(sampler.page)) != before


def _open(chromium: Browser, address: str, wanted: str = "browser", *, tag: str = "en-US", script: str = "") -> Page:
    """A page of a reader who wants that; "" for one who comes for the first time."""
    context = chromium.new_context(locale=tag, accept_downloads=True)
    context.add_init_script(f"localStorage.setItem('dp-where', '{wanted}'); {script}")
    page = context.new_page()
    page.goto(address)
    return page


def test_it_follows_the_hand_without_the_server(chromium: Browser, server: str) -> None:
    page = _open(chromium, f"{server}/sampling?steps=5&count=4")
    sampler = _drawn(page)
    page.context.set_offline(True)
    _move(sampler, "seed", "7")
    _move(sampler, "scale", "0")
    page.context.close()


def test_settings_of_both_sides_follow_each_other(chromium: Browser, server: str) -> None:
    page = _open(chromium, f"{server}/sampling?steps=6&count=4&compare=1&b_steps=4")
    sampler = _drawn(page)
    expect(sampler.locator(".dp-caption").filter(has_text="RMS difference")).to_be_visible(timeout=LONG)
    assert sampler.locator(".dp-lanes canvas").count() == 7
    _move(sampler, "seed", "7")
    page.wait_for_url(re.compile("seed=7"), timeout=LONG)
    page.go_back()
    expect(page.locator('.dp-live-sampler[data-seed="0"][data-drawn="whole"]')).to_be_visible(timeout=LONG)
    page.context.close()


@pytest.mark.parametrize("tag", ["en-US", "zh-CN"])
def test_the_saved_images_are_those_of_the_engine_and_carry_their_recipe(
    chromium: Browser, server: str, tmp_path: Path, tag: str
) -> None:
    page = _open(chromium, f"{server}/sampling?steps=6&count=4&sampler=ddpm", tag=tag)
    sampler = _drawn(page)
    with page.expect_download() as download:
        sampler.locator('[data-action="saveA"]').click()
    download.value.save_as(tmp_path / "samples.png")
    recipe = recipe_of(from_file((tmp_path / "samples.png").read_bytes()))
    assert (recipe.seeds, recipe.steps, recipe.sampler) == ((0, 1, 2, 3), 6, "ddpm")
    *_, last = recipe.frames(open_model("digits"))
    theirs = to_uint8(last.x0)[..., 0].reshape(2, 2, 28, 28).swapaxes(1, 2).reshape(56, 56).astype(int)
    with Image.open(tmp_path / "samples.png") as image:
        ours = np.asarray(image.convert("L"))[2::4, 2::4].astype(int)
    apart = np.abs(ours - theirs)
    assert np.quantile(apart, 0.99) <= 2, apart.max()  # of 255, with weights in half precision
    assert apart.max() <= 12
    page.context.close()


def test_an_image_is_clicked_for_its_nearest_training_images(chromium: Browser, server: str) -> None:
    page = _open(chromium, f"{server}/sampling?steps=5&count=4")
    _drawn(page).locator(".dp-lanes canvas").nth(1).click(position={"x": 10, "y": 10})
    expect(page.get_by_text("the training images nearest to it")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("link", name=re.compile("Microscope|🔬")).last).to_be_visible(timeout=LONG)
    page.context.close()


def test_the_first_time_the_faster_one_is_chosen_and_remembered(chromium: Browser, server: str) -> None:
    page = _open(chromium, f"{server}/sampling?steps=5&count=4", "")
    place = page.locator('.dp-place:is([data-place="browser"], [data-place="server"])')
    expect(place).to_be_visible(timeout=LONG)
    assert place.get_attribute("data-place") == page.evaluate("localStorage['dp-where']")
    expect(place.locator(".dp-place-said")).to_contain_text("ms for an image and network evaluation", timeout=LONG)
    page.context.close()


def test_one_switch_leads_to_the_server_and_back(chromium: Browser, server: str) -> None:
    page = _open(chromium, f"{server}/sampling?steps=5&count=4")
    _drawn(page)
    page.get_by_label("the server").check()
    expect(page.get_by_text("Done after 5 of 5 steps")).to_be_visible(timeout=LONG)
    assert not page.locator(".dp-live-sampler").count()
    page.get_by_label("this browser").check()
    _drawn(page)
    expect(page.get_by_text("Done after 5 of 5 steps")).to_be_hidden(timeout=LONG)
    page.context.close()


def test_what_the_browser_cannot_do_is_said_and_the_server_does_it(chromium: Browser, server: str) -> None:
    for model, script, said in (
        ("ideal:digits", "", "it is evaluated on the server"),
        ("digits", "delete globalThis.WebAssembly", "has no WebAssembly with SIMD"),
    ):
        page = _open(chromium, f"{server}/sampling?model={model}&steps=5&count=4", script=script)
        expect(page.locator(".dp-place-said")).to_contain_text(said, timeout=LONG)
        expect(page.get_by_text("Done after 5 of 5 steps")).to_be_visible(timeout=LONG)
        page.context.close()


def test_a_lesson_samples_on_the_server(chromium: Browser, server: str) -> None:
    page = _open(chromium, f"{server}/sampling?steps=5&count=4&only=seed")
    expect(page.get_by_text("Done after 5 of 5 steps")).to_be_visible(timeout=LONG)
    expect(page.locator(".dp-place-line")).to_be_hidden()
    page.context.close()
