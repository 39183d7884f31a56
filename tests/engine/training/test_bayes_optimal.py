"""The loss that nothing can beat, where it is known from a formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.denoiser import NetDenoiser
from engine.ideal import ExactDenoiser
from engine.process import TARGETS
from engine.schedule import NoiseSchedule
from engine.training import loop
from engine.training.bayes_optimal import BayesOptimalLoss, bayes_optimal_loss
from engine.training.config import TrainConfig
from engine.training.timestep_bins import TIMESTEP_BINS

SCHEDULE = NoiseSchedule.cosine(100)


def _set(images: np.ndarray, labels: np.ndarray | None = None) -> ImageSet:
    labels = np.zeros(len(images), np.int64) if labels is None else labels.astype(np.int64)
    names = tuple(str(k) for k in range(int(labels.max()) + 1))
    return ImageSet("made", "Made", images.astype(np.uint8), labels, names, labels < 0, "here", "none", "")


def _by_part(values: Tensor) -> list[float]:
    """Mean over each tenth of t = 1 … T, of values given at t = 0 … T."""
    return [float(part.mean()) for part in values[1:].chunk(TIMESTEP_BINS)]


def _grid() -> tuple[Tensor, Tensor]:
    """Points and weights of ∫ f(z) N(z; 0, 1) dz."""
    z = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    weight = torch.exp(-(z**2) / 2)
    return z, weight / weight.sum()


def test_two_points_have_the_loss_of_binary_guessing() -> None:
    """x_0 = ±1 each half of the time: E[(x_0 − x̂0)²] = 1 − E[tanh(snr + √snr z)]; Guo, Shamai & Verdú 2005, eq. 17."""
    data = _set(np.array([0, 255]).reshape(2, 1, 1, 1))
    z, weight = _grid()
    snr = (SCHEDULE.alpha_bar / (1 - SCHEDULE.alpha_bar)).clamp(max=1e9)
    mmse = 1 - (torch.tanh(snr[:, None] + snr.sqrt()[:, None] * z) * weight).sum(1)
    floor = bayes_optimal_loss(data, SCHEDULE, TARGETS["clean"], samples=4000)
    assert floor.loss_by_level == pytest.approx(_by_part(mmse), abs=0.06)
    assert floor.loss == pytest.approx(float(mmse[1:].mean()), abs=0.02)
    few = [bayes_optimal_loss(data, SCHEDULE, TARGETS["clean"], samples=100, seed=seed) for seed in range(40)]
    apart = np.array([(one.loss - float(mmse[1:].mean())) / one.error for one in few])  # in standard errors
    assert abs(apart.mean()) < 4 / math.sqrt(40)
    assert 0.6 < apart.std() < 1.4
    # The same error in units of ε: times ᾱ / (1 − ᾱ).
    in_noise = bayes_optimal_loss(data, SCHEDULE, TARGETS["noise"], samples=4000)
    assert in_noise.loss_by_level == pytest.approx(_by_part(mmse * snr), abs=0.06)


def test_many_points_of_a_gaussian_have_the_loss_of_a_gaussian() -> None:
    """x_0 ~ N(0, s²): E[(x_0 − x̂0)²] = s² (1 − ᾱ) / (ᾱ s² + 1 − ᾱ), where the noise is far wider than a grey level."""
    unit = torch.special.ndtri((torch.arange(1000, dtype=torch.float64) + 0.5) / 1000) * 0.25
    images = ((unit + 1) * 127.5).round().clamp(0, 255).reshape(-1, 1, 1, 1).numpy()
    data = _set(images)
    variance = float(to_unit(data.images).double().var())
    mmse = variance * (1 - SCHEDULE.alpha_bar) / (SCHEDULE.alpha_bar * variance + 1 - SCHEDULE.alpha_bar)
    floor = bayes_optimal_loss(data, SCHEDULE, TARGETS["clean"], samples=2000)
    assert floor.loss_by_level[1:] == pytest.approx(_by_part(mmse)[1:], rel=0.15)


@pytest.mark.parametrize("target", list(TARGETS))
def test_far_apart_points_cost_nothing_until_the_noise_confuses_them(target: str) -> None:
    images = np.zeros((4, 8, 8, 1))
    images[0, :4], images[1, 4:], images[2, :, :4], images[3, :, 4:] = 255, 255, 255, 255
    floor = bayes_optimal_loss(_set(images), SCHEDULE, TARGETS[target])
    assert floor.loss_by_level[:4] == pytest.approx([0] * 4, abs=1e-6)
    assert floor.loss_by_level[-1] > 0.001


def test_a_label_that_tells_all_leaves_nothing_to_guess() -> None:
    floor = bayes_optimal_loss(
        _set(np.array([0, 255]).reshape(2, 1, 1, 1), np.array([0, 1])), SCHEDULE, TARGETS["clean"]
    )
    assert floor.loss == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("T", [10, 15, 37, 100])
def test_the_parts_of_the_floor_are_those_of_the_loop(T: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where T is no multiple of the number of parts, a curve and its floor must still be about the same t."""
    drawn: list[Tensor] = []
    schedule = NoiseSchedule.cosine(T)
    real = NoiseSchedule.level

    def level(self: NoiseSchedule, t: Tensor) -> object:
        drawn.append(t)
        return real(self, t)

    monkeypatch.setattr(NoiseSchedule, "level", level)
    bayes_optimal_loss(_set(np.array([0, 255]).reshape(2, 1, 1, 1)), schedule, TARGETS["noise"], samples=200)
    assert len(drawn) == TIMESTEP_BINS
    for part, t in enumerate(drawn):
        assert set(t.tolist()) == {k for k in range(1, T + 1) if (k - 1) * TIMESTEP_BINS // T == part}


def test_the_whole_is_the_mean_over_t_and_not_over_the_parts() -> None:
    """T = 15 has parts of two t and of one: what counts is how often training draws them."""
    data, schedule = _set(np.array([0, 255]).reshape(2, 1, 1, 1)), NoiseSchedule.cosine(15)
    z, weight = _grid()
    snr = (schedule.alpha_bar / (1 - schedule.alpha_bar)).clamp(max=1e9)
    mmse = 1 - (torch.tanh(snr[:, None] + snr.sqrt()[:, None] * z) * weight).sum(1)
    floor = bayes_optimal_loss(data, schedule, TARGETS["clean"], samples=8000)
    assert floor.loss == pytest.approx(float(mmse[1:].mean()), abs=0.015)


def _measured(answer: object, data: ImageSet, config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> BayesOptimalLoss:
    """What the training loop reports of a network with this function of x_t, level and label."""
    state = loop.begin(config, data)
    anchor = next(state.denoiser.net.parameters())

    def output(self: object, x_t: Tensor, level: object, label: Tensor) -> Tensor:
        return answer(x_t, level, label) + 0 * anchor.sum()  # type: ignore[operator]

    with monkeypatch.context() as patch:
        patch.setattr(NetDenoiser, "output", output)
        report = list(loop.train(config, data, state))[-1]
    return BayesOptimalLoss(report.loss, report.loss_by_level)


def test_no_answer_beats_the_floor_and_the_ideal_one_meets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.arange(40) % 2
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1))
    data = _set(images, labels)
    config = TrainConfig(T=100, steps=1, batch=1024, label_dropout=0, preset="tiny", schedule="cosine", target="noise")
    floor = bayes_optimal_loss(data, SCHEDULE, TARGETS["noise"], samples=2000)
    exact = ExactDenoiser(to_unit(data.images), torch.tensor(labels))
    met = _measured(lambda x, level, label: exact(x, level, label).noise, data, config, monkeypatch)
    assert met.loss == pytest.approx(floor.loss, rel=0.25)
    for answer in (
        lambda x, level, label: torch.zeros_like(x),
        lambda x, level, label: exact(x, level, None).noise,  # does not look at the label
        lambda x, level, label: exact(x, level, label).noise * 0.9,
        lambda x, level, label: level.scales(x)[1] * x,
    ):
        assert _measured(answer, data, config, monkeypatch).loss > floor.loss


def test_the_same_seed_gives_the_same_loss_and_no_global_state_changes() -> None:
    data = _set(np.random.default_rng(0).integers(0, 256, (10, 4, 4, 1)))
    state = torch.random.get_rng_state()
    first = bayes_optimal_loss(data, SCHEDULE, TARGETS["velocity"])
    assert first == bayes_optimal_loss(data, SCHEDULE, TARGETS["velocity"])
    assert first != bayes_optimal_loss(data, SCHEDULE, TARGETS["velocity"], seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert len(first.loss_by_level) == TIMESTEP_BINS
