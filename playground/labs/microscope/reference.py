"""The reference image: a real image with known noise at every level of a trajectory, and the step from there.

Since x_0 and ε are known, so is the posterior q(x_s | x_t, x_0) that the step approximates; Ho et al. 2020,
https://arxiv.org/abs/2006.11239, eq. 6 and 7.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from engine.analysis.step_decomposition import (
    StepDecomposition,
    StepErrors,
    Term,
    compare_with_posterior,
    decompose_step,
)
from engine.data import catalogue
from engine.data.image_set import DataError
from engine.data.pixels import to_unit
from engine.data.sizes import sized
from engine.denoiser import Denoiser
from engine.language import _
from engine.models.opened import Model
from engine.process import Prediction, diffuse
from engine.recipes.recipe import Recipe
from engine.samplers import SAMPLERS, Ancestral, Sampler
from engine.sampling import SeededNoise
from engine.schedule import Level, NoiseSchedule
from playground.components.payloads.microscope import Branch, Equation, PoolPicture, StepView
from playground.labs.microscope import text
from playground.labs.microscope.branches import Errors
from playground.labs.microscope.steps import label_of, shown_steps
from playground.labs.shared.decomposition import Pool, PosteriorWeights, posterior_equation

CHUNK = 8
"""Levels that are evaluated together."""
WORK = 8
"""How much of a job's work this is, in steps of a trajectory."""


def reference_image(model: Model, which: tuple[str, int]) -> tuple[Tensor, int] | None:
    """An image (1, C, H, W) of the model's data in −1 … 1, and its class, −1 for none; None where the data are not here.

    Args:
        model: whose data.
        which: "held out" or "training", and the number; after the last image they begin again.
    """
    try:
        data = sized(catalogue.load(model.data), model.shape[-1], upsampling=True) if model.data else None
    except DataError:
        data = None
    if data is None or data.channels != model.shape[0]:
        return None
    part = data.held_out_part if which[0] == "held out" else data.training
    if not len(part):
        return None
    # Neighbours in a set are often of one class: a stride that shares no factor with most sizes shows all of them.
    k = (which[1] * 97) % len(part)
    return to_unit(np.asarray(part.images[k : k + 1])), int(part.labels[k]) if data.class_names else -1


def examine(
    model: Model, recipe: Recipe, which: tuple[str, int], posterior_weights: PosteriorWeights
) -> Iterator[tuple[Branch, Errors]]:
    """The strip of the reference image and the errors, as far as they are computed; nothing without the model's data.

    Args:
        model: the denoising model.
        recipe: of the trajectory whose levels and sampler are taken.
        which: as for `reference_image`.
        posterior_weights: of the exact denoiser.
    """
    image = reference_image(model, which)
    if image is None:
        return
    x0, image_class = image
    labels = (image_class,) if recipe.labels and image_class >= 0 else ()
    recipe = recipe.model_copy(update={"labels": labels})
    schedule = recipe.noise_schedule(model)
    path = list(pairwise(schedule.timesteps(recipe.steps, recipe.spacing)))
    path = [path[k] for k in shown_steps(len(path), model.shape)]
    noise = SeededNoise(recipe.seeds, model.shape)()
    strip = _Strip(schedule, recipe.denoiser(model), recipe, x0, noise, posterior_weights)
    for first in range(0, len(path), CHUNK):
        strip.add(path[first : first + CHUNK])
        yield strip.branch(), strip.errors()


class _Strip:
    """The steps of one reference image so far.

    Args:
        x0, noise: shape (1, C, H, W).
    """

    def __init__(
        self,
        schedule: NoiseSchedule,
        denoiser: Denoiser,
        recipe: Recipe,
        x0: Tensor,
        noise: Tensor,
        posterior_weights: PosteriorWeights,
    ) -> None:
        self._schedule, self._denoiser, self._recipe = schedule, denoiser, recipe
        self._x0, self._noise, self._posterior_weights = x0, noise, posterior_weights
        self._sampler: Sampler = SAMPLERS[recipe.sampler](recipe.eta, recipe.variance)
        self._pool, self._steps, self._thumbnails = Pool(), list[StepView](), list[int]()
        self._rows: list[tuple[int, float, float, float, float]] = []
        self._as_ddpm = False

    @torch.no_grad()
    def add(self, path: list[tuple[int, int]]) -> None:
        """Some steps (t, next t) of the trajectory, evaluated together."""
        now = self._schedule.level(torch.tensor([t for t, _ in path]))
        to = self._schedule.level(torch.tensor([s for _, s in path]))
        count = len(path)
        x0, noise = self._x0.repeat(count, 1, 1, 1), self._noise.repeat(count, 1, 1, 1)
        label = torch.tensor(self._recipe.labels * count) if self._recipe.labels else None
        fresh = SeededNoise([self._recipe.seeds[0]] * count, x0.shape[1:])
        fresh()  # which was the noise in x_t

        def denoise(x: Tensor, level: Level) -> Prediction:
            return self._denoiser(x, level, label)

        step = decompose_step(self._sampler, denoise, diffuse(x0, now, noise), now, to, fresh)
        errors = compare_with_posterior(step, x0, noise)
        kl = errors.kl
        if bool(kl.isinf().any()):  # a deterministic step has no density: take DDPM's from the same prediction
            self._as_ddpm = True
            as_ddpm = decompose_step(Ancestral(), lambda *_: step.prediction, step.x, now, to, fresh)
            kl = compare_with_posterior(as_ddpm, x0, noise).kl
        for k, (t, s) in enumerate(path):
            rms = (float(errors.x0_error[k]), float(errors.noise_error[k]), float(errors.mean_error[k]))
            self._rows.append((t, *rms, float(kl[k])))
            self._steps.append(self._view(k, t, s, step, errors, float(kl[k])))

    def _view(self, k: int, t: int, s: int, step: StepDecomposition, errors: StepErrors, kl: float) -> StepView:
        """Step number k of a chunk, as it is drawn."""
        row = slice(k, k + 1)
        x0 = step.prediction.x0[row]
        equations = self._equations(k, t, s, step, errors)
        self._thumbnails.append(self._pool.add(x0))
        others = [
            self._pool.shown("x0", x0),
            self._pool.shown("noise", step.prediction.noise[row]),
            self._pool.shown("true noise", self._noise),
            self._pool.shown("difference", step.mean[row] - errors.posterior.mean[row]),
        ]
        facts = self._facts(k, step, errors, kl)
        weights = self._posterior_weights.at(step.x[row], self._schedule.level(t), label_of(self._recipe))
        if weights is not None:
            others.append(self._pool.shown("exact", weights[0].x0))
            error = float((weights[0].x0 - self._x0).double().square().mean().sqrt())
            facts.append((_("error of the exact x̂₀"), f"{error:.4f}"))
        return StepView(
            len(self._steps),
            t,
            1 - t / self._schedule.T,
            f"t = {t} → {s}",
            equations,
            _not_in(equations[0], others),
            tuple(facts),
            *(weights[1:] if weights is not None else ()),
        )

    def _equations(
        self, k: int, t: int, s: int, step: StepDecomposition, errors: StepErrors
    ) -> tuple[Equation, Equation]:
        """The model's step and the mean of the posterior, as sums."""
        row, x = slice(k, k + 1), step.x[k : k + 1]
        parts = [Term(one.name, one.coefficient[row], x if one.name == "x" else one.picture[row]) for one in step.terms]
        terms = tuple(one for one in parts if bool(one.coefficient.any()))
        following = self._pool.shown("next", step.following[row], s)
        levels = (self._schedule.level(t), t), (self._schedule.level(s), s)
        return (
            self._pool.equation(text.MODEL_STEP, following, terms, t),
            posterior_equation(self._pool, text.POSTERIOR_MEAN, ("true x0", self._x0), x, *levels),
        )

    def _facts(self, k: int, step: StepDecomposition, errors: StepErrors, kl: float) -> list[tuple[str, str]]:
        std = float(errors.posterior.variance.expand(len(step.x))[k].sqrt())
        as_ddpm = _(", as DDPM") if self._as_ddpm else ""
        return [
            (_("σ of the true posterior"), f"{std:.4f}"),
            (_("σ of the model's step"), f"{float(step.std[k : k + 1].mean()):.4f}"),
            (_("RMS difference of the means"), f"{float(errors.mean_error[k]):.4f}"),
            (_("KL, nats per dimension{as_ddpm}", as_ddpm=as_ddpm), f"{kl:.4g}" if math.isfinite(kl) else "–"),
            (_("error of x̂₀"), f"{float(errors.x0_error[k]):.4f}"),
            (_("error of ε̂"), f"{float(errors.noise_error[k]):.4f}"),
        ]

    def branch(self) -> Branch:
        """The strip so far."""
        final = self._pool.add(self._x0)
        label = _("{title} from each level", title=SAMPLERS[self._recipe.sampler].title)
        steps, thumbnails = tuple(self._steps), tuple(self._thumbnails)
        return Branch(text.REFERENCE, label, self._pool.stacked(), steps, thumbnails, final, None, is_standalone=True)

    def errors(self) -> Errors:
        """The errors so far."""
        t, x0, noise, mean, kl = (list(column) for column in zip(*self._rows, strict=True))
        return Errors([int(value) for value in t], x0, noise, mean, kl, self._as_ddpm)


def _not_in(equation: Equation, pictures: list[PoolPicture]) -> tuple[PoolPicture, ...]:
    kinds = {term.picture.kind for term in equation.terms}
    return tuple(one for one in pictures if one.kind not in kinds)
