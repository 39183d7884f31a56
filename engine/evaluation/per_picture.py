"""What each picture costs, one after the other: the variational bound of a diffusion model, and that of a VAE.

`engine.evaluation.bound` measures the mean over pictures as closely as so many draws allow. Here every picture is evaluated in
every block of t, so that each has a bound of its own, and their mean is the bound of all. Two models that get the same pictures
and the same seed get the same noise: their difference is known far better than either.

Both are generators: the caller shows each picture as it comes, and stops by dropping the iterator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from engine.denoiser import Denoiser
from engine.evaluation.bound import BoundError
from engine.latent import Autoencoder, latent_bound
from engine.likelihood import DISCRETISED, Decoder, bound_term, prior_term
from engine.process import diffuse
from engine.samplers import Variance
from engine.schedule import NoiseSchedule

MORE_AT_FIRST = 8
"""Block first … last with first < 8 gets 8 / first times as many draws as later ones: the first steps have the most bits."""
BATCH = 128
"""Noisy versions of a picture that go through the network together."""


class PictureCost(NamedTuple):
    """One picture's bound."""

    number: int
    """Which of the pictures that were given."""
    nats: Tensor
    """Its terms, float64: one for each block of t and then L_T; of a VAE the reconstruction and the KL."""
    squared_error: Tensor
    """Of x̂0 for each block, of a VAE of its reconstruction, held to −1 … 1: the mean over the picture's numbers, float64."""


def evaluations_per_picture(blocks: Sequence[tuple[int, int]], draws: int = 1) -> int:
    """Network evaluations for the bound of one picture; arguments as for `diffusion_costs`."""
    return sum(_counts(blocks, draws))


def _counts(blocks: Sequence[tuple[int, int]], draws: int) -> list[int]:
    """Draws of each block."""
    return [draws * max(1, MORE_AT_FIRST // first) for first, _ in blocks]


@torch.no_grad()
def diffusion_costs(
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    x0: Tensor,
    labels: Tensor | None = None,
    *,
    blocks: Sequence[tuple[int, int]],
    variance: Variance = "small",
    decoder: Decoder = DISCRETISED,
    draws: int = 1,
    seed: int = 0,
) -> Iterator[PictureCost]:
    """The bound of each picture, term by term; Ho et al. 2020, eq. 5.

    For each block first … last there are so many draws of a t in it and of noise; (its length) × (their mean) is unbiased for
    the sum of the block's terms. The first blocks, which have the most bits, get up to 8 times as many draws.

    Args:
        denoiser: any.
        schedule: whose steps are taken.
        x0: floating, shape (N, ...), with 256 levels in [−1, 1] for `DISCRETISED`.
        labels: int64, shape (N,); None where no class is given.
        blocks: (first, last) of each, together 1 … T: `engine.evaluation.bound.blocks_of`.
        variance: of the reverse steps.
        decoder: what the last step is.
        draws: for each block, at least 1.
        seed: with the picture's place it decides its draws, which are the same for every model.

    Raises:
        BoundError: for settings that cannot be, or a model that gives no numbers.
    """
    _check(x0, draws)
    lengths = torch.tensor([last - first + 1 for first, last in blocks], dtype=torch.float64)
    counts = _counts(blocks, draws)
    ends = list(zip(blocks, counts, strict=True))
    for index in range(len(x0)):
        generator = _generator(seed, index)
        t = torch.cat([torch.randint(first, last + 1, (n,), generator=generator) for (first, last), n in ends])
        noise = torch.randn((len(t), *x0.shape[1:]), generator=generator, dtype=x0.dtype)
        nats, errors = torch.empty(len(t), dtype=torch.float64), torch.empty(len(t), dtype=torch.float64)
        for rows in torch.split(torch.arange(len(t)), BATCH):
            clean = x0[index].expand(len(rows), *x0.shape[1:])
            level = schedule.level(t[rows])
            x_t = diffuse(clean, level, noise[rows].to(x0.device))
            label = None if labels is None else labels[index].expand(len(rows))
            prediction = denoiser(x_t, level, label)
            nats[rows] = bound_term(prediction, clean, x_t, schedule, t[rows], variance, decoder).double().cpu()
            errors[rows] = (prediction.x0 - clean).square().flatten(1).double().mean(1).cpu()
        terms = lengths * _means(nats, counts)
        whole = torch.cat([terms, prior_term(x0[index : index + 1].cpu(), schedule)])
        yield _finite(PictureCost(index, whole, _means(errors, counts)))


def _means(values: Tensor, counts: list[int]) -> Tensor:
    """Of the draws of each block."""
    return torch.stack([drawn.mean() for drawn in torch.split(values, counts)])


@torch.no_grad()
def latent_costs(
    model: Autoencoder,
    x0: Tensor,
    latent: int,
    *,
    decoder: Decoder = DISCRETISED,
    draws: int = 32,
    seed: int = 0,
) -> Iterator[PictureCost]:
    """The same of a model with one latent layer: reconstruction (the mean over so many z) and KL (exact).

    Args:
        model: what encodes and decodes.
        x0, decoder, seed: as above.
        latent: how many numbers z has.
        draws: of z for each picture, at least 1.

    Raises:
        BoundError: as above.
        ValueError: of the model, for pictures of another shape.
    """
    _check(x0, draws)
    for index in range(len(x0)):
        noise = torch.randn((draws, latent), generator=_generator(seed, index), dtype=x0.dtype).to(x0.device)
        clean = x0[index].expand(draws, *x0.shape[1:])
        bound = latent_bound(model, clean, noise, decoder)
        pixels = model.decode(model.encode(clean[:1]).mean)
        error = (pixels.mean.clamp(-1, 1) - clean[:1]).square().double().mean().cpu().reshape(1)
        terms = torch.stack([bound.reconstruction.mean(), bound.kl.mean()]).double().cpu()
        yield _finite(PictureCost(index, terms, error))


def _generator(seed: int, index: int) -> torch.Generator:
    return torch.Generator().manual_seed((seed * 1_000_003 + index) % 2**63)


def _check(x0: Tensor, draws: int) -> None:
    if x0.ndim < 2 or not x0.numel() or not x0.is_floating_point():
        raise BoundError(f"There must be at least one picture, shape (N, ...), not {tuple(x0.shape)}.")
    if draws < 1:
        raise BoundError(f"Every block needs at least one draw, not {draws}.")


def _finite(cost: PictureCost) -> PictureCost:
    if not math.isfinite(float(cost.nats.sum())):
        raise BoundError("The model gives pictures that are not numbers: its training went wrong.")
    return cost
