"""The programs of a recipe are carried out: in plain PyTorch and with diffusers they give the pixels of the engine."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.data.pixels import to_uint8
from engine.interop import pretrained
from engine.interop.pretrained import Card
from engine.models.opened import Model
from engine.models.unet import UNetConfig
from engine.recipes.fork import Changes, Fork
from engine.recipes.recipe import Recipe, RecipeError
from engine.recipes.scripts import facts as facts_module
from engine.recipes.scripts.facts import FORMULAS, KNOWN, Script
from engine.recipes.scripts.plain import plain_pytorch
from engine.recipes.scripts.schedulers import with_diffusers
from engine.registry import open_model
from engine.samplers import SAMPLERS
from engine.schedule import SCHEDULES, SPACINGS, NoiseSchedule

from checkpoints_to_try import denoiser_of
from laws import schedules

ROOT = Path(__file__).parents[3]
SHIPPED = ("digits", "digits-learned-variance", "emoji")
TWO = {"seeds": (3, 4), "labels": (1, -1)}


@pytest.fixture(autouse=True)
def _in_the_folder_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs open what ships there; their picture goes nowhere."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: None)


def _pixels(code: str) -> npt.NDArray[np.uint8]:
    """What a program draws, uint8 (B, H, W, C)."""
    names: dict[str, Any] = {}
    exec(compile(code, "program.py", "exec"), names)
    drawn: npt.NDArray[np.uint8] = names["pixels"].permute(0, 2, 3, 1).numpy()
    return drawn


def _ours(recipe: Recipe, model: Model) -> npt.NDArray[np.uint8]:
    *_, last = recipe.frames(model)
    return to_uint8(last.x)


def _plain_is_the_same(recipe: Recipe, model: Model) -> None:
    script = plain_pytorch(recipe, model)
    assert script.code, script.note
    np.testing.assert_array_equal(_pixels(script.code), _ours(recipe, model))


def _levels_apart(recipe: Recipe, model: Model) -> int | None:
    """Most levels between the pixels of diffusers and ours; None where there is no program, and a sentence says why."""
    script = with_diffusers(recipe, model)
    assert script.note
    if not script.code:
        return None
    theirs = _pixels(script.code)
    return int(np.abs(theirs.astype(int) - _ours(recipe, model).astype(int)).max())


CASES: dict[str, dict[str, Any]] = {
    "ddim": {},
    "ddim unconditional": {"labels": ()},
    "ddim, half of the noise": {"eta": 0.5, "clip": "none"},
    "ddim, steps that do not divide T": {"steps": 7},
    "ddim, all of the noise, any steps": {"eta": 1.0, "steps": 6},
    "ddim, evenly in √t": {"spacing": "quadratic"},
    "ddpm": {"sampler": "ddpm"},
    "ddpm, guided": {"sampler": "ddpm", "scale": 4.0, "clip": "quantile", "spacing": "log-snr"},
    "dpm": {"sampler": "dpm++2m", "steps": 8, "spacing": "log-snr"},
    "dpm, not clipped": {"sampler": "dpm++2m", "scale": 0.5, "clip": "none"},
    "dpm, with noise": {"sampler": "dpm++2m-sde", "clip": "quantile"},
    "an interval": {"scale": 3.0, "scale_from": 0.3, "scale_to": 0.9},
    "an interval without the label": {"scale": 0.0, "scale_from": 0.3, "scale_to": 0.9},
    "conditional": {"scale": 1.0, "sampler": "dpm++2m"},
}
"""What both programs draw with the shipped digits."""


@pytest.mark.parametrize("case", CASES)
def test_both_programs_draw_the_pixels_of_the_recipe(case: str) -> None:
    recipe, model = Recipe.model_validate({"steps": 5, **TWO, **CASES[case]}), open_model("digits")
    _plain_is_the_same(recipe, model)
    apart = _levels_apart(recipe, model)
    assert apart is not None
    assert apart <= 1


PLAIN: dict[str, dict[str, Any]] = {
    "heun": {"sampler": "heun", "scale": 3.0},
    "heun, not clipped": {"sampler": "heun", "clip": "none", "labels": ()},
    "another schedule": {"schedule": "linear", "T": 50},
    "the same schedule by name": {"schedule": "cosine"},
    "sigmoid": {"schedule": "sigmoid", "spacing": "log-snr", "sampler": "ddpm"},
    "rescaled": {"scale": 6.0, "rescale": 0.7, "clip": "none"},
    "large variance": {"sampler": "ddpm", "variance": "large"},
    "no variance": {"sampler": "ddpm", "variance": "zero"},
    "learned variance": {"sampler": "ddpm", "variance": "learned", "model": "digits-learned-variance", "scale": 3.0},
    "learned variance, not used": {"model": "digits-learned-variance", "labels": (), "clip": "none"},
    "colour": {"model": "emoji", "sampler": "dpm++2m-sde"},
}
"""What plain PyTorch alone draws."""


@pytest.mark.parametrize("case", PLAIN)
def test_plain_pytorch_draws_the_pixels_of_the_recipe(case: str) -> None:
    recipe = Recipe.model_validate({"steps": 5, **TWO, **PLAIN[case]})
    _plain_is_the_same(recipe, open_model(recipe.model))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"schedule": "linear"}, "schedule"),
        ({"scale": 6.0, "rescale": 0.7}, "rescale"),
        ({"sampler": "ddpm", "variance": "zero"}, "DDPMScheduler"),
        ({"sampler": "ddpm", "variance": "large"}, "finished image"),
        ({"sampler": "heun"}, "HeunDiscreteScheduler"),
        ({"eta": 0.5, "steps": 7}, "DDIMScheduler"),
        ({"model": "digits-learned-variance", "clip": "none"}, "float32"),
    ],
)
def test_what_diffusers_cannot_do_is_said_in_a_sentence(changes: dict[str, Any], named: str) -> None:
    recipe = Recipe.model_validate({"steps": 5, **TWO, **changes})
    script = with_diffusers(recipe, open_model(recipe.model))
    assert not script.code
    assert named in script.note


def test_their_ddim_is_not_a_number_where_ours_says_so() -> None:
    """Five steps of η = 1 on the cosine schedule: a fault of diffusers 0.42, met by another scheduler of theirs."""
    recipe, model = Recipe.model_validate({"eta": 1.0, "steps": 5, **TWO}), open_model("digits")
    script = with_diffusers(recipe, model)
    assert "NaN" in script.note
    assert "DPMSolverMultistepScheduler" in script.code
    from diffusers import DDIMScheduler

    theirs = DDIMScheduler(beta_schedule="squaredcos_cap_v2", timestep_spacing="trailing")
    theirs.set_timesteps(5)
    x = torch.zeros(1, 1, 2, 2)
    assert theirs.step(x, theirs.timesteps[0], x, eta=1.0).prev_sample.isnan().any()
    assert _levels_apart(recipe, model) is not None


# --- what no short program does ---------------------------------------------------------------------------------------


def test_what_a_short_program_cannot_do_is_said_in_a_sentence() -> None:
    digits, recipe = open_model("digits"), Recipe(steps=4, seeds=(1,), labels=(2,))
    guided = recipe.model_copy(update={"classifier": "digits-noisy-classifier", "classifier_scale": 2.0})
    refused = {
        "fork": (Fork(parent=recipe, step=2, changes=Changes(seed=5)), digits),
        "Classifier": (guided, digits),
        "exact denoiser": (Recipe(model="ideal:digits", steps=4), open_model("ideal:digits")),
    }
    for word, (one, model) in refused.items():
        for script in (plain_pytorch(one, model), with_diffusers(one, model)):
            assert not script.code
            assert word in script.note


def test_a_new_sampler_or_schedule_has_no_program_before_one_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SAMPLERS, "new", SAMPLERS["ddim"])
    monkeypatch.setitem(SCHEDULES, "linear", lambda T: NoiseSchedule.linear(T, 1e-4, 0.01))
    monkeypatch.setattr(facts_module, "SCHEDULES", {**SCHEDULES, "linear": NoiseSchedule.linear})
    for changes, named in (({"sampler": "new"}, "“new”"), ({"schedule": "linear"}, "“linear”")):
        for program in (plain_pytorch, with_diffusers):
            script = program(Recipe.model_validate({"steps": 4, **changes}), open_model("digits"))
            assert not script.code
            assert named in script.note


# --- any recipe, any network ----------------------------------------------------------------------------------------


@functools.cache
def _networks() -> dict[str, NoiseSchedule]:
    return {
        "velocity": NoiseSchedule.linear(1000),
        "noise": schedules(40)["drawn"],
        "clean": NoiseSchedule.linear(50).with_zero_terminal_snr(),
    }


@pytest.fixture(scope="module")
def small_networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of random networks, one of each target, with classes and without, each on a schedule of its own."""
    made = {}
    for target, schedule in _networks().items():
        classes = None if target == "clean" else 4
        config = UNetConfig(
            sample_size=8, block_out_channels=(8, 16), attention=(False, True), num_class_embeds=classes
        )
        denoiser = denoiser_of(target, schedule, config)
        names = ("a", "b", "c") if classes else ()
        folder = tmp_path_factory.mktemp(target)
        pretrained.save(folder, denoiser, denoiser.net.state_dict(), Card(title=target, class_names=names))
        made[target] = str(folder)
    return made


ANY = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["velocity", "noise", "clean"]),
        "sampler": st.sampled_from(KNOWN),
        "spacing": st.sampled_from(sorted(SPACINGS)),
        "steps": st.integers(1, 12),
        "eta": st.sampled_from([0.0, 0.3, 1.0]),
        "variance": st.sampled_from(["small", "large", "zero"]),
        "clip": st.sampled_from(["range", "quantile", "none"]),
        "schedule": st.sampled_from(["own", "own", *FORMULAS]),
        "T": st.sampled_from([12, 100, 1000]),
        "scale": st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.5]),
        "rescale": st.sampled_from([0.0, 0.0, 0.5]),
        "interval": st.sampled_from([(0.0, 1.0), (0.0, 1.0), (0.2, 0.8)]),
        "seeds": st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=3).map(tuple),
        "label": st.sampled_from([None, -1, 0, 2]),
    }
)


@given(values=ANY)
@settings(max_examples=120, deadline=None, derandomize=True)
def test_any_recipe_has_a_program_that_draws_its_pixels(values: dict[str, Any], small_networks: dict[str, str]) -> None:
    label, (low, high) = values.pop("label"), values.pop("interval")
    values |= {"model": small_networks[values["model"]], "scale_from": low, "scale_to": high}
    values |= {"labels": () if label is None else (label, 1, -1)[: len(values["seeds"])]}
    try:
        recipe, model = Recipe.model_validate(values), open_model(values["model"])
        recipe.check(model)
    except (RecipeError, ValueError):
        return
    _plain_is_the_same(recipe, model)
    assert (_levels_apart(recipe, model) or 0) <= 1, values


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpm++2m", "dpm++2m-sde"])
def test_diffusers_draws_with_a_network_that_has_no_name_there(sampler: str, small_networks: dict[str, str]) -> None:
    """Opened here, and with a table of β that diffusers has no name for."""
    recipe = Recipe.model_validate({"model": small_networks["noise"], "sampler": sampler, "steps": 20, **TWO})
    model = open_model(recipe.model)
    script = with_diffusers(recipe, model)
    assert "trained_betas" in script.code
    assert (_levels_apart(recipe, model) or 0) <= 1


@pytest.mark.parametrize("clip", ["range", "none"])
def test_heun_of_diffusers_where_no_step_is_too_long(clip: str, small_networks: dict[str, str]) -> None:
    values = {"model": small_networks["velocity"], "sampler": "heun", "steps": 20, "clip": clip, "labels": (1, 2)}
    recipe = Recipe.model_validate({**TWO, **values})
    apart = _levels_apart(recipe, open_model(recipe.model))
    assert apart is not None
    assert apart <= 1


@pytest.mark.slow
@pytest.mark.parametrize("model", SHIPPED)
@pytest.mark.parametrize("sampler", KNOWN)
def test_programs_of_the_usual_length(sampler: str, model: str) -> None:
    recipe = Recipe.model_validate({"model": model, "sampler": sampler, "steps": 50, **TWO})
    _plain_is_the_same(recipe, open_model(model))
    assert (_levels_apart(recipe, open_model(model)) or 0) <= 1


# --- how they read ----------------------------------------------------------------------------------------------------


def _imports(script: Script) -> set[str]:
    tree = ast.walk(ast.parse(script.code))
    return {
        name
        for node in tree
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [f"{node.module}.{alias.name}" for alias in node.names]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }


def test_plain_pytorch_imports_nothing_of_ours_but_what_opens_the_network_and_is_short() -> None:
    recipe = Recipe.model_validate({"seeds": tuple(range(8)), "labels": tuple(range(8))})
    script = plain_pytorch(recipe, open_model("digits"))
    assert _imports(script) == {"torch", "PIL.Image", "engine.registry"}
    assert len([line for line in script.code.splitlines() if line.strip()]) <= 30
    assert max(map(len, script.code.splitlines())) <= 128
