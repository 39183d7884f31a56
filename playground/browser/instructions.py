"""The operations of a program. Each makes named pictures (registers) of a batch from others; machine.js carries them out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch

from engine.language import Message

Form = Mapping[str, float]
"""A weighted sum of pictures: the weight of each."""
Labels = Literal["own", "none"]
"""Whether the network is given each picture's label, or none."""


class ProgramError(ValueError):
    """What the browser cannot do, in one sentence for the reader; the server can."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)


@dataclass(frozen=True)
class Evaluate:
    """The output of the network at `source`, once for each of `labels`, in one batch.

    Where the variance is learned, the second half of its channels goes to the register "… variance".
    """

    to: tuple[str, ...]
    source: str
    time: float
    labels: tuple[Labels, ...]
    op: Literal["evaluate"] = field(default="evaluate", init=False)


@dataclass(frozen=True)
class Gradient:
    """∇ log p(label | source) of the classifier, whose logits are multiplied by `signal`; 0 for a picture without a label."""

    to: str
    source: str
    time: float
    signal: float
    op: Literal["gradient"] = field(default="gradient", init=False)


@dataclass(frozen=True)
class Sum:
    """plus + Σ weight × picture."""

    to: str
    of: dict[str, float]
    plus: float
    op: Literal["sum"] = field(default="sum", init=False)


@dataclass(frozen=True)
class Guide:
    """uncond + scale × (cond − uncond); one scale for all pictures or one for each."""

    to: str
    cond: str
    uncond: str
    scale: float | tuple[float, ...]
    op: Literal["guide"] = field(default="guide", init=False)


@dataclass(frozen=True)
class Rescale:
    """source × (1 − share + share · std(like) / std(source)), with the standard deviation over each picture."""

    to: str
    source: str
    like: str
    share: float
    op: Literal["rescale"] = field(default="rescale", init=False)


@dataclass(frozen=True)
class Clamp:
    """source, clipped to low … high."""

    to: str
    source: str
    low: float
    high: float
    op: Literal["clamp"] = field(default="clamp", init=False)


@dataclass(frozen=True)
class Threshold:
    """source, clipped to ±s and divided by s: the quantile of |source| over each picture, at least 1."""

    to: str
    source: str
    quantile: float
    op: Literal["threshold"] = field(default="threshold", init=False)


@dataclass(frozen=True)
class Draw:
    """Fresh N(0, I), from the seed of each picture."""

    to: str
    op: Literal["draw"] = field(default="draw", init=False)


@dataclass(frozen=True)
class ScaleByExp:
    """source × exp(slope × by + offset): noise with a standard deviation of its own for each pixel."""

    to: str
    source: str
    by: str
    slope: float
    offset: float
    op: Literal["scale_by_exp"] = field(default="scale_by_exp", init=False)


Instruction = Evaluate | Gradient | Sum | Guide | Rescale | Clamp | Threshold | Draw | ScaleByExp


def _read(instruction: Instruction) -> set[str]:
    """The registers that an instruction reads."""
    match instruction:
        case Sum():
            return set(instruction.of)
        case Guide():
            return {instruction.cond, instruction.uncond}
        case Rescale():
            return {instruction.source, instruction.like}
        case ScaleByExp():
            return {instruction.source, instruction.by}
        case Draw():
            return set()
    return {instruction.source}


class Writer:
    """Writes the instructions of one step."""

    def __init__(self) -> None:
        self.code: list[Instruction] = []
        self._names: set[str] = {"x", "previous x0", "previous noise"}

    def fresh(self, stem: str) -> str:
        """The name of a register that is not used yet: "stem", "stem 2", …"""
        name, number = stem, 1
        while name in self._names:
            number += 1
            name = f"{stem} {number}"
        self._names.add(name)
        return name

    def add(self, instruction: Instruction) -> None:
        """Write an instruction; its registers are from `fresh`."""
        self.code.append(instruction)

    def code_for(self, needed: Iterable[str]) -> tuple[Instruction, ...]:
        """What was written, without sums that none of these registers depends on."""
        wanted, kept = set(needed), []
        for instruction in reversed(self.code):
            if isinstance(instruction, Sum | Guide) and instruction.to not in wanted:
                continue
            kept.append(instruction)
            wanted |= _read(instruction)
        return tuple(reversed(kept))

    def sum(self, stem: str, of: Form, plus: float = 0.0) -> str:
        """Write a sum, and give its register; where it is one picture as it is, that is its register."""
        if plus == 0 and list(of.values()) == [1.0]:
            return next(iter(of))
        name = self.fresh(stem)
        self.add(Sum(name, dict(of), plus))
        return name


def form(names: Sequence[str], weights: torch.Tensor) -> dict[str, float]:
    """The weighted sum with these weights, shape (N,) or more, without those that are 0.

    Raises:
        ValueError: where one is not finite.
    """
    found = dict(zip(names, weights.flatten().tolist(), strict=False))
    if not all(map(math.isfinite, found.values())):
        raise ValueError(f"These weights are not finite: {found}")
    return {name: weight for name, weight in found.items() if weight != 0}
