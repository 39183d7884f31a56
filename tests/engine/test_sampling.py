"""The generator of frames: what it yields, which random draws it uses, what it refuses."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.denoiser import Denoiser, NetDenoiser
from engine.ideal import ExactDenoiser
from engine.process import Noise, Prediction, diffuse, posterior
from engine.samplers import DDIM, Ancestral, Denoise, Draw, PreviousStep, Variance
from engine.samplers import SAMPLERS as BY_NAME
from engine.sampling import Frame, SeededNoise, sample
from engine.schedule import Level, NoiseSchedule

from laws import SAMPLERS, gaussian

SCHEDULE = NoiseSchedule.cosine(100)
POINTS = torch.randn(20, 1, 4, 4, generator=torch.Generator().manual_seed(0))
EXACT = ExactDenoiser(POINTS, torch.arange(20) % 4)
EVERY = pytest.mark.parametrize("name", list(SAMPLERS))


def _frames(name: str, seeds: list[int], steps: int = 12, **more: object) -> list[Frame]:
    return list(sample(EXACT, SCHEDULE, SAMPLERS[name], shape=(1, 4, 4), steps=steps, seeds=seeds, **more))  # type: ignore[arg-type]


# --- frames -----------------------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize("steps", [1, 7, 12, 100])
def test_n_steps_give_n_plus_1_frames_from_noise_to_picture(name: str, steps: int) -> None:
    frames = _frames(name, [3, 4], steps)
    assert [f.step for f in frames] == list(range(steps + 1))
    assert {f.steps for f in frames} == {steps}
    assert [f.t for f in frames] == SCHEDULE.timesteps(steps)
    assert torch.equal(frames[0].x, SeededNoise([3, 4], (1, 4, 4))())
    for frame in frames:
        assert frame.x.shape == frame.x0.shape == frame.noise.shape == (2, 1, 4, 4)
        assert all(bool(part.isfinite().all()) for part in (frame.x, frame.x0, frame.noise))
    assert torch.equal(frames[-1].x0, frames[-1].x)
    assert not frames[-1].noise.any()


@EVERY
def test_every_frame_holds_the_denoisers_answer_to_its_own_x(name: str) -> None:
    for frame in _frames(name, [5, 6])[:-1]:
        level = SCHEDULE.level(frame.t)
        torch.testing.assert_close(diffuse(frame.x0, level, frame.noise), frame.x, rtol=0, atol=1e-5)
        torch.testing.assert_close(vars(Prediction(frame.x0, frame.noise)), vars(EXACT(frame.x, level)), rtol=0, atol=0)


@EVERY
def test_the_last_step_adds_no_noise(name: str) -> None:
    frames = _frames(name, [5, 6])
    torch.testing.assert_close(frames[-1].x, frames[-2].x0, rtol=0, atol=1e-6)


def test_frames_carry_no_graph_and_gradients_stay_on_in_the_readers_loop() -> None:
    net = _Scaled()
    frames = []
    for frame in sample(NetDenoiser(net, SCHEDULE, Noise()), SCHEDULE, DDIM(1.0), shape=(1, 4, 4), steps=5, seeds=[0]):
        assert torch.is_grad_enabled()
        assert (net.weight * 2).requires_grad
        frames.append(frame)
    assert all(not part.requires_grad for f in frames for part in (f.x, f.x0, f.noise))
    assert torch.is_grad_enabled()
    with torch.no_grad():
        next(sample(EXACT, SCHEDULE, DDIM(), shape=(1, 4, 4), steps=5, seeds=[0]))
        assert not torch.is_grad_enabled()


class _Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor, timestep: Tensor, classes: Tensor | None) -> Tensor:
        return self.weight * x


def test_dropping_the_iterator_stops_the_calls() -> None:
    calls = []

    def denoiser(x: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        calls.append(level)
        return EXACT(x, level, label)

    walk = sample(denoiser, SCHEDULE, DDIM(), shape=(1, 4, 4), steps=50, seeds=[0])
    assert not calls  # nothing runs before somebody asks
    for _ in range(3):
        next(walk)
    assert len(calls) == 3
    del walk
    assert len(calls) == 3


def test_a_frame_costs_one_call() -> None:
    for name, sampler in SAMPLERS.items():
        calls: list[int] = []

        def denoiser(x: Tensor, level: Level, label: Tensor | None = None, calls: list[int] = calls) -> Prediction:
            calls.append(len(x))
            return EXACT(x, level, label)

        list(sample(denoiser, SCHEDULE, sampler, shape=(1, 4, 4), steps=9, seeds=[0, 1]))
        # Heun looks twice, but for its first and last step, over which σ falls to less than a quarter.
        assert calls == [2] * (9 if name != "heun" else 16), name


# --- seeds ------------------------------------------------------------------------------------------------------------


@EVERY
def test_an_image_is_the_same_alone_in_a_batch_and_in_another_order(name: str) -> None:
    together = _frames(name, [1, 2, 3])
    alone = _frames(name, [2])
    shuffled = _frames(name, [3, 1, 2])
    for a, b, c in zip(together, alone, shuffled, strict=True):
        torch.testing.assert_close(a.x[1:2], b.x, rtol=0, atol=1e-5)
        torch.testing.assert_close(a.x[[2, 0, 1]], c.x, rtol=0, atol=1e-5)


def test_seeds_give_the_same_noise_bit_for_bit_and_other_seeds_other_noise() -> None:
    batch, alone = SeededNoise([7, 8, 2**63 - 1], (3, 5)), SeededNoise([8], (3, 5))
    for _ in range(4):
        assert torch.equal(batch()[1:2], alone())
    a, b = SeededNoise([7, 8], (1000,))()
    assert abs(float(torch.corrcoef(torch.stack([a, b]))[0, 1])) < 4 / 1000**0.5
    again = SeededNoise([7], (1000,))
    first, second = again(), again()
    assert torch.equal(first[0], a)
    assert abs(float(torch.corrcoef(torch.cat([first, second]))[0, 1])) < 4 / 1000**0.5
    assert torch.equal(SeededNoise([1, 1], (5,))()[0], SeededNoise([1, 1], (5,))()[1])


def test_seeded_noise_is_standard_normal() -> None:
    drawn = SeededNoise(range(50), (2000,))()
    assert abs(float(drawn.mean())) < 4 / 100_000**0.5
    assert float(drawn.var()) == pytest.approx(1, abs=4 * (2 / 100_000) ** 0.5)
    assert float((drawn**4).mean()) == pytest.approx(3, abs=4 * (96 / 100_000) ** 0.5)


@EVERY
def test_global_random_state_is_neither_read_nor_written(name: str) -> None:
    torch.manual_seed(1)
    previous = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    first = _frames(name, [5])[-1].x
    assert torch.equal(torch.get_rng_state(), previous[0])
    assert random.getstate() == previous[1]
    assert np.random.get_state()[1].tolist() == previous[2]
    torch.manual_seed(2)
    assert torch.equal(_frames(name, [5])[-1].x, first)


# --- start, labels, refusals ------------------------------------------------------------------------------------------


def test_start_begins_there() -> None:
    x = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(4))
    frames = _frames("ddim 0", [0, 1], 10, start=(x, 55))
    assert torch.equal(frames[0].x, x)
    assert [f.t for f in frames] == [55, 50, 40, 30, 20, 10, 0]
    assert [f.step for f in frames] == list(range(7))
    assert {f.steps for f in frames} == {6}
    # A walk broken off and taken up again on the same grid is the whole walk.
    whole = _frames("ddim 0", [0, 1], 10)
    rest = _frames("ddim 0", [0, 1], 10, start=(whole[4].x, whole[4].t))
    torch.testing.assert_close(rest[-1].x, whole[-1].x, rtol=0, atol=1e-6)
    done = _frames("ddim 0", [0, 1], 10, start=(x, 0))
    assert len(done) == 1
    assert torch.equal(done[0].x, x)


@pytest.mark.parametrize("t", [-1, 101])
def test_a_start_outside_the_schedule_is_refused(t: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        _frames("ddim 0", [0], 10, start=(torch.zeros(1, 1, 4, 4), t))


def test_labels_reach_the_denoiser() -> None:
    label = torch.tensor([2, 0, 3])
    last = _frames("ddim 0", [0, 1, 2], 40, label=label)[-1].x
    nearest = torch.cdist(last.flatten(1), POINTS.flatten(1)).argmin(1)
    assert (nearest % 4).tolist() == [2, 0, 3]


@pytest.mark.parametrize("label", [torch.tensor([1]), torch.tensor([1, 2, 3]), torch.tensor(1), torch.tensor([[1, 2]])])
def test_labels_of_another_length_are_refused(label: Tensor) -> None:
    with pytest.raises(ValueError, match="2 labels"):
        _frames("ddim 0", [0, 1], label=label)


@pytest.mark.parametrize("steps", [0, -3, 101])
def test_more_steps_than_the_schedule_has_are_refused(steps: int) -> None:
    with pytest.raises(ValueError, match="1 to 100 steps"):
        _frames("ddim 0", [0], steps)


@pytest.mark.parametrize("eta", [-0.1, 1.1, float("nan")])
def test_eta_outside_0_to_1_is_refused(eta: float) -> None:
    with pytest.raises(ValueError, match="eta"):
        DDIM(eta)


def test_samplers_go_by_name() -> None:
    assert BY_NAME["ddpm"](0.3, "large") == Ancestral("large")
    assert BY_NAME["ddim"](0.3, "large") == DDIM(0.3)


@EVERY
def test_a_level_for_each_image_is_as_many_steps_apart(name: str) -> None:
    now, to = torch.tensor([100, 60, 9, 1]), torch.tensor([80, 59, 1, 0])
    x, z = torch.randn(2, 4, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    exact, sampler = gaussian(0.3, 0.5), SAMPLERS[name]

    def step(x: Tensor, now: Level, to: Level, noise: Callable[[], Tensor]) -> Tensor:
        return sampler.step(
            lambda x, level: ExactDenoiser(exact.points.expand(1, 2), std=0.5)(x, level), x, now, to, noise
        )[0]

    together = step(x, SCHEDULE.level(now), SCHEDULE.level(to), lambda: z)
    for b in range(4):
        one = slice(b, b + 1)
        alone = step(x[one], SCHEDULE.level(int(now[b])), SCHEDULE.level(int(to[b])), lambda one=one: z[one])
        torch.testing.assert_close(together[one], alone, rtol=0, atol=1e-10)


# --- a step that looks back, and the registry -------------------------------------------------------------------------


def test_a_sampler_receives_the_step_before() -> None:
    """`sample` hands every step what was asked and answered one step earlier, and nothing at the first."""
    told: list[PreviousStep | None] = []

    class Spy:
        def step(
            self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
        ) -> tuple[Tensor, Prediction]:
            told.append(previous)
            return DDIM().step(denoise, x, now, to, noise)

    frames = list(sample(EXACT, SCHEDULE, Spy(), shape=(1, 4, 4), steps=4, seeds=(0,)))
    assert told[0] is None
    for previous, frame in zip(told[1:], frames, strict=False):
        assert previous is not None
        assert float(previous.level.log_snr) == float(SCHEDULE.log_snr[frame.t])
        assert torch.equal(previous.prediction.x0, frame.x0)


@pytest.mark.parametrize("name", list(BY_NAME))
def test_registered_samplers_say_the_truth_about_themselves(name: str) -> None:
    """Which settings change the pictures, and how often the denoiser is asked in a step."""
    sampler = BY_NAME[name]
    asked = 0

    def counting(x: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        nonlocal asked
        asked += 1
        return EXACT(x, level)

    def draw(eta: float, variance: Variance) -> Tensor:
        # The last but one: on these data every walk ends at a picture that there is, and many at the same.
        *_, frame, _ = sample(counting, SCHEDULE, sampler(eta, variance), shape=(1, 4, 4), steps=20, seeds=(0, 1))
        return frame.x

    plain = draw(0.0, "small")
    ends = 2 if sampler.evaluations > 1 else 0  # the first and the last step of Heun are leaps, and so are of DDIM
    assert asked == 20 * sampler.evaluations - ends
    assert ("eta" in sampler.settings) != torch.equal(draw(0.7, "small"), plain)
    assert ("variance" in sampler.settings) != torch.equal(draw(0.0, "large"), plain)


def test_a_variance_that_was_not_learned_is_refused() -> None:
    with pytest.raises(ValueError, match="no learned variance"):
        list(sample(EXACT, SCHEDULE, Ancestral("learned"), shape=(1, 4, 4), steps=3, seeds=(0,)))


@pytest.mark.parametrize(("mix", "same_as"), [(0.0, "small"), (1.0, "large")])
def test_a_learned_variance_lies_between_the_two(mix: float, same_as: Variance) -> None:
    """Nichol & Dhariwal 2021, eq. 15: v = 0 is β̃, v = 1 is β, between them the logarithm is mixed; each number has its own."""

    def learned(x: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        return replace(EXACT(x, level), variance_mix=torch.full_like(x, mix))

    def last(denoiser: Denoiser, variance: Variance) -> Tensor:
        *_, frame = sample(denoiser, SCHEDULE, Ancestral(variance), shape=(1, 4, 4), steps=20, seeds=(0, 1))
        return frame.x

    torch.testing.assert_close(last(learned, "learned"), last(EXACT, same_as), rtol=1e-5, atol=1e-5)
    x, now, to = torch.zeros(1, 2).double(), SCHEDULE.level(50), SCHEDULE.level(40)
    own = gaussian(0.3, 0.5)(x[:, :1], now)
    own = Prediction(own.x0.expand(1, 2), own.noise.expand(1, 2), torch.tensor([[0.25, 0.75]]).double())
    got, _ = Ancestral("learned").step(lambda x, level: own, x, now, to, lambda: torch.ones_like(x))
    mean, small = posterior(x, own.x0, now, to)
    large = now.variance_since(to)
    expected = mean + torch.stack([small**0.75 * large**0.25, small**0.25 * large**0.75]).sqrt()
    torch.testing.assert_close(got, expected)
