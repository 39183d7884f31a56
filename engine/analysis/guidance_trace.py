"""Guidance taken apart: what the model said with the label and without it at every step, and what became of the two.

`Apart` is a denoiser around a guided one, so that any sampler walks with it; after each step `take` gives what it has seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from engine.guidance import Halves
from engine.process import Prediction
from engine.schedule import Level


class Splittable(Protocol):
    """Guidance of either kind: `engine.guidance.Guided` and `ClassifierGuided`."""

    def halves(self, x_t: Tensor, level: Level, label: Tensor) -> Halves:
        """What a scale of 1 and what a scale of 0 give."""
        ...

    def mixed(self, halves: Halves, x_t: Tensor, level: Level) -> Prediction:
        """The guided answer, from both."""
        ...


class Seen(NamedTuple):
    """One look of a guided denoiser: its two halves, and what it said, before any clipping."""

    halves: Halves
    answer: Prediction


@dataclass(eq=False)
class Apart:
    """The same answers as the guided denoiser's, which always asks for both halves here, even where one would do.

    Args:
        guided: either kind of guidance. Labels must be given.
    """

    guided: Splittable
    _seen: list[Seen] = field(default_factory=list)

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        if label is None:
            raise ValueError("Guidance can only be taken apart where there is a label to be guided by.")
        halves = self.guided.halves(x_t, level, label)
        answer = self.guided.mixed(halves, x_t, level)
        self._seen.append(Seen(halves, answer))
        return answer

    def take(self) -> Seen | None:
        """The look that began the latest step, once: the second look of a sampler like Heun's lies elsewhere. None without."""
        first = self._seen[0] if self._seen else None
        self._seen.clear()
        return first


def size(x: Tensor) -> Tensor:
    """‖x‖ / √n, the root mean square of each item's n numbers: shape (B,)."""
    return x.flatten(1).square().mean(1).sqrt()


def angle(a: Tensor, b: Tensor) -> Tensor:
    """Between each a and b as vectors, in degrees: shape (B,), 0 where one of them is 0.

    As 2 atan2(‖û − v̂‖, ‖û + v̂‖) of the unit vectors, which keeps its digits at small angles, where arccos loses them
    (Kahan 2006, https://people.eecs.berkeley.edu/~wkahan/MathH110/Cross.pdf, section 13).
    """
    u, v = (torch.nn.functional.normalize(x.flatten(1).double(), dim=1) for x in (a, b))
    both = (u.square().sum(1) > 0) & (v.square().sum(1) > 0)
    between = 2 * torch.atan2((u - v).norm(dim=1), (u + v).norm(dim=1))
    return torch.where(both, torch.rad2deg(between), 0.0)


def saturation(x0: Tensor) -> Tensor:
    """Share of the numbers of each x̂0 beyond the range of pictures, |x̂0| > 1: shape (B,)."""
    return (x0.abs() > 1).flatten(1).double().mean(1)


MEASURES: dict[str, Callable[[Seen], Tensor]] = {
    "wanted": lambda seen: size(seen.halves.wanted.noise),
    "plain": lambda seen: size(seen.halves.plain.noise),
    "difference": lambda seen: size(seen.halves.wanted.noise - seen.halves.plain.noise),
    "guided": lambda seen: size(seen.answer.noise),
    "angle": lambda seen: angle(seen.halves.wanted.noise, seen.halves.plain.noise),
    "saturation of wanted": lambda seen: saturation(seen.halves.wanted.x0),
    "saturation of plain": lambda seen: saturation(seen.halves.plain.x0),
    "saturation of guided": lambda seen: saturation(seen.answer.x0),
}
"""What is measured of each look, for each image: the sizes of the ε̂, the angle between the two halves, and saturation."""
