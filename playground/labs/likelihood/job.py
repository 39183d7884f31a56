"""The Likelihood lab: the variational bound in bits per dimension, term by term, for several models on the same images.

−log₂ p(x) ≤ L_0 + … + L_T; Ho et al. 2020, https://arxiv.org/abs/2006.11239, eq. 5.
Of a VAE it is the same bound with one layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from cachetools import LRUCache

from engine.language import _
from playground.labs.likelihood import latent
from playground.labs.likelihood.controls import Bar, LikelihoodControls, bars
from playground.labs.likelihood.results import BarResult, Measurement
from playground.labs.shared.job import Partial

if TYPE_CHECKING:
    from torch import Tensor

    from engine.evaluation.per_picture import PictureCost
    from playground.policy.visitor import Visitor

KEPT = 64
"""Finished bars that are kept."""

_finished: LRUCache[tuple[object, ...], list[PictureCost]] = LRUCache(KEPT)


def work(controls: LikelihoodControls, visitor: Visitor) -> Iterator[Partial[Measurement]]:
    """Measure image after image, each for every bar; the result grows with each.

    Raises:
        ValueError: with one clear sentence, for models and images that do not fit together.
    """
    import torch

    from engine.data.catalogue import load
    from engine.data.pixels import to_unit

    data = load(controls.data)
    part = data.held_out_part if controls.part == "held-out" else data.training
    generator = torch.Generator().manual_seed(controls.seed)
    which = torch.randperm(len(part), generator=generator)[: controls.pictures].numpy()
    images, labels = part.images[which], torch.tensor(part.labels[which])
    x0 = to_unit(images)
    vae, problem = latent.chosen(controls.vae, controls.data, visitor)
    compared = bars(controls, vae)
    check(controls, compared, visitor)
    sources = [_source(bar, controls, x0, labels, visitor) for bar in compared]
    costs: list[list[PictureCost]] = [[] for _ in compared]
    total = len(compared) * len(which)
    for index in range(len(which)):
        for k, (_blocks, source) in enumerate(sources):
            costs[k].append(next(source))
            results = tuple(
                _result(bar, blocks, so_far, x0[0].numel())
                for bar, (blocks, _costs), so_far in zip(compared, sources, costs, strict=True)
            )
            measured = Measurement(controls, results, which, images, (problem,) if problem else ())
            yield Partial(index * len(compared) + k + 1, total, measured)
    for bar, found in zip(compared, costs, strict=True):
        if not bar.model.startswith(("run:", "upload:")):  # what ships gives the same again; a run is trained further
            _finished[_key(bar, controls)] = found


def check_settings(controls: LikelihoodControls, visitor: Visitor) -> None:
    """Raise ValueError with one sentence where `work` would refuse as too large, or cannot open a model."""
    check(controls, bars(controls, latent.chosen(controls.vae, controls.data, visitor)[0]), visitor)


def check(controls: LikelihoodControls, compared: tuple[Bar, ...], visitor: Visitor) -> None:
    """Raise ValueError with one sentence where this takes more network evaluations than one request may take here."""
    from engine.evaluation.bound import blocks_of
    from engine.evaluation.per_picture import evaluations_per_picture

    lengths = [visitor.open_model(bar.model).schedule.T for bar in compared if not bar.latent]
    evaluations = controls.pictures * sum(
        evaluations_per_picture(blocks_of(T, min(controls.blocks, T))) for T in lengths
    )
    visitor.limits.check_evaluations(_("This"), evaluations, _("images or fewer blocks of t"))


def _source(
    bar: Bar, controls: LikelihoodControls, x0: Tensor, labels: Tensor, visitor: Visitor
) -> tuple[tuple[tuple[int, int], ...], Iterator[PictureCost]]:
    """The blocks of a bar, and its costs image by image: from the engine, or kept from before."""
    from engine.data.catalogue import load
    from engine.denoiser import Clipped, NetDenoiser
    from engine.evaluation.bound import blocks_of, check_fit
    from engine.evaluation.per_picture import diffusion_costs, latent_costs
    from engine.schedule import SCHEDULES

    known = _finished.get(_key(bar, controls))
    if bar.latent:
        vae = visitor.open_vae(bar.model)
        costs = latent_costs(vae.net, x0, vae.net.config.latent, seed=controls.seed)
        return (), iter(known) if known else costs
    model = visitor.open_model(bar.model)
    check_fit(model.shape, len(model.class_names), load(controls.data))
    schedule = model.schedule if bar.schedule == "own" else SCHEDULES[bar.schedule](model.schedule.T)
    blocks = blocks_of(schedule.T, min(controls.blocks, schedule.T))
    learned = isinstance(model.denoiser, NetDenoiser) and model.denoiser.learned_variance
    if bar.variance == "learned" and not learned:
        raise ValueError(_("{title}: this model has no learned variance: choose β̃ or β.", title=bar.title))
    variance = bar.variance if bar.variance != "auto" else "learned" if learned else "small"
    costs = diffusion_costs(
        Clipped(model.denoiser),
        schedule,
        x0,
        labels if model.class_names else None,
        blocks=blocks,
        variance=variance,
        seed=controls.seed,
    )
    return tuple(blocks), iter(known) if known else costs


def _key(bar: Bar, controls: LikelihoodControls) -> tuple[object, ...]:
    measured = (controls.data, controls.part, controls.pictures, controls.blocks, controls.seed)
    return (bar.model, bar.variance, bar.schedule, *measured)


def _result(bar: Bar, blocks: tuple[tuple[int, int], ...], costs: list[PictureCost], dimensions: int) -> BarResult:
    terms, errors = (len(blocks) + 1, len(blocks)) if blocks else (2, 1)
    nats = np.array([cost.nats.numpy() for cost in costs], dtype=np.float64).reshape(len(costs), terms)
    squared = np.array([cost.squared_error.numpy() for cost in costs], dtype=np.float64).reshape(len(costs), errors)
    return BarResult(bar, blocks, nats / (dimensions * math.log(2)), squared)
