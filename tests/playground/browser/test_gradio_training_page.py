"""Training in the Gradio app, driven as a person would: begin, watch, pause, load again, resume, stop, name, delete, undo."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.runs.service import TrainingService
from engine.training.config import TrainConfig

from lag import late_ends
from servers import RunServer

pytestmark = pytest.mark.browser

TINY = "preset=tiny&batch=2&T=20&steps=100000"
LOSS = "#training-loss .dp-livechart"
SAMPLES = "#training-previews [data-position][data-count]"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run that an earlier process has trained; it diverged."""
    root: Path = tmp_path_factory.mktemp("runs")
    service = TrainingService(root)
    settings = {
        "steps": 40,
        "learning_rate": 1.0,
        "batch": 2,
        "T": 50,
        "report_every": 1,
        "sample_every": 40,
        "warmup": 0,
    }
    run_id = service.submit(TrainConfig.model_validate(settings))
    service.wait(run_id, lambda snapshot: not snapshot.active, 120)
    return root


@pytest.fixture(scope="module")
def app(run_gradio: RunServer, runs: Path) -> Iterator[str]:
    with run_gradio(env={"DIFFUSION_PLAYGROUND_RUNS": str(runs)}) as url:
        yield url


def _kept(runs: Path) -> set[str]:
    return {entry.name for entry in runs.iterdir() if not entry.name.startswith(".")}


def test_a_run_from_its_start_to_its_end_and_back(app: str, page: Page, runs: Path, tmp_path: Path) -> None:
    page.goto(f"{app}/training?{TINY}")
    expect(page.locator("#training-cost")).to_contain_text("Estimated duration")
    before = _kept(runs)
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text(re.compile(r"training: step [1-9]"))).to_be_visible()
    loss = page.locator(LOSS)
    points = loss.get_attribute("data-points") or ""
    expect(loss).not_to_have_attribute("data-points", points)  # the curve goes on by itself
    expect(page.locator(SAMPLES)).to_be_visible()
    (fresh,) = _kept(runs) - before
    page.wait_for_url(f"**run={fresh}*")

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text(re.compile("paused: step"))).to_be_visible()
    page.reload()  # the link finds it again
    expect(page.get_by_text(re.compile("paused: step"))).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text(re.compile("training: step"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("stopped: step"))).to_be_visible()

    page.get_by_text("Rename, download, delete").click()
    page.get_by_role("textbox", name="Name").fill("<b>Mine</b>")
    page.get_by_role("textbox", name="Name").press("Enter")
    expect(page.get_by_role("heading", name="<b>Mine</b>", exact=True)).to_be_visible()
    with page.expect_download() as told:
        page.get_by_role("button", name="Download as zip").click()
    assert told.value.suggested_filename == f"b-Mine--b-{fresh[:15]}.zip"
    told.value.save_as(tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert archive.testzip() is None
        assert f"{fresh}/run.json" in archive.namelist()

    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted <b>Mine</b>.")).to_be_visible()
    assert _kept(runs) == before
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="<b>Mine</b>", exact=True)).to_be_visible()
    assert _kept(runs) == {*before, fresh}


def test_two_tabs_watch_one_run_and_the_list_compares_it(app: str, page: Page, runs: Path) -> None:
    page.goto(f"{app}/training?{TINY}")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text(re.compile(r"training: step [1-9]"))).to_be_visible()
    page.wait_for_url("**run=*")
    other = page.context.new_page()
    other.goto(page.url)
    loss = other.locator(LOSS)
    expect(loss).to_have_attribute("data-points", re.compile("[1-9]"))
    points = loss.get_attribute("data-points") or ""
    expect(loss).not_to_have_attribute("data-points", points)

    # With the keyboard, while the list is drawn again and again under it.
    page.get_by_text(re.compile(r"All \d+ runs")).click()
    boxes = page.get_by_role("checkbox", name=re.compile("^Compare "))
    boxes.first.focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("Tick another run to compare")).to_be_visible()
    expect(boxes.first).to_be_focused()
    boxes.last.focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("Only the settings in which these runs differ")).to_be_visible()
    page.wait_for_url("**compare=*")
    page.get_by_role("radio", name="Images processed").click()
    page.wait_for_url("**against=pictures*")
    page.get_by_role("button", name="Back to one run").click()
    expect(page).not_to_have_url(re.compile("compare="))

    other.get_by_role("button", name="Stop").click()
    for tab in (page, other):
        expect(tab.get_by_text(re.compile("stopped: step"))).to_be_visible()


def test_a_slow_network_loses_nothing(app: str, page: Page) -> None:
    """Without `playground.serving.streams` the second event of the page is never answered."""
    with late_ends(app) as url:
        page.goto(f"{url}/training?{TINY}")
        expect(page.locator("#training-cost")).to_contain_text("Estimated duration")
        page.get_by_role("button", name="Start training").click()
        expect(page.get_by_text(re.compile(r"training: step [1-9]"))).to_be_visible()
        for asked, answer in (("Pause", "paused: step"), ("Resume", "training: step"), ("Stop", "stopped: step")):
            page.get_by_role("button", name=asked).click()
            expect(page.get_by_text(re.compile(answer))).to_be_visible()
        page.goto("about:blank")  # while it is still there


def test_the_doctors_click_sets_the_learning_rate_and_starts_nothing(app: str, page: Page, runs: Path) -> None:
    before = _kept(runs)
    page.goto(f"{app}/training?batch=1&run={min(before)}")
    page.get_by_role("button", name="Try learning rate 0.001").click()
    expect(page.get_by_text(re.compile("now have the settings of this run, with learning rate 0.001"))).to_be_visible()
    page.wait_for_url("**steps=40*")  # the run's own settings are in the link
    assert _kept(runs) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_on_a_phone(app: str, chromium: Browser, runs: Path, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{app}/training?batch=1&run={min(_kept(runs))}")
    expect(page.locator(LOSS)).to_be_visible()
    page.get_by_text("Rename, download, delete").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()
