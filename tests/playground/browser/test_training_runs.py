"""Several training runs in the page, driven as a person would: compare, name, download, delete and undo, the doctor's click."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.runs.service import TrainingService
from engine.training.config import TrainConfig

from servers import ROOT, SLOW, RunServer

pytestmark = pytest.mark.browser

TIMELINE = "[data-position][data-count]"
FEW = {"batch": 2, "T": 50, "report_every": 1, "sample_every": 4, "warmup": 0, "ema_decay": 0.5}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three real runs that an earlier process has trained; the second diverged."""
    root: Path = tmp_path_factory.mktemp("runs")
    service = TrainingService(root)
    for changes in ({"steps": 12}, {"steps": 40, "learning_rate": 1.0}, {"steps": 8, "target": "noise"}):
        run_id = service.submit(TrainConfig.model_validate(FEW | changes))
        service.wait(run_id, lambda snapshot: not snapshot.active, 120)
    return root


@pytest.fixture(scope="module")
def app(run_streamlit: RunServer, runs: Path) -> Iterator[str]:
    with run_streamlit(ROOT / "playground" / "app.py", env={"DIFFUSION_PLAYGROUND_RUNS": str(runs)}) as url:
        yield url


def _ids(runs: Path) -> list[str]:
    return sorted((entry.name for entry in runs.iterdir() if not entry.name.startswith(".")), reverse=True)


def _open_list(page: Page) -> None:
    page.get_by_text(re.compile(r"All \d+ runs")).click()
    expect(page.get_by_text(re.compile("Choose a run to show it"))).to_be_visible()


def _settle(page: Page) -> None:
    """Until the script of the page has come to its end."""
    page.wait_for_timeout(300)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def test_two_runs_are_ticked_with_the_keyboard_and_compared(app: str, page: Page, runs: Path) -> None:
    newest, _, oldest = _ids(runs)
    page.goto(f"{app}/training?batch=1")
    _open_list(page)
    boxes = page.get_by_role("checkbox", name=re.compile("^Compare "))
    expect(boxes).to_have_count(3)
    boxes.nth(0).focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("Tick another run to compare")).to_be_visible()
    boxes.nth(2).focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("Only the settings in which these runs differ")).to_be_visible()
    page.wait_for_url(re.compile(f"compare={newest}(,|%2C){oldest}"))

    # Both curves on one chart, each with a mark of its own; both runs' samples on one timeline.
    loss = page.locator(".dp-livechart").first
    expect(loss).to_have_attribute("data-series", "2")
    expect(loss.locator(".dp-legend").first).to_contain_text("●")
    expect(loss.locator(".dp-legend").first).to_contain_text("■")
    lanes = page.locator("canvas[data-lane]")
    expect(lanes).to_have_count(2)
    timeline = page.locator(TIMELINE).first
    last = int(timeline.get_attribute("data-count") or 0) - 1
    expect(timeline).to_have_attribute("data-position", str(last))
    shown = [lane.get_attribute("data-tile") for lane in lanes.all()]
    page.get_by_role("slider", name="Samples of the compared runs").focus()
    page.keyboard.press("Home")
    expect(timeline).to_have_attribute("data-position", "0")
    expect(page.get_by_text("A after 0 steps, B after 0 steps")).to_be_visible()
    assert [lane.get_attribute("data-tile") for lane in lanes.all()] != shown

    # Counted otherwise, the playhead of another timeline; and the link opens all this again.
    page.get_by_role("radio", name="Images processed").click()
    page.wait_for_url("**against=pictures*")
    expect(page.get_by_text(re.compile("after 24 images"))).to_be_visible()
    page.goto(page.url)
    expect(page.get_by_text(re.compile("after 24 images"))).to_be_visible()
    page.get_by_role("button", name="Back to one run").click()
    expect(page.get_by_role("button", name="Sample with it")).to_be_visible()
    expect(page).not_to_have_url(re.compile("compare="))


def test_a_run_is_named_downloaded_deleted_and_brought_back(app: str, page: Page, runs: Path, tmp_path: Path) -> None:
    newest = _ids(runs)[0]
    page.goto(f"{app}/training?batch=1&run={newest}")
    page.get_by_role("button", name="Rename, download, delete").click()
    page.get_by_role("textbox", name="Name").fill("The one with noise")
    page.get_by_role("textbox", name="Name").press("Enter")
    expect(page.get_by_role("heading", name="The one with noise")).to_be_visible()

    _settle(page)
    button = page.get_by_role("button", name="Download as zip")
    if not button.is_visible():
        page.get_by_role("button", name="Rename, download, delete").click()
    with page.expect_download(timeout=SLOW) as told:
        button.click()
    assert told.value.suggested_filename.startswith("The-one-with-noise-")
    told.value.save_as(tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert archive.testzip() is None
        names = [name.split("/", 1)[-1] for name in archive.namelist()]
    assert {"run.json", "metrics.jsonl"} <= set(names)
    assert any(name.endswith("unet/diffusion_pytorch_model.safetensors") for name in names)

    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted The one with noise.")).to_be_visible()
    assert newest not in _ids(runs)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="The one with noise")).to_be_visible()
    for _ in range(600):  # a minute at most: the heading of before may still stand when it is deleted
        if newest in _ids(runs):
            break
        page.wait_for_timeout(100)
    assert newest in _ids(runs)


def test_the_doctors_click_sets_the_learning_rate_and_starts_nothing(app: str, page: Page, runs: Path) -> None:
    diverged = _ids(runs)[1]
    page.goto(f"{app}/training?batch=1&run={diverged}")
    expect(page.get_by_text(re.compile("The loss is no longer a number"))).to_be_visible()
    page.get_by_role("button", name="Try learning rate 0.001").click()
    expect(
        page.get_by_text(re.compile("The controls now have the settings of this run, with learning rate 0.001"))
    ).to_be_visible()
    page.wait_for_url("**steps=40*")  # the run's own settings are in the link
    assert "learning_rate" not in page.url  # 0.001 is what the page begins with
    assert len(_ids(runs)) == 3


def test_a_run_in_training_is_compared_live(app: str, page: Page, runs: Path) -> None:
    before = set(_ids(runs))
    page.goto(f"{app}/training?steps=100000&batch=2&T=50")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text(re.compile(r"training: step [1-9]"))).to_be_visible()
    (fresh,) = set(_ids(runs)) - before
    page.goto(f"{app}/training?batch=1&compare={fresh},{_ids(runs)[-1]}")
    loss = page.locator(".dp-livechart").first
    expect(loss).to_have_attribute("data-series", "3")  # both, and the floor that they share
    points = loss.get_attribute("data-points") or ""
    expect(loss).not_to_have_attribute("data-points", points)
    page.get_by_role("button", name="Back to one run").click()
    page.goto(f"{app}/training?batch=1&run={fresh}")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("stopped: step"))).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_on_a_phone(app: str, chromium: Browser, runs: Path, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": 400, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    newest, *_, oldest = _ids(runs)
    for link in (f"compare={newest},{oldest}", f"run={_ids(runs)[-2]}"):
        page.goto(f"{app}/training?batch=1&{link}")
        expect(page.locator(".dp-livechart").first).to_be_visible(timeout=SLOW)
        if link.startswith("run"):
            _open_list(page)
        page.wait_for_timeout(1500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        outside = page.evaluate(
            "[...document.querySelectorAll('[data-testid=stMain] button, canvas, [data-testid=stImage] img')]"
            ".filter(e => e.getBoundingClientRect().width && e.getBoundingClientRect().right > 401).length"
        )
        assert outside == 0
    context.close()
