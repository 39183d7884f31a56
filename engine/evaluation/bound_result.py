"""What a measured bound is: its terms in nats and in bits per dimension, with their errors. Written as JSON and read again."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from engine.samplers import Variance

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


@dataclass(frozen=True)
class BoundProgress:
    """Where the measuring stands."""

    done: int
    """Network evaluations so far,"""
    total: int
    """of how many."""
    seconds: float
    """Since the beginning."""

    @property
    def seconds_left(self) -> float:
        """By the speed so far."""
        return self.seconds / self.done * (self.total - self.done) if self.done else float("nan")


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
