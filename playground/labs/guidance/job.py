"""The work of the Guidance lab: a job for each of its four views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from engine.language import N_
from playground.labs.guidance import controls as settings
from playground.labs.guidance import density, sweep, trace, tradeoff
from playground.labs.guidance.controls import GuidanceControls, View
from playground.labs.guidance.density import GuidedDensity
from playground.labs.guidance.sweep import Grid
from playground.labs.guidance.trace import Traces
from playground.labs.guidance.tradeoff import TradeOff
from playground.labs.shared.job import Partial

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

Result = Grid | Traces | TradeOff | GuidedDensity
UNITS: dict[View, str] = {
    "sweep": N_("cell steps"),
    "trace": N_("steps"),
    "tradeoff": N_("steps"),
    "density": N_("steps"),
}

_results: LRUCache[tuple[tuple[str, Any], ...], Partial[Result]] = LRUCache(8)


@dataclass(frozen=True, eq=False)
class Answer:
    """The result of a job so far, and its settings."""

    controls: GuidanceControls
    result: Result
    complete: bool


def same(a: GuidanceControls, b: GuidanceControls) -> bool:
    """Whether both have the same result."""
    return key(a) == key(b)


def key(controls: GuidanceControls) -> tuple[tuple[str, Any], ...]:
    """The settings on which the result of a view depends."""
    names = {"view", *settings.OF_VIEW[controls.view]} - {"show"}
    return tuple((name, getattr(controls, name)) for name in sorted(names))


def announced(controls: GuidanceControls, visitor: Visitor) -> str:
    """What will be computed, in a sentence, "" for nothing to say. Raises ValueError with one sentence where it cannot be."""
    if controls.view == "density":
        return density.in_words()
    model = visitor.open_model(controls.model)
    if controls.view == "sweep":
        return sweep.plan(controls, model, visitor).in_words
    if controls.view == "tradeoff":
        return tradeoff.plan(controls, model, visitor).in_words
    _variants(controls, visitor)
    return ""


def _variants(controls: GuidanceControls, visitor: Visitor) -> tuple[trace.Variant, ...]:
    model = visitor.open_model(controls.model)
    classes = max(1, len(model.class_names))
    numbers = range(controls.count)
    return trace.variants(
        controls, model, [controls.seed + k for k in numbers], [k % classes for k in numbers], visitor
    )


def starts_by_itself(controls: GuidanceControls) -> bool:
    """Whether a view is computed without a press: where it is quick, or its result is there."""
    return controls.view != "tradeoff" or key(controls) in _results


def compute(controls: GuidanceControls, visitor: Visitor) -> Iterator[Partial[Answer]]:
    """The work of a view; a result of the same settings comes from a cache.

    Raises:
        ValueError: with one sentence for the reader.
    """
    settings_key = key(controls)
    known = _results.get(settings_key)
    if known is not None:
        yield Partial(known.total, known.total, Answer(controls, known.result, complete=True))
        return
    latest: Partial[Result] | None = None
    for partial in _work(controls, visitor):
        latest = partial
        yield Partial(partial.done, partial.total, Answer(controls, partial.result, complete=False))
    assert latest is not None
    if "run:" not in repr(settings_key):  # the weights of a run change, and it belongs to its owner
        _results[settings_key] = latest
    yield Partial(latest.total, latest.total, Answer(controls, latest.result, complete=True))


def _work(controls: GuidanceControls, visitor: Visitor) -> Iterator[Partial[Any]]:
    if controls.view == "density":
        return density.compute(controls)
    model = visitor.open_model(controls.model)
    if controls.view == "sweep":
        return sweep.draw(sweep.plan(controls, model, visitor))
    if controls.view == "tradeoff":
        return tradeoff.measure(tradeoff.plan(controls, model, visitor), visitor)
    return trace.trace(_variants(controls, visitor), model, visitor)
