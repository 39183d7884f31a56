"""The start page, the Sampling lab and the Training lab, driven as a person would."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from servers import ROOT, SLOW, RunServer

pytestmark = pytest.mark.browser

TIMELINE = "[data-position][data-count]"


@pytest.fixture(scope="module")
def app(run_streamlit: RunServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The running playground, with an empty folder for runs."""
    runs: Path = tmp_path_factory.mktemp("runs")
    with run_streamlit(ROOT / "playground" / "app.py", env={"DIFFUSION_PLAYGROUND_RUNS": str(runs)}) as url:
        yield url


def count(page: Page) -> int:
    return int(page.locator(TIMELINE).first.get_attribute("data-count") or 0)


def loaded(page: Page) -> int:
    """Frames that are there; a trajectory that was stopped has room for the others."""
    return int(page.locator(TIMELINE).first.get_attribute("data-loaded") or 0)


def test_the_start_page_shows_digits_and_leads_to_the_labs(app: str, page: Page) -> None:
    page.goto(app)
    expect(page.locator(TIMELINE)).to_have_attribute("data-count", "51")
    expect(page.locator(TIMELINE)).to_have_attribute("data-playing", "true")  # from noise to digits, by itself
    expect(page.locator(TIMELINE)).to_have_attribute("data-position", "50")
    for name in ("Forward", "Schedules", "Sampling", "Training"):
        expect(page.get_by_test_id("stPageLink").filter(has_text=name).first).to_be_visible()
    page.locator("[class*=st-key-lab-card]").filter(
        has_text="The reverse process:"
    ).last.click()  # the whole card is the link
    page.wait_for_url("**/sampling*")
    expect(page.get_by_role("heading", name="Sampling")).to_be_visible()
    expect(page.get_by_role("heading", name="Next lab", exact=True)).to_be_visible()
    page.locator("[class*=st-key-lab-card]").filter(has_text="One step of one image:").last.click()
    page.wait_for_url("**/microscope*")


def test_the_algorithm_shows_the_line_that_is_carried_out(app: str, page: Page) -> None:
    page.goto(f"{app}/sampling?model=ideal:digits&steps=4&count=1&sampler=ddpm")
    current = page.locator(".dp-algorithm [aria-current=step]")
    expect(current).to_have_count(1)
    expect(current).to_contain_text("return")
    page.locator("[data-action=first]").first.click()
    expect(current.first).to_contain_text("N(0, I)")
    expect(current.last).to_contain_text("x750 =")
    page.locator("[data-action=forward]").first.click()
    expect(current.first).to_contain_text("t = 750, s = 500")


def test_sampling_streams_and_stop_keeps_what_there_is(app: str, page: Page) -> None:
    page.goto(f"{app}/sampling?model=ideal:digits&steps=1000&count=4")
    expect(page.get_by_text(re.compile(r"[1-9]\d* of 1,000 steps"))).to_be_visible()
    began = time.monotonic()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"Stopped after \d+ of 1,000 steps"))).to_be_visible()
    print(f"Stop was answered in the page after {time.monotonic() - began:.2f} s")
    assert 0 < loaded(page) < 121
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()


def test_a_drawn_picture_shows_its_nearest_training_pictures(app: str, page: Page) -> None:
    page.goto(f"{app}/sampling?model=ideal:digits&steps=10&count=4&label=7&labels=one")
    expect(page.get_by_text("Done after 10 of 10 steps")).to_be_visible()
    expect(page.locator(TIMELINE)).to_have_attribute("data-count", "11")
    # The ideal denoiser ends on a training picture: the nearest one is no distance apart, and a seven.
    expect(page.get_by_text(re.compile(r"^class 7, distance [01]$")).first).to_be_visible()
    page.locator("canvas[data-lane]").first.click(position={"x": 8, "y": 8})
    expect(page.get_by_text(re.compile(r"Image 1 ?and the training images"))).to_be_visible()


def test_two_settings_on_the_same_noise(app: str, page: Page) -> None:
    page.goto(f"{app}/sampling?model=ideal:digits&steps=10&count=2&compare=1&b_steps=5&b_sampler=ddpm")
    expect(page.get_by_text("Done after 15 of 15 steps")).to_be_visible()
    expect(page.locator("canvas[data-lane]")).to_have_count(7)  # three of each side, and their difference
    expect(page.locator(TIMELINE)).to_have_attribute("data-count", "11")


def test_the_same_pixels_in_three_tabs_by_keyboard(app: str, page: Page) -> None:
    page.goto(f"{app}/sampling?model=digits&steps=2&count=2")
    expect(page.get_by_role("tab")).to_have_count(3)
    page.get_by_role("tab").first.focus()
    for name, words in (("Plain PyTorch", "import torch"), ("diffusers", "DDIMScheduler")):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        expect(page.locator("[data-testid=stCode]:visible")).to_contain_text(words)


def test_bad_links_say_so_and_open_with_the_default(app: str, page: Page) -> None:
    page.goto(f"{app}/sampling?model=ideal:digits&steps=0&count=2&eta=hello")
    expect(page.get_by_text(re.compile("The link asks for Steps = “0”"))).to_be_visible()
    expect(page.get_by_text(re.compile("The link asks for DDIM η = “hello”"))).to_be_visible()
    expect(page.get_by_text("Done after 50 of 50 steps")).to_be_visible()


def test_a_bad_folder_is_refused_in_one_sentence(app: str, page: Page) -> None:
    page.goto(f"{app}/sampling?model=ideal:digits&steps=2&count=1")
    page.get_by_text("Open a model").click()
    page.get_by_role("textbox", name="Folder").fill("/no/such/folder")
    page.get_by_role("textbox", name="Folder").press("Enter")
    expect(page.get_by_text("There is no checkpoint folder")).to_be_visible()
    expect(page.get_by_text("Done after 2 of 2 steps")).to_be_visible()


def test_train_reload_find_the_run_and_sample_from_it(app: str, page: Page, chromium: Browser) -> None:
    page.goto(f"{app}/training?steps=30&batch=8")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**run=*")
    expect(page.get_by_text(re.compile("finished.*step 30 of 30"))).to_be_visible()
    link = page.url

    # Somewhere else, the same link finds the same run.
    other = chromium.new_context(viewport={"width": 1300, "height": 1000}).new_page()
    other.set_default_timeout(SLOW)
    other.goto(link)
    expect(other.get_by_text(re.compile("finished.*step 30 of 30"))).to_be_visible()
    expect(other.locator(TIMELINE)).to_be_visible()
    other.get_by_role("button", name="Sample with it").click()
    expect(other.get_by_text("Done after 50 of 50 steps")).to_be_visible()
    assert "model=run" in other.url
    other.context.close()


def test_a_classifier_is_trained_and_then_guides(app: str, page: Page) -> None:
    page.goto(f"{app}/training?learns=classifier&steps=20&batch=4")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text(re.compile("finished.*step 20 of 20.*classifier"))).to_be_visible()
    charts = page.locator(".dp-livechart")
    expect(charts).to_have_count(3)
    expect(charts.nth(0)).to_contain_text("floor (best possible)")
    expect(charts.nth(2)).to_contain_text("Accuracy on held-out images")
    expect(page.locator(TIMELINE)).to_have_count(0)
    page.get_by_role("button", name="Sample with it").click()
    expect(page.get_by_text("Done after 50 of 50 steps")).to_be_visible()
    assert "classifier=run" in page.url
    assert "scale=0" in page.url


def test_training_can_be_paused_resumed_and_stopped(app: str, page: Page) -> None:
    page.goto(f"{app}/training?steps=5000&batch=4")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text(re.compile(r"training: step [1-9]"))).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text(re.compile("paused: step"))).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text(re.compile("training: step"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("stopped: step"))).to_be_visible()


def test_a_run_that_is_not_here_is_said_to_be_missing(app: str, page: Page) -> None:
    page.goto(f"{app}/training?run=20200101-000000-00000000")
    expect(page.get_by_text("The link names a training run that is not here")).to_be_visible()


@pytest.mark.parametrize("lab", ["", "sampling?model=ideal:digits&steps=5&count=4", "training"])
def test_nothing_sticks_out_on_a_phone(app: str, chromium: Browser, lab: str) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{app}/{lab}")
    expect(page.get_by_role("heading").first).to_be_visible(timeout=SLOW)
    page.wait_for_timeout(1500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()
