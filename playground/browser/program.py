"""A recipe as a program for the browser: every network evaluation, and the coefficients of every sum between them.

The browser knows no mathematics: a program is a straight line of few operations (`Instruction`) on named pictures. Nearly all
of them are weighted sums, whose weights are found by calling the engine's own code, a prediction's `read`, guidance, clipping
and the sampler's `step`, with a part in each row of a batch: what comes out are the coefficients. So no formula is written
twice, and a sampler that is added to the registry runs in the browser as well, as long as its step is linear in x_t, in the
predictions and in the noise, which is tried on random numbers; where it is not, `compile_program` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from torch import Tensor

from engine.analysis.step_decomposition import FRESH, SECOND
from engine.denoiser import Denoiser, NetDenoiser
from engine.language import Message
from engine.models.opened import Model
from engine.recipes.recipe import Recipe
from engine.samplers import SAMPLERS, Sampler
from engine.sampling import Start, timesteps_from
from engine.schedule import Level, NoiseSchedule
from playground.browser.instructions import Draw, Instruction, Labels, ProgramError, ScaleByExp, Writer
from playground.browser.network import unsupported
from playground.browser.prediction import no_network, write_prediction
from playground.browser.tracing import trace_step
from playground.components.payloads.encoding import Payload


@dataclass(frozen=True)
class ProgramStep:
    """One step. Its frame is (x, x0, noise) as registers hold them at its end; `next` is the x of the step after it.

    parts: the registers of a frame's further pictures, by the names of `engine.analysis.step_decomposition`; "… weight" is the
    coefficient of a noise that has one for each pixel.
    """

    t: int
    code: tuple[Instruction, ...]
    x0: str
    noise: str
    next: str
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Program(Payload):
    """What a browser carries out to sample: machine.js.

    A step finds its x_t in "x", and the prediction of the step before it in "previous x0" and "previous noise".
    """

    shape: tuple[int, ...]
    """Of one picture: channels, height, width; of a point its coordinates."""
    classes: int
    """Of the network; class number `classes` stands for none. 0: it knows none."""
    guided: bool
    """Whether guidance compares labels with none, so that another scale can be set without a new program."""
    classifier: bool
    """Whether a classifier of noisy pictures is needed."""
    steps: tuple[ProgramStep, ...]


def compile_program(
    recipe: Recipe, model: Model, *, scale: Tensor | None = None, start: Start | None = None, with_parts: bool = False
) -> Program:
    """The program of a recipe. Labels and seeds are not part of it, only whether there are labels: they may change.

    Args:
        recipe: any that fits the model.
        model: opened already.
        scale: of guidance, shape (B,), one for each picture in place of the recipe's.
        start: to continue from a frame, as for `Recipe.frames`; the browser is given its pictures.
        with_parts: whether frames have all pictures of a step's decomposition.

    Raises:
        ProgramError: where the browser cannot do this, with one sentence; the server can.
        RecipeError, ModelError: as `Recipe.check`.
    """
    if problem := unsupported(model):
        raise ProgramError(problem)
    recipe.check(model)
    schedule = recipe.noise_schedule(model)
    first_t = schedule.T if start is None else start.t
    return compile_trajectory(
        recipe.denoiser(model, scale),
        SAMPLERS[recipe.sampler](recipe.eta, recipe.variance),
        schedule,
        timesteps_from(schedule, recipe.steps, recipe.spacing, first_t),
        model.shape,
        has_labels=bool(recipe.labels),
        before=None if start is None or start.previous is None else start.previous.level,
        with_parts=with_parts,
    )


def compile_trajectory(
    denoiser: Denoiser,
    sampler: Sampler,
    schedule: NoiseSchedule,
    times: Sequence[int],
    shape: tuple[int, ...],
    *,
    has_labels: bool,
    before: Level | None = None,
    with_parts: bool = False,
) -> Program:
    """The program of a trajectory that no recipe describes, as that of points.

    Args:
        denoiser: a network, guided, clipped or as it is.
        sampler, schedule: as for `engine.sampling.sample`.
        times: from `timesteps_from`.
        shape: of one picture.
        has_labels: whether the pictures are given labels.
        before: the level of the step before the first, where it continues another trajectory.
        with_parts: as for `compile_program`.

    Raises:
        ProgramError: where the browser cannot do this.
    """
    network = denoiser
    while not isinstance(network, NetDenoiser) and hasattr(network, "denoiser"):
        network = network.denoiser
    if not isinstance(network, NetDenoiser):
        raise ProgramError(no_network(type(network).__name__))
    labels: Labels = "own" if has_labels else "none"
    compiler = _Steps(denoiser, sampler, labels, network.learned_variance, with_parts)
    steps = compiler.down(schedule, times, before)
    used = {instruction.op for step in steps for instruction in step.code}
    return Program(tuple(shape), network.classes, "guide" in used, "gradient" in used, steps)


@dataclass(frozen=True)
class _Steps:
    """Compiles the steps of one trajectory."""

    denoiser: Denoiser
    sampler: Sampler
    labels: Labels
    learned_variance: bool
    with_parts: bool

    def down(self, schedule: NoiseSchedule, times: Sequence[int], before: Level | None) -> tuple[ProgramStep, ...]:
        """All of them, from times[0] to t = 0; `before` is the level of the step before the first."""
        made = []
        for t, following_t in pairwise(times):
            now = schedule.level(t)
            made.append(self._step(t, now, schedule.level(following_t), before))
            before = now
        return tuple(made)

    def _step(self, t: int, now: Level, to: Level, before: Level | None) -> ProgramStep:
        trace = trace_step(self.sampler, now, to, before, self.learned_variance)
        if trace is None:
            raise ProgramError(
                Message(
                    "A step of {sampler} is no weighted sum of pictures: it is computed on the server.",
                    sampler=type(self.sampler).__name__,
                )
            )
        writer = Writer()
        registers = {"x": "x", "previous x0": "previous x0", "previous noise": "previous noise"}
        mix = ""
        for event in trace.events:
            if event.level is None:
                registers[event.name] = writer.fresh(event.name)
                writer.add(Draw(registers[event.name]))
                continue
            x = writer.sum("x", _renamed(event.form, registers))
            predicted = write_prediction(writer, self.denoiser, x, event.level, self.labels)
            registers |= {f"x0 {event.name}": predicted.x0, f"noise {event.name}": predicted.noise}
            mix = mix or predicted.mix
        parts = _parts(registers) if self.with_parts else {}
        for name, (offset, slope) in trace.learned.items():
            if self.with_parts:
                ones, weight = writer.sum("ones", {}, 1.0), writer.fresh("weight")
                writer.add(ScaleByExp(weight, ones, mix, slope, offset))
                parts[f"{_part_name(name)} weight"] = weight
            scaled = writer.fresh(name)
            writer.add(ScaleByExp(scaled, registers[name], mix, slope, offset))
            registers[name] = scaled
        x0, noise, following = (
            writer.sum(name, _renamed(form, registers))
            for name, form in (("x0", trace.x0), ("noise", trace.noise), ("next", trace.following))
        )
        code = writer.code_for((x0, noise, following, *parts.values()))
        return ProgramStep(t, code, x0, noise, following, parts)


def _part_name(name: str) -> str:
    """The name that a part of `trace_step`, such as "noise 2" or "fresh 1", has in a step's decomposition."""
    kind, number = name.split(" ")
    if kind == FRESH:
        return FRESH if number == "1" else name
    return kind + SECOND * (int(number) - 1)


def _parts(registers: Mapping[str, str]) -> dict[str, str]:
    """Draws, and predictions of evaluations after the first."""
    first = ("x", "x0 1", "noise 1", "previous x0", "previous noise")  # which are in every frame
    return {_part_name(name): register for name, register in registers.items() if name not in first}


def _renamed(form: Mapping[str, float], registers: Mapping[str, str]) -> dict[str, float]:
    """A sum of a step's parts as one of registers; two parts may lie in one register."""
    renamed: dict[str, float] = {}
    for name, weight in form.items():
        register = registers[name]
        renamed[register] = renamed.get(register, 0.0) + weight
    return renamed
