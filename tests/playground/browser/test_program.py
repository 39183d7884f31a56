"""Recipes as programs: the browser's frames beside the engine's, for every sampler, variance and guidance."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.data.pixels import to_uint8
from engine.denoiser import NetDenoiser
from engine.guidance import Guided
from engine.models.opened import Model
from engine.models.point_mlp import PointMLP, PointMLPConfig
from engine.process import Prediction, Velocity
from engine.recipes.recipe import Recipe
from engine.recipes.sampling_fields import Variance
from engine.registry import open_classifier, open_model
from engine.samplers import DDIM, SAMPLERS, Denoise, Draw, NamedSampler, PreviousStep, Sampler
from engine.sampling import SeededNoise, sample, timesteps_from
from engine.schedule import SPACINGS, Level, NoiseSchedule
from playground.browser.build import MODULES
from playground.browser.instructions import Evaluate, ProgramError
from playground.browser.program import Program, compile_program, compile_trajectory

from node import node, write_network

GUIDANCE: dict[str, dict[str, Any]] = {
    "none": {"scale": 2.0},
    "labels": {"labels": (3, -1), "scale": 1.0},
    "classifier-free": {"labels": (3, 8), "scale": 3.0},
    "interval": {"labels": (3, 8), "scale": 3.0, "scale_from": 0.3, "scale_to": 0.9},
    "rescaled": {"labels": (3, 8), "scale": 4.0, "rescale": 0.7},
    "classifier": {"labels": (3, -1), "scale": 0.0, "classifier": "digits", "classifier_scale": 2.0},
    "both": {"labels": (3, 8), "scale": 2.0, "classifier": "digits"},
}
SEEDS = (1, 2**53 - 1)
NOISE_MODEL, MODEL = "digits-learned-variance", "digits"


def _model(recipe: Recipe) -> Model:
    """The recipe's model. What predicts ε is read as if it predicted v: it would magnify its rounding near pure noise."""
    model = open_model(recipe.model)
    return replace(model, denoiser=replace(model.denoiser, target=Velocity())) if recipe.model == NOISE_MODEL else model


def _recipes() -> dict[str, Recipe]:
    """Every sampler of the registry with every value of its settings, under every guidance; clippings, spacings, schedules."""
    made = {}
    for name, sampler in SAMPLERS.items():
        etas = (0.0, 0.6, 1.0) if "eta" in sampler.settings else (0.0,)
        variances = get_args(Variance) if "variance" in sampler.settings else ("small",)
        for eta, variance, (guidance, fields) in product(etas, variances, GUIDANCE.items()):
            model = NOISE_MODEL if variance == "learned" else MODEL
            made[f"{name} {eta} {variance} {guidance}"] = Recipe(
                model=model, sampler=name, eta=eta, variance=variance, seeds=SEEDS, steps=4, **fields
            )
    plain = Recipe(seeds=SEEDS, sampler="dpm++2m", **GUIDANCE["classifier-free"], steps=5)
    made |= {f"clip {clip}": plain.model_copy(update={"clip": clip}) for clip in ("none", "quantile")}
    made |= {f"spacing {spacing}": plain.model_copy(update={"spacing": spacing}) for spacing in SPACINGS}
    made |= {f"schedule {it}": plain.model_copy(update={"schedule": it, "T": 50}) for it in ("linear", "sigmoid")}
    many = {"seeds": tuple(range(20)), "labels": (*range(10), *[-1] * 2, *range(8))}  # more than are evaluated at once
    made["many"] = plain.model_copy(update={"steps": 2, "classifier": "digits"} | many)
    return made


@dataclass(frozen=True)
class Request:
    """What run_programs.mjs is asked for, and what the engine made of it: (frames, 3, pictures, …)."""

    program: Program
    recipe: Recipe
    expected: np.ndarray
    changes: dict[str, Any] = field(default_factory=dict)


def _request(recipe: Recipe, model: Model | None = None, **options: Any) -> Request:
    model = model or _model(recipe)
    return Request(compile_program(recipe, model, **options), recipe, _frames(recipe, model, **options))


def _frames(recipe: Recipe, model: Model, **options: Any) -> np.ndarray:
    return np.stack([torch.stack([f.x, f.x0, f.noise]).numpy() for f in recipe.frames(model, **options)])


def _answers(folder: Path, requests: dict[str, Request], module: str) -> dict[str, np.ndarray]:
    """The frames of Node."""
    for name in (MODEL, NOISE_MODEL):
        write_network(folder, name, open_model(name).denoiser.net)
    write_network(folder, "guide", open_classifier("digits").net)
    programs = []
    for number, it in enumerate(requests.values()):
        labels = {"labels": it.recipe.labels} if it.recipe.labels else {}
        asked = {"name": str(number), "network": it.recipe.model, "program": it.program.to_payload()}
        programs.append(asked | {"seeds": it.recipe.seeds} | labels | it.changes)
    asked_all = {"module": module, "networks": [MODEL, NOISE_MODEL], "classifier": "guide", "programs": programs}
    (folder / "requests.json").write_text(json.dumps(asked_all))
    node("run_programs.mjs", folder)
    return {
        name: np.fromfile(folder / f"{number}.frames", np.float32).reshape(it.expected.shape)
        for number, (name, it) in enumerate(requests.items())
    }


def _compare(
    folder: Path, requests: dict[str, Request], *, magnified: float = 1.0, module: str = "unet-relaxed.wasm"
) -> None:
    for name, found in _answers(folder, requests, module).items():
        right = requests[name].expected
        assert abs(found[:, 1] - right[:, 1]).max() < 1e-4 * magnified, f"{name}: x̂0"
        pixels = [to_uint8(torch.tensor(it[-1, 0])).astype(int) for it in (found, right)]
        assert abs(pixels[0] - pixels[1]).max() <= 1, f"{name}: pixels"


@pytest.mark.toolchain
def test_the_browser_samples_what_the_engine_samples(tmp_path: Path) -> None:
    requests = {name: _request(recipe) for name, recipe in _recipes().items()}
    assert len(requests) > 70
    for module in MODULES:
        _compare(tmp_path, requests, module=module)


@pytest.mark.toolchain
def test_a_network_that_predicts_the_noise_magnifies_its_rounding_near_pure_noise(tmp_path: Path) -> None:
    """x̂0 = (x − √(1−ᾱ) ε̂) / √ᾱ: on the linear schedule the rounding of ε̂, 1e-6, is multiplied by up to 157."""
    recipe = Recipe(model=NOISE_MODEL, schedule="linear", sampler="ddpm", variance="learned", seeds=SEEDS, steps=6)
    _compare(tmp_path, {"noise": _request(recipe, open_model(NOISE_MODEL))}, magnified=5)


@pytest.mark.toolchain
def test_scales_labels_and_seeds_change_without_a_new_program_and_a_frame_is_continued(tmp_path: Path) -> None:
    model = open_model(MODEL)
    made_for = Recipe(seeds=SEEDS, labels=(1, 2), scale=2.0, steps=4, sampler="dpm++2m-sde")
    wanted = made_for.model_copy(update={"scale": 5.0, "labels": (7, 0), "seeds": (5, 6)})
    scales = torch.tensor([0.0, 3.5])
    program = compile_program(made_for, model)
    assert program.guided
    requests = {
        "another scale": Request(program, wanted, _frames(wanted, model), {"scale": 5.0}),
        "a scale each": Request(program, made_for, _frames(made_for, model, scale=scales), {"scale": scales.tolist()}),
        "compiled": _request(made_for, scale=scales),
    }
    frame = list(made_for.frames(model))[2]
    for name, recipe in {"fork": made_for, "heun": made_for.model_copy(update={"sampler": "heun"})}.items():
        start = frame.start
        assert start.previous is not None
        pictures = {"x": start.x, "x0": start.previous.prediction.x0, "noise": start.previous.prediction.noise}
        for part, picture in pictures.items():
            picture.numpy().tofile(tmp_path / f"start.{part}")
        requests[name] = replace(_request(recipe, start=start), changes={"start": "start", "draws": start.draws})
    _compare(tmp_path, requests)


@dataclass(frozen=True)
class Churned:
    """Draws before it evaluates, uses all of the step before, and returns a prediction of its own: what none here does."""

    def step(
        self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
    ) -> tuple[Tensor, Prediction]:
        prediction = denoise(x + 0.1 * noise(), now)
        if previous is not None:
            mean = (3 * prediction.x0 - previous.prediction.x0) / 2
            direction = (3 * prediction.noise - previous.prediction.noise) / 2
            prediction = Prediction(mean, direction, prediction.variance_mix)
        return DDIM(0.5).follow(prediction, x, now, to, noise), prediction


@dataclass(frozen=True)
class Squared:
    """No weighted sum."""

    def step(
        self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
    ) -> tuple[Tensor, Prediction]:
        prediction = denoise(x, now)
        return prediction.x0**2, prediction


@dataclass(frozen=True)
class Shifted:
    """No weighted sum either: it adds a constant."""

    def step(
        self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
    ) -> tuple[Tensor, Prediction]:
        prediction = denoise(x, now)
        return prediction.x0 + 0.1, prediction


@pytest.mark.toolchain
def test_a_new_sampler_runs_in_the_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SAMPLERS, "churned", NamedSampler("Churned", "", lambda *_: Churned()))
    recipe = Recipe(sampler="churned", seeds=SEEDS, steps=4, **GUIDANCE["classifier-free"])
    _compare(tmp_path, {"churned": _request(recipe)})


@pytest.mark.parametrize("sampler", [Squared(), Shifted()])
def test_a_sampler_that_is_no_weighted_sum_says_so(sampler: Sampler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SAMPLERS, "odd", NamedSampler("Odd", "", lambda *_: sampler))
    with pytest.raises(ProgramError, match=r"(Squared|Shifted) is no weighted sum"):
        compile_program(Recipe(sampler="odd", steps=3), open_model(MODEL))


def test_what_the_browser_cannot_do_it_says() -> None:
    for recipe, problem in {
        Recipe(model="ideal:digits", steps=3): "no trained network",
        Recipe(labels=(1,), classifier="ideal:digits", steps=3): "ExactClassifier",
    }.items():
        with pytest.raises(ProgramError, match=problem):
            compile_program(recipe, open_model(recipe.model))


def test_a_program_evaluates_only_what_the_recipe_needs() -> None:
    model = open_model(MODEL)

    def evaluations(**fields: Any) -> list[tuple[str, ...]]:
        program = compile_program(Recipe(steps=3, **fields), model)
        return [it.labels for step in program.steps for it in step.code if isinstance(it, Evaluate)]

    assert evaluations() == [("none",)] * 3
    assert evaluations(labels=(1,), scale=0) == [("none",)] * 3
    assert evaluations(labels=(1,), scale=1) == [("own",)] * 3
    assert evaluations(labels=(1,), scale=2) == [("own", "none")] * 3
    assert sorted(evaluations(labels=(1,), scale=2, scale_from=0.9)) == [("own",)] * 2 + [("own", "none")]


@pytest.mark.toolchain
@pytest.mark.parametrize("classes", [0, 2])
def test_the_network_of_points_draws_what_the_engine_draws(classes: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = PointMLP(PointMLPConfig(T=100, width=24, classes=classes)).requires_grad_(False)
    net.last.weight.normal_(std=0.2)
    schedule, sampler = NoiseSchedule.cosine(100), SAMPLERS["dpm++2m-sde"]()
    denoiser = Guided(NetDenoiser(net, schedule, Velocity(), classes), 3.0)
    seeds, label = range(1100), torch.arange(1100) % 2 if classes else None  # more than are evaluated at once
    frames = sample(denoiser, schedule, sampler, shape=(2,), steps=5, seeds=seeds, label=label)
    right = np.stack([torch.stack([f.x, f.x0, f.noise]).numpy() for f in frames])
    times = timesteps_from(schedule, 5, "uniform", 100)
    program = compile_trajectory(denoiser, sampler, schedule, times, (2,), has_labels=classes > 0)
    assert program.guided == (classes > 0)
    write_network(tmp_path, "points", net)
    labels = {} if label is None else {"labels": label.tolist()}
    asked = {"name": "0", "network": "points", "program": program.to_payload(), "seeds": list(seeds)} | labels
    (tmp_path / "requests.json").write_text(
        json.dumps({"module": "unet.wasm", "networks": ["points"], "programs": [asked]})
    )
    node("run_programs.mjs", tmp_path)
    found = np.fromfile(tmp_path / "0.frames", np.float32).reshape(right.shape)
    np.testing.assert_allclose(found, right, rtol=0, atol=1e-4)


@pytest.mark.toolchain
@pytest.mark.parametrize("size", [2, 15, 16, 17, 784, 3071])
def test_noise_is_that_of_torch(size: int, tmp_path: Path) -> None:
    seeds = [0, 1, 12345, 2**32 - 1, 2**32 + 7, 2**53 - 1]
    source = SeededNoise(seeds, (size,))
    right = np.stack([source().numpy() for _ in range(5)])
    noise = {"name": "noise", "seeds": seeds, "size": size, "draws": len(right)}
    (tmp_path / "requests.json").write_text(
        json.dumps({"module": "unet.wasm", "networks": [], "programs": [], "noise": [noise]})
    )
    node("run_programs.mjs", tmp_path)
    found = np.fromfile(tmp_path / "noise.noise", np.float32).reshape(right.shape)
    np.testing.assert_allclose(found, right, rtol=0, atol=1e-6)
