"""What the tests of the mathematics share: schedules and samplers to try, and laws that are known in closed form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from engine.denoiser import Denoiser
from engine.ideal import ExactDenoiser
from engine.process import Target
from engine.samplers import DDIM, Ancestral, DPMSolver2M, Heun, PreviousStep, Sampler
from engine.schedule import Level, NoiseSchedule

T = 100
"""Steps of the forward process in most tests: every formula is met, and nothing takes long."""


def schedules(steps: int = T) -> dict[str, NoiseSchedule]:
    """One of each kind, and one that falls like nothing else: in three straight lines."""
    bent = torch.cat(
        [torch.linspace(1, 0.9, steps // 2), torch.linspace(0.9, 1e-3, steps + 2 - steps // 2)[1:]]
    ).double()
    return {
        "linear": NoiseSchedule.linear(steps),
        "cosine": NoiseSchedule.cosine(steps),
        "sigmoid": NoiseSchedule.sigmoid(steps),
        "drawn": NoiseSchedule.from_alpha_bar(bent),
    }


SAMPLERS: dict[str, Sampler] = {
    "ddpm small": Ancestral("small"),
    "ddpm large": Ancestral("large"),
    "ddpm zero": Ancestral("zero"),
    "ddim 0": DDIM(0.0),
    "ddim 0.5": DDIM(0.5),
    "ddim 1": DDIM(1.0),
    "heun": Heun(),
    "dpm++2m 0": DPMSolver2M(),
    "dpm++2m 1": DPMSolver2M(1.0),
}
"""Every sampler that there is; the number is eta."""


def gaussian(mean: float, std: float) -> ExactDenoiser:
    """The exact denoiser of N(mean, std²), one number a picture, in float64."""
    return ExactDenoiser(torch.tensor([[mean]], dtype=torch.float64), std=std)


class PerfectNet(nn.Module):
    """A network with nothing left to learn: asked at diffusers' timestep t − 1, it puts out what `target` calls for.

    It knows t only, like a real one, so a wrong t or a wrong reading of its output shows in the law of the samples.
    """

    def __init__(self, exact: Denoiser, schedule: NoiseSchedule, target: Target) -> None:
        super().__init__()
        self.exact, self.schedule, self.target = exact, schedule, target
        self.asked: list[Tensor] = []

    def forward(self, x: Tensor, timestep: Tensor, classes: Tensor | None) -> Tensor:
        self.asked.append(timestep)
        assert (timestep - timestep.round()).abs().max() < 1e-4, "between the grid's points this network knows nothing"
        t = timestep.round().long() + 1
        level = self.schedule.level(int(t[0]) if bool((t == t[0]).all()) else t)
        exact = self.exact(x, level)
        x0, noise = exact.x0, exact.noise
        return self.target.of(x0, noise, level)


def walk(
    denoise: Denoiser,
    path: Iterable[tuple[Level, Level]],
    sampler: Sampler,
    x: Tensor,
    noise: Callable[[int, Tensor], Tensor],
) -> Tensor:
    """x at the end of a path, from x at its beginning.

    Args:
        path: the pairs of levels to go between, as from `levels`.
        noise: what a sampler is given as noise, from the number of the step and x.
    """
    previous: PreviousStep | None = None
    for k, (now, to) in enumerate(path):
        following, prediction = sampler.step(
            lambda x, level: denoise(x, level), x, now, to, lambda k=k, x=x: noise(k, x), previous
        )
        x, previous = following, PreviousStep(now, prediction)
    return x


def fresh(generator: torch.Generator) -> Callable[[int, Tensor], Tensor]:
    """Noise as it should be, in x's own dtype."""
    return lambda _, x: torch.randn(x.shape, generator=generator, dtype=x.dtype)


def levels(schedule: NoiseSchedule, steps: int, spacing: str = "uniform") -> Iterator[tuple[Level, Level]]:
    """The pairs of levels that a sampler is asked to go between."""
    times = schedule.timesteps(steps, spacing)
    for now, to in pairwise(times):
        yield schedule.level(now), schedule.level(to)


def affine(denoise: Denoiser, sampler: Sampler, now: Level, to: Level) -> tuple[float, float, float]:
    """(A, B, C) of a step on Gaussian data, x' = A x + B + C z: from x = 0, x = 1 and z = 1, exact to rounding."""
    x, z = torch.tensor([[0.0], [1.0], [0.0]]).double(), torch.tensor([[0.0], [0.0], [1.0]]).double()
    out, _ = sampler.step(lambda x, level: denoise(x, level), x, now, to, lambda: z)
    origin, one, noisy = out.flatten().tolist()
    return one - origin, origin, noisy - origin


def law_of_samples(
    denoise: Denoiser, schedule: NoiseSchedule, sampler: Sampler, steps: int, spacing: str = "uniform"
) -> tuple[float, float]:
    """Mean and variance of what comes out on Gaussian data from x_T ~ N(0, 1), without drawing anything."""
    return law_along(denoise, list(levels(schedule, steps, spacing)), sampler)


def law_along(
    denoise: Denoiser, path: list[tuple[Level, Level]], sampler: Sampler, mean: float = 0.0, variance: float = 1.0
) -> tuple[float, float]:
    """Mean and variance at the end of a path that begins with N(mean, variance), on Gaussian data, without drawing anything.

    What comes out is a constant and a sum over the start and the noise of each step, each times a number. Those numbers
    are found by walking once with everything at 0, and once with each of them at 1, all in one batch: for any sampler that
    is linear.
    """
    x = torch.full((len(path) + 2, 1), mean, dtype=torch.float64)
    x[1] += variance**0.5

    def noise(k: int, x: Tensor) -> Tensor:
        z = torch.zeros_like(x)
        z[k + 2] = 1
        return z

    out = walk(denoise, path, sampler, x, noise)
    return float(out[0]), float((out[1:] - out[0]).square().sum())
