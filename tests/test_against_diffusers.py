"""Tables and steps beside those of diffusers' schedulers, under the same noise.

Their step i = 0 … T − 1 is our t = i + 1. Their tables are float32, in which 1 − ᾱ keeps few digits near t = 0: where steps
are compared to 1e-5, both are given the same float64 tables.

Faults of theirs that are met here, and not copied:
- "fixed_large_log" is NaN at t = 0, and DDIM with `timestep_spacing="linspace"` steps to targets off its grid: the tests use
  "fixed_large" and "trailing".
- DDPM leaves the noise away at i = 0 only. In fewer than T steps "trailing" takes its last step from a higher i, and
  "fixed_large" then ends on a noisy picture: that one step is compared in its mean.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from engine.process import TARGETS, Prediction
from engine.sampling import DDIM, Ancestral, Sampler
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
