"""Tables and steps beside those of diffusers' schedulers, under the same noise.

Their step i = 0 … T − 1 is our t = i + 1. Their tables are float32, in which 1 − ᾱ keeps few digits near t = 0: where steps
are compared to 1e-5, both are given the same float64 tables.

Faults of theirs that are met here, and not copied:
- "fixed_large_log" is NaN at t = 0, and DDIM with `timestep_spacing="linspace"` steps to targets off its grid: the tests use
  "fixed_large" and "trailing".
- Their Heun has no other step than the trapezoid, also over the leap out of almost pure noise, where it is worse than one of
  DDIM (and ours is one): steps over which σ falls to less than a quarter are compared with the trapezoid's first half only.
- Their DPM-Solver++ computes in float32 whatever it is given: steps are compared to 1e-5 of the largest number in them.
- DDPM leaves the noise away at i = 0 only. In fewer than T steps "trailing" takes its last step from a higher i, and
  "fixed_large" then ends on a noisy picture: that one step is compared in its mean.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from engine.denoiser import NetDenoiser
from engine.ideal import ExactDenoiser
from engine.process import TARGETS, Prediction
from engine.samplers import DDIM, Ancestral, DPMSolver2M, Heun, PreviousStep, Sampler
from engine.schedule import Level, NoiseSchedule

from laws import schedules

EVERY_SCHEDULE = pytest.mark.parametrize("name", list(schedules()))
EVERY_TARGET = pytest.mark.parametrize("target", list(TARGETS))
PREDICTION_TYPES = {"noise": "epsilon", "clean": "sample", "velocity": "v_prediction"}


def _like(scheduler: type, schedule: NoiseSchedule, target: str, **settings: Any) -> Any:
    """A scheduler of theirs that walks our schedule, in float64."""
    theirs = scheduler(
        num_train_timesteps=schedule.T,
        trained_betas=schedule.beta[1:].tolist(),
        prediction_type=PREDICTION_TYPES[target],
        timestep_spacing="trailing",
        **{"clip_sample": False, **settings},
    )
    theirs.betas, theirs.alphas, theirs.alphas_cumprod = (
        table[1:].clone() for table in (schedule.beta, schedule.alpha, schedule.alpha_bar)
    )
    theirs.one = torch.tensor(1.0, dtype=torch.float64)
    return theirs


def _compare(
    ours: Sampler, theirs: Any, schedule: NoiseSchedule, target: str, steps: int, clip: bool, **step: Any
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64)
    theirs.set_timesteps(steps)
    times = schedule.timesteps(steps)
    assert [int(i) + 1 for i in theirs.timesteps] == times[:-1]
    for t, to in pairwise(times):
        output = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        state = generator.get_state()

        def denoise(x: Tensor, level: Level, output: Tensor = output) -> Prediction:
            read = TARGETS[target].read(output, x, level)
            # Theirs clips x̂0 and leaves ε̂ as it was, which only DDIM looks at.
            return Prediction(read.x0.clamp(-1, 1), read.noise) if clip else read

        expected = theirs.step(output, t - 1, x, generator=generator, **step).prev_sample
        generator.set_state(state)
        got, _ = ours.step(
            denoise,
            x,
            schedule.level(t),
            schedule.level(to),
            lambda: torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64),
        )
        if to == 0 and t > 1 and ours == Ancestral("large"):
            generator.set_state(state)
            noise = torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64)
            expected = expected - noise * theirs._get_variance(t - 1) ** 0.5
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5, msg=lambda m, t=t: f"at t = {t}: {m}")
        x = expected.clamp(-4, 4)


@EVERY_SCHEDULE
@EVERY_TARGET
@pytest.mark.parametrize("variance", ["small", "large"])
@pytest.mark.parametrize("steps", [100, 10])
def test_ddpm_step_by_step(name: str, target: str, variance: str, steps: int) -> None:
    schedule = schedules()[name]
    theirs = _like(diffusers.DDPMScheduler, schedule, target, variance_type=f"fixed_{variance}")
    _compare(Ancestral(variance), theirs, schedule, target, steps, clip=False)  # type: ignore[arg-type]


@EVERY_SCHEDULE
@EVERY_TARGET
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [100, 10])
def test_ddim_step_by_step(name: str, target: str, eta: float, steps: int) -> None:
    schedule = schedules()[name]
    theirs = _like(diffusers.DDIMScheduler, schedule, target)
    theirs.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    _compare(DDIM(eta), theirs, schedule, target, steps, clip=False, eta=eta)


@EVERY_SCHEDULE
@EVERY_TARGET
def test_ddpm_with_a_learned_variance_step_by_step(name: str, target: str) -> None:
    """Their "learned_range" reads the second half of the network's channels as we do; no noise is added at i = 0."""
    schedule, generator = schedules()[name], torch.Generator().manual_seed(0)
    theirs = _like(diffusers.DDPMScheduler, schedule, target, variance_type="learned_range")
    theirs.set_timesteps(100)
    for t in (100, 99, 60, 30, 3, 2, 1):
        x = torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64)
        output = torch.randn(2, 6, 4, 4, generator=generator, dtype=torch.float64)
        state = generator.get_state()
        expected = theirs.step(output, t - 1, x, generator=generator).prev_sample
        generator.set_state(state)
        net = NetDenoiser(_Always(output), schedule, TARGETS[target], learned_variance=True)
        got, _ = Ancestral("learned").step(
            net,
            x,
            schedule.level(t),
            schedule.level(t - 1),
            lambda: torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64),
        )
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


class _Always(torch.nn.Module):
    """A network that gives one answer."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: Tensor, timestep: Tensor, classes: Tensor | None) -> Tensor:
        return self.answer


@EVERY_SCHEDULE
@EVERY_TARGET
@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("spacing", ["uniform", "quadratic", "log-snr"])
def test_dpm_solver_step_by_step(name: str, target: str, eta: float, spacing: str) -> None:
    schedule, generator = schedules()[name], torch.Generator().manual_seed(0)
    theirs = diffusers.DPMSolverMultistepScheduler(
        num_train_timesteps=schedule.T,
        trained_betas=schedule.beta[1:].tolist(),
        prediction_type=PREDICTION_TYPES[target],
        algorithm_type="sde-dpmsolver++" if eta else "dpmsolver++",
        lower_order_final=False,
        final_sigmas_type="zero",
    )
    times = schedule.timesteps(12, spacing)
    theirs.set_timesteps(timesteps=[t - 1 for t in times[:-1]])
    theirs.sigmas = torch.exp(-schedule.log_snr[times] / 2)
    previous: PreviousStep | None = None
    for t, to in pairwise(times):
        now = schedule.level(t)
        x, output, z = torch.randn(3, 2, 3, 4, 4, generator=generator, dtype=torch.float64)
        expected = theirs.step(output, t - 1, x, variance_noise=z.float()).prev_sample.double()

        def denoise(x: Tensor, level: Level, output: Tensor = output) -> Prediction:
            return TARGETS[target].read(output, x, level)

        got, prediction = DPMSolver2M(eta).step(denoise, x, now, schedule.level(to), lambda z=z: z, previous)
        previous = PreviousStep(now, prediction)
        size = max(1.0, float(prediction.x0.abs().max()), float(got.abs().max()))
        torch.testing.assert_close(got / size, expected / size, rtol=1e-5, atol=1e-5)


def _never() -> Tensor:
    raise AssertionError("a deterministic sampler draws nothing")


@EVERY_SCHEDULE
@pytest.mark.parametrize("target", ["noise", "velocity"])
@pytest.mark.parametrize("spacing", ["uniform", "quadratic", "log-snr"])
def test_heun_step_by_step(name: str, target: str, spacing: str) -> None:
    """In x/√ᾱ, as theirs counts; asked at both ends of each step."""
    schedule, exact = schedules()[name], ExactDenoiser(torch.tensor([[-0.8], [0.5]]).double(), std=0.3)
    theirs = diffusers.HeunDiscreteScheduler(
        num_train_timesteps=schedule.T,
        trained_betas=schedule.beta[1:].tolist(),
        prediction_type=PREDICTION_TYPES[target],
    )
    times = schedule.timesteps(25, spacing)
    x = torch.linspace(-2, 2, 9).double()[:, None]
    compared = 0

    def output(x: Tensor, level: Level) -> Tensor:
        prediction = exact(x, level)
        return TARGETS[target].of(prediction.x0, prediction.noise, level)

    for t, to in pairwise(times):
        now, then = schedule.level(t), schedule.level(to)
        theirs.set_timesteps(timesteps=[t - 1, to - 1] if to else [t - 1])
        theirs.sigmas = torch.exp(-schedule.log_snr[[t, to, to, 0] if to else [t, 0]] / 2)
        expected = theirs.step(output(x, now), theirs.timesteps[0], x / now.alpha_bar.sqrt()).prev_sample
        got, _ = Heun().step(exact, x, now, then, _never)
        if float(then.log_snr - now.log_snr) <= 2 * math.log(4):
            expected = theirs.step(output(expected * then.alpha_bar.sqrt(), then), to - 1, expected).prev_sample
            compared += 1
        torch.testing.assert_close(got, expected * then.alpha_bar.sqrt(), rtol=1e-5, atol=1e-5)
        x = got
    assert compared >= 15


@EVERY_TARGET
def test_clipped_steps(target: str) -> None:
    schedule = schedules()["cosine"]
    ddpm = _like(diffusers.DDPMScheduler, schedule, target, clip_sample=True, variance_type="fixed_small")
    _compare(Ancestral("small"), ddpm, schedule, target, 100, clip=True)
    ddim = _like(diffusers.DDIMScheduler, schedule, target, clip_sample=True)
    ddim.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    _compare(DDIM(0.3), ddim, schedule, target, 50, clip=True, eta=0.3)


@EVERY_TARGET
def test_clipped_is_what_they_call_use_clipped_model_output(target: str) -> None:
    """Our `Clipped` takes ε̂ along with x̂0, as an option of their DDIM does."""
    from engine.denoiser import Clipped

    schedule, generator = schedules()["cosine"], torch.Generator().manual_seed(0)
    theirs = _like(diffusers.DDIMScheduler, schedule, target, clip_sample=True)
    theirs.set_timesteps(50)
    x, output = torch.randn(2, 2, 3, 4, 4, generator=generator, dtype=torch.float64)
    for t in (98, 50, 4):
        expected = theirs.step(output, t - 1, x, use_clipped_model_output=True).prev_sample
        clipped = Clipped(lambda x, level, label=None: TARGETS[target].read(output, x, level))
        got, _ = DDIM().step(clipped, x, schedule.level(t), schedule.level(t - 2), lambda: x)
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scheduler", ["DDPMScheduler", "DDIMScheduler"])
@pytest.mark.parametrize(("theirs", "name"), [("linear", "linear"), ("squaredcos_cap_v2", "cosine")])
def test_tables_at_1000(scheduler: str, theirs: str, name: str) -> None:
    ours = {"linear": NoiseSchedule.linear, "cosine": NoiseSchedule.cosine}[name](1000)
    table = getattr(diffusers, scheduler)(num_train_timesteps=1000, beta_schedule=theirs)
    torch.testing.assert_close(table.betas.double(), ours.beta[1:], rtol=1e-4, atol=2e-8)
    torch.testing.assert_close(table.alphas_cumprod.double(), ours.alpha_bar[1:], rtol=1e-4, atol=1e-6)


def test_diffusing_adds_the_noise_that_they_add() -> None:
    from engine.process import diffuse

    schedule = NoiseSchedule.linear(1000)
    theirs = diffusers.DDPMScheduler(num_train_timesteps=1000)
    x0, noise = torch.randn(2, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([1, 30, 500, 1000])
    expected = theirs.add_noise(x0, noise, t - 1)
    torch.testing.assert_close(diffuse(x0, schedule.level(t), noise), expected, rtol=0, atol=1e-5)
    velocity = TARGETS["velocity"].of(x0, noise, schedule.level(t))
    torch.testing.assert_close(velocity, theirs.get_velocity(x0, noise, t - 1), rtol=0, atol=1e-5)


def test_posterior_variance_is_theirs_between_neighbours() -> None:
    schedule = NoiseSchedule.linear(1000)
    theirs = _like(diffusers.DDPMScheduler, schedule, "noise")
    for t in (2, 3, 100, 1000):
        assert float(theirs._get_variance(t - 1)) == pytest.approx(float(schedule.posterior_variance[t]), rel=1e-9)
