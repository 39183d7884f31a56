"""A sampler in the reader's browser: in the Sampling lab of both front ends, and as one file without any server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from engine.language import speaking
from engine.recipes.recipe import Recipe
from playground.browser.__main__ import main

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


def test_it_follows_the_hand_without_the_server(chromium: Browser, server: str) -> None:
    page = chromium.new_page(locale="en-US")
    page.goto(f"{server}/sampling?steps=5&count=4")
    page.get_by_text("Live, in this browser").click()
    sampler = _drawn(page)
    page.context.set_offline(True)
    _move(sampler, "seed", "7")
    _move(sampler, "scale", "0")
    page.context.close()


def test_what_the_browser_cannot_do_is_said(chromium: Browser, server: str) -> None:
    page = chromium.new_page(locale="en-US")
    page.goto(f"{server}/sampling?model=ideal:digits&steps=5&count=4")
    page.get_by_text("Live, in this browser").click()
    expect(page.get_by_text("it is evaluated on the server")).to_be_visible(timeout=LONG)
    page.context.close()


@pytest.mark.parametrize("tag", ["en", "zh"])
def test_one_file_needs_nothing_else(chromium: Browser, tmp_path: Path, tag: str) -> None:
    (tmp_path / "recipe.json").write_text(RECIPE.model_dump_json())
    out = tmp_path / "page.html"
    with speaking("en"):
        assert main([str(tmp_path / "recipe.json"), str(out), "--language", tag]) == 0
    assert out.stat().st_size < 4.5e6
    context = chromium.new_context(viewport={"width": 390, "height": 844}, offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(out.as_uri())
    sampler = _drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    _move(sampler, "seed", "9")
    assert not [url for url in asked if not url.startswith(("file:", "blob:", "data:"))]
    context.close()


def test_what_cannot_be_a_page_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ideal:digits", str(tmp_path / "page.html")]) == 1
    assert capsys.readouterr().err.strip().endswith(".")
    assert not list(tmp_path.iterdir())
