"""What is known of the trajectories that the Microscope shows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from playground.components.payloads.microscope import Branch, Cursor, Microscope
from playground.labs.microscope import forks as forking
from playground.labs.microscope.controls import MicroscopeControls

if TYPE_CHECKING:
    from torch import Tensor

    from engine.models.opened import Model
    from engine.recipes.fork import AnyRecipe
    from engine.recipes.recipe import Recipe
    from engine.sampling import Start
    from playground.labs.shared.decomposition import PosteriorWeights

HOME = Cursor(step=MicroscopeControls().frame)


@dataclass(frozen=True, eq=False)
class BranchResult:
    """A branch as it is drawn, and what forks of it begin with."""

    recipe: AnyRecipe
    branch: Branch
    starts: Mapping[int, Start]
    """By the number of the step that a fork leaves from."""
    latest: Tensor
    """x_t of the last step so far, shape (1, C, H, W)."""
    is_done: bool


@dataclass(frozen=True, eq=False)
class Errors:
    """At each level: root mean square errors, and KL in nats per dimension. Columns of equal length."""

    t: list[int]
    x0: list[float]
    noise: list[float]
    mean: list[float]
    kl: list[float]
    as_ddpm: bool
    """Whether KL is that of DDPM's step with the small variance, since the sampler's own adds no noise."""


@dataclass(frozen=True, eq=False)
class Microscopy:
    """What a job has brought so far."""

    model: Model
    root: Recipe
    known: tuple[str, int]
    """The part of the data and the number of the reference image."""
    branches: tuple[BranchResult, ...]
    posterior_weights: PosteriorWeights
    cursor: Cursor
    revision: str
    reference: Branch | None = None
    errors: Errors | None = None
    is_complete: bool = False

    @property
    def id(self) -> str:
        """The same as long as the trajectory and the reference image are."""
        named = f"{self.root.model_dump_json()}{self.known}".encode()
        return hashlib.blake2b(named, digest_size=8).hexdigest()

    @cached_property
    def figure(self) -> Microscope:
        """What the browser draws."""
        shown = [one.branch for one in self.branches] + ([self.reference] if self.reference is not None else [])
        atlas, captions = self.posterior_weights.atlas()
        return Microscope(self.id, tuple(shown), self.cursor, self.revision, HOME, atlas, captions)

    def branch_at(self, number: int) -> BranchResult | None:
        """The branch of that number; None for the reference image, and where there is none."""
        return self.branches[number] if 0 <= number < len(self.branches) else None


@dataclass(frozen=True)
class Task:
    """What is to be shown: the same task gives the same branches."""

    root: Recipe
    forks: tuple[forking.Branching, ...] = ()
    known: tuple[str, int] = ("held out", 0)
    previous: Microscopy | None = field(default=None, compare=False)
    """What is there already: branches that it has are taken from it."""
    cursor: Cursor = field(default_factory=Cursor, compare=False)
    """Where the cursor begins."""

    @property
    def recipes(self) -> list[AnyRecipe]:
        """The recipe of every branch, the trajectory itself first."""
        return forking.recipes(self.root, self.forks)
