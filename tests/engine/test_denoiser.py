"""Networks, guidance and clipping: all of one type, each held to what its formula says."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from engine.denoiser import NO_LABEL, Clipped, NetDenoiser
from engine.guidance import Guided
from engine.ideal import ExactDenoiser
from engine.process import TARGETS, Noise, Prediction, diffuse, prediction_from_x0
from engine.samplers import DDIM
from engine.sampling import sample
from engine.schedule import Level, NoiseSchedule

from laws import PerfectNet, T, gaussian, schedules

SCHEDULE = NoiseSchedule.cosine(100)


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@dataclass
class Counting:
    """A denoiser that writes down how it was called."""

    inner: ExactDenoiser
    calls: list[tuple[int, list[int] | None]] = field(default_factory=list)

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        self.calls.append((len(x_t), None if label is None else label.tolist()))
        return self.inner(x_t, level, label)


@pytest.fixture
def counting() -> Counting:
    return Counting(ExactDenoiser(_random(12, 3), torch.arange(12) % 3, std=0.2))


class Remembers(nn.Module):
    """A network that answers 0 and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.timesteps: list[Tensor] = []
        self.classes: list[Tensor | None] = []

    def forward(self, x: Tensor, timestep: Tensor, classes: Tensor | None) -> Tensor:
        self.timesteps.append(timestep)
        self.classes.append(classes)
        return torch.zeros_like(x)


# --- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", list(TARGETS))
@pytest.mark.parametrize("name", list(schedules()))
def test_a_perfect_network_is_the_exact_denoiser_whatever_it_was_taught(name: str, target: str) -> None:
    schedule, exact = schedules()[name], gaussian(0.4, 0.3)
    net = NetDenoiser(PerfectNet(exact, schedule, TARGETS[target]), schedule, TARGETS[target])
    x, t = _random(T, 1), torch.arange(1, T + 1)
    ours, theirs = net(x, schedule.level(t)), exact(x, schedule.level(t))
    torch.testing.assert_close(vars(ours), vars(theirs), rtol=0, atol=1e-9)
    torch.testing.assert_close(diffuse(ours.x0, schedule.level(t), ours.noise), x, rtol=0, atol=1e-9)


def test_a_network_is_evaluated_at_diffusers_timestep() -> None:
    net = Remembers()
    denoiser = NetDenoiser(net, SCHEDULE, Noise())
    denoiser(_random(3, 2), SCHEDULE.level(1))
    denoiser(_random(3, 2), SCHEDULE.level(torch.tensor([1, 50, 100])))
    assert [t.tolist() for t in net.timesteps] == [[0, 0, 0], [0, 49, 99]]
    assert net.timesteps[0].dtype == torch.float32


@pytest.mark.parametrize("other", ["linear", "sigmoid", "drawn"])
def test_a_network_of_one_schedule_sampled_on_another_is_asked_at_the_same_noise(other: str) -> None:
    trained, walked, net = SCHEDULE, schedules(60)[other], Remembers()
    frames = list(sample(NetDenoiser(net, trained, Noise()), walked, DDIM(), shape=(2,), steps=20, seeds=[0]))
    assert len(net.timesteps) == 20
    for frame, timestep in zip(frames, net.timesteps, strict=False):
        wanted = float(walked.log_snr[frame.t])
        t = float(timestep) + 1
        if wanted >= float(trained.log_snr[1]) or wanted <= float(trained.log_snr[-1]):
            assert t in (1, trained.T)
            continue
        low = int(t)
        share = t - low
        got = trained.log_snr[low] * (1 - share) + trained.log_snr[min(low + 1, trained.T)] * share
        assert float(got) == pytest.approx(wanted, abs=2e-4)  # t travels in float32


def test_classes_and_the_one_for_none() -> None:
    net = Remembers()
    denoiser, x = NetDenoiser(net, SCHEDULE, Noise(), classes=3), _random(3, 2)
    denoiser(x, SCHEDULE.level(5), torch.tensor([0, NO_LABEL, 2]))
    denoiser(x, SCHEDULE.level(5))
    assert [c.tolist() for c in net.classes if c is not None] == [[0, 3, 2], [3, 3, 3]]
    plain = NetDenoiser(net, SCHEDULE, Noise())
    plain(x, SCHEDULE.level(5))
    plain(x, SCHEDULE.level(5), torch.full((3,), NO_LABEL))
    assert net.classes[-2:] == [None, None]


@pytest.mark.parametrize("wrong", [3, -2, 99])
def test_a_class_that_the_network_does_not_know_is_refused(wrong: int) -> None:
    denoiser = NetDenoiser(Remembers(), SCHEDULE, Noise(), classes=3)
    with pytest.raises(ValueError, match="has the classes 0 … 2"):
        denoiser(_random(2, 2), SCHEDULE.level(5), torch.tensor([0, wrong]))
    with pytest.raises(ValueError, match="without classes"):
        NetDenoiser(Remembers(), SCHEDULE, Noise())(_random(1, 2), SCHEDULE.level(5), torch.tensor([0]))


def test_predicting_noise_on_a_schedule_that_ends_in_nothing_is_refused() -> None:
    black = SCHEDULE.with_zero_terminal_snr()
    with pytest.raises(ValueError, match="pure noise"):
        NetDenoiser(Remembers(), black, Noise())
    for target in ("clean", "velocity"):
        assert NetDenoiser(Remembers(), black, TARGETS[target])(_random(1, 2), black.level(100)).x0.isfinite().all()


def test_a_network_of_noise_cannot_be_evaluated_at_pure_noise_either() -> None:
    """Trained on a schedule that keeps a trace of signal, it may walk down another, but not from where nothing is left."""
    black, denoiser = SCHEDULE.with_zero_terminal_snr(), NetDenoiser(Remembers(), SCHEDULE, Noise())
    with pytest.raises(ValueError, match="pure noise"):
        list(sample(denoiser, black, DDIM(), shape=(2,), steps=5, seeds=(0,)))
    with pytest.raises(ValueError, match="pure noise"):
        denoiser(_random(2, 2), black.level(torch.tensor([50, 100])))
    assert denoiser(_random(2, 2), black.level(99)).x0.isfinite().all()


# --- guidance ---------------------------------------------------------------------------------------------------------


def test_scale_1_is_the_conditional_model_and_asks_once(counting: Counting) -> None:
    x, label, level = _random(4, 3, seed=1), torch.tensor([0, 1, 2, NO_LABEL]), SCHEDULE.level(60)
    expected = counting.inner(x, level, label)
    torch.testing.assert_close(vars(Guided(counting, 1.0)(x, level, label)), vars(expected), rtol=0, atol=0)
    torch.testing.assert_close(vars(Guided(counting, torch.ones(4))(x, level, label)), vars(expected), rtol=0, atol=0)
    assert counting.calls == [(4, [0, 1, 2, NO_LABEL])] * 2


def test_scale_0_ignores_the_label_and_asks_without_it(counting: Counting) -> None:
    x, label, level = _random(4, 3, seed=1), torch.tensor([0, 1, 2, 0]), SCHEDULE.level(60)
    for scale in (0.0, torch.zeros(4)):
        torch.testing.assert_close(
            vars(Guided(counting, scale)(x, level, label)), vars(counting.inner(x, level)), rtol=0, atol=0
        )
    Guided(counting, 3.0)(x, level, None)
    assert counting.calls == [(4, None)] * 3


@pytest.mark.parametrize("scale", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("t", [60, torch.tensor([1, 60, 90, 100])])
def test_in_between_and_beyond_cond_and_uncond_go_in_one_batch(
    counting: Counting, scale: float, t: int | Tensor
) -> None:
    """ε̂ = ε̂(x) + s (ε̂(x, y) − ε̂(x)), and x̂0 goes with it."""
    x, label, level = _random(4, 3, seed=1), torch.tensor([0, 1, 2, NO_LABEL]), SCHEDULE.level(t)
    got = Guided(counting, scale)(x, level, label)
    assert len(counting.calls) == 1
    assert counting.calls[0][0] == 8
    assert sorted(counting.calls[0][1] or []) == sorted([0, 1, 2, *[NO_LABEL] * 5])
    plain, wanted = counting.inner(x, level), counting.inner(x, level, label)
    torch.testing.assert_close(got.noise, plain.noise + scale * (wanted.noise - plain.noise), rtol=0, atol=1e-9)
    torch.testing.assert_close(diffuse(got.x0, level, got.noise), x, rtol=0, atol=1e-9)
    torch.testing.assert_close(got.x0[3], plain.x0[3], rtol=0, atol=1e-12)


def test_a_scale_for_each_picture(counting: Counting) -> None:
    x, label, level = _random(4, 3, seed=1), torch.tensor([0, 1, 2, 1]), SCHEDULE.level(50)
    scales = torch.tensor([0.0, 1.0, 2.5, 7.0])
    together = Guided(counting, scales)(x, level, label)
    for b, scale in enumerate(scales.tolist()):
        alone = Guided(counting.inner, scale)(x[b : b + 1], level, label[b : b + 1])
        torch.testing.assert_close(together.x0[b], alone.x0[0], rtol=0, atol=1e-10)
        torch.testing.assert_close(together.noise[b], alone.noise[0], rtol=0, atol=1e-10)


def test_guidance_sharpens_towards_the_class() -> None:
    """Two classes N(±1, 0.5²): ε̂(x, y) − ε̂(x) points away from the other class, so x̂0 moves outward with s."""
    both = ExactDenoiser(torch.tensor([[-1.0], [1.0]]).double(), torch.tensor([0, 1]), std=0.5)
    x, level, label = torch.zeros(1, 1).double(), SCHEDULE.level(60), torch.tensor([1])
    answers = [float(Guided(both, s)(x, level, label).x0) for s in (0.0, 0.5, 1.0, 2.0, 4.0)]
    assert answers[0] == pytest.approx(0, abs=1e-12)
    assert answers == sorted(answers)
    assert answers[-1] > answers[2] > 0.5


# --- clipping ---------------------------------------------------------------------------------------------------------


def test_clipped_holds_the_picture_and_lets_the_noise_follow() -> None:
    x, level = 3 * _random(6, 2), SCHEDULE.level(torch.tensor([2, 20, 40, 60, 80, 100]))
    inner = ExactDenoiser(3 * _random(5, 2, seed=9), std=1.0)
    prediction = Clipped(inner)(x, level)
    torch.testing.assert_close(prediction.x0, inner(x, level).x0.clamp(-1, 1), rtol=0, atol=0)
    assert (inner(x, level).x0.abs() > 1).any()
    torch.testing.assert_close(diffuse(prediction.x0, level, prediction.noise), x, rtol=0, atol=1e-12)
    assert Clipped(inner, 0.0, 0.25)(x, level).x0.min() >= 0
    assert Clipped(inner, 0.0, 0.25)(x, level).x0.max() <= 0.25


def test_clipped_leaves_pictures_in_range_as_they_are() -> None:
    x, level, inner = _random(4, 2), SCHEDULE.level(30), ExactDenoiser(_random(5, 2).clamp(-1, 1))
    torch.testing.assert_close(vars(Clipped(inner)(x, level)), vars(inner(x, level)), rtol=0, atol=1e-12)


def test_all_of_them_are_one_type_and_nest(counting: Counting) -> None:
    x, level, label = _random(2, 3), SCHEDULE.level(50), torch.tensor([0, 2])
    got = Clipped(Guided(counting, 3.0), -0.5, 0.5)(x, level, label)
    assert len(counting.calls) == 1
    expected = Guided(counting.inner, 3.0)(x, level, label).x0.clamp(-0.5, 0.5)
    torch.testing.assert_close(vars(got), vars(prediction_from_x0(expected, x, level)), rtol=0, atol=1e-12)
