"""The Sampling lab: what is drawn, how one watches and stops it, and what is shown of it."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import Tensor

from engine.evaluation.metrics import nearest_neighbours
from engine.ideal import ExactDenoiser
from engine.models.opened import Model
from engine.process import Prediction
from engine.recipes.evaluations import network_evaluations
from engine.recipes.recipe import Recipe, RecipeError, text_in_png
from engine.recipes.sampling_fields import VARIANCE_TITLES
from engine.registry import open_model
from engine.samplers import SAMPLERS
from engine.schedule import Level, NoiseSchedule
from playground.components.payloads.panels import AlgorithmPanel
from playground.components.payloads.timeline import Lane, Timeline
from playground.labs.sampling import comparison, text, view
from playground.labs.sampling import job as lab
from playground.labs.sampling.controls import (
    B_FIELDS,
    NOT_LEARNED,
    SamplingControls,
    Side,
    rules,
    with_new_seed,
    without_effect,
)
from playground.labs.sampling.job import MAX_POSITIONS, FrameImages, SamplingJob
from playground.labs.sampling.recipes import open_recipes, recipes
from playground.labs.sampling.view import nearest_training_images
from playground.labs.shared import models
from playground.labs.shared.controls import checked, from_link
from playground.policy.visitor import HOST

SECONDS = 30.0


class Watched:
    """The exact denoiser of two points, which can be made to wait, or to break, at a certain call."""

    def __init__(self, *, wait_at: int | None = None, break_at: int | None = None) -> None:
        self.calls, self.wait_at, self.break_at = 0, wait_at, break_at
        self.reached, self.go_on = threading.Event(), threading.Event()
        self._exact = ExactDenoiser(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1).expand(2, 1, 2, 2).clone())

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        self.calls += 1
        if self.calls == self.break_at:
            raise RuntimeError("the network has been unplugged")
        if self.calls == self.wait_at:
            self.reached.set()
            assert self.go_on.wait(SECONDS)
        return self._exact(x_t, level)


def _model(denoiser: object = None, T: int = 1000) -> Model:
    return Model("m", "M", denoiser or Watched(), (1, 2, 2), (), NoiseSchedule.cosine(T), "")  # type: ignore[arg-type]


def _job(recipe: Recipe, denoiser: object = None, second: Recipe | None = None) -> SamplingJob:
    wanted: dict[Side, Recipe] = {"A": recipe} if second is None else {"A": recipe, "B": second}
    return SamplingJob("job", _model(denoiser), wanted)


# --- from settings to recipes -----------------------------------------------------------------------------------------


def test_b_differs_from_a_in_its_own_settings_only() -> None:
    controls = SamplingControls(
        compare=True,
        sampler="ddim",
        steps=30,
        b_sampler="ddpm",
        b_steps=80,
        b_schedule="linear",
        T=500,
        count=5,
        seed=9,
    )
    both = recipes(controls, 10)
    a, b = both["A"].model_dump(), both["B"].model_dump()
    assert {name for name in a if a[name] != b[name]} == {"sampler", "steps", "schedule", "T"}
    assert a["seeds"] == b["seeds"] == (9, 10, 11, 12, 13)
    assert list(recipes(controls.model_copy(update={"compare": False}), 10).values()) == [both["A"]]


@pytest.mark.parametrize("field", [name.removeprefix("b_") for name in B_FIELDS])
def test_the_same_setting_on_both_sides_gives_the_same_recipe(field: str) -> None:
    defaults = SamplingControls(model="ideal:digits", classifier="ideal:digits", b_classifier="ideal:digits")
    same = {f"b_{name.removeprefix('b_')}": getattr(defaults, name.removeprefix("b_")) for name in B_FIELDS}
    both = recipes(defaults.model_copy(update={"compare": True, **same}), 10)
    assert both["A"] == both["B"]
    other = {
        "smoothing": 0.3,
        "sampler": "heun",
        "steps": 7,
        "eta": 0.5,
        "variance": "large",
        "scale": 3.0,
        "scale_from": 0.2,
        "scale_to": 0.8,
        "rescale": 0.7,
        "classifier": "digits",
        "classifier_scale": 4.0,
        "spacing": "quadratic",
        "schedule": "linear",
        "clip": "quantile",
    }[field]
    changed = recipes(defaults.model_copy(update={"compare": True, **same, f"b_{field}": other}), 10)
    assert getattr(changed["B"], field) == other
    assert changed["A"] == both["A"]


def test_labels() -> None:
    assert recipes(SamplingControls(labels="each", count=5), 3)["A"].labels == (0, 1, 2, 0, 1)
    assert recipes(SamplingControls(labels="one", label=2, count=3), 3)["A"].labels == (2, 2, 2)
    assert recipes(SamplingControls(labels="none", count=3), 3)["A"].labels == ()
    assert recipes(SamplingControls(labels="one", label=7), 0)["A"].labels == ()
    with pytest.raises(RecipeError, match=r"0 … 2: choose another class than 3\."):
        recipes(SamplingControls(labels="one", label=3), 3)


def test_without_labels_the_sliders_of_guidance_stay_out_of_the_recipe() -> None:
    """A recipe that asks for guidance towards nothing is refused; the page greys those sliders out instead."""
    controls = SamplingControls(
        labels="none", scale=5.0, scale_to=0.5, rescale=0.7, classifier="digits", compare=True, b_scale=7.0
    )
    for recipe in recipes(controls, 10).values():
        recipe.check(open_model("digits"))
        assert recipe == Recipe(**recipe.model_dump(include={"seeds", "sampler"}))


def test_every_setting_within_its_bounds_makes_a_recipe() -> None:
    largest = SamplingControls(seed=2**53 - 100, count=64, steps=1000, eta=1, scale=8, T=1000, schedule="sigmoid")
    assert recipes(largest, 10)["A"].seeds[-1] == 2**53 - 37
    with pytest.raises(ValidationError):
        SamplingControls(seed=2**53)


def test_controls_without_effect_are_told_and_really_have_none() -> None:
    """Whatever is said to have no effect is changed, and the pictures must stay the same."""
    data = ExactDenoiser(torch.randn(6, 1, 2, 2, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3)
    other = {"eta": 0.7, "variance": "large", "scale": 5.0, "T": 300, "labels": "one"}
    other |= {"scale_from": 0.3, "scale_to": 0.7, "rescale": 0.5, "classifier": "ideal:digits", "classifier_scale": 3.0}
    for classes in (0, 3):
        model = Model("m", "M", data, (1, 2, 2), ("a", "b", "c")[:classes], NoiseSchedule.cosine(1000), "")
        for labels in ("each", "none"):
            for sampler in SAMPLERS:
                for schedule in ("own", "linear"):
                    controls = SamplingControls(
                        labels=labels, sampler=sampler, schedule=schedule, count=3, steps=6, b_sampler=sampler
                    )
                    silent = without_effect(controls, classes)
                    assert ("eta" in silent) == (sampler != "ddim")
                    assert ("variance" in silent) == (sampler != "ddpm")
                    assert ("scale" in silent) == (labels == "none" or not classes)
                    assert ("classifier" in silent) == (labels == "none")
                    assert ("T" in silent) == (schedule == "own")
                    assert ("labels" in silent) == (not classes)
                    assert all(reason.endswith(".") for reason in silent.values())
                    *_, drawn = recipes(controls, classes)["A"].frames(model)
                    for name in silent:
                        if name.startswith("b_"):
                            continue
                        changed = controls.model_copy(update={name: other[name]})
                        *_, same = recipes(changed, classes)["A"].frames(model)
                        assert torch.equal(drawn.x, same.x), (name, controls)


def test_T_has_an_effect_where_only_b_walks_another_schedule() -> None:
    controls = SamplingControls(b_schedule="linear")
    assert "T" in without_effect(controls, 10)
    assert "T" not in without_effect(controls.model_copy(update={"compare": True}), 10)


# --- jobs -------------------------------------------------------------------------------------------------------------


def test_a_job_goes_to_its_end_and_its_frames_are_those_of_its_recipe() -> None:
    recipe = Recipe(steps=7, seeds=(0, 1, 2), sampler="ddpm")
    job = _job(recipe)
    job.wait(SECONDS)
    progress = job.state
    assert (progress.status, progress.done, progress.total, progress.error) == ("finished", 7, 7, "")
    assert progress.seconds_left is None
    time.sleep(0.05)
    assert job.state.seconds == progress.seconds  # the clock has stopped
    frames = job.frames()
    for images, frame in zip(frames, recipe.frames(_model()), strict=True):
        expected = lab.images_of(frame)
        assert (images.step, images.t) == (frame.step, frame.t)
        assert np.array_equal(images.x, expected.x)
        assert np.array_equal(images.x0, expected.x0)
        assert np.array_equal(images.noise, expected.noise)
        assert images.x.shape == (3, 2, 2, 1)
    assert job.frames("B") == []


def test_a_job_is_watched_while_it_runs() -> None:
    denoiser = Watched(wait_at=5)
    job = _job(Recipe(steps=10), denoiser)
    assert denoiser.reached.wait(SECONDS)
    progress = job.state
    assert (progress.status, progress.done, progress.total) == ("running", 3, 10)
    assert progress.seconds_left is not None
    assert progress.seconds_left == pytest.approx(progress.seconds / 3 * 7, rel=0.01)
    seen = job.frames()
    assert [images.step for images in seen] == [0, 1, 2, 3]
    denoiser.go_on.set()
    job.wait(SECONDS)
    assert len(seen) == 4  # a copy
    assert len(job.frames()) == 11


def test_a_job_stops_at_once_and_keeps_what_there_is() -> None:
    denoiser = Watched(wait_at=5)
    job = _job(Recipe(steps=10), denoiser)
    assert denoiser.reached.wait(SECONDS)
    began = time.perf_counter()
    job.stop()
    assert job.state.status == "stopped"
    assert time.perf_counter() - began < 0.2
    assert [images.step for images in job.frames()] == [0, 1, 2, 3]
    denoiser.go_on.set()
    job.wait(SECONDS)
    assert job.state.status == "stopped"
    assert job.state.done == 3
    assert len(job.frames()) == 4  # the step that was being computed is dropped
    assert denoiser.calls == 5
    job.stop()
    assert job.state.status == "stopped"


def test_stopping_before_the_first_step_leaves_nothing_and_breaks_nothing() -> None:
    denoiser = Watched(wait_at=1)
    job = _job(Recipe(steps=10), denoiser)
    assert denoiser.reached.wait(SECONDS)
    job.stop()
    denoiser.go_on.set()
    job.wait(SECONDS)
    assert job.state.seconds_left is None
    assert view.timeline("t", {"A": job.frames()}) is None


def test_stopping_what_has_ended_changes_nothing() -> None:
    job = _job(Recipe(steps=2))
    job.wait(SECONDS)
    job.stop()
    assert job.state.status == "finished"


def test_a_model_that_breaks_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    job = _job(Recipe(steps=10), Watched(break_at=4))
    job.wait(SECONDS)
    progress = job.state
    assert progress.status == "failed"
    assert "the network has been unplugged" in progress.error
    assert len(job.frames()) == 3
    assert "Traceback" in capsys.readouterr().err


def test_a_recipe_that_does_not_fit_is_refused_before_a_thread_begins() -> None:
    before = threading.active_count()
    with pytest.raises(RecipeError, match="T = 5"):
        SamplingJob("job", _model(T=5), {"A": Recipe(steps=6)})
    assert threading.active_count() == before


@pytest.mark.parametrize(("steps", "second"), [(12, 12), (5, 20), (20, 5)])
def test_both_sides_advance_together(steps: int, second: int) -> None:
    denoiser = Watched(wait_at=(steps + second) // 2)
    job = _job(Recipe(steps=steps), denoiser, Recipe(steps=second, sampler="ddpm"))
    assert denoiser.reached.wait(SECONDS)
    a, b = (job.state.result.steps_done[side] / recipe.steps for side, recipe in job.recipes.items())
    assert abs(a - b) <= 1 / min(steps, second) + 1e-9
    assert 0.3 < a < 0.7
    denoiser.go_on.set()
    job.wait(SECONDS)
    assert (job.state.done, job.state.total) == (steps + second, steps + second)
    assert np.array_equal(job.frames("A")[0].x, job.frames("B")[0].x)  # the same noise


def test_the_frames_of_a_long_walk_are_bounded() -> None:
    job = _job(Recipe(steps=1000))
    job.wait(SECONDS)
    frames = job.frames()
    assert len(frames) == MAX_POSITIONS + 1
    assert frames[0].step == 0
    assert frames[-1].step == 1000
    gaps = np.diff([images.step for images in frames])
    assert gaps.min() >= 8
    assert gaps.max() <= 9
    assert all(len(lab._kept_steps(steps)) == min(steps, MAX_POSITIONS) + 1 for steps in range(1, 400))


# --- what is shown ----------------------------------------------------------------------------------------------------


def _frames(count: int, T: int = 1000, pictures: int = 3, seed: int = 0) -> list[FrameImages]:
    generator = np.random.default_rng(seed)

    def some() -> lab.Images:
        return generator.integers(0, 256, (pictures, 4, 4, 1)).astype(np.uint8)

    return [FrameImages(k, round(T * (1 - k / (count - 1))), some(), some(), some()) for k in range(count)]


def _tiles(lane: Lane) -> dict[int, np.ndarray]:
    """The lane's tiles as the browser cuts them out of the sheets, by number."""
    width, height = lane.sheets.tile
    found = {}
    for sheet in lane.sheets.sheets:
        image = np.asarray(Image.open(io.BytesIO(sheet.png)))
        for k in range(sheet.count):
            row, column = divmod(k, lane.sheets.columns)
            found[sheet.first + k] = image[row * height : (row + 1) * height, column * width : (column + 1) * width]
    return found


def _lane(shown: Timeline, key: str) -> Lane:
    return next(lane for lane in shown.lanes if lane.key == key)


def test_one_side_shows_every_frame_in_order() -> None:
    frames = _frames(11)
    shown = view.timeline("t", {"A": frames})
    assert shown is not None
    assert [position.t for position in shown.positions] == [images.t for images in frames]
    assert [lane.key for lane in shown.lanes] == ["x", "x0", "noise"]
    assert shown.start_at == "last"
    for lane in shown.lanes:
        assert lane.index == (
            tuple(range(11)) if lane.key != "noise" else (*range(10), 9)
        )  # nothing is predicted at t = 0
        assert lane.group == ""
        tiles = _tiles(lane)
        rows, columns = lane.grid
        for k, images in enumerate(frames):
            for number, picture in enumerate(getattr(images, lane.key)):
                row, column = divmod(number, columns)
                assert row < rows
                assert np.array_equal(tiles[k][row * 4 : row * 4 + 4, column * 4 : column * 4 + 4], picture[..., 0])


def test_two_sides_of_different_length_meet_at_the_same_t() -> None:
    a, b = _frames(51), _frames(6, seed=1)
    shown = view.timeline("t", {"A": a, "B": b})
    assert shown is not None
    assert len(shown.positions) == 51
    assert [(lane.key, lane.group) for lane in shown.lanes] == [
        *((f"{name}{side}", side) for name in ("x", "x0", "noise") for side in "AB"),
        ("difference", comparison.DIFFERENCE),
    ]
    index = _lane(shown, "xB").index
    assert index[0] == 0
    assert index[-1] == 5
    assert sorted(index) == list(index)
    for position, number in zip(shown.positions, index, strict=True):
        assert abs(b[number].t - position.t) <= 100


def test_the_difference_of_two_sides_is_what_its_words_say() -> None:
    """Of every position: the RMS over the values of an image, its mean over the images, and the standard error of that."""
    a, b = _frames(6, pictures=5), _frames(6, pictures=5, seed=1)
    shown = view.timeline("t", {"A": a, "B": b})
    assert shown is not None
    for k, caption in enumerate(shown.captions):
        apart = (b[k].x0.astype(float) - a[k].x0.astype(float)) / 127.5
        rms = np.sqrt((apart**2).reshape(5, -1).mean(1))
        assert f"{rms.mean():.3f} ± {rms.std(ddof=1) / 5**0.5:.3f} (standard error over 5 images)" in caption
    assert all(" 0.000 ± 0.000" in caption for caption in view.timeline("t", {"A": a, "B": a}).captions)  # type: ignore[union-attr]


@pytest.mark.parametrize("sampler", list(SAMPLERS))
@pytest.mark.parametrize(
    "guidance", [{}, {"scale": 3.0}, {"scale": 3.0, "scale_from": 0.3, "scale_to": 0.8}, {"labels": ()}]
)
def test_network_evaluations_are_those_that_are_made(sampler: str, guidance: dict[str, Any]) -> None:
    model = HOST.open_model("ideal:digits")
    rows: list[int] = []

    def counting(x: torch.Tensor, level: Level, label: torch.Tensor | None = None) -> Prediction:
        rows.append(len(x))
        return model.denoiser(x, level, label)

    settings = {
        "model": "ideal:digits",
        "sampler": sampler,
        "steps": 7,
        "seeds": (0, 1),
        "labels": (3, 4),
        "scale": 1.0,
    }
    recipe = Recipe.model_validate(settings | guidance)
    for _ in recipe.frames(replace(model, denoiser=counting)):
        pass
    assert network_evaluations(recipe, model) == sum(rows) / 2


def test_each_side_says_its_recipe_and_marks_what_differs() -> None:
    model = HOST.open_model("ideal:digits")
    a = Recipe(model="ideal:digits", sampler="ddim", steps=8, seeds=(0,))
    titles = comparison.titles({"A": a, "B": a.model_copy(update={"sampler": "heun", "steps": 4})}, model)
    assert "<b>DDIM</b>, <b>8 steps</b>" in titles["A"]
    assert "<b>8</b> network evaluations" in titles["A"]
    assert "<b>Heun</b>, <b>4 steps</b>" in titles["B"]
    assert "<b>" not in "".join(comparison.titles({"A": a, "B": a}, model).values())


def test_a_stopped_run_stands_before_its_end_and_is_no_sample() -> None:
    _, made = open_recipes(SamplingControls(model="ideal:digits", steps=10, count=2), HOST)
    begun = lambda recipe, model: islice(recipe.frames(model), 5)  # noqa: E731
    run = SamplingJob("stopped", HOST.open_model("ideal:digits"), made, frames=begun)
    run.wait(SECONDS)
    shown = view.run_timeline(run)
    assert shown is not None
    assert (len(shown.positions), shown.total) == (5, 11)
    (export,) = view.exports(run)
    with pytest.raises(RecipeError):  # the recipe would make other images
        text_in_png(export.files[0].data)
    found = view.nearest(run, view.Choice("A", 0))
    assert found is not None
    assert f"t = {shown.positions[-1].t}" in found.images[0][1]


def test_an_exported_recipe_has_every_field() -> None:
    _, made = open_recipes(SamplingControls(model="ideal:digits", steps=2, count=1), HOST)
    run = SamplingJob("whole", HOST.open_model("ideal:digits"), made)
    run.wait(SECONDS)
    (export,) = view.exports(run)
    assert set(json.loads(export.files[1].data)) == set(Recipe.model_fields)
    assert Recipe.model_validate_json(export.files[1].data) == made["A"]


def test_three_ways_to_the_same_pixels() -> None:
    """The recipe written out, plain PyTorch and diffusers; where no program can, a sentence and nothing to copy."""
    _, made = open_recipes(SamplingControls(model="digits", steps=2, count=1, compare=True, b_sampler="heun"), HOST)
    run = SamplingJob("whole", HOST.open_model("digits"), made)
    run.wait(SECONDS)
    of_a, of_b = view.exports(run)
    for export in (of_a, of_b):
        assert [tab.title for tab in export.tabs] == list(text.TABS)
        assert all(tab.note for tab in export.tabs)
        assert export.tabs[0].code.encode() == export.files[1].data
        assert "import torch" in export.tabs[1].code
        assert "Recipe(" in export.files[2].data.decode()
    assert "DDIMScheduler" in of_a.tabs[2].code
    assert not of_b.tabs[2].code
    assert "HeunDiscreteScheduler" in of_b.tabs[2].note


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_algorithm_has_the_numbers_of_every_step_and_the_lines_that_it_carries_out(sampler: str) -> None:
    steps = 6
    run = SamplingJob("j", _model(), {"A": Recipe(model="m", steps=steps, sampler=sampler)}, begin=False)
    frames = [FrameImages(k, t, *[np.zeros((1, 2, 2, 1), np.uint8)] * 3) for k, t in enumerate(range(6, -1, -1))]
    shown = view.timeline("t", {"A": frames}, run=run)
    assert shown is not None
    (panel,) = shown.panels
    assert isinstance(panel, AlgorithmPanel)
    assert panel.source
    assert len(panel.current) == steps + 1
    end = len(panel.lines) - 1
    assert panel.current[0][:3] == (0, 1, 2)
    assert panel.current[-1] == (end,)
    updates = [number for number, line in enumerate(panel.lines) if "{sum}" in line.numbers]
    assert all(len(set(lines) & set(updates)) == 1 for lines in panel.current[:-1])  # each step ends with one update
    draws = [number for number, line in enumerate(panel.lines) if line.text.startswith("<i>z</i>")]
    for lines, total in zip(panel.current[:-1], panel.values["sum"], strict=False):
        assert bool(set(draws) & set(lines)) == total.endswith(" z")
    named = set(re.findall(r"{(\w+)}", "".join(line.numbers for line in panel.lines)))
    assert named <= set(panel.values)
    assert panel.values["t"][0] == "1000"
    assert panel.values["s"][-2] == "0"


def test_two_sides_with_the_same_steps_share_their_algorithm() -> None:
    def titles(**of_b: Any) -> list[str]:
        recipe = Recipe(model="m", steps=3)
        run = SamplingJob("j", _model(), {"A": recipe, "B": recipe.model_copy(update=of_b)}, begin=False)
        frames = [FrameImages(k, 3 - k, *[np.zeros((1, 2, 2, 1), np.uint8)] * 3) for k in range(4)]
        shown = view.timeline("t", {"A": frames, "B": frames}, run=run)
        assert shown is not None
        return [panel.title for panel in shown.panels]

    assert len(titles(clip="none")) == 1
    assert [title[:2] for title in titles(sampler="ddpm")] == ["A:", "B:"]


def test_nothing_to_show() -> None:
    assert view.timeline("t", {"A": [], "B": []}) is None
    assert view.live_timeline("t", {"A": []}, {"A": 5}, 0) is None
    one_side = view.timeline("t", {"A": _frames(3), "B": []})
    assert one_side is not None
    assert [lane.key for lane in one_side.lanes] == ["x", "x0", "noise"]


@pytest.mark.parametrize("sides", [1, 2])
def test_what_is_sent_piece_by_piece_adds_up_to_the_whole(sides: int) -> None:
    frames: dict[Side, list[FrameImages]] = (
        {"A": _frames(9)} if sides == 1 else {"A": _frames(9), "B": _frames(9, seed=1)}
    )
    totals = dict.fromkeys(frames, 9)
    whole = view.timeline("t", frames)
    assert whole is not None
    sent, positions = 0, []
    index: dict[str, list[int]] = {lane.key: [] for lane in whole.lanes}
    tiles: dict[str, dict[int, np.ndarray]] = {lane.key: {} for lane in whole.lanes}
    for ready in (0, 1, 1, 4, 5, 9, 9):
        piece = view.live_timeline("t", {side: some[:ready] for side, some in frames.items()}, totals, sent)
        if ready <= sent:
            assert piece is None
            continue
        assert piece is not None
        assert (piece.live, piece.first, piece.total, piece.id) == (True, sent, 9, "t")
        positions += piece.positions
        for lane in piece.lanes:
            full = _lane(whole, lane.key)
            assert (lane.grid, lane.sheets.tile, lane.title, lane.group) == (
                full.grid,
                full.sheets.tile,
                full.title,
                full.group,
            )
            index[lane.key] += lane.index
            tiles[lane.key] |= _tiles(lane)
        piece.to_message()
        sent = piece.first + len(piece.positions)
    assert tuple(positions) == whole.positions
    for lane in (one for one in whole.lanes if one.key != "difference"):  # shown at the end
        assert tuple(index[lane.key]) == lane.index
        expected = _tiles(lane)
        assert tiles[lane.key].keys() == expected.keys()
        assert all(np.array_equal(tiles[lane.key][k], tile) for k, tile in expected.items())


def test_sides_of_different_length_are_not_sent_piece_by_piece() -> None:
    assert view.live_timeline("t", {"A": _frames(9), "B": _frames(5)}, {"A": 9, "B": 5}, 0) is None


def test_a_side_that_is_ahead_waits_for_the_other() -> None:
    piece = view.live_timeline("t", {"A": _frames(9)[:5], "B": _frames(9)[:4]}, {"A": 9, "B": 9}, 1)
    assert piece is not None
    assert (piece.first, len(piece.positions)) == (1, 3)


def test_grey_is_no_noise_and_white_is_three_sigma() -> None:
    from engine.sampling import Frame

    noise = torch.tensor([-3.0, 0.0, 3.0, 9.0]).reshape(1, 1, 2, 2)
    images = lab.images_of(Frame(0, 1, 1, noise, noise, noise))
    assert images.noise.reshape(-1).tolist() == [0, 128, 255, 255]


# --- neighbours -------------------------------------------------------------------------------------------------------


def test_what_the_ideal_denoiser_draws_is_a_training_picture() -> None:
    model = open_model("ideal:digits")
    *_, last = Recipe(model="ideal:digits", steps=8, seeds=(1,), labels=(4,), scale=1).frames(model)
    found = nearest_training_images(model, lab.images_of(last).x[0])
    assert len(found) == 5
    assert found[0][2] < 0.5
    assert found[0][1] == "4"
    distances = [distance for *_, distance in found]
    assert distances == sorted(distances)
    assert distances[1] > 5


def test_distances_are_root_mean_squares() -> None:
    model = open_model("ideal:emoji")
    black = np.zeros((32, 32, 3), np.uint8)
    picture, _, distance = nearest_training_images(model, black, k=1)[0]
    assert distance == pytest.approx(float(np.sqrt(np.square(picture.astype(float)).mean())), rel=1e-5)


def test_where_the_pictures_are_unknown_nothing_is_found() -> None:
    assert nearest_training_images(_model(), np.zeros((2, 2, 1), np.uint8)) == []


def test_two_sides_of_different_T_are_matched_by_the_share_of_the_way() -> None:
    def frames(T: int, steps: int) -> list[FrameImages]:
        blank = np.zeros((1, 4, 4, 1), np.uint8)
        return [FrameImages(k, round(T * (steps - k) / steps), blank, blank, blank) for k in range(steps + 1)]

    shown = view.timeline("x", {"A": frames(1000, 10), "B": frames(100, 5)})
    assert shown is not None
    second = next(lane for lane in shown.lanes if lane.key == "x0B")
    assert second.index[0] == 0
    assert second.index[-1] == 5
    assert second.index[4] == 2  # four tenths of the way: two of five steps
    assert list(second.index) == sorted(second.index)


def test_smoothing_leads_from_memorising_away_from_the_data_by_as_much_as_it_says() -> None:
    """The nearest training picture of each sample: itself at 0, then at about σ per pixel, as the lab tells the reader."""
    model = open_model("ideal:digits")
    distances = []
    for smoothing in (0.0, 0.1, 0.3):
        controls = SamplingControls(
            model="ideal:digits",
            count=4,
            steps=60,
            sampler="heun",
            scale=1,
            smoothing=smoothing,
            clip="none",
            spacing="quadratic",
        )
        recipe = recipes(controls, 10)["A"]
        assert f"{smoothing * 127.5:.0f}" in view.memorization(recipe)
        *_, last = recipe.frames(model)
        nearest, _ = nearest_neighbours(last.x, model.denoiser.points)  # type: ignore[attr-defined]
        distances.append(float(nearest.mean()) / 28)
    assert distances[0] < 1e-3
    assert distances[1:] == pytest.approx([0.1, 0.3], rel=0.1)
    assert "memorized" in view.memorization(Recipe(model="digits"))


def test_a_comparison_begins_with_a_copy_and_keeps_what_b_was_given() -> None:
    before = SamplingControls(steps=7, sampler="heun", scale=2.0)
    begun = checked(before, compare=True).after(before)
    made = recipes(begun, 10)
    assert made["A"] == made["B"]
    assert begun.b_steps == 7  # type: ignore[attr-defined]
    changed = checked(begun, b_steps=20)
    assert changed.after(begun) == changed
    again = checked(changed, compare=True)
    assert again.after(checked(changed, compare=False)) == again
    # A link says what B is, and opens it.
    opened, _ = from_link(SamplingControls, {"compare": "1"})
    assert recipes(opened, 10)["B"].sampler == "ddpm"


def test_classes_are_chosen_by_name_and_a_variance_that_is_not_learned_says_so() -> None:
    drawn = rules(HOST, lambda _: models.choices(HOST))
    for name in ("digits", "emoji"):
        options = drawn.options(SamplingControls(model=name, labels="one"))
        assert tuple(options["label"].values()) == HOST.open_model(name).class_names
        assert options["variance"]["learned"] == NOT_LEARNED
    assert (
        drawn.options(SamplingControls(model="digits-learned-variance"))["variance"]["learned"]
        == VARIANCE_TITLES["learned"]
    )
    assert with_new_seed(SamplingControls()).model_dump(exclude={"seed"}) == SamplingControls().model_dump(
        exclude={"seed"}
    )
