"""Guidance taken apart: what the model says with the label and without it, at every step of one walk or of two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playground.components.payloads.packing import nearest_index
from playground.components.payloads.panels import CurvePanel, EquationPanel, Line
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.guidance.controls import GuidanceControls, recipe
from playground.labs.shared.job import Partial

if TYPE_CHECKING:
    from engine.analysis.guidance_trace import GuidanceEvaluation, GuidanceTrace
    from engine.denoiser import Denoiser
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from engine.sampling import Frame
    from playground.policy.visitor import Visitor

Pictures = npt.NDArray[np.uint8]
MOST_POSITIONS = 60


@dataclass(frozen=True)
class Way:
    """One kind of guidance: what the reader calls it, and its recipe."""

    title: str
    recipe: Recipe


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a walk: its pictures by the name of their lane, and what was measured, each the mean over the images."""

    step: int
    t: int
    pictures: dict[str, Pictures]
    measured: dict[str, float]


@dataclass(frozen=True, eq=False)
class Dissection:
    """Both walks as far as they are; `steps[k]` belongs to `ways[k]`."""

    ways: tuple[Way, ...]
    steps: tuple[tuple[Step, ...], ...]

    @property
    def complete(self) -> bool:
        """Whether every walk has arrived."""
        return all(len(steps) == way.recipe.steps for way, steps in zip(self.ways, self.steps, strict=True))


def ways(
    controls: GuidanceControls, model: Model, seeds: Sequence[int], labels: Sequence[int], visitor: Visitor
) -> tuple[Way, ...]:
    """The kind of guidance that is looked at, and what it is compared with.

    Raises:
        ValueError: with one sentence, where a recipe does not fit the model.
    """
    from engine.models.noisy_classifier import NOISY_CLASSIFIERS

    common = {"seeds": tuple(seeds), "labels": tuple(labels), "classifier": "", "scale_from": 0.0, "scale_to": 1.0}
    found = [Way("by the label", recipe(controls, **common))]
    if controls.beside == "interval":
        title = f"by the label, noise {controls.scale_from:g} to {controls.scale_to:g}"
        found.append(
            Way(title, recipe(controls, **{**common, "scale_from": controls.scale_from, "scale_to": controls.scale_to}))
        )
    elif controls.beside == "classifier":
        name = controls.classifier or (model.data if model.data in NOISY_CLASSIFIERS else f"ideal:{model.data}")
        push = {"classifier": name, "classifier_scale": controls.classifier_scale, "scale": 0.0, "rescale": 0.0}
        found.append(Way("by a classifier", recipe(controls, **{**common, **push})))
    if not model.class_names:
        raise ValueError(
            f"“{model.title}” knows no classes, so there is nothing to be guided to: choose another model."
        )
    for way in found:
        visitor.check_names(way.recipe)
        way.recipe.check(model)
    if model.needs_label:
        raise ValueError(f"“{model.title}” cannot be asked without a label, so its guidance cannot be taken apart.")
    return tuple(found)


def apart(wanted: Recipe, model: Model, visitor: Visitor) -> tuple[GuidanceTrace, Denoiser]:
    """The guidance of a recipe as something to look into, and the denoiser that a sampler asks, with its clipping."""
    from engine.analysis.guidance_trace import GuidanceTrace
    from engine.guidance import ClassifierGuided, Guided
    from engine.recipes.recipe import CLIPPING

    if wanted.classifier:
        guide = visitor.open_guide(wanted.classifier).classifier
        inner = GuidanceTrace(ClassifierGuided(Guided(model.denoiser, 0.0), guide, wanted.classifier_scale))
    else:
        interval = (wanted.scale_from, wanted.scale_to)
        inner = GuidanceTrace(Guided(model.denoiser, wanted.scale, interval, wanted.rescale))
    return inner, CLIPPING[wanted.clip](inner)


def walk(wanted: Recipe, model: Model, visitor: Visitor) -> Iterator[tuple[Frame, GuidanceEvaluation]]:
    """Carry a recipe out, and see at each step what its guidance was made from. The last frame is not among them."""
    import torch

    from engine.runtime.batching import batched
    from engine.samplers import SAMPLERS
    from engine.sampling import sample

    asked = replace(model, denoiser=batched(model.denoiser))
    inner, denoiser = apart(wanted, asked, visitor)
    frames = sample(
        denoiser,
        wanted.noise_schedule(model),
        SAMPLERS[wanted.sampler](wanted.eta, wanted.variance),
        shape=model.shape,
        steps=wanted.steps,
        seeds=wanted.seeds,
        label=torch.tensor(wanted.labels),
        spacing=wanted.spacing,
    )
    for frame in frames:
        seen = inner.pop_first()
        if seen is not None:
            yield frame, seen


def dissect(found: tuple[Way, ...], model: Model, visitor: Visitor) -> Iterator[Partial[Dissection]]:
    """Walk all ways side by side; a result after every step."""
    steps: list[list[Step]] = [[] for _ in found]
    total = sum(way.recipe.steps for way in found)
    walks = [walk(way.recipe, model, visitor) for way in found]
    for k, (frame, seen) in _in_turn(walks):
        steps[k].append(_step(frame, seen))
        yield Partial(sum(map(len, steps)), total, Dissection(found, tuple(map(tuple, steps))))


def _in_turn(
    walks: list[Iterator[tuple[Frame, GuidanceEvaluation]]],
) -> Iterator[tuple[int, tuple[Frame, GuidanceEvaluation]]]:
    running = dict(enumerate(walks))
    while running:
        for k, one in list(running.items()):
            if (item := next(one, None)) is None:
                del running[k]
            else:
                yield k, item


def _step(frame: Frame, seen: GuidanceEvaluation) -> Step:
    from engine.analysis.guidance_trace import MEASURES
    from engine.data.pixels import to_uint8

    halves = seen.pair
    pictures = {
        "x": to_uint8(frame.x),
        "plain": to_uint8(halves.uncond.x0),
        "wanted": to_uint8(halves.cond.x0),
        "difference": to_uint8(halves.cond.x0 - halves.uncond.x0),
        "guided": to_uint8(frame.x0),
    }
    measured = {name: float(measure(seen).double().mean()) for name, measure in MEASURES.items()}
    return Step(frame.step, frame.t, pictures, measured)


LANES = {
    "x": ("<i>x</i><sub>t</sub>", "What is looked at."),
    "plain": ("<i>x̂</i><sub>0</sub> without label", "A scale of 0."),
    "wanted": ("<i>x̂</i><sub>0</sub> with label", "A scale of 1."),
    "difference": ("their difference", "Grey is none."),
    "guided": ("<i>x̂</i><sub>0</sub>, guided", "What the sampler gets."),
}
LETTERS = "AB"


def timeline(timeline_id: str, found: Dissection) -> Timeline | None:
    """Both walks on one playhead, with what was measured beside them; None before the first step."""
    if not all(found.steps):
        return None
    leader = max(found.steps, key=len)
    kept = np.unique(np.linspace(0, len(leader) - 1, min(len(leader), MOST_POSITIONS)).round().astype(int))
    shown = [leader[k] for k in kept]
    compared = len(found.ways) > 1
    lanes = []
    for letter, steps in zip(LETTERS, found.steps, strict=False):
        index = nearest_index([one.t for one in shown], [one.t for one in steps])
        for name, (title, help_text) in LANES.items():
            lanes.append(
                Lane.of_pictures(
                    f"{name}{letter}" if compared else name,
                    title,
                    [step.pictures[name] for step in steps],
                    index=index,
                    width_over_height=1.0 if compared else 0.5,
                    help=help_text,
                    group=letter if compared else "",
                )
            )
    positions = tuple(Position(one.t, f"step {one.step}, t = {one.t}") for one in shown)
    return Timeline(
        timeline_id if found.complete else f"{timeline_id}-live",
        tuple(lanes),
        positions,
        panels=_panels(found, shown),
        start_at="first" if found.complete else "last",
        label="Guidance, step by step",
    )


def _panels(found: Dissection, shown: Sequence[Step]) -> tuple[EquationPanel | CurvePanel, ...]:
    marker = [one.t for one in shown]
    way = found.ways[0]
    first = found.steps[0]
    here = [first[k] for k in nearest_index(marker, [one.t for one in first])]
    scale = way.recipe.scale
    equation = EquationPanel(
        "",
        "<line><i>ε̂</i> = <i>ε̂</i>(<i>x</i>) + {s} · ( <i>ε̂</i>(<i>x</i>, <i>y</i>) − <i>ε̂</i>(<i>x</i>) )</line>"
        "<line>sizes: {plain} without, {wanted} with the label,</line> "
        "<line>{difference} apart; {angle}° between them</line>",
        {
            "s": [f"{scale:g}"] * len(here),
            "plain": [_short(one.measured["uncond"]) for one in here],
            "wanted": [_short(one.measured["cond"]) for one in here],
            "difference": [_short(one.measured["difference"]) for one in here],
            "angle": [_short(one.measured["angle"]) for one in here],
        },
    )
    several = len(found.ways) > 1

    def lines(names: dict[str, str]) -> tuple[Line, ...]:
        return tuple(
            Line(
                f"{title}{f', {letter}' if several else ''}",
                [one.t for one in steps],
                [one.measured[name] for one in steps],
                dashed=letter == "B",
            )
            for letter, steps in zip(LETTERS, found.steps, strict=False)
            for name, title in names.items()
        )

    sizes = (
        {"difference": "difference"}
        if several
        else {"uncond": "without", "cond": "with label", "difference": "difference"}
    )
    beyond = {"saturation of guided": "guided"}
    if not several:
        beyond = {"saturation of uncond": "without", "saturation of cond": "with label", **beyond}
    return (
        equation,
        CurvePanel("Size of <i>ε̂</i>, per number", "t", "root mean square", lines(sizes), marker),
        CurvePanel("Angle between the two <i>ε̂</i>", "t", "degrees", lines({"angle": "angle"}), marker),
        CurvePanel(
            "|<i>x̂</i><sub>0</sub>| beyond 1, before clipping", "t", "share of the numbers", lines(beyond), marker
        ),
    )


def _short(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "under 0.001"


def table(found: Dissection) -> list[tuple[object, ...]]:
    """All that was measured, a head and a row for each step of each way."""
    from engine.analysis.guidance_trace import MEASURES

    rows: list[tuple[object, ...]] = [("way", "step", "t", *MEASURES)]
    for way, steps in zip(found.ways, found.steps, strict=True):
        rows += [(way.title, one.step, one.t, *(one.measured[name] for name in MEASURES)) for one in steps]
    return rows
