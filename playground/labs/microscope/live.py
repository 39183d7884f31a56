"""The Microscope in the reader's browser: what live_microscope.js computes a trajectory and its forks with, and shows of them.

Every number that follows from the noise levels comes from the engine, as for the figure that the server computes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import torch

from engine.language import Message, _, cached
from engine.recipes.fork import recipe_of
from engine.recipes.sampling_fields import VARIANCE_TITLES
from engine.samplers import SAMPLERS
from playground.browser.instructions import ProgramError
from playground.browser.live import GUIDED
from playground.browser.network import unsupported
from playground.browser.offered import SentNetwork
from playground.browser.script import worker_script
from playground.components.payloads.encoding import Payload
from playground.components.payloads.microscope import Cursor
from playground.labs.microscope import forks as forking
from playground.labs.microscope.forks import MAX_FORKS
from playground.labs.microscope.live_steps import Chosen, Compiler, LivePart, LiveTrajectory, changes_of, choices
from playground.labs.microscope.steps import most_steps
from playground.labs.shared.decomposition import PARTS, Pool

if TYPE_CHECKING:
    from torch import nn

    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from playground.labs.microscope.branches import Task


@dataclass(frozen=True)
class LiveMicroscope(Payload):
    """Everything that live_microscope.js needs.

    id: of all that the settings below do not change. base: of these settings, for what the reader changes belongs to them.
    network: with its weights, or where they are. script: of the worker.
    shape, classes, guided: as `Program` has them. class_names: that labels stand for; empty where the network knows none.
    trajectories: that can be chosen; all with the same timesteps. most_steps: of one, that are shown.
    variances: what each is called.
    sampler, eta, variance, seed, label, scale: of the trajectory itself; label −1 is none.
    forks, cursor: to begin with; forks as `labs.microscope.forks` writes them.
    """

    computed: ClassVar[tuple[str, ...]] = ("version",)

    id: str
    network: SentNetwork
    script: str
    shape: tuple[int, ...]
    classes: int
    guided: bool
    class_names: tuple[str, ...]
    parts: Mapping[str, LivePart]
    trajectories: tuple[LiveTrajectory, ...]
    most_steps: int
    variances: Mapping[str, str]
    sampler: str = "ddim"
    eta: str = "0"
    variance: str = "small"
    seed: int = 0
    label: int = -1
    scale: float = 1.0
    forks: str = ""
    cursor: Cursor = field(default_factory=Cursor)
    home: Cursor = field(default_factory=Cursor)
    most_forks: int = MAX_FORKS
    base: str = ""

    @property
    def version(self) -> str:
        """What the browser names when it reports its cursor or forks."""
        return f"{self.id}/{self.base}"


def live_microscope(
    model: Model, task: Task, home: Cursor, sent: Callable[[nn.Module], SentNetwork], base: str = ""
) -> LiveMicroscope:
    """What is to be shown, for the browser.

    Args:
        model: of the trajectory.
        task: the trajectory, its forks, and where the cursor begins.
        home: where an address leads that names no cursor.
        sent: how the network gets there, such as `offered.Enclosed().network`.
        base: of `LiveMicroscope`.

    Raises:
        ProgramError: where the browser cannot do this.
    """
    root = task.root
    if root.classifier:
        raise ProgramError(
            Message("The Microscope in the browser is guided by labels alone: leave the classifier out.")
        )
    if any("steps" in dict(fork.changes) for fork in task.forks):
        raise ProgramError(Message("A fork with another number of steps is computed on the server."))
    if problem := unsupported(model):
        raise ProgramError(problem)
    wanted = [recipe_of(recipe) for recipe in task.recipes]
    samplers = {changes_of(one.sampler, one.eta, one.variance) for one in wanted}
    names = tuple(model.class_names)
    plain = {
        "seeds": (0,),
        "labels": (0,) if names else (),
        "scale": GUIDED if names else 1.0,
        "eta": 0.0,
        "variance": "small",
    }
    offered = tuple(choices(bool(model.denoiser.learned_variance)))  # type: ignore[attr-defined]
    all_samplers = (*offered, *sorted(samplers.difference(offered)))
    made = _compiled(_Asked(root.model_copy(update=plain | {"sampler": "ddim"}), all_samplers, sent, model))
    return replace(
        made,
        sampler=root.sampler,
        eta=f"{root.eta:g}",
        variance=root.variance,
        seed=root.seeds[0],
        label=root.labels[0] if root.labels else -1,
        scale=root.scale,
        forks=forking.write(task.forks),
        cursor=task.cursor,
        home=home,
        base=base,
    )


@dataclass(frozen=True)
class _Asked:
    """Trajectories of a model; those that were compiled are known again by the recipe's text and their samplers."""

    recipe: Recipe
    samplers: tuple[Chosen, ...]
    sent: Callable[[nn.Module], SentNetwork]
    model: Model = field(compare=False)

    def __hash__(self) -> int:
        return hash((self.recipe.model_dump_json(), self.samplers, self.sent))


@cached(4)
def _compiled(asked: _Asked) -> LiveMicroscope:
    recipe, model = asked.recipe, asked.model
    recipe.check(model)
    learned = bool(model.denoiser.learned_variance)  # type: ignore[attr-defined]
    schedule = recipe.noise_schedule(model)
    times = schedule.timesteps(recipe.steps, recipe.spacing)
    compiler = Compiler(recipe, model, recipe.denoiser(model), schedule, learned)
    trajectories = tuple(compiler.trajectory(dict(one), times) for one in asked.samplers)
    whole = compiler.program(SAMPLERS[recipe.sampler](), times)
    parts = {
        kind: LivePart(symbol, _(title), Pool().shown(kind, torch.zeros(1, 1)).vmax)
        for kind, (symbol, title) in PARTS.items()
    }
    settings = f"{recipe.model_dump_json()}{asked.samplers}"
    return LiveMicroscope(
        hashlib.blake2b(settings.encode(), digest_size=8).hexdigest(),
        asked.sent(model.denoiser.net),  # type: ignore[attr-defined]
        worker_script(),
        whole.shape,
        whole.classes,
        whole.guided,
        tuple(map(_, model.class_names)),
        parts,
        trajectories,
        most_steps(model.shape),
        {name: _(title) for name, title in VARIANCE_TITLES.items()},
    )
