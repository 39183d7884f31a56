"""Where the answer is known: a real picture with known noise in it, at every level of a walk, and the step from there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
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
from engine.models.opened import Model
from engine.process import Prediction, diffuse
from engine.recipes.recipe import Recipe
from engine.samplers import SAMPLERS, Ancestral, Sampler
from engine.sampling import SeededNoise
from engine.schedule import Level, NoiseSchedule
from playground.components.payloads.chart import LiveChart, Series
from playground.components.payloads.microscope import Branch, StepView
from playground.labs.microscope import text
from playground.labs.microscope.steps import label_of, most_cuts
from playground.labs.shared.decomposition import Pool, Thoughts, posterior_equation

CHUNK = 8
"""Levels that are asked for together."""
LENGTH = 8
"""How much of a job's work this is, in steps of a walk."""


@dataclass(frozen=True, eq=False)
class Errors:
    """At each level: root mean square errors, and KL in nats per number of the picture. Columns of equal length."""

    t: list[int]
    x0: list[float]
    noise: list[float]
    mean: list[float]
    kl: list[float]
    as_ddpm: bool
    """Whether KL is that of DDPM's step with the small variance, since the sampler's own adds no noise."""

    def chart(self) -> LiveChart:
        """The errors over t."""
        known = [k for k, value in enumerate(self.kl) if math.isfinite(value)]
        kl = "KL per number, as DDPM would step" if self.as_ddpm else "KL per number"
        return LiveChart(
            text.ERRORS,
            "t",
            "error, nats",
            (
                Series("error of <i>x̂</i><sub>0</sub>", self.t, self.x0, mark="circle"),
                Series("error of <i>ε̂</i>", self.t, self.noise, mark="square"),
                Series(kl, [self.t[k] for k in known], [self.kl[k] for k in known], style="dashed", mark="triangle"),
            ),
            log_y=True,
            note=text.ERRORS_ABOUT,
        )

    def csv(self) -> str:
        """The numbers, one line for each level."""
        lines = ["t,error of x0,error of noise,error of mean,kl in nats per number"]
        rows = zip(self.t, self.x0, self.noise, self.mean, self.kl, strict=True)
        lines += [f"{t},{x0:.6g},{noise:.6g},{mean:.6g},{kl:.6g}" for t, x0, noise, mean, kl in rows]
        return "\n".join(lines) + "\n"


def real_picture(model: Model, which: tuple[str, int]) -> tuple[Tensor, int] | None:
    """One picture (1, C, H, W) of the model's data in −1 … 1, and its class; None where the data are not here.

    Args:
        model: whose data.
        which: "held out" or "training", and the number; after the last picture they begin again.
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


def examined(
    model: Model, recipe: Recipe, which: tuple[str, int], thoughts: Thoughts
) -> Iterator[tuple[Branch, Errors]]:
    """The real picture at the levels of a walk: what there is of the strip and of the errors, level after level.

    Nothing comes where the model's data are not here.
    """
    real = real_picture(model, which)
    if real is None:
        return
    x0, picture_class = real
    told = recipe.model_copy(update={"labels": (picture_class,) if recipe.labels and picture_class >= 0 else ()})
    schedule, denoiser = told.noise_schedule(model), told.denoiser(model)
    path = list(pairwise(schedule.timesteps(told.steps, told.spacing)))
    most = min(len(path), most_cuts(model.shape))
    path = [path[k] for k in np.linspace(0, len(path) - 1, most).round().astype(int)]
    noise = SeededNoise(told.seeds, model.shape)()
    bench = _Bench(schedule, denoiser, told, x0, noise, thoughts)
    for first in range(0, len(path), CHUNK):
        bench.add(path[first : first + CHUNK])
        yield bench.branch(), bench.errors()


class _Bench:
    def __init__(
        self,
        schedule: NoiseSchedule,
        denoiser: Denoiser,
        recipe: Recipe,
        x0: Tensor,
        noise: Tensor,
        thoughts: Thoughts,
    ) -> None:
        self._schedule, self._denoiser, self._recipe = schedule, denoiser, recipe
        self._x0, self._noise, self._thoughts = x0, noise, thoughts
        self._sampler: Sampler = SAMPLERS[recipe.sampler](recipe.eta, recipe.variance)
        self._pool, self._cuts, self._film = Pool(), list[StepView](), list[int]()
        self._rows: list[tuple[int, float, float, float, float]] = []
        self._as_ddpm = False

    @torch.no_grad()
    def add(self, path: list[tuple[int, int]]) -> None:
        """Some steps (t, next t) of the walk, asked for together."""
        now = self._schedule.level(torch.tensor([t for t, _ in path]))
        to = self._schedule.level(torch.tensor([s for _, s in path]))
        count = len(path)
        x0, noise = self._x0.repeat(count, 1, 1, 1), self._noise.repeat(count, 1, 1, 1)
        label = torch.tensor(self._recipe.labels * count) if self._recipe.labels else None
        fresh = SeededNoise([self._recipe.seeds[0]] * count, x0.shape[1:])
        fresh()  # which was the noise in x_t

        def denoise(x: Tensor, level: Level) -> Prediction:
            return self._denoiser(x, level, label)

        anatomy = decompose_step(self._sampler, denoise, diffuse(x0, now, noise), now, to, fresh)
        judged = compare_with_posterior(anatomy, x0, noise)
        kl = judged.kl
        if bool(kl.isinf().any()):  # a step without dice is no law: say what DDPM would make of the same answer
            self._as_ddpm = True
            said = anatomy.prediction
            as_ddpm = decompose_step(Ancestral(), lambda *_: said, anatomy.x, now, to, fresh)
            kl = compare_with_posterior(as_ddpm, x0, noise).kl
        for k, (t, s) in enumerate(path):
            errors = (float(judged.x0_error[k]), float(judged.noise_error[k]), float(judged.mean_error[k]))
            self._rows.append((t, *errors, float(kl[k])))
            self._cuts.append(self._cut(k, t, s, anatomy, judged, float(kl[k])))

    def _cut(self, k: int, t: int, s: int, anatomy: StepDecomposition, judged: StepErrors, kl: float) -> StepView:
        pool, row = self._pool, slice(k, k + 1)
        x = anatomy.x[row]
        now, to = self._schedule.level(t), self._schedule.level(s)
        terms = tuple(Term(term.name, term.coefficient[row], term.picture[row]) for term in anatomy.terms)
        terms = tuple(
            Term(term.name, term.coefficient, x if term.name == "x" else term.picture)
            for term in terms
            if bool(term.coefficient.any())
        )
        step = pool.equation("The model's step", pool.shown("next", anatomy.following[row], s), terms, t)
        mean = judged.posterior.mean[row]
        name = "The mean of the true posterior"
        true = posterior_equation(pool, name, ("true x0", self._x0), x, (now, t), (to, s))
        x0_hat = anatomy.prediction.x0[row]
        self._film.append(pool.add(x0_hat))
        more = [
            pool.shown("x0", x0_hat),
            pool.shown("noise", anatomy.prediction.noise[row]),
            pool.shown("true noise", self._noise),
            pool.shown("difference", anatomy.mean[row] - mean),
        ]
        std = float(judged.posterior.variance.expand(len(anatomy.x))[k].sqrt())
        facts = [
            ("σ of the true posterior", f"{std:.4f}"),
            ("σ of the model's step", f"{float(anatomy.std[row].mean()):.4f}"),
            ("means differ by", f"{float(judged.mean_error[k]):.4f}"),
            ("KL, nats per number" + (", as DDPM" if self._as_ddpm else ""), f"{kl:.4g}" if math.isfinite(kl) else "–"),
            ("error of x̂₀", f"{float(judged.x0_error[k]):.4f}"),
            ("error of ε̂", f"{float(judged.noise_error[k]):.4f}"),
        ]
        thought = self._thoughts.at(x, now, label_of(self._recipe))
        if thought is not None:
            more.append(pool.shown("exact", thought[0].x0))
            wrong = float((thought[0].x0 - self._x0).double().square().mean().sqrt())
            facts.append(("error of the exact x̂₀", f"{wrong:.4f}"))
        names = {term.picture.kind for term in step.terms}
        return StepView(
            len(self._cuts),
            t,
            1 - t / self._schedule.T,
            f"t = {t} → {s}",
            (step, true),
            tuple(shown for shown in more if shown.kind not in names),
            tuple(facts),
            *(thought[1:] if thought is not None else ()),
        )

    def branch(self) -> Branch:
        """The strip as far as it is there."""
        outcome = self._pool.add(self._x0)
        names = self._recipe.sampler
        label = f"{SAMPLERS[names].title} from each level"
        cuts, film = tuple(self._cuts), tuple(self._film)
        return Branch(text.REAL, label, self._pool.stacked(), cuts, film, outcome, None, is_standalone=True)

    def errors(self) -> Errors:
        """The numbers as far as they are there."""
        columns = [list(column) for column in zip(*self._rows, strict=True)]
        return Errors(*columns, self._as_ddpm)  # type: ignore[arg-type]
