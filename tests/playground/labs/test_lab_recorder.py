"""The Recorder as a lab: tiles stand where their two times are, moments come one by one, and bad input gets a message."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.data.pixels import to_uint8
from engine.data.shipped import DATASETS
from engine.recipes.recipe import Recipe
from engine.runs import service as services
from engine.runs.folder import RunFolder
from engine.runs.record import RunRecord, new_id
from engine.runs.trainer import RunTrainer
from playground.components.payloads.recorder import TrainingSamplingMap
from playground.labs.recorder import job as lab
from playground.labs.recorder import view
from playground.labs.recorder.controls import RecorderControls, runs
from playground.labs.recorder.job import Recording
from playground.labs.shared.noising import shown_times
from playground.policy.visitor import HOST, Visitor

from runs_to_try import DATA, config_of


def tiles_of(drawn_map: TrainingSamplingMap) -> list[npt.NDArray[np.uint8]]:
    """The tiles as the browser finds them in the message."""
    message = drawn_map.to_message()
    (length,) = struct.unpack("<I", message[16:20])
    payload = json.loads(message[20 : 20 + length])
    lane = payload["lane"]
    width, height = lane["tile"]
    found = []
    for sheet in lane["sheets"]:
        begin, size = sheet["png"]["file"]
        image = np.asarray(Image.open(io.BytesIO(message[20 + length + begin :][:size])))
        for k in range(sheet["count"]):
            x, y = k % lane["columns"] * width, k // lane["columns"] * height
            found.append(image[y : y + height, x : x + width])
    return found


def recording_of(moments: int, frames: int, pictures: int = 1) -> Recording:
    """Every picture is as bright as its place among all."""
    bright = np.arange(moments * frames * pictures, dtype=np.uint8).reshape(moments, frames, pictures, 1, 1, 1)
    values = tuple(np.broadcast_to(bright, (moments, frames, pictures, 4, 4, 1)).copy())
    steps, t = tuple(range(0, 10 * moments, 10)), tuple(reversed(range(frames)))
    return Recording("made", "", steps, moments, t, values, tuple(255 - moment for moment in values))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 4))
def test_each_tile_stands_where_its_two_times_are(moments: int, frames: int, pictures: int) -> None:
    recording = recording_of(moments, frames, pictures)
    drawn_map = view.figure(recording, RecorderControls())
    assert drawn_map is not None
    tiles = tiles_of(drawn_map)
    assert len(tiles) == moments * frames
    for i in range(moments):
        for j in range(frames):
            assert tiles[i * frames + j][0, 0] == (i * frames + j) * pictures
    assert [position.t for position in drawn_map.trained] == list(recording.steps)
    assert view.figure(replace(recording, steps=(), x0=(), x=()), RecorderControls()) is None


def test_a_field_that_does_not_fit_its_times_is_refused() -> None:
    drawn_map = view.figure(recording_of(2, 3), RecorderControls())
    assert drawn_map is not None
    with pytest.raises(ValueError, match="6 tiles for 1 × 3"):
        replace(drawn_map, trained=drawn_map.trained[:1])
    with pytest.raises(ValueError, match="2 of 1 moments"):
        replace(drawn_map, total=1)


def test_the_recording_that_ships_is_small_and_shows_that_it_learned() -> None:
    assert lab.RECORDING.stat().st_size < 1_500_000
    recording = lab.recorded()
    assert recording.steps[0] == 0
    assert list(recording.steps) == sorted(set(recording.steps))
    assert len(recording.x0) == len(recording.steps) == recording.total

    # At the end most of a digit's picture is black or white; of what is no digit it is not.
    def clear(pictures: npt.NDArray[np.uint8]) -> float:
        return float(((pictures < 32) | (pictures > 223)).mean())

    last = clear(recording.x0[-1][-1])
    assert last > 0.8
    assert recording.x0[-1][-1].mean() < 80 < recording.x0[0][-1].mean()
    # Every row begins with the same noise.
    for x in recording.x[1:]:
        np.testing.assert_array_equal(x[0], recording.x[0][0])


@pytest.fixture
def run_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setitem(DATASETS, "sides-of-recorder", lambda: DATA)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = RunFolder(tmp_path, new_id())
    run = RunTrainer(
        folder, RunRecord(config=config_of(data="sides-of-recorder", steps=8, report_every=4, sample_every=100))
    )
    for _ in run.train():
        pass
    run.release()
    service = services.TrainingService(tmp_path)
    monkeypatch.setattr(services, "_service", service)
    yield folder.id
    service.close()
    torch.set_num_threads(threads)


def test_a_run_is_flown_moment_by_moment_and_each_is_what_its_weights_draw(run_id: str) -> None:
    controls = RecorderControls(run=run_id, count=3, seed=7, scale=2)
    partials = list(lab.record(controls, HOST))
    moments = [len(partial.result.steps) if partial.result else 0 for partial in partials]
    assert moments == sorted(moments)
    last = partials[-1].result
    assert last is not None
    assert last.steps == (0, 4, 8)
    assert [partial.done for partial in partials] == sorted(partial.done for partial in partials)
    assert partials[-1].done == partials[-1].total == 3 * lab.STEPS
    for step, x0, x in zip(last.steps, last.x0, last.x, strict=True):
        model = services.service().model_at(run_id, step)
        recipe = Recipe(model=model.name, steps=lab.STEPS, labels=(0, 1, 0), seeds=(7, 8, 9), scale=2)
        frames = list(recipe.frames(model))
        np.testing.assert_array_equal(x0[-2], to_uint8(frames[-2].x0))
        np.testing.assert_array_equal(x[5], to_uint8(frames[5].x))
    assert last.names == ("left", "right", "left")
    assert last.belongs_to(RecorderControls(run=run_id, count=3, seed=7, scale=2, show="x"))
    head, *rows = csv.reader(io.StringIO(view.table(last).data.decode()))
    assert len(head) == lab.STEPS + 2
    assert [row[0] for row in rows] == ["0", "4", "8"]
    assert all(float(row[-1]) == 0 for row in rows)
    assert run_id in runs(HOST)
    assert run_id not in runs(Visitor(public=True))


def test_a_run_that_is_gone_is_told_in_a_sentence(run_id: str) -> None:
    with pytest.raises(ValueError, match="no milestone"):
        list(lab.record(RecorderControls(run="20000101-000000-00000000"), HOST))


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60, unique=True), st.integers(2, 16))
def test_thinning_keeps_the_first_and_the_last(steps: list[int], most: int) -> None:
    ordered = tuple(sorted(steps))
    thin = tuple(ordered[k] for k in shown_times(len(ordered) - 1, most))
    assert len(thin) == min(most, len(ordered))
    assert set(thin) <= set(ordered)
    assert thin == tuple(sorted(set(thin)))
    assert (thin[0], thin[-1]) == (ordered[0], ordered[-1])
