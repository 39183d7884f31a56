"""The Microscope computed in the browser: its branches beside those of the server, and the page."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, expect
from torch import nn

from engine.data.pixels import to_uint8
from engine.models.opened import Model
from engine.process import Velocity
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.samplers import SAMPLERS
from playground.browser.instructions import ProgramError
from playground.browser.network import network_files
from playground.browser.offered import SentNetwork
from playground.components.payloads.encoding import encode
from playground.components.payloads.microscope import Branch
from playground.labs.microscope import forks, job
from playground.labs.microscope.branches import HOME, Task
from playground.labs.microscope.live import live_microscope

from node import node

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
LONG = 120_000
"""Milliseconds, on a busy machine."""

GUIDED: dict[str, Any] = {"model": "digits", "seeds": (3,), "labels": (3,), "scale": 2.5, "steps": 6}
EVERY_FORK = (
    "0@2:seed=9;0@2:label=8;0@3:scale=0;0@3:sampler=ddim,eta=1;1@2:sampler=dpm++2m,label=1;2@0:seed=4;0@1:label=-1"
)
LEARNED: dict[str, Any] = {"model": "digits-learned-variance", "seeds": (3,), "sampler": "ddpm", "variance": "learned"}


def _tasks() -> dict[str, Task]:
    made = {name: Task(Recipe(**GUIDED, sampler=name, eta=0.4), forks.read(EVERY_FORK)) for name in SAMPLERS}
    unguided = {**GUIDED, "labels": (), "scale": 1.0}
    made["no label"] = Task(Recipe(**unguided, sampler="heun"), forks.read("0@2:sampler=ddpm,seed=2;0@1:label=4"))
    made["more steps than are shown"] = Task(Recipe(**{**GUIDED, "steps": 70}), forks.read("0@3:seed=1;0@30:label=2"))
    made["learned variance"] = Task(Recipe(**LEARNED, steps=6), forks.read("0@3:seed=8;0@2:variance=small"))
    return made


TASKS = _tasks()


def _model(task: Task) -> Model:
    """The model. What predicts ε is read as if it predicted v: it would magnify its rounding near pure noise."""
    model = open_model(task.root.model)
    return replace(model, denoiser=replace(model.denoiser, target=Velocity())) if "learned" in model.name else model


def _whole(net: nn.Module) -> SentNetwork:
    """In single precision, as the server has it."""
    files = network_files(net)
    weights = base64.b64encode(files.weights).decode()
    return SentNetwork("", len(files.weights), base64=weights, config=json.dumps(files.config))


@pytest.fixture(scope="module")
def in_browser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Node made of every task."""
    folder = tmp_path_factory.mktemp("branches")
    payloads = {name: live_microscope(_model(task), task, HOME, _whole) for name, task in TASKS.items()}
    (folder / "payloads.json").write_text(json.dumps({name: one.to_payload() for name, one in payloads.items()}))
    node("run_branches.mjs", folder)
    return folder


def _shown(step: dict[str, Any]) -> list[dict[str, Any]]:
    """The pictures of a step, but not what the exact denoiser of the data adds."""
    (equation,) = step["equations"]
    pictures = [equation["result"], *equation["terms"], *step["other_pictures"]]
    return [one for one in pictures if one["kind"] != "exact"]


def _indices(step: dict[str, Any]) -> dict[str, int]:
    """The number in the pool of every kind of picture, and of the weights of a term that has one for each pixel."""
    terms = step["equations"][0]["terms"]
    weights = {f"{t['kind']} weight": t["coefficient_map"] for t in terms if t["coefficient_map"] is not None}
    return {one["kind"]: one["index"] for one in _shown(step)} | weights


def _in_words(step: dict[str, Any]) -> Any:
    """All that is said of a step."""
    words = [{name: one[name] for name in ("kind", "symbol", "title", "vmax")} for one in _shown(step)]
    facts = [list(fact) for fact in step["facts"] if "exact" not in fact[0]]
    return step["step"], step["t"], step["text"], step["equations"][0]["name"], words, facts


@pytest.mark.parametrize("name", TASKS)
def test_branches_are_those_of_the_server(in_browser: Path, name: str) -> None:
    task = TASKS[name]
    *_, last = job.work(_model(task), task)
    found = json.loads((in_browser / f"{name}.json").read_text())
    assert len(found) == len(last.result.branches) == 1 + len(task.forks)
    for number, (own, result) in enumerate(zip(found, last.result.branches, strict=True)):
        right: Branch = result.branch
        pool = np.fromfile(in_browser / f"{name}-{number}.pool", np.float32).reshape(-1, *right.pool.shape[1:])
        assert (own["label"], own["parent"]) == (right.label, right.parent)
        assert len(own["steps"]) == len(right.steps)
        for step, expected, thumbnail in zip(own["steps"], encode(right.steps), own["thumbnails"], strict=True):
            assert _in_words(step) == _in_words(expected)
            assert step["progress"] == pytest.approx(expected["progress"])
            ours, theirs = _indices(step), _indices(expected)
            assert thumbnail == ours["x0"]
            assert ours.keys() == theirs.keys()
            for kind, index in theirs.items():
                difference = abs(pool[ours[kind]] - right.pool[index]).max()
                assert difference < 1e-4, f"branch {number}, step {step['step']}: {kind}"
            _adds_up(step, pool, expected, right.pool)
        assert right.final is not None
        ours, theirs = (to_uint8(torch.from_numpy(it)[None]) for it in (pool[own["final"]], right.pool[right.final]))
        assert abs(ours.astype(int) - theirs.astype(int)).max() <= 1


def _adds_up(step: dict[str, Any], pool: np.ndarray, expected: dict[str, Any], right: np.ndarray) -> None:
    """The coefficients to the digits that are shown, and their sum at every pixel."""
    (equation,), (reference,) = step["equations"], expected["equations"]
    total = 0.0
    for term, other in zip(equation["terms"], reference["terms"], strict=True):
        assert term["coefficient"] == pytest.approx(other["coefficient"], abs=2e-5)
        weights = term["coefficient"] if term["coefficient_map"] is None else pool[term["coefficient_map"]]
        total = total + weights * pool[term["index"]]
    np.testing.assert_allclose(total, right[reference["result"]["index"]], atol=3e-4)


def test_what_the_server_does_is_said() -> None:
    for task in (Task(Recipe(model="ideal:digits", steps=4)), Task(Recipe(**GUIDED), forks.read("0@2:steps=9"))):
        with pytest.raises(ProgramError, match=r"server\.$"):
            live_microscope(open_model(task.root.model), task, HOME, _whole)


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit, run_gradio) -> Iterator[str]:
    with run_streamlit(APP) if request.param == "streamlit" else run_gradio() as url:
        yield url


@pytest.mark.browser
def test_a_fork_answers_without_the_server(chromium: Browser, server: str) -> None:
    page = chromium.new_page(locale="en-US")
    page.goto(f"{server}/microscope?steps=8&frame=3&seed=2")
    page.get_by_text("Compute in this browser").click(timeout=LONG)
    live = page.locator(".dp-live-microscope")
    figure = live.locator(".dp-microscope")
    expect(page.locator('.dp-live-microscope[data-drawn] .dp-microscope[data-step="3"]')).to_be_visible(timeout=LONG)
    live.locator('[data-setting="label"]').select_option("8")
    expect(figure).to_have_attribute("data-branches", "2", timeout=LONG)
    page.wait_for_function("decodeURIComponent(location.search).includes('forks=0@3:label=8')", timeout=LONG)
    live.locator('[data-action="forward"]').click()
    page.wait_for_function("location.search.includes('frame=4')", timeout=LONG)
    expect(figure).to_have_attribute("data-branches", "2")
    page.context.set_offline(True)
    live.locator('[data-setting="seed"]').fill("9")
    live.locator('[data-setting="sampler"]').select_option(label="Heun")
    expect(figure).to_have_attribute("data-branches", "3", timeout=LONG)
    expect(live.get_by_text("Heun, seed 9")).to_be_visible(timeout=LONG)
    page.context.close()


@pytest.mark.browser
def test_a_link_with_forks_opens_and_what_the_server_does_is_said(chromium: Browser, server: str) -> None:
    page = chromium.new_page(locale="en-US")
    page.goto(f"{server}/microscope?steps=6&frame=2&forks=0@2:seed=5,sampler=ddpm;1@1:scale=4")
    page.get_by_text("Compute in this browser").click(timeout=LONG)
    expect(page.locator('.dp-live-microscope .dp-microscope[data-branches="3"]')).to_be_visible(timeout=LONG)
    page.goto(f"{server}/microscope?steps=6&frame=2&model=ideal:digits")
    page.get_by_text("Compute in this browser").click(timeout=LONG)
    expect(page.get_by_text("it is evaluated on the server")).to_be_visible(timeout=LONG)
    expect(page.locator('.dp-microscope[data-branches="2"]')).to_be_visible(timeout=LONG)
    page.context.close()
