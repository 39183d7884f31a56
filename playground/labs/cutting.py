"""A walk cut into steps for the Microscope: the pictures of each, their sum, and what an exact denoiser thinks there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from engine.anatomy import FRESH, NOISE, THERE, X0, Anatomy, Dissecting, Term, X
from engine.data import catalogue
from engine.data.pixels import to_unit
from engine.data.sizes import sized
from engine.fork import Walk, recipe_of
from engine.ideal import ExactDenoiser
from engine.library import Model
from engine.process import Prediction
from engine.recipe import Recipe
from engine.samplers import SAMPLERS
from engine.sampling import Frame, Start
from engine.schedule import Level
from playground.labs.microscope import MAX_CUTS, MAX_NUMBERS, Branched, Naming
from playground.labs.sampling import NOISE_RANGE
from playground.text import microscope as text
from playground.timeline.microscope import Branch, Cut, Equation, Shown, Weighted

MOST_THOUGHTS = 6
"""Training pictures that are shown at a step, the heaviest first."""
MOST_NUMBERS = 20_000_000
"""Numbers of a data set for which an exact denoiser is kept beside a model."""


def described(recipe: Recipe) -> str:
    """The settings of a walk in a few words."""
    named = SAMPLERS[recipe.sampler]
    eta = f", eta {recipe.eta:g}" if "eta" in named.settings else ""
    return f"{named.title}{eta}, {recipe.steps} steps"


def most_cuts(shape: tuple[int, ...]) -> int:
    """How many steps of a walk are shown of pictures of that shape (C, H, W)."""
    return max(8, min(MAX_CUTS, MAX_NUMBERS // max(1, int(np.prod(shape)))))


# --- pictures -----------------------------------------------------------------------------------------------------------


class Pool:
    """The pictures of a branch, each once: the picture after a step is the very one before the next."""

    def __init__(self) -> None:
        self._number: dict[int, int] = {}
        self._kept: list[Tensor] = []  # also so that no other tensor gets the number of one of these
        self._pictures: list[np.ndarray] = []

    def add(self, picture: Tensor) -> int:
        """Its number. Shape (1, C, H, W)."""
        if id(picture) not in self._number:
            self._number[id(picture)] = len(self._pictures)
            self._kept.append(picture)
            self._pictures.append(picture[0].detach().to(device="cpu", dtype=torch.float32).numpy())
        return self._number[id(picture)]

    def stacked(self) -> np.ndarray:
        """float32 (N, C, H, W)."""
        return np.stack(self._pictures)

    def shown(self, kind: str, picture: Tensor, t: int = 0) -> Shown:
        """A picture with its symbol and what it is."""
        symbol, title = text.PARTS.get(kind, (kind, kind))
        noise = kind.startswith((NOISE, FRESH)) or kind == "true noise"
        return Shown(kind, symbol.format(t=t), title, self.add(picture), NOISE_RANGE if noise else 1.0)

    def equation(self, name: str, result: Shown, terms: tuple[Term, ...], t: int) -> Equation:
        """A step of one picture as a sum."""
        weighted = []
        for term in terms:
            numbers = term.coefficient
            first = float(numbers.flatten()[0])
            each = None if bool((numbers == first).all()) else self.add(numbers)
            weighted.append(Weighted(self.shown(term.name, term.picture, t), first, each))
        return Equation(name, result, tuple(weighted))


# --- what an exact denoiser thinks ----------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _exact(data_name: str, size: int) -> tuple[ExactDenoiser, np.ndarray, tuple[str, ...]] | None:
    """The exact denoiser of a data set's training pictures, the pictures, and what each is."""
    try:
        data = sized(catalogue.load(data_name), size, upsampling=True).training
    except catalogue.DataError:  # they were prepared elsewhere, or are no longer here
        return None
    if not len(data) or data.images.size > MOST_NUMBERS:
        return None
    named = tuple(data.class_names[label] if data.class_names else "" for label in data.labels)
    labels = torch.tensor(data.labels) if data.class_names else None
    return ExactDenoiser(to_unit(data.images), labels), data.images, named


@dataclass(eq=False)
class Thoughts:
    """Which training pictures the exact denoiser has in mind, with weights; the pictures are kept, each once.

    exact: None where the training pictures are unknown or too many.
    """

    exact: ExactDenoiser | None
    images: np.ndarray | None = None
    names: tuple[str, ...] = ()
    _numbers: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model, recipe: Recipe) -> Thoughts:
        """For a model: of an ideal one its own, smoothed as the recipe has it."""
        found = _exact(model.data, model.shape[-1]) if model.data else None
        if found is None or found[1].shape[3] != model.shape[0]:
            return cls(None)
        return cls(replace(found[0], std=recipe.smoothing), found[1], found[2])

    def at(
        self, x: Tensor, level: Level, label: int | None
    ) -> tuple[Prediction, tuple[tuple[int, float], ...], str] | None:
        """What it says of x_t (1, C, H, W), (number in the atlas, weight) of the heaviest pictures, and a sentence."""
        if self.exact is None:
            return None
        wanted = None if label is None or self.exact.labels is None else torch.tensor([label])
        weights = self.exact.weights(x, level, wanted)[0].double()
        top = weights.topk(min(MOST_THOUGHTS, len(weights)))
        numbers = [self._numbers.setdefault(i, len(self._numbers)) for i in top.indices.tolist()]
        of_class = len(weights) if wanted is None else int(torch.isin(self.exact.labels, wanted).sum())  # type: ignore[arg-type]
        told = text.thinking(1 / float(weights.square().sum()), of_class, wanted is not None)
        return self.exact(x, level, wanted), tuple(zip(numbers, top.values.tolist(), strict=True)), told

    def atlas(self) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """The pictures by their numbers, uint8 (N, H, W, C), and what each is."""
        if self.images is None or not self._numbers:
            return None, ()
        order = list(self._numbers)
        return self.images[order], tuple(self.names[i] for i in order)


def label_of(recipe: Recipe) -> int | None:
    """The class that the model is told; None for none."""
    told = recipe.labels[0] if recipe.labels else -1
    return told if told >= 0 and (recipe.scale > 0 or recipe.classifier) else None


# --- one branch -----------------------------------------------------------------------------------------------------


class Cutter:
    """Carries out one walk and keeps every step of it, or evenly spaced ones of a long walk."""

    def __init__(self, model: Model, walk: Walk, thoughts: Thoughts, naming: Naming) -> None:
        self._model, self._walk, self._thoughts, self._naming = model, walk, thoughts, naming
        self._recipe = recipe_of(walk)
        self._schedule = self._recipe.noise_schedule(model)
        self._pool = Pool()
        self._cuts: list[Cut] = []
        self._film: list[int] = []
        self._outcome: int | None = None
        self._starts: dict[int, Start] = {}

    def run(self, start: Start | None) -> Iterator[int]:
        """Yields how many steps have been taken. `start` is that of the frame where a fork leaves its parent, if known."""
        watched: list[Dissecting] = []

        def looking_on(sampler):  # type: ignore[no-untyped-def]
            watched.append(Dissecting(sampler))
            return watched[-1]

        more = {} if isinstance(self._walk, Recipe) else {"start": start}
        kept: frozenset[int] | None = None
        for frame in self._walk.frames(self._model, watched=looking_on, **more):
            if kept is None:
                most = min(frame.steps, most_cuts(self._model.shape))
                kept = frozenset(np.linspace(0, frame.steps - 1, most).round().astype(int).tolist())
            self._starts[frame.step] = frame.start
            if frame.step == frame.steps:
                self._outcome = self._pool.add(frame.x)
            elif frame.step in kept:
                anatomy = watched[-1].latest
                assert anatomy is not None
                self._film.append(self._pool.add(frame.x0))
                self._cuts.append(self._cut(frame, anatomy))
            yield frame.step

    def _cut(self, frame: Frame, anatomy: Anatomy) -> Cut:
        pool, s = self._pool, round(float(self._schedule.t_of(anatomy.to)))
        to = 0 if bool(anatomy.to.variance == 0) else s
        equation = pool.equation("The step", pool.shown("next", anatomy.following, to), anatomy.terms, frame.t)
        there = {term.name for term in anatomy.terms}
        said = {X: anatomy.x, X0: anatomy.prediction.x0, NOISE: anatomy.prediction.noise}
        more = [pool.shown(kind, picture, frame.t) for kind, picture in said.items() if kind not in there]
        facts = [
            ("noise in x", f"{100 * float(anatomy.now.variance):.1f} % → {100 * float(anatomy.to.variance):.1f} %"),
            ("σ of the fresh noise", _number(float(anatomy.std.mean()))),
        ]
        thought = self._thoughts.at(anatomy.x, anatomy.now, label_of(self._recipe))
        if thought is not None:
            more.append(pool.shown("exact", thought[0].x0))
            facts.append(("x̂₀ against the exact one", _number(_rms(anatomy.prediction.x0 - thought[0].x0))))
        if any(term.name.endswith(THERE) for term in anatomy.terms):
            facts.append(("looks at the model", "2"))
        return Cut(
            frame.step,
            frame.t,
            1 - frame.t / self._schedule.T,
            f"step {frame.step} of {frame.steps}, t = {frame.t} → {to}",
            (equation,),
            tuple(more),
            tuple(facts),
            *(thought[1:] if thought is not None else ()),
        )

    def branched(self, *, done: bool = False) -> Branched:
        """What there is by now."""
        naming = self._naming
        branch = Branch(
            naming.name,
            naming.label,
            self._pool.stacked(),
            tuple(self._cuts),
            tuple(self._film),
            self._outcome,
            naming.parent,
        )
        last = self._starts[max(self._starts)].x
        return Branched(self._walk, branch, dict(self._starts), last, done)

    def renamed(self, branch: Branch) -> Branch:
        """A branch that was cut before, called as it is called now."""
        return replace(branch, name=self._naming.name, label=self._naming.label, parent=self._naming.parent)


def _number(value: float) -> str:
    return f"{value:.4f}"


def _rms(x: Tensor) -> float:
    return float(x.double().square().mean().sqrt())
