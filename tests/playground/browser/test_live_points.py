"""The Points lab's network in the browser: its clouds beside those of the server, and the page."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from torch import nn

from playground.browser.instructions import ProgramError
from playground.browser.network import network_files
from playground.browser.offered import SentNetwork
from playground.labs.points import job, training
from playground.labs.points.controls import PointsControls, points_of
from playground.labs.points.live import live_points
from playground.labs.points.trajectory import Trained

from node import node

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
LONG = 120_000
"""Milliseconds, on a busy machine."""

QUICK: dict[str, Any] = {
    "count": 200,
    "particles": 100,
    "T": 50,
    "train_steps": 100,
    "width": 16,
    "depth": 2,
    "model": "trained",
    "steps": 10,
    "compare": "nothing",
}
CASES: dict[str, dict[str, Any]] = {
    "ddpm beside ddim": {"compare": "ddpm", "eta": 0.4},
    "heun": {"sampler": "heun", "scale": 2.5},
    "dpm++2m beside a quarter of its steps": {"sampler": "dpm++2m", "compare": "quarter", "scale": 2.0},
    "dpm++2m-sde beside no guidance": {"sampler": "dpm++2m-sde", "compare": "unguided", "scale": 4.0},
    "one class": {"label": "1", "scale": 3.0},
    "no class": {"label": "none", "compare": "heun"},
    "no classes": {"classes": False, "sampler": "ddpm"},
    "another schedule, and more steps than are shown": {"sampling_schedule": "linear", "T": 150, "steps": 130},
}
MOVED = {"steps": 20, "eta": 0.75, "scale": 1.5}
"""What the controls of the figure are moved to."""


def _controls(**values: Any) -> PointsControls:
    return PointsControls.model_validate({**QUICK, **values})


@pytest.fixture(scope="module")
def trained() -> dict[str, Trained]:
    """The network of every case, trained for a moment."""
    found = {}
    for name, values in CASES.items():
        controls = _controls(**values)
        *_, last = training.work(controls, points_of(controls), None)
        assert last.result is not None
        found[name] = last.result.trained
    return found


def _whole(net: nn.Module) -> SentNetwork:
    files = network_files(net)
    weights = base64.b64encode(files.weights).decode()
    return SentNetwork("", len(files.weights), base64=weights, config=json.dumps(files.config))


@pytest.fixture(scope="module")
def in_browser(tmp_path_factory: pytest.TempPathFactory, trained: dict[str, Trained]) -> Path:
    """What Node made of every case, as it is and with its controls moved."""
    folder = tmp_path_factory.mktemp("clouds")
    payloads = {}
    for name, values in CASES.items():
        controls = _controls(**values)
        payload = live_points(controls, points_of(controls), trained[name], _whole).to_payload()
        own = {setting: payload[setting] for setting in MOVED}
        payloads |= {name: {**payload, "now": own}, f"{name}, moved": {**payload, "now": MOVED}}
    (folder / "payloads.json").write_text(json.dumps(payloads))
    node("run_clouds.mjs", folder)
    return folder


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_clouds_are_those_of_the_server(in_browser: Path, trained: dict[str, Trained], name: str, moved: bool) -> None:
    controls = _controls(**CASES[name] | (MOVED if moved else {}))
    *_, last = job.work(controls, points_of(controls), trained[name])
    right = last.result
    assert right is not None
    name = f"{name}, moved" if moved else name
    found = json.loads((in_browser / f"{name}.json").read_text())
    assert [(one["t"], one["text"]) for one in found["positions"]] == [(one.t, one.text) for one in right.positions]
    assert (found["fps"], found["class_names"]) == (pytest.approx(right.fps), list(right.class_names))
    for number, (cloud, expected) in enumerate(zip(found["clouds"], right.clouds, strict=True)):
        assert (cloud["key"], cloud["title"]) == (expected.key, expected.title)
        assert cloud["frame_index"] == pytest.approx(list(expected.frame_index), abs=1e-5)
        assert expected.x0 is not None
        assert expected.arrows is not None
        assert cloud["arrows"]["level_index"] == list(expected.arrows.level_index)
        parts = {"x": expected.x, "x0": expected.x0, "vectors": expected.arrows.vectors}
        for part, values in parts.items():
            ours = np.fromfile(in_browser / f"{name}-{number}.{part}", np.float32).reshape(values.shape)
            assert abs(ours - values).max() < 1e-4 * max(1, abs(values).max()), f"{name}, {expected.key}: {part}"


def test_what_the_server_does_is_said(trained: dict[str, Trained]) -> None:
    for values in ({"model": "exact"}, {"compare": "model"}):
        controls = _controls(**values)
        with pytest.raises(ProgramError, match=r"server; .*\.$"):
            live_points(controls, points_of(controls), trained["heun"], _whole)


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit, run_gradio) -> Iterator[str]:
    with run_streamlit(APP) if request.param == "streamlit" else run_gradio() as url:
        yield url


@pytest.mark.browser
def test_clouds_follow_the_hand(chromium: Browser, server: str) -> None:
    page = chromium.new_page(locale="en-US")
    small = "train_steps=100&width=16&depth=2&count=200&particles=200&steps=10"
    page.goto(f"{server}/points?model=trained&{small}")
    page.get_by_role("button", name="🏋️ Train").click(timeout=LONG)
    expect(page.get_by_role("button", name="Continue training")).to_be_enabled(timeout=LONG)
    page.get_by_text("Compute in this browser").click(timeout=LONG)
    clouds = page.locator(".dp-live-points")
    expect(page.locator('.dp-live-points[data-drawn="whole"] .dp-points[data-particles="200"]')).to_be_visible(
        timeout=LONG
    )
    clouds.locator('[data-setting="scale"]').fill("3")
    expect(page.locator('.dp-live-points[data-drawn="whole"][data-scale="3"]')).to_be_visible(timeout=LONG)
    page.wait_for_function(
        "location.search.includes('scale=3')", timeout=LONG
    )  # the link says so, and nothing is drawn again
    page.context.set_offline(True)
    clouds.locator('[data-setting="steps"]').fill("0")
    expect(
        page.locator('.dp-live-points[data-drawn="whole"][data-steps="5"] .dp-points[data-count="6"]')
    ).to_be_visible(timeout=LONG)
    page.context.close()
