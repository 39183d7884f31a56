"""The training loop: what it compares, averages, hides, leaves alone and learns."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.data.pixels import to_unit
from engine.guidance import Guided
from engine.ideal import ExactDenoiser
from engine.process import TARGETS
from engine.samplers import DDIM
from engine.sampling import sample
from engine.training import loop
from engine.training.loop import train
from engine.training.state import TrainState, begin
from engine.training.timestep_bins import TIMESTEP_BINS

from runs_to_try import DATA, config_of, same, weights_of

# --- what is compared -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", list(TARGETS))
def test_perfect_output_has_no_loss(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that receives x_0 and ε from the test and answers with the target's `of` is reported a loss of 0."""
    config = config_of(target=target, steps=3, report_every=1, learning_rate=1e-7)
    state = begin(config, DATA)
    targets: list[Tensor] = []
    real = loop.diffuse

    def listen(x0: Tensor, level: object, noise: Tensor) -> Tensor:
        targets[:] = [TARGETS[target].of(x0, noise, level)]  # type: ignore[arg-type]
        assert x0.min() >= -1
        assert x0.max() <= 1
        return real(x0, level, noise)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "diffuse", listen)
    anchor = next(state.denoiser.net.parameters())
    monkeypatch.setattr(state.denoiser.net, "forward", lambda x, t, classes: targets[0] + 0 * anchor.sum())
    for report in train(config, DATA, state):
        assert report.loss == 0
        assert report.gradient_norm == 0


@pytest.mark.parametrize("target", list(TARGETS))
def test_loss_is_the_mean_square_per_number_and_splits_by_level(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that always answers 0 has the mean square of the target as its loss: 1 for ε."""
    config = config_of(target=target, steps=1, report_every=1, batch=1024)
    state = begin(config, DATA)
    anchor = next(state.denoiser.net.parameters())
    monkeypatch.setattr(state.denoiser.net, "forward", lambda x, t, classes: torch.zeros_like(x) + 0 * anchor.sum())
    report = next(train(config, DATA, state))
    pixels = float(to_unit(DATA.images).square().mean())
    error = 4 * (2 / (1024 * 64)) ** 0.5 + 4 * float(to_unit(DATA.images).square().flatten(1).mean(1).std()) / 1024**0.5
    if target == "velocity":
        a = state.denoiser.schedule.alpha_bar[1:]
        expected = float((a + (1 - a) * pixels).mean())
        error += 4 * float((a + (1 - a) * pixels).std()) / 1024**0.5
        by_level = [float((s + (1 - s) * pixels).mean()) for s in a.chunk(TIMESTEP_BINS)]
        assert report.loss_by_level == pytest.approx(by_level, abs=0.1)
    else:
        expected = {"noise": 1.0, "clean": pixels}[target]
        assert report.loss_by_level == pytest.approx([expected] * TIMESTEP_BINS, abs=0.1)
    assert report.loss == pytest.approx(expected, abs=error)
    assert len(report.loss_by_level) == TIMESTEP_BINS


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_labels_are_dropped_with_the_share_of_the_config(share: float) -> None:
    config = config_of(label_dropout=share, steps=8, batch=100, T=10)
    state, inputs = begin(config, DATA), []
    embedding = state.denoiser.net.class_embedding
    assert isinstance(embedding, torch.nn.Embedding)
    embedding.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    list(train(config, DATA, state))
    classes = torch.cat(inputs)
    hidden = float((classes == 2).double().mean())
    assert hidden == pytest.approx(share, abs=4 * (share * (1 - share) / len(classes)) ** 0.5)
    assert classes.max() <= 2
    if 0 < share < 1:
        assert float((classes[classes != 2] == 0).double().mean()) == pytest.approx(0.5, abs=0.11)


def test_every_t_from_1_to_T_is_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(T=10, batch=512, steps=2)
    state, inputs = begin(config, DATA), []
    state.denoiser.net.register_forward_pre_hook(lambda module, args: inputs.append(args[1]))
    list(train(config, DATA, state))
    timesteps, counts = torch.cat(inputs).unique(return_counts=True)
    assert timesteps.round().tolist() == list(range(10))
    assert counts.min() > 1024 / 10 - 4 * (1024 * 0.09) ** 0.5


# --- averaged weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ema_decay", [0.0, 0.5, 0.999])
def test_averaged_weights_follow_their_recursion(ema_decay: float) -> None:
    """Decay min(averaging, (1 + k) / (10 + k)) after step k: Polyak averages whose first, random weights soon fade."""
    config = config_of(ema_decay=ema_decay, report_every=1)
    state = begin(config, DATA)
    expected, first = weights_of(state), weights_of(state)
    left_of_first = 1.0
    for k, _ in enumerate(train(config, DATA, state), start=1):
        decay = min(ema_decay, (1 + k) / (10 + k))
        left_of_first *= decay
        for name, weight in state.denoiser.net.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * weight
            assert torch.allclose(state.average[name], expected[name], rtol=1e-5, atol=1e-6)
    if ema_decay == 0:
        assert same(state.average, weights_of(state))
    else:
        assert not same(state.average, weights_of(state))
        assert not same(state.average, first)
    assert left_of_first < 1e-4


def test_a_denoiser_of_the_averages_is_a_copy() -> None:
    config = config_of()
    state = begin(config, DATA)
    list(train(config, DATA, state))
    copy = state.averaged()
    assert same(dict(copy.net.state_dict()), state.average)
    before = {name: weight.clone() for name, weight in copy.net.state_dict().items()}
    list(train(config.model_copy(update={"steps": 16}), DATA, state))
    assert same(dict(copy.net.state_dict()), before)
    assert not any(p.requires_grad for p in copy.net.parameters())
    assert not copy.net.training
    assert all(p.requires_grad for p in state.denoiser.net.parameters())


# --- the reader's world is left alone ---------------------------------------------------------------------------------


def test_global_random_state_and_gradients_do_not_change() -> None:
    torch.manual_seed(1)
    before = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    config = config_of()
    state = begin(config, DATA)
    for _ in train(config, DATA, state):
        assert torch.is_grad_enabled()
        for _ in sample(state.averaged(), state.denoiser.schedule, DDIM(1.0), shape=(1, 8, 8), steps=3, seeds=[0]):
            assert torch.is_grad_enabled()
        assert all(p.requires_grad for p in state.denoiser.net.parameters())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]
    torch.manual_seed(2)
    again = begin(config, DATA)
    list(train(config, DATA, again))
    assert same(weights_of(again), weights_of(state))
    other = begin(config_of(seed=1), DATA)
    assert not same(weights_of(other), weights_of(begin(config, DATA)))


def test_learning_rate_rises_then_falls_and_reports_come_at_their_interval() -> None:
    config = config_of(steps=30, warmup=10, report_every=1, learning_rate=1e-3, batch=1)
    rates = [r.learning_rate for r in train(config, DATA, begin(config, DATA))]
    assert rates[:10] == pytest.approx([1e-4 * k for k in range(1, 11)])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert 1e-4 <= rates[-1] < 1.2e-4
    config = config_of(steps=10, report_every=4)
    reports = list(train(config, DATA, begin(config, DATA)))
    assert [r.step for r in reports] == [4, 8, 10]
    assert all(r.images_per_second > 0 and math.isfinite(r.gradient_norm) for r in reports)


# --- it learns --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", list(TARGETS))
def test_a_tiny_network_learns_to_draw_a_given_class(target: str) -> None:
    """From grey noise to bright left or bright right, by label, after a few seconds; and its loss has fallen towards the floor
    that the exact denoiser sets."""
    config = config_of(
        target=target, steps=250, batch=16, warmup=20, report_every=50, ema_decay=0.98, learning_rate=3e-3
    )
    state = begin(config, DATA)
    reports = list(train(config, DATA, state))
    assert reports[-1].loss < 0.4 * reports[0].loss

    label = torch.arange(20) % 2
    denoiser = Guided(state.averaged(), 1.5)
    *_, last = sample(
        denoiser, state.denoiser.schedule, DDIM(), shape=(1, 8, 8), steps=10, seeds=range(20), label=label
    )
    left, right = last.x[..., :4].mean((1, 2, 3)), last.x[..., 4:].mean((1, 2, 3))
    drawn = (right > left).long()
    assert (drawn == label).float().mean() >= 0.9
    assert (left - right).abs().mean() > 0.8  # the data differ by 200 of 255 levels, 1.57 in our units

    if target == "noise":
        assert _floor(state, label) <= reports[-1].loss < 6 * _floor(state, label) + 0.05


def _floor(state: TrainState, label: Tensor) -> float:
    """The loss of the exact denoiser on the same task."""
    generator = torch.Generator().manual_seed(0)
    x0, schedule = to_unit(DATA.images), state.denoiser.schedule
    exact, errors = ExactDenoiser(x0, torch.tensor(DATA.labels)), []
    for t in range(1, schedule.T + 1):
        noise = torch.randn(x0.shape, generator=generator)
        level = schedule.level(t)
        read = exact(loop.diffuse(x0, level, noise), level, torch.tensor(DATA.labels))
        errors.append(float((read.noise - noise).square().mean()))
    return sum(errors) / len(errors)
