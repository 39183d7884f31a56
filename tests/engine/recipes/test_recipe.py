"""Recipes: the same one gives the same pictures, however it travels; what is no recipe is refused in one sentence."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydantic import ValidationError
from torch import Tensor

from engine.data.pixels import to_uint8
from engine.denoiser import NO_LABEL, Clipped
from engine.guidance import Guided
from engine.ideal import ExactDenoiser
from engine.models.opened import Model, ModelError
from engine.process import Prediction, prediction_from_x0
from engine.recipes.fork import from_png
from engine.recipes.recipe import (
    MAX_IMAGES,
    PNG_KEY,
    Recipe,
    RecipeError,
    from_json,
    png_bytes,
    save_png,
)
from engine.recipes.sampling_fields import MAX_SEED
from engine.registry import open_model
from engine.schedule import Level, NoiseSchedule

ROOT = Path(__file__).parents[3]


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any recipe that can be written."""
    seeds = draw(st.lists(st.integers(0, MAX_SEED), min_size=1, max_size=6))
    labelled = draw(st.booleans())
    return Recipe(
        model=draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=40)),
        sampler=draw(st.sampled_from(["ddpm", "ddim"])),
        steps=draw(st.integers(1, 1000)),
        eta=draw(st.floats(0, 1)),
        variance=draw(st.sampled_from(["small", "large", "zero"])),
        scale=draw(st.floats(0, 20)),
        clip=draw(st.booleans()),
        schedule=draw(st.sampled_from(["own", "linear", "cosine", "sigmoid"])),
        T=draw(st.integers(1, 1000)),
        labels=tuple(draw(st.integers(NO_LABEL, 100_000)) for _ in seeds) if labelled else (),
        seeds=tuple(seeds),
    )


def _model(classes: int = 2) -> Model:
    """The exact denoiser of a few points, 2 × 2 pixels each."""
    points = torch.tensor([[1.0, -1, 1, -1], [-1, 1, -1, 1], [1, 1, -1, -1], [-1, -1, 1, 1]]).reshape(4, 1, 2, 2)
    labels = torch.tensor([0, 1, 0, 1]) if classes else None
    names = ("even", "odd") if classes else ()
    return Model("points", "Four points", ExactDenoiser(points, labels), (1, 2, 2), names, NoiseSchedule.cosine(40), "")


# --- travelling -------------------------------------------------------------------------------------------------------


@given(recipe=recipes())
def test_a_recipe_comes_back_from_json(recipe: Recipe) -> None:
    assert from_json(recipe.model_dump_json()) == recipe
    assert from_json(recipe.model_dump_json(exclude_defaults=True)) == recipe


@given(recipe=recipes(), channels=st.sampled_from([1, 3]), zoom=st.integers(1, 3))
@settings(deadline=None)
def test_a_recipe_comes_back_from_its_picture(recipe: Recipe, channels: int, zoom: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (len(recipe.seeds), 4, 4, channels)).astype(np.uint8)
    data = png_bytes(pictures, recipe, zoom=zoom)
    assert from_png(data) == recipe
    shown = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(shown[: 4 * zoom : zoom, : 4 * zoom : zoom].reshape(4, 4, channels), pictures[0])


def test_pictures_stand_side_by_side_in_reading_order() -> None:
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 1), np.uint8) + 1
    sheet = np.asarray(Image.open(io.BytesIO(png_bytes(pictures, None))))
    assert sheet[::2, ::3].tolist() == [[1, 2, 3], [4, 5, 0]]
    row = np.asarray(Image.open(io.BytesIO(png_bytes(pictures, None, columns=5, zoom=2))))
    assert row.shape == (4, 30)


@given(recipe=recipes())
def test_the_program_holds_the_very_recipe(recipe: Recipe) -> None:
    """The part of the program that makes the recipe, carried out."""
    lines = recipe.python().split("for frame")[0]
    scope: dict[str, object] = {}
    exec(lines, scope)
    assert scope["recipe"] == recipe


@pytest.mark.parametrize("ddpm", [True, False])
def test_the_program_makes_the_very_pixels(tmp_path: Path, ddpm: bool) -> None:
    recipe = Recipe(
        model="ideal:digits",
        sampler="ddpm" if ddpm else "ddim",
        eta=0.3,
        steps=4,
        scale=1.5,
        clip=ddpm,
        schedule="sigmoid",
        T=30,
        labels=(3, NO_LABEL),
        seeds=(7, 2**53 - 1),
    )
    subprocess.run(
        [sys.executable, "-c", recipe.python()],
        cwd=tmp_path,
        check=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )
    *_, last = recipe.frames()
    save_png(str(tmp_path / "here.png"), to_uint8(last.x), recipe)
    there = (tmp_path / "pictures.png").read_bytes()
    assert there == (tmp_path / "here.png").read_bytes()
    assert from_png(there) == recipe


def test_the_same_recipe_gives_the_same_pixels_and_image_k_is_itself_in_any_company() -> None:
    model = _model()
    recipe = Recipe(model="points", sampler="ddpm", steps=10, labels=(0, 1, 1), seeds=(4, 5, 4))
    torch.manual_seed(1)
    first = [frame.x for frame in recipe.frames(model)]
    torch.manual_seed(2)
    again = [frame.x for frame in recipe.frames(model)]
    assert len(first) == 11
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    alone = recipe.model_copy(update={"labels": (1,), "seeds": (5,)})
    assert all(torch.allclose(a[1:2], b.x, atol=1e-6) for a, b in zip(first, alone.frames(model), strict=True))


# --- what is no recipe ------------------------------------------------------------------------------------------------


def _refused(read: object, material: object) -> str:
    with pytest.raises(RecipeError) as caught:
        read(material)  # type: ignore[operator]
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert "Value error" not in message  # pydantic's own word
    assert len(message) < 400
    return message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "recipe",
        "[]",
        "null",
        '"digits"',
        "3",
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"seeds": [' + "9" * 5000 + "]}",
        '{"seeds": []}',
        '{"seeds": [-1]}',
        '{"seeds": [9007199254740992]}',
        '{"seeds": [0.5]}',
        '{"seeds": [0, 1], "labels": [1]}',
        '{"labels": [-2]}',
        '{"steps": 0}',
        '{"steps": 1001}',
        '{"eta": 1.01}',
        '{"eta": NaN}',
        '{"scale": Infinity}',
        '{"sampler": "euler"}',
        '{"model": "' + "x" * 501 + '"}',
        '{"model": "\\ud800"}',
        '{"model": null}',
        '{"' + "k" * 10_000 + '": 1}',
        '{"steps": "many"}',
        "{" + f'"seeds": {list(range(MAX_IMAGES + 1))}' + "}",
    ],
    ids=lambda text: text[:30],
)
def test_json_that_is_no_recipe(text: str) -> None:
    _refused(from_json, text)


def test_the_reason_is_named() -> None:
    assert "2 seeds need 2 labels or none at all, not 1" in _refused(from_json, '{"seeds": [0, 1], "labels": [1]}')
    assert "steps" in _refused(from_json, '{"steps": 0}')


@given(text=st.text(max_size=60))
def test_any_text_is_a_recipe_or_refused(text: str) -> None:
    with contextlib.suppress(RecipeError):
        from_json(text)


def _png(text: str | None = None, *, key: str = PNG_KEY, packed: bool = False) -> bytes:
    info = PngInfo()
    if text is not None:
        info.add_text(key, text, zip=packed)
    out = io.BytesIO()
    Image.new("L", (4, 4)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def _jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "JPEG", comment=Recipe().model_dump_json())
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b"\x89PNG\r\n\x1a\n",
        _jpeg(),
        _png(),
        _png("{}", key="parameters"),
        _png("no JSON"),
        _png(" " * 5_000_000 + "{}", packed=True),
        _png(" " * 100_000_000, packed=True),
        _png("[" * 500_000, packed=True),
    ],
    ids=["empty", "text", "head only", "JPEG", "no text", "other text", "no JSON", "5 MB", "100 MB", "deep"],
)
def test_pictures_without_a_recipe(data: bytes) -> None:
    _refused(from_png, data)


@given(data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_picture_is_read_or_refused(data: st.DataObject) -> None:
    """Bytes overwritten, cut off and put in, as by a broken download or a malicious hand."""
    content = bytearray(_png(Recipe(steps=7).model_dump_json(), packed=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        piece = data.draw(st.binary(max_size=6))
        content[at : at + data.draw(st.integers(0, 6))] = piece
    with contextlib.suppress(RecipeError):
        from_png(bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content))


# --- carrying it out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings_", "classes", "named"),
    [
        ({"steps": 41}, 2, "T = 40"),
        ({"steps": 11, "schedule": "linear", "T": 10}, 2, "T = 10"),
        ({"labels": (2,)}, 2, "0 … 1"),
        ({"labels": (0,)}, 0, "no classes"),
    ],
)
def test_what_does_not_fit_the_model_is_refused_before_anything_is_computed(
    settings_: dict[str, object], classes: int, named: str
) -> None:
    model = _model(classes)
    recipe = Recipe.model_validate({"steps": 5, **settings_})
    with pytest.raises(RecipeError, match=named):
        recipe.check(model)
    with pytest.raises(RecipeError, match=named):
        recipe.frames(model)  # not only when the first frame is asked for


def test_what_fits_is_not_refused() -> None:
    Recipe(steps=40, labels=(1,)).check(_model())
    Recipe(steps=500, schedule="cosine", T=500).check(_model())
    for labels in ((), (NO_LABEL,)):
        *_, last = Recipe(steps=3, labels=labels).frames(_model(classes=0))
        assert last.x.isfinite().all()


def test_a_recipe_has_one_label_for_each_seed() -> None:
    with pytest.raises(ValidationError):
        Recipe(labels=(0, 1), seeds=(0,))


class _Steep:
    """Says x̂0 = 0.9 with a label and 0.8 without."""

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        labelled = torch.zeros(len(x_t)) if label is None else (label != NO_LABEL).float()
        return prediction_from_x0((0.8 + 0.1 * labelled)[:, None, None, None].expand_as(x_t), x_t, level)


def test_clipping_holds_what_guidance_has_made() -> None:
    """0.8 + 8 · (0.9 − 0.8) = 1.6 is held at 1; clipping first would let 1.6 through."""
    model = Model("steep", "Steep", _Steep(), (1, 2, 2), ("one",), NoiseSchedule.cosine(40), "")
    guided = Recipe(scale=8.0, labels=(0,), clip=True)
    level, x = model.schedule.level(20), torch.zeros(1, 1, 2, 2)
    outer = guided.denoiser(model)
    assert isinstance(outer, Clipped)
    assert isinstance(outer.denoiser, Guided)
    assert torch.equal(outer(x, level, torch.tensor([0])).x0, torch.ones(1, 1, 2, 2))
    loose = guided.model_copy(update={"clip": "none"}).denoiser(model)(x, level, torch.tensor([0])).x0
    torch.testing.assert_close(loose, torch.full((1, 1, 2, 2), 1.6))
    # With no label there is nothing to guide by, whatever the scale.
    plain = Recipe(scale=8.0, clip=False).denoiser(model)(x, level).x0
    torch.testing.assert_close(plain, torch.full((1, 1, 2, 2), 0.8))


def test_the_settings_of_a_recipe_reach_the_sampler() -> None:
    """Each changes the picture where it should, and not where it should not."""
    model = _model()
    base = {"steps": 6, "seeds": (0, 1, 2), "scale": 1.0}

    def drawn(**changed: object) -> Tensor:
        *_, last = Recipe.model_validate({**base, **changed}).frames(model)
        return last.x0

    def first_steps(**changed: object) -> Tensor:
        return next(frame.x for frame in Recipe.model_validate({**base, **changed}).frames(model) if frame.step == 3)

    assert torch.equal(first_steps(), first_steps(variance="large"))
    assert not torch.equal(first_steps(), first_steps(eta=0.5))
    assert torch.equal(first_steps(sampler="ddpm"), first_steps(sampler="ddpm", eta=0.5))
    assert not torch.equal(first_steps(sampler="ddpm"), first_steps(sampler="ddpm", variance="large"))
    assert not torch.equal(first_steps(), first_steps(schedule="linear", T=50))
    labelled = drawn(labels=(0, 0, 1))
    assert labelled[:, 0, 0, 0].isfinite().all()


@pytest.mark.parametrize("labels", [(), (NO_LABEL, NO_LABEL)])
@pytest.mark.parametrize(
    ("guidance", "said"),
    [
        ({"scale": 3.0}, "a guidance scale of 3"),
        ({"classifier": "digits"}, "the classifier “digits”"),
        ({"rescale": 0.5}, "rescaling of guidance"),
        ({"scale_to": 0.5}, "interval"),
    ],
)
def test_guidance_without_a_label_is_refused_in_one_sentence(
    labels: tuple[int, ...], guidance: dict[str, object], said: str
) -> None:
    model, recipe = open_model("digits"), {"seeds": (0, 1), "labels": labels}
    with pytest.raises(RecipeError, match=rf"no label that .*{said}.* could guide towards") as error:
        Recipe.model_validate({**recipe, **guidance}).frames()
    assert "\n" not in str(error.value)
    Recipe.model_validate({**recipe, **guidance, "labels": (3, NO_LABEL)}).check(model)
    for harmless in (0.0, 1.0, 2.0):  # the label ignored, nothing guided, and what a recipe has that says nothing
        Recipe.model_validate({**recipe, "scale": harmless}).check(model)


def test_a_recipe_opens_its_own_model() -> None:
    recipe = Recipe(model="ideal:digits", steps=2, seeds=(3,))
    *_, last = recipe.frames()
    *_, same = recipe.frames(open_model("ideal:digits"))
    *_, by_run = Recipe(model="run:abc", steps=2, seeds=(3,)).frames(run_of=lambda name: open_model("ideal:digits"))
    assert torch.equal(last.x, same.x)
    assert torch.equal(last.x, by_run.x)


def test_a_classifier_guides_a_model_that_knows_no_classes() -> None:
    """The ideal denoiser of all digits, without its labels: the exact classifier leads it to the digit that is wanted."""
    known = open_model("ideal:digits")
    assert isinstance(known.denoiser, ExactDenoiser)
    unknown = dataclasses.replace(known, denoiser=ExactDenoiser(known.denoiser.points), class_names=(), title="Blind")
    labels = (3, 1, 4)
    recipe = Recipe(
        labels=labels, seeds=(0, 1, 2), classifier="ideal:digits", classifier_scale=1.0, steps=30, clip="none"
    )
    *_, last = recipe.frames(unknown)
    assert known.denoiser.labels is not None
    nearest = torch.cdist(last.x.flatten(1), known.denoiser.points.flatten(1)).argmin(1)
    assert tuple(known.denoiser.labels[nearest].tolist()) == labels
    with pytest.raises(RecipeError, match="“Blind” knows no classes"):
        recipe.model_copy(update={"classifier": ""}).check(unknown)
    with pytest.raises(RecipeError, match=r"only the classes 0 … 9"):
        recipe.model_copy(update={"labels": (3, 1, 10)}).check(unknown)


def test_a_classifier_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"classifies pictures of 3 × 32 × 32, .* draws 1 × 28 × 28"):
        Recipe(labels=(0,), classifier="ideal:emoji").check(open_model("digits"))
    with pytest.raises(ModelError, match="no checkpoint folder"):
        Recipe(labels=(0,), classifier="nowhere").check(open_model("digits"))
