"""The Microscope in the reader's browser: what live_microscope.js computes a trajectory and its forks with, and shows of them.

Every number that follows from the noise levels comes from the engine, as for the figure that the server computes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, get_args

import torch
from torch import Tensor

from engine.analysis.step_decomposition import PREVIOUS, StepDecomposition, decompose_step
from engine.language import Message, _, cached
from engine.process import Prediction
from engine.recipes.fork import recipe_of
from engine.recipes.sampling_fields import VARIANCE_TITLES
from engine.samplers import SAMPLERS, PreviousStep, Sampler, Variance
from engine.sampling import Frame
from engine.schedule import Level, NoiseSchedule
from playground.browser.instructions import ProgramError
from playground.browser.live import GUIDED
from playground.browser.network import unsupported
from playground.browser.offered import SentNetwork
from playground.browser.program import Program, ProgramStep, compile_trajectory
from playground.browser.script import worker_script
from playground.components.payloads.encoding import Payload
from playground.components.payloads.microscope import Cursor
from playground.labs.microscope import forks as forking
from playground.labs.microscope.forks import MAX_FORKS
from playground.labs.microscope.steps import most_steps, settings_in_words
from playground.labs.shared.decomposition import PARTS, Pool, step_view

if TYPE_CHECKING:
    from torch import nn

    from engine.denoiser import Denoiser
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from playground.labs.microscope.branches import Task

ETAS = (0.0, 0.5, 1.0)
"""Values of eta that a fork may choose besides the recipe's own."""


@dataclass(frozen=True)
class LivePart:
    """A picture of a step: its symbol, in which {t} is the time, what it is, and the value that is drawn white."""

    symbol: str
    title: str
    vmax: float


@dataclass(frozen=True)
class LiveStep:
    """A step as a program has it, and as a sum.

    to: t after it. progress: the share of the trajectory that lies before it, 0 … 1.
    terms: the coefficients of the sum, by the names of its pictures; one whose program has "… weight" has one for each pixel.
    others: pictures that are shown beside it.
    facts: names and values; "{std}" stands for the mean of such a weight.
    """

    program: ProgramStep
    to: int
    progress: float
    terms: dict[str, float]
    others: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LiveTrajectory:
    """One sampler on its way from noise to data.

    changes: the settings of a fork that continues with it, as `labs.microscope.forks` writes them.
    name, title: the sampler, and all settings in words.
    restarts: each step as the first of a trajectory that has no step before it, where that is another one.
    """

    changes: Mapping[str, str]
    name: str
    title: str
    steps: tuple[LiveStep, ...]
    restarts: tuple[LiveStep | None, ...]


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
        sent: how the network gets there, such as `offered.enclosed`.
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
    samplers = {_changes(one.sampler, one.eta, one.variance) for one in wanted}
    names = tuple(model.class_names)
    plain = {
        "seeds": (0,),
        "labels": (0,) if names else (),
        "scale": GUIDED if names else 1.0,
        "eta": 0.0,
        "variance": "small",
    }
    choices = tuple(_choices(bool(model.denoiser.learned_variance)))  # type: ignore[attr-defined]
    all_samplers = (*choices, *sorted(samplers.difference(choices)))
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


Chosen = tuple[tuple[str, str], ...]
"""A sampler and those of its settings that have an effect, as a fork writes them."""


def _changes(sampler: str, eta: float, variance: str) -> Chosen:
    used = SAMPLERS[sampler].settings
    return (
        ("sampler", sampler),
        *((("eta", f"{eta:g}"),) if "eta" in used else ()),
        *((("variance", variance),) if "variance" in used else ()),
    )


def _choices(learned: bool) -> Iterator[Chosen]:
    """Every sampler, with some values of its settings."""
    for name, sampler in SAMPLERS.items():
        for eta in ETAS if "eta" in sampler.settings else ETAS[:1]:
            for variance in get_args(Variance) if "variance" in sampler.settings else ("small",):
                if variance != "learned" or learned:
                    yield _changes(name, eta, variance)


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
    compiler = _Compiler(recipe, model, recipe.denoiser(model), schedule, learned)
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


@dataclass(frozen=True)
class _Compiler:
    """Compiles the trajectories of one recipe."""

    recipe: Recipe
    model: Model
    denoiser: Denoiser
    schedule: NoiseSchedule
    learned: bool
    """Whether the network has learned variances."""

    def trajectory(self, changes: dict[str, str], times: Sequence[int]) -> LiveTrajectory:
        """That of one sampler."""
        named = SAMPLERS[changes["sampler"]]
        settings = self.recipe.model_copy(update=changes | {"eta": float(changes.get("eta", 0))})
        sampler = named(settings.eta, settings.variance)
        levels = [None, *map(self.schedule.level, times)]
        pairs = list(pairwise(times))
        programs = self.program(sampler, times).steps
        steps = [
            self._step(sampler, program, pair, before)
            for program, pair, before in zip(programs, pairs, levels, strict=False)
        ]
        restarts = [
            self._step(sampler, self.program(sampler, pair).steps[0], pair, None)
            if any(name.endswith(PREVIOUS) for name in step.terms)
            else None
            for step, pair in zip(steps, pairs, strict=True)
        ]
        return LiveTrajectory(changes, named.title, settings_in_words(settings), tuple(steps), tuple(restarts))

    def program(self, sampler: Sampler, times: Sequence[int]) -> Program:
        """The program of some steps."""
        return compile_trajectory(
            self.denoiser,
            sampler,
            self.schedule,
            times,
            self.model.shape,
            has_labels=bool(self.recipe.labels),
            with_parts=True,
        )

    def _step(self, sampler: Sampler, program: ProgramStep, pair: tuple[int, int], before: Level | None) -> LiveStep:
        now, to = map(self.schedule.level, pair)
        step = _decomposed(sampler, now, to, before, self.learned)
        frame = Frame(0, 1, program.t, step.x, step.prediction.x0, step.prediction.noise)
        view = step_view(Pool(), self.schedule, frame, step, None)
        (equation,) = view.equations
        facts = list(view.facts)
        if any(name.endswith(" weight") for name in program.parts):
            facts[1] = (facts[1][0], "{std}")
        return LiveStep(
            program,
            pair[1],
            view.progress,
            {term.picture.kind: term.coefficient for term in equation.terms},
            tuple(picture.kind for picture in view.other_pictures),
            tuple(facts),
        )


def _decomposed(sampler: Sampler, now: Level, to: Level, before: Level | None, learned: bool) -> StepDecomposition:
    """A step on pictures of one pixel that is 0: its coefficients depend on the levels alone."""

    def picture() -> Tensor:
        return torch.zeros(1, 1, 1, 1)

    def predicted(*_: object) -> Prediction:
        return Prediction(picture(), picture(), torch.full((1, 1, 1, 1), 0.5) if learned else None)

    previous = None if before is None else PreviousStep(before, predicted())
    return decompose_step(sampler, predicted, picture(), now, to, picture, previous)
