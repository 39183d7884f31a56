"""Forks: a walk that goes on otherwise from some step. With nothing changed, it is its parent's walk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.analysis.step_decomposition import DecomposingSampler
from engine.cli import main
from engine.data.pixels import to_uint8
from engine.ideal import ExactDenoiser
from engine.models.opened import Model, ModelError
from engine.recipes.fork import MAX_DEPTH, AnyRecipe, Changes, Fork, from_json, from_png, recipe_of, root_of
from engine.recipes.recipe import Recipe, RecipeError, png_bytes
from engine.samplers import SAMPLERS
from engine.sampling import Frame, SeededNoise
from engine.schedule import NoiseSchedule

POINTS = torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
MODEL = Model(
    "toy", "A toy", ExactDenoiser(POINTS, torch.arange(20) % 4), (1, 4, 4), ("a", "b", "c", "d"),
    NoiseSchedule.cosine(100), "",
)  # fmt: skip
SETTINGS = [
    {"sampler": name, "eta": eta, "variance": variance}
    for name in SAMPLERS
    for eta, variance in ((0.0, "small"), (0.7, "large"))
]


def recipe(**values: object) -> Recipe:
    return Recipe.model_validate({"model": "toy", "steps": 10, "labels": (1, 2), "seeds": (5, 6), **values})


def frames(walk: AnyRecipe) -> list[Frame]:
    return list(walk.frames(MODEL))


def same(one: list[Frame], other: list[Frame]) -> bool:
    return len(one) == len(other) and all(
        a.t == b.t and torch.equal(a.x, b.x) and torch.equal(a.x0, b.x0) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("values", SETTINGS, ids=str)
@pytest.mark.parametrize("step", [0, 1, 6, 9])
def test_with_nothing_changed_the_trajectory_continues_to_the_bit(values: dict[str, object], step: int) -> None:
    parent = recipe(**values)
    fork = Fork(parent=parent, step=step)
    assert same(frames(fork), frames(parent)[step:])
    again = Fork(parent=fork, step=min(2, 9 - step))
    assert same(frames(again), frames(parent)[step + again.step :])


@pytest.mark.parametrize("changes", [{"seed": 99}, {"eta": 0.2}, {"sampler": "ddpm"}, {"label": 3}, {"scale": 5.0}])
def test_what_is_changed_shows_from_the_fork_on_and_not_before(changes: dict[str, object]) -> None:
    parent = recipe(eta=1.0)
    fork = Fork(parent=parent, step=4, changes=Changes.model_validate(changes))
    whole, forked = frames(parent), frames(fork)
    assert torch.equal(forked[0].x, whole[4].x)
    assert [frame.t for frame in forked] == [frame.t for frame in whole[4:]]
    assert not torch.equal(forked[1].x, whole[5].x)
    assert same(forked, frames(fork))


def test_another_seed_changes_nothing_where_no_noise_is_added() -> None:
    parent = recipe(eta=0.0)
    assert same(frames(Fork(parent=parent, step=4, changes=Changes(seed=99))), frames(parent)[4:])


@pytest.mark.parametrize("step", [2, 7])
def test_another_seed_draws_from_its_beginning(step: int) -> None:
    fork = Fork(parent=recipe(sampler="ddpm"), step=step, changes=Changes(seed=99))
    watched: list[DecomposingSampler] = []
    next(
        iter(
            fork.frames(MODEL, wrap_sampler=lambda sampler: watched.append(DecomposingSampler(sampler)) or watched[-1])
        )
    )
    assert watched[0].latest is not None
    (fresh,) = [term.picture for term in watched[0].latest.terms if term.name == "fresh"]
    assert torch.equal(fresh, SeededNoise((99, 100), (1, 4, 4))())


def test_an_image_forks_alike_whatever_it_is_drawn_together_with() -> None:
    both = Fork(parent=recipe(eta=1.0), step=3, changes=Changes(seed=50))
    second = Fork(parent=recipe(eta=1.0, labels=(2,), seeds=(6,)), step=3, changes=Changes(seed=51))
    torch.testing.assert_close(frames(both)[-1].x[1:], frames(second)[-1].x)


def test_a_given_start_saves_the_parents_steps_and_changes_nothing() -> None:
    parent = recipe(sampler="dpm++2m-sde")
    there = frames(parent)[5].start
    for changes in (Changes(), Changes(sampler="ddpm"), Changes(seed=1), Changes(label=0)):
        fork = Fork(parent=parent, step=5, changes=changes)
        assert same(list(fork.frames(MODEL, start=there)), frames(fork))


def test_other_steps_lie_below_the_fork() -> None:
    fork = Fork(parent=recipe(), step=5, changes=Changes(steps=100))
    assert [frame.t for frame in frames(fork)] == [50, *range(49, -1, -1)]


def test_no_label_takes_the_guidance_away() -> None:
    fork = Fork(parent=recipe(scale=5.0), step=5, changes=Changes(label=-1))
    assert fork.recipe.labels == ()
    assert len(frames(fork)) == 6


# --- records ----------------------------------------------------------------------------------------------------------

VALUES = st.fixed_dictionaries(
    {},
    optional={
        "sampler": st.sampled_from(list(SAMPLERS)),
        "steps": st.integers(1, 1000),
        "eta": st.floats(0, 1),
        "scale": st.floats(0, 20),
        "label": st.integers(-1, 9),
        "seed": st.integers(0, 2**53 - 10),
        "variance": st.sampled_from(["small", "large", "zero"]),
    },
)


@given(VALUES, VALUES, st.integers(0, 1000))
def test_a_fork_comes_back_from_json_from_a_png_and_from_python(first: dict, second: dict, step: int) -> None:  # type: ignore[type-arg]
    fork = Fork(
        parent=Fork(parent=Recipe(model="toy"), step=3, changes=Changes(**first)), step=step, changes=Changes(**second)
    )
    assert from_json(fork.model_dump_json(exclude_defaults=True)) == fork
    pictures = to_uint8(torch.zeros(1, 1, 2, 2))
    assert from_png(png_bytes(pictures, fork)) == fork
    program = fork.python().partition("for frame")[0]
    names: dict[str, object] = {}
    exec(program, names)
    assert names["fork"] == fork
    assert root_of(fork) == Recipe(model="toy")


@given(st.recursive(st.none() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)))
@settings(max_examples=50)
def test_garbage_is_refused_with_a_sentence(value: object) -> None:
    import json

    for wrong in (json.dumps({"parent": value, "step": 1, "x": 2}), json.dumps({"parent": {}, "step": [value]})):
        with pytest.raises(RecipeError, match="cannot be used"):
            from_json(wrong)


def test_nested_without_end_is_refused() -> None:
    walk: AnyRecipe = recipe()
    for _ in range(MAX_DEPTH + 1):
        walk = Fork(parent=walk, step=0)
    with pytest.raises(RecipeError, match="deep at most"):
        walk.frames(MODEL)
    with pytest.raises(RecipeError, match="not JSON"):
        from_json('{"parent":' * 100_000)
    with pytest.raises(ValidationError):
        Fork(parent=recipe(), step=-1)


def test_a_fork_whose_model_is_gone_says_so_in_a_sentence() -> None:
    fork = Fork(parent=recipe(model="run:gone"), step=2)
    with pytest.raises(ModelError, match=r"goes on with a model that is gone: There is no training run .*\.$"):
        fork.frames()


def test_nothing_can_be_forked_where_there_is_no_step_to_come() -> None:
    for step in (10, 11, 500):
        with pytest.raises(RecipeError, match=f"nothing to fork at step {step}"):
            frames(Fork(parent=recipe(), step=step))


def test_what_does_not_fit_the_model_is_refused_before_anything_is_computed() -> None:
    for changes, told in ((Changes(steps=101), "do not fit"), (Changes(label=7), "knows only the classes")):
        with pytest.raises(RecipeError, match=told):
            Fork(parent=recipe(), step=2, changes=changes).frames(MODEL)


def test_the_shell_carries_a_fork_out(tmp_path: Path) -> None:
    fork = Fork(parent=Recipe(model="ideal:digits", steps=4, labels=(3,), seeds=(1,)), step=2, changes=Changes(label=8))
    (tmp_path / "fork.json").write_text(fork.model_dump_json(exclude_defaults=True))
    assert main(["sample", str(tmp_path / "fork.json"), "--out", str(tmp_path / "a.png"), "--json"]) == 0
    assert from_png((tmp_path / "a.png").read_bytes()) == fork
    assert recipe_of(fork).labels == (8,)
