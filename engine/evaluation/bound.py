"""Bits per dimension: an estimate of the whole variational bound, with its standard error.

`variational_bound` is a generator: the caller shows its progress, and stops by dropping the iterator.

Each term is the mean of n independent draws of a picture (with replacement) and of noise: it is unbiased, and its standard
error is their standard deviation / √n. n is `per_step`, and up to 32 times as much for the first steps. L_T needs no draw.

`strata` gives a quick estimate: 1 … T is divided into that many blocks, short ones near t = 1 where most bits are, and each
draw takes a t of its own, evenly from its block. (Length) × (mean of the draws) is unbiased for the sum of the block's
terms, and their standard deviation, which contains the differences between the terms, gives its error.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.denoiser import Clipped, Denoiser, NetDenoiser
from engine.evaluation.drawing import Progress
from engine.language import Message
from engine.likelihood import DISCRETISED, LEVELS, VARIANCES_WITH_BOUND, Decoder, bound_term, prior_term
from engine.models.opened import Model
from engine.process import diffuse
from engine.samplers import Variance
from engine.schedule import NoiseSchedule

OFF_LEVEL = 0.01
"""A picture of 256 levels lies this close to them, in steps between two levels; float32 is off by some 10⁻⁵."""

MORE_AT_FIRST = 32
"""Step t < 32 gets 32 / t times as many draws as later ones: the first have the most bits, whose errors decide the sum's."""

PARTS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
"""Ends of `Bound.parts`: the first steps have the most bits, so their parts are short."""


class BoundError(ValueError):
    """A model, a set of pictures and settings that do not fit together; fit to show to a reader."""


class Term(BaseModel):
    """One term of the bound, or the sum of some that follow each other: L_{t−1} for t = first … last."""

    model_config = ConfigDict(frozen=True)

    first: int
    last: int
    nats: float = Field(description="For one picture.")
    standard_error: float = Field(description="Of `nats`.")
    bits_per_dim: float = Field(description="nats / (dimensions of a picture · ln 2).")
    bits_per_dim_error: float
    draws: int = Field(description="Pictures with noise that it was measured on.")


class Bound(BaseModel):
    """What was measured: −log p(x_0) is at most this, on average over the pictures.

    Errors are standard errors, of the draw of pictures, noise and t: how far another seed would move the number. What other
    pictures would have given is another question.
    """

    model_config = ConfigDict(frozen=True)

    nats: float = Field(description="L_T + … + L_0, for one picture.")
    standard_error: float = Field(
        description="Root of the sum of the squares, since the terms are measured independently."
    )
    bits_per_dim: float
    bits_per_dim_error: float
    prior: Term = Field(description="L_T, of every picture exactly: no error.")
    terms: tuple[Term, ...] = Field(description="From t = 1, which is L_0, up to T.")
    variance: Variance
    decoder: str
    T: int
    dimensions: int = Field(description="Numbers in a picture.")
    pictures: int = Field(description="How many there are to draw from.")
    seed: int
    seconds: float

    def parts(self) -> list[Term]:
        """The bits of each part of the schedule: t = 1, 2 … 3, 4 … 10, 11 … 30 and so on, as closely as the terms allow."""
        found: list[Term] = []
        rest = list(self.terms)
        for end in (*(end for end in PARTS if end < self.T), self.T):
            inside = [term for term in rest if term.last <= end]
            rest = rest[len(inside) :]
            if inside:
                nats, error = sum(term.nats for term in inside), math.hypot(*(term.standard_error for term in inside))
                draws = sum(term.draws for term in inside)
                found.append(term_of(inside[0].first, inside[-1].last, nats, error, self.dimensions, draws))
        return found


@torch.no_grad()
def variational_bound(
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    x0: Tensor,
    labels: Tensor | None = None,
    *,
    variance: Variance = "small",
    decoder: Decoder = DISCRETISED,
    per_step: int = 16,
    strata: int | None = None,
    seed: int = 0,
    batch: int = 128,
) -> Iterator[Progress | Bound]:
    """Measure every term of the bound on pictures and noise of its own.

    Args:
        denoiser: any; one that clips x̂0 to the range of the data has no higher terms for t ≥ 2.
        schedule: whose steps are taken.
        x0: floating, shape (N, ...), at least one picture; for `DISCRETISED` with 256 levels in [−1, 1].
        labels: int64, shape (N,); None where no class is given.
        variance: of the reverse steps.
        decoder: what the last step is.
        per_step: draws for each term or block, at least 2; 32 / t times as many for those that begin at t < 32.
        strata: how many blocks, 1 … T; None measures each of the T terms.
        seed: decides every draw; 0 … 2⁶³ − 1.
        batch: noisy pictures in a batch; changes the speed only.

    Yields:
        `Progress` after every batch, then one `Bound`.

    Raises:
        BoundError: for settings that cannot be, or a model that gives no numbers.
        ValueError: from `bound_term`, and from a denoiser that cannot use the labels.
    """
    _check(x0, labels, decoder, variance, per_step, batch)
    began = time.perf_counter()
    blocks = blocks_of(schedule.T, strata)
    draws = [per_step * max(1, MORE_AT_FIRST // first) for first, _ in blocks]
    total = sum(draws)
    values = torch.empty(total, dtype=torch.float64)
    done = 0
    for index, t, noise in _batches(x0, blocks, draws, seed, batch):
        chosen = x0[index]
        level = schedule.level(t)
        x_t = diffuse(chosen, level, noise)
        prediction = denoiser(x_t, level, None if labels is None else labels[index])
        terms = bound_term(prediction, chosen, x_t, schedule, t, variance, decoder)
        values[done : done + len(t)] = terms.cpu()
        done += len(t)
        yield Progress(done, total, time.perf_counter() - began)
    if not bool(values.isfinite().all()):
        raise BoundError(Message("The model gives pictures that are not numbers: its training went wrong."))
    seconds = round(time.perf_counter() - began, 1)
    how = {"variance": variance, "decoder": decoder.name, "seed": seed, "seconds": seconds}
    yield Bound.model_validate(_summed(torch.split(values, draws), blocks, x0, schedule) | how)


def _summed(
    values: Sequence[Tensor], blocks: Sequence[tuple[int, int]], x0: Tensor, schedule: NoiseSchedule
) -> dict[str, object]:
    """The terms and their sum, as fields of a `Bound`; values: nats, one tensor of draws for each block."""
    prior, dimensions = float(prior_term(x0, schedule).mean()), x0[0].numel()
    terms, nats, error = _terms(values, blocks, dimensions)
    whole = term_of(1, schedule.T, prior + nats, error, dimensions, sum(len(draws) for draws in values))
    return {
        "nats": whole.nats,
        "standard_error": whole.standard_error,
        "bits_per_dim": whole.bits_per_dim,
        "bits_per_dim_error": whole.bits_per_dim_error,
        "prior": term_of(schedule.T, schedule.T, prior, 0.0, dimensions, len(x0)),
        "terms": terms,
        "T": schedule.T,
        "dimensions": dimensions,
        "pictures": len(x0),
    }


def held_out_bound(
    model: Model,
    data: ImageSet,
    *,
    variance: Variance | None = None,
    per_step: int = 16,
    strata: int | None = None,
    seed: int = 0,
    batch: int = 128,
    device: torch.device | str = "cpu",
) -> Iterator[Progress | Bound]:
    """`variational_bound` on the held-out pictures of a set, x̂0 clipped to their range as in the papers' code.

    Args:
        model: what is measured, on the schedule that it was trained on; a class-conditional one is given each picture's class.
        data: the whole set, held-out pictures included.
        variance: None for the learned one where there is one, and the small one elsewhere.
        per_step, strata, seed, batch: as there.
        device: of the model.

    Raises:
        BoundError: as there, where pictures or classes do not fit the model, and where nothing is held out.
    """
    check_fit(model.shape, len(model.class_names), data)
    part, denoiser = data.held_out_part, model.denoiser
    if not len(part):
        raise BoundError(
            Message("No pictures of “{name}” are held out: there is nothing to measure on.", name=data.name)
        )
    if variance is None:
        learned = isinstance(denoiser, NetDenoiser) and denoiser.learned_variance
        variance = "learned" if learned else "small"
    yield from variational_bound(
        Clipped(denoiser),
        model.schedule,
        to_unit(part.images).to(device),
        torch.tensor(part.labels, device=device) if model.class_names else None,
        variance=variance,
        per_step=per_step,
        strata=strata,
        seed=seed,
        batch=batch,
    )


def check_fit(shape: tuple[int, int, int], classes: int, data: ImageSet) -> None:
    """Raises BoundError where a model of this shape (C, H, W) and number of classes does not fit these pictures."""
    of_data = (data.channels, data.size, data.size)
    if shape != of_data:
        model, pictures = (" × ".join(str(n) for n in part) for part in (shape, of_data))
        raise BoundError(
            Message(
                "The model is for pictures of {model}, those of “{name}” have {pictures}.",
                model=model,
                name=data.name,
                pictures=pictures,
            )
        )
    if classes not in (0, len(data.class_names)):
        raise BoundError(
            Message(
                "The model has {classes} classes, the set “{name}” has {count}.",
                classes=classes,
                name=data.name,
                count=len(data.class_names),
            )
        )


def blocks_of(T: int, strata: int | None) -> list[tuple[int, int]]:
    """1 … T cut into (first, last): each t alone for None, else that many blocks; t = 1 alone, then ever longer ones.

    Raises:
        BoundError: for strata outside 1 … T.
    """
    if strata is None:
        return [(t, t) for t in range(1, T + 1)]
    if not 1 <= strata <= T:
        raise BoundError(
            Message(
                "The {T} terms of this bound can be cut into 1 to {T} blocks, not into {strata}.", T=T, strata=strata
            )
        )
    ends = [0]
    for k in range(1, strata + 1):
        # At least one t for this block, and one for each that is still to come.
        end = round(T ** (k / strata)) if k > 1 or strata == 1 else 1
        ends.append(min(max(ends[-1] + 1, end), T - (strata - k)))
    return [(before + 1, end) for before, end in pairwise(ends)]


def _batches(
    x0: Tensor, blocks: list[tuple[int, int]], draws: list[int], seed: int, batch: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(which picture, t, noise) of every draw in order; the same draws whatever the batch."""
    generator = torch.Generator().manual_seed(seed)
    waiting: list[tuple[Tensor, Tensor, Tensor]] = []
    for (first, last), count in zip(blocks, draws, strict=True):
        index = torch.randint(len(x0), (count,), generator=generator)
        t = torch.randint(first, last + 1, (count,), generator=generator)
        waiting.append((index, t, torch.randn(count, *x0.shape[1:], generator=generator, dtype=x0.dtype)))
        if sum(len(t) for _, t, _ in waiting) < batch and last < blocks[-1][1]:
            continue
        index, t, noise = (torch.cat(parts) for parts in zip(*waiting, strict=True))
        waiting.clear()
        for start in range(0, len(t), batch):
            some = slice(start, start + batch)
            yield index[some].to(x0.device), t[some], noise[some].to(x0.device)


def _terms(
    values: Sequence[Tensor], blocks: Sequence[tuple[int, int]], dimensions: int
) -> tuple[tuple[Term, ...], float, float]:
    """The term of each block from its draws in nats; and the sum of all, with its standard error."""
    lengths = torch.tensor([last - first + 1 for first, last in blocks], dtype=torch.float64)
    means = lengths * torch.stack([drawn.mean() for drawn in values])
    errors = lengths * torch.stack([drawn.std() / math.sqrt(len(drawn)) for drawn in values])
    terms = tuple(
        term_of(*block, mean, error, dimensions, len(drawn))
        for block, mean, error, drawn in zip(blocks, means.tolist(), errors.tolist(), values, strict=True)
    )
    return terms, float(means.sum()), float(errors.square().sum().sqrt())


def term_of(first: int, last: int, nats: float, error: float, dimensions: int, draws: int) -> Term:
    """A term from its nats and their error, for pictures of that many numbers."""
    bits = dimensions * math.log(2)
    return Term(
        first=first,
        last=last,
        nats=nats,
        standard_error=error,
        bits_per_dim=nats / bits,
        bits_per_dim_error=error / bits,
        draws=draws,
    )


def _check(
    x0: Tensor,
    labels: Tensor | None,
    decoder: Decoder,
    variance: Variance,
    per_step: int,
    batch: int,
) -> None:
    if x0.ndim < 2 or not x0.numel() or not x0.is_floating_point():
        raise BoundError(
            f"There must be at least one picture, shape (N, ...), not {x0.dtype} of shape {tuple(x0.shape)}."
        )
    if labels is not None and labels.shape != (len(x0),):
        raise BoundError(f"{len(x0)} pictures need {len(x0)} labels, not {tuple(labels.shape)}.")
    if variance not in VARIANCES_WITH_BOUND:
        raise BoundError(
            f"There is a bound for the variances {', '.join(VARIANCES_WITH_BOUND)}, and none for “{variance}”."
        )
    if per_step < 2:
        raise BoundError(f"An error is known from 2 draws for each term, not from {per_step}.")
    if batch < 1:
        raise BoundError(f"A batch has at least one picture, not {batch}.")
    if not bool(x0.isfinite().all()):
        raise BoundError("The pictures contain values that are not numbers.")
    if decoder == DISCRETISED:
        level = (x0.double() + 1) * ((LEVELS - 1) / 2)
        off = (level - level.round().clamp(0, LEVELS - 1)).abs().amax()
        if float(off) > OFF_LEVEL:
            raise BoundError(
                "These pictures do not have 256 levels in −1 … 1: round them first, or take the decoder for densities."
            )
