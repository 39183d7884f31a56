"""What each picture costs: the same as the whole bound on average, exact where it can be, and stopped when it is dropped."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engine.denoiser import Clipped
from engine.evaluation.bound import Bound, BoundError, blocks_of, variational_bound
from engine.evaluation.per_picture import PictureCost, diffusion_costs, latent_costs
from engine.ideal import ExactDenoiser
from engine.latent import DiagonalGaussian
from engine.likelihood import DENSITY, DISCRETISED, bound_term, prior_term
from engine.process import Prediction, prediction_from_x0
from engine.schedule import Level, NoiseSchedule

T = 50
SCHEDULE = NoiseSchedule.cosine(T)


def pictures(count: int, seed: int = 0) -> Tensor:
    """Of 4 numbers with 256 levels each."""
    levels = torch.randint(0, 256, (count, 4), generator=torch.Generator().manual_seed(seed))
    return (levels / 127.5 - 1).double()


def totals(costs: list[PictureCost]) -> Tensor:
    return torch.stack([cost.nats.sum() for cost in costs])


@pytest.mark.parametrize("strata", [None, 8])
def test_the_mean_over_pictures_is_the_bound_of_all_of_them(strata: int | None) -> None:
    x0 = pictures(8)
    exact = ExactDenoiser(pictures(40, 1))
    costs = totals(
        list(
            diffusion_costs(
                Clipped(exact), SCHEDULE, x0, blocks=blocks_of(T, strata), draws=8, seed=3, variance="large"
            )
        )
    )
    whole = list(variational_bound(Clipped(exact), SCHEDULE, x0, variance="large", per_step=60, seed=4))
    bound = whole[-1]
    assert isinstance(bound, Bound)
    again = totals(
        list(
            diffusion_costs(
                Clipped(exact), SCHEDULE, x0, blocks=blocks_of(T, strata), draws=8, seed=5, variance="large"
            )
        )
    )
    # Two seeds on the same pictures say how far the mean moves by its noise alone.
    error = float((costs - again).std() / math.sqrt(2 * len(costs)))
    assert float(costs.mean()) == pytest.approx(bound.nats, abs=4 * math.hypot(error, bound.standard_error))


def test_a_denoiser_that_knows_the_picture_pays_only_for_the_ends() -> None:
    """Of one picture the exact denoiser is right at every level: all terms are 0 but L_0 and L_T."""
    x0 = pictures(1)
    (cost,) = diffusion_costs(ExactDenoiser(x0), SCHEDULE, x0, blocks=blocks_of(T, None))
    assert float(cost.nats[1:-1].abs().max()) < 1e-9
    assert float(cost.nats[-1]) == pytest.approx(float(prior_term(x0, SCHEDULE)))
    assert float(cost.squared_error.max()) < 1e-9


class Constant:
    """Always says the same picture, so that every term is known."""

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        return Prediction(torch.full_like(x_t, 0.25), x_t)


def test_the_length_of_a_block_counts() -> None:
    """Of a denoiser that says the same at every t, the terms for t ≥ 2 do not depend on the noise: they are summed by hand."""
    x0 = pictures(2)
    exact = []
    for t in range(2, T + 1):
        x_t = torch.zeros_like(x0)
        prediction = Constant()(x_t, SCHEDULE.level(t))
        exact.append(bound_term(prediction, x0, x_t, SCHEDULE, torch.full((2,), t), "small", DISCRETISED))
    by_hand = torch.stack(exact).sum(0)
    costs = list(diffusion_costs(Constant(), SCHEDULE, x0, blocks=blocks_of(T, None)))
    torch.testing.assert_close(torch.stack([cost.nats[1:-1].sum() for cost in costs]), by_hand)
    blocks = blocks_of(T, 6)
    coarse = list(diffusion_costs(Constant(), SCHEDULE, x0, blocks=blocks, draws=800))
    for cost, wanted in zip(coarse, by_hand, strict=True):
        assert float(cost.nats[1:-1].sum()) == pytest.approx(float(wanted), rel=0.05)
    expected = (x0 - 0.25).square().mean(1)
    torch.testing.assert_close(torch.stack([cost.squared_error[0] for cost in costs]), expected)


def test_models_on_the_same_seed_see_the_same_noise_and_batches_of_pictures_change_nothing() -> None:
    seen: list[list[Tensor]] = [[], []]
    for run in seen:

        def denoise(x_t: Tensor, level: Level, label: Tensor | None = None, run: list[Tensor] = run) -> Prediction:
            run.append(x_t)
            return Constant()(x_t, level)

        list(diffusion_costs(denoise, SCHEDULE, pictures(3), blocks=blocks_of(T, 5), seed=9))
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))
    alone = next(diffusion_costs(Constant(), SCHEDULE, pictures(3)[:1], blocks=blocks_of(T, 5), seed=9))
    together = next(diffusion_costs(Constant(), SCHEDULE, pictures(3), blocks=blocks_of(T, 5), seed=9))
    assert torch.equal(alone.nats, together.nats)


def test_labels_go_with_their_pictures() -> None:
    asked: list[Tensor] = []

    def denoise(x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        assert label is not None
        asked.append(label)
        return Constant()(x_t, level)

    list(diffusion_costs(denoise, SCHEDULE, pictures(3), torch.tensor([4, 5, 6]), blocks=blocks_of(T, 5)))
    assert [set(labels.tolist()) for labels in asked] == [{4}, {5}, {6}]


def test_a_dropped_measurement_asks_no_more() -> None:
    asked = []

    def denoise(x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        asked.append(len(x_t))
        return Constant()(x_t, level)

    costs = diffusion_costs(denoise, SCHEDULE, pictures(50), blocks=blocks_of(T, 5))
    next(costs)
    costs.close()
    assert len(asked) == 1


def test_a_measurement_carries_no_graph() -> None:
    offset = torch.zeros((), requires_grad=True)

    def denoise(x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        return prediction_from_x0(Constant()(x_t, level).x0 + offset, x_t, level)

    cost = next(diffusion_costs(denoise, SCHEDULE, pictures(1), blocks=blocks_of(T, 5)))
    assert not cost.nats.requires_grad
    assert not cost.squared_error.requires_grad


class OneNumber:
    """x = z + 0.5 ε in one number, with its exact posterior N(0.8 x, 0.2)."""

    def encode(self, x: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(0.8 * x, torch.full_like(x, math.log(0.2)))

    def decode(self, z: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(z, torch.full_like(z, math.log(0.25)))


def test_a_latent_model_costs_log_p_of_each_picture() -> None:
    x = torch.tensor([[0.3], [-2.0], [1.1]]).double()
    costs = list(latent_costs(OneNumber(), x, 1, decoder=DENSITY, draws=20_000))
    wanted = -torch.distributions.Normal(0.0, math.sqrt(1.25)).log_prob(x[:, 0])
    torch.testing.assert_close(totals(costs), wanted, atol=0.02, rtol=0)
    kept = (x * 0.8).clamp(-1, 1)
    torch.testing.assert_close(torch.cat([cost.squared_error for cost in costs]), (kept - x).square()[:, 0])


def test_what_cannot_be_is_one_sentence() -> None:
    with pytest.raises(BoundError, match="at least one picture"):
        next(diffusion_costs(Constant(), SCHEDULE, torch.zeros(0, 4), blocks=blocks_of(T, 5)))
    with pytest.raises(BoundError, match="at least one draw"):
        next(diffusion_costs(Constant(), SCHEDULE, pictures(1), blocks=blocks_of(T, 5), draws=0))
    broken = Constant()
    broken.__class__ = type("Broken", (), {"__call__": lambda _, x, level, label=None: Prediction(x * math.nan, x)})
    with pytest.raises(BoundError, match="not numbers"):
        next(diffusion_costs(broken, SCHEDULE, pictures(1), blocks=blocks_of(T, 5)))
