"""Sweeps: every cell is its own recipe drawn alone, and no question is asked of the network twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.data.pixels import to_uint8
from engine.denoiser import NO_LABEL
from engine.ideal import ExactDenoiser
from engine.models.opened import Model
from engine.process import Prediction, prediction_from_x0
from engine.recipes import sweep
from engine.recipes.recipe import Recipe, RecipeError
from engine.registry import open_model
from engine.runtime.deduplication import Deduplicated, deduplicated
from engine.schedule import Level, NoiseSchedule, broadcast


@dataclass(eq=False)
class Counting:
    """Answers each row by itself, from x_t, level and label; counts the rows."""

    rows: int = 0
    calls: list[int] = field(default_factory=list)
    with_variance: bool = False

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        self.rows += len(x_t)
        self.calls.append(len(x_t))
        wanted = torch.full((len(x_t),), NO_LABEL) if label is None else label
        shift = broadcast(0.1 * wanted.double() + level.alpha_bar, x_t)
        answer = prediction_from_x0(torch.tanh(x_t + shift), x_t, level)
        return replace(answer, variance_mix=x_t.sigmoid()) if self.with_variance else answer


def model_of(counting: Counting) -> Model:
    names = tuple("abcdefghij")
    return Model("counted", "Counted", counting, (1, 4, 4), names, NoiseSchedule.cosine(100), "")


def cells_of(**settings: object) -> Recipe:
    return Recipe(**{"model": "counted", "steps": 10, "labels": (3,), "seeds": (0,), **settings})  # type: ignore[arg-type]


def drawn(cells: list[Recipe], model: Model) -> dict[int, Tensor]:
    """The last x of each cell."""
    last = {}
    for batch, frame in sweep.draw(cells, model):
        for k, cell in enumerate(batch.cells):
            last[cell] = frame.x[k * batch.images : (k + 1) * batch.images]
    return last


def test_a_sweep_over_scale_is_one_batch_for_each_kind_and_begins_with_one_evaluation() -> None:
    counting = Counting()
    cells = [cells_of(scale=scale) for scale in (0, 1, 2, 4, 8)]
    assert len(sweep.batches(cells)) == 3  # one half, the other half, both
    drawn(cells, model_of(counting))
    # (1 + 1 + 3 · 2) rows at each of 10 steps; at the first one two different rows, instead of eight.
    assert counting.rows == 8 * 10 - 6


@pytest.mark.parametrize("steps", [(5, 10), (3, 5, 8, 20)])
def test_a_sweep_over_steps_shares_the_evaluation_of_pure_noise_and_no_other(steps: tuple[int, ...]) -> None:
    counting = Counting()
    drawn([cells_of(steps=count, scale=2) for count in steps], model_of(counting))
    assert counting.rows == 2 * (sum(steps) - (len(steps) - 1))


def test_classes_that_are_ignored_cost_one_trajectory() -> None:
    counting = Counting()
    last = drawn([cells_of(scale=0, labels=(k,)) for k in range(6)], model_of(counting))
    assert counting.rows == 10
    assert all(torch.equal(last[0], last[k]) for k in range(6))


def test_what_is_announced_is_what_it_costs_at_most() -> None:
    counting = Counting()
    cells = [cells_of(scale=s, sampler=sampler, steps=6) for s in (0, 1, 3) for sampler in ("ddim", "ddpm", "heun")]
    announced = sum(batch.evaluations for batch in sweep.batches(cells))
    drawn(cells, model_of(counting))
    assert 0.7 * announced < counting.rows <= announced


@pytest.mark.parametrize(
    "cells",
    [
        [cells_of(scale=s, labels=(k, k), seeds=(7, 8)) for s in (0, 0.5, 1, 3) for k in (0, 9)],
        [cells_of(sampler=name, steps=n) for name in ("ddim", "ddpm", "dpm++2m", "heun") for n in (2, 7)],
        [cells_of(eta=eta, scale_to=to, scale=4) for eta in (0, 0.5, 1) for to in (0.3, 1)],
        [cells_of(rescale=r, clip=clip, scale=5) for r in (0, 0.7) for clip in ("range", "quantile", "none")],
    ],
    ids=["scale and class", "sampler and steps", "eta and interval", "rescaling and clipping"],
)
def test_each_cell_is_its_recipe_drawn_alone(cells: list[Recipe]) -> None:
    last = drawn(cells, model_of(Counting()))
    assert sorted(last) == list(range(len(cells)))
    for k, cell in enumerate(cells):
        *_, alone = cell.frames(model_of(Counting()))
        torch.testing.assert_close(last[k], alone.x, rtol=1e-5, atol=1e-5)


def test_each_cell_of_the_network_that_ships_is_its_recipe_drawn_alone_to_a_level_of_grey() -> None:
    model = open_model("digits")
    cells = [
        Recipe(scale=s, labels=(k,), seeds=(5,), steps=6, sampler=name)
        for s in (1, 4)
        for k in (2, 7)
        for name in ("ddim", "ddpm")
    ]
    last = drawn(cells, model)
    for k, cell in enumerate(cells):
        *_, alone = cell.frames(model)
        apart = np.abs(to_uint8(last[k]).astype(int) - to_uint8(alone.x).astype(int))
        assert apart.max() <= 1


def test_a_cell_that_does_not_fit_is_told_before_anything_is_asked() -> None:
    counting = Counting()
    with pytest.raises(RecipeError, match="101 steps"):
        sweep.draw([cells_of(), cells_of(steps=101)], model_of(counting))
    assert counting.rows == 0


# --- once -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_variance", [False, True])
def test_asked_once_or_many_times_the_answer_is_the_same(with_variance: bool) -> None:
    x = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))[[0, 1, 0, 2, 1, 0]]
    label = torch.tensor([1, 1, 1, 1, 2, NO_LABEL])  # rows 0 and 2 are alike, row 5 differs in its label only
    one, many = Deduplicated(Counting(with_variance=with_variance)), Counting(with_variance=with_variance)
    schedule = NoiseSchedule.cosine(100)
    for t in (100, 100, 60, 60):
        got, expected = (vars(denoiser(x, schedule.level(t), label)) for denoiser in (one, many))
        for part in expected:
            if expected[part] is None:
                assert got[part] is None
            else:
                torch.testing.assert_close(got[part], expected[part], rtol=0, atol=0)
    # 5 different rows; at the level of the first call they are remembered, at a cleaner one they are not.
    assert one.rows == 5 + 0 + 5 + 5


def test_another_level_is_another_question() -> None:
    one = Deduplicated(Counting())
    x = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(1)).expand(2, -1, -1, -1)
    level = Level(NoiseSchedule.cosine(100).level(100).log_snr - torch.tensor([0.0, 0.5]))
    answer = one(x, level)
    assert one.rows == 2
    assert not torch.equal(answer.noise[0], answer.noise[1])


def test_what_the_network_knows_is_still_known_and_an_exact_denoiser_stays_what_it_is() -> None:
    model = open_model("digits")
    wrapped = deduplicated(model.denoiser)
    assert wrapped.classes == 10  # type: ignore[attr-defined]
    exact = ExactDenoiser(torch.zeros(1, 2))
    assert deduplicated(exact) is exact
    assert replace(model, denoiser=wrapped).denoiser is wrapped
