"""Guidance traces: the conditional and the unconditional prediction at every step of one trajectory, or of two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.language import N_, _, told
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
class Variant:
    """One kind of guidance: its title and its recipe."""

    title: str
    recipe: Recipe


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a trajectory: its pictures by lane, and its measurements, each the mean over the images."""

    step: int
    t: int
    pictures: dict[str, Pictures]
    measured: dict[str, float]


@dataclass(frozen=True, eq=False)
class Traces:
    """The steps so far of every variant; `steps[k]` belongs to `variants[k]`."""

    variants: tuple[Variant, ...]
    steps: tuple[tuple[Step, ...], ...]

    @property
    def complete(self) -> bool:
        """Whether every trajectory has ended."""
        return all(len(steps) == variant.recipe.steps for variant, steps in zip(self.variants, self.steps, strict=True))


def variants(
    controls: GuidanceControls, model: Model, seeds: Sequence[int], labels: Sequence[int], visitor: Visitor
) -> tuple[Variant, ...]:
    """The kind of guidance that is traced, and the one that it is compared with.

    Raises:
        ValueError: with one sentence, where a recipe does not fit the model.
    """
    from engine.models.noisy_classifier import NOISY_CLASSIFIERS

    common = {"seeds": tuple(seeds), "labels": tuple(labels), "classifier": "", "scale_from": 0.0, "scale_to": 1.0}
    compared = [Variant(_("classifier-free guidance"), recipe(controls, **common))]
    if controls.beside == "interval":
        title = _(
            "classifier-free guidance, 1 − ᾱ from {scale_from:g} to {scale_to:g}",
            scale_from=controls.scale_from,
            scale_to=controls.scale_to,
        )
        interval = {"scale_from": controls.scale_from, "scale_to": controls.scale_to}
        compared.append(Variant(title, recipe(controls, **common | interval)))
    elif controls.beside == "classifier":
        name = controls.classifier or (model.data if model.data in NOISY_CLASSIFIERS else f"ideal:{model.data}")
        push = {"classifier": name, "classifier_scale": controls.classifier_scale, "scale": 0.0, "rescale": 0.0}
        compared.append(Variant(_("classifier guidance"), recipe(controls, **common | push)))
    if not model.class_names:
        raise ValueError(_("“{title}” has no classes to guide towards: choose another model.", title=told(model.title)))
    for variant in compared:
        visitor.check_names(variant.recipe)
        variant.recipe.check(model)
    if model.needs_label:
        raise ValueError(
            _("“{title}” has no unconditional prediction, so its guidance cannot be traced.", title=told(model.title))
        )
    return tuple(compared)


def tracing_denoiser(wanted: Recipe, model: Model, visitor: Visitor) -> tuple[GuidanceTrace, Denoiser]:
    """A trace of the guidance of a recipe, and the denoiser for the sampler, with its clipping."""
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


def traced_frames(wanted: Recipe, model: Model, visitor: Visitor) -> Iterator[tuple[Frame, GuidanceEvaluation]]:
    """Sample a recipe; each frame but the last, with the guidance evaluation of its step."""
    import torch

    from engine.runtime.batching import batched
    from engine.samplers import SAMPLERS
    from engine.sampling import sample

    batched_model = replace(model, denoiser=batched(model.denoiser))
    inner, denoiser = tracing_denoiser(wanted, batched_model, visitor)
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
        evaluation = inner.pop_first()
        if evaluation is not None:
            yield frame, evaluation


def trace(compared: tuple[Variant, ...], model: Model, visitor: Visitor) -> Iterator[Partial[Traces]]:
    """Sample all variants in turn; a result after every step."""
    steps: list[list[Step]] = [[] for _ in compared]
    total = sum(variant.recipe.steps for variant in compared)
    trajectories = [traced_frames(variant.recipe, model, visitor) for variant in compared]
    for k, (frame, evaluation) in _in_turn(trajectories):
        steps[k].append(_step(frame, evaluation))
        yield Partial(sum(map(len, steps)), total, Traces(compared, tuple(map(tuple, steps))))


def _in_turn(
    trajectories: list[Iterator[tuple[Frame, GuidanceEvaluation]]],
) -> Iterator[tuple[int, tuple[Frame, GuidanceEvaluation]]]:
    running = dict(enumerate(trajectories))
    while running:
        for k, one in list(running.items()):
            if (item := next(one, None)) is None:
                del running[k]
            else:
                yield k, item


def _step(frame: Frame, evaluation: GuidanceEvaluation) -> Step:
    from engine.analysis.guidance_trace import MEASURES
    from engine.data.pixels import to_uint8

    pair = evaluation.pair
    pictures = {
        "x": to_uint8(frame.x),
        "uncond": to_uint8(pair.uncond.x0),
        "cond": to_uint8(pair.cond.x0),
        "difference": to_uint8(pair.cond.x0 - pair.uncond.x0),
        "guided": to_uint8(frame.x0),
    }
    measured = {name: float(measure(evaluation).double().mean()) for name, measure in MEASURES.items()}
    return Step(frame.step, frame.t, pictures, measured)


LANES = {
    "x": ("<i>x</i><sub>t</sub>", N_("Input of the network.")),
    "uncond": (N_("unconditional <i>x̂</i><sub>0</sub>"), N_("Guidance scale 0.")),
    "cond": (N_("conditional <i>x̂</i><sub>0</sub>"), N_("Guidance scale 1.")),
    "difference": (N_("conditional − unconditional"), N_("Grey is zero.")),
    "guided": (N_("guided <i>x̂</i><sub>0</sub>"), N_("The input of the sampler, after clipping.")),
}
LETTERS = "AB"


def timeline(timeline_id: str, traces: Traces) -> Timeline | None:
    """All trajectories on one playhead, with the measurements beside them; None before the first step."""
    if not all(traces.steps):
        return None
    leader = max(traces.steps, key=len)
    kept = np.unique(np.linspace(0, len(leader) - 1, min(len(leader), MOST_POSITIONS)).round().astype(int))
    shown = [leader[k] for k in kept]
    compared = len(traces.variants) > 1
    lanes = []
    for letter, steps in zip(LETTERS, traces.steps, strict=False):
        index = nearest_index([one.t for one in shown], [one.t for one in steps])
        for name, (title, help_text) in LANES.items():
            lanes.append(
                Lane.of_pictures(
                    f"{name}{letter}" if compared else name,
                    _(title),
                    [step.pictures[name] for step in steps],
                    index=index,
                    width_over_height=1.0 if compared else 0.5,
                    help=_(help_text),
                    group=letter if compared else "",
                )
            )
    positions = tuple(Position(one.t, _("step {step}, t = {t}", step=one.step, t=one.t)) for one in shown)
    return Timeline(
        timeline_id if traces.complete else f"{timeline_id}-live",
        tuple(lanes),
        positions,
        panels=_panels(traces, shown),
        start_at="first" if traces.complete else "last",
        label=_("Guidance, step by step"),
    )


def _panels(traces: Traces, shown: Sequence[Step]) -> tuple[EquationPanel | CurvePanel, ...]:
    marker = [one.t for one in shown]
    variant = traces.variants[0]
    first = traces.steps[0]
    here = [first[k] for k in nearest_index(marker, [one.t for one in first])]
    scale = variant.recipe.scale
    equation = EquationPanel(
        "",
        _(
            "<line><i>ε̂</i> = <i>ε̂</i>(<i>x</i>) + {s} · ( <i>ε̂</i>(<i>x</i>, <i>y</i>) − <i>ε̂</i>(<i>x</i>) "
            ")</line><line>RMS: unconditional {uncond}, conditional {cond},</line> <line>difference "
            "{difference}; angle {angle}°</line>"
        ),
        {
            "s": [f"{scale:g}"] * len(here),
            **{
                name: [_short(one.measured[name]) for one in here] for name in ("uncond", "cond", "difference", "angle")
            },
        },
    )
    several = len(traces.variants) > 1

    def lines(names: dict[str, str]) -> tuple[Line, ...]:
        return tuple(
            Line(
                f"{title}{f', {letter}' if several else ''}",
                [one.t for one in steps],
                [one.measured[name] for one in steps],
                dashed=letter == "B",
            )
            for letter, steps in zip(LETTERS, traces.steps, strict=False)
            for name, title in names.items()
        )

    sizes, beyond = {"difference": _("difference")}, {"saturation of guided": _("guided")}
    if not several:
        uncond, cond = _("unconditional"), _("conditional")
        sizes = {"uncond": uncond, "cond": cond, **sizes}
        beyond = {"saturation of uncond": uncond, "saturation of cond": cond, **beyond}
    return (
        equation,
        CurvePanel(_("Magnitude of <i>ε̂</i>"), "t", _("root mean square"), lines(sizes), marker),
        CurvePanel(_("Angle between the two <i>ε̂</i>"), "t", _("degrees"), lines({"angle": _("angle")}), marker),
        CurvePanel(
            _("Saturation: |<i>x̂</i><sub>0</sub>| > 1 before clipping"),
            "t",
            _("share of the values"),
            lines(beyond),
            marker,
        ),
    )


def _short(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else _("under 0.001")


def table(traces: Traces) -> list[tuple[object, ...]]:
    """All measurements: a header, and a row for each step of each variant."""
    from engine.analysis.guidance_trace import MEASURES

    rows: list[tuple[object, ...]] = [("guidance", "step", "t", *MEASURES)]
    for variant, steps in zip(traces.variants, traces.steps, strict=True):
        rows += [(variant.title, one.step, one.t, *(one.measured[name] for name in MEASURES)) for one in steps]
    return rows
