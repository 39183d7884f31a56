"""A sampler's step as weighted sums, found by calling it: what it evaluates the network at, and what it returns.

As in `engine.analysis.step_decomposition`, with a part of the step in each row of a batch, what comes out are coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.process import Prediction
from engine.samplers import PreviousStep, Sampler
from engine.schedule import Level
from playground.browser.instructions import form

PARTS = 32
"""More pictures than that no step combines: two for each evaluation, the previous ones, x and the noise."""
TOLERANCE = 1e-9
"""By how much a step on random numbers may differ from its sums, both in float64, as a share of the largest weight."""


@dataclass(frozen=True)
class Event:
    """What happens within a step: an evaluation at the sum `form`, or, where `level` is None, a draw of noise."""

    name: str
    level: Level | None = None
    form: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """A step of a sampler. Its parts are "x", "x0 1" and "noise 1" of evaluation 1, "previous x0", and draws by their names."""

    events: tuple[Event, ...]
    x0: dict[str, float]
    noise: dict[str, float]
    """Of the prediction that the step returns."""
    following: dict[str, float]
    learned: dict[str, tuple[float, float]]
    """Draws that are first multiplied by exp(offset + slope · v), with v of the learned variance: (offset, slope)."""


def trace_step(
    sampler: Sampler, now: Level, to: Level, before: Level | None, learned_variance: bool = False
) -> Trace | None:
    """The sums of a step between two levels; None where it is no weighted sum.

    Args:
        sampler: any.
        now, to, before: the levels of x, of the result, and of the previous step, None at the first; each of shape ().
        learned_variance: whether predictions have a v, on which the weight of the noise may depend.
    """
    units = torch.cat([torch.eye(PARTS, dtype=torch.float64), torch.zeros(1, PARTS, dtype=torch.float64)])
    large = _Call(sampler, now, to, before, units, lambda _: 1.0).trace
    small = _Call(sampler, now, to, before, units, lambda _: 0.0).trace if learned_variance else large
    learned = {}
    for name in (event.name for event in large.events if event.level is None):
        low, high = small.following.get(name, 0.0), large.following.get(name, 0.0)
        if low != high:
            if not low > 0 < high:
                return None
            learned[name] = (math.log(low), math.log(high / low))
    following = large.following | dict.fromkeys(learned, 1.0)
    trace = Trace(large.events, large.x0, large.noise, following, learned)
    return trace if _holds(trace, sampler, now, to, before) else None


class _Call:
    """One call of a step, on a batch whose row k has the value values[k, p] in place of part p; v is that of an evaluation."""

    def __init__(
        self,
        sampler: Sampler,
        now: Level,
        to: Level,
        before: Level | None,
        values: Tensor,
        v: Callable[[int], float],
    ) -> None:
        self.names: list[str] = []
        self._values = values
        events: list[tuple[str, Level | None, Tensor]] = []
        evaluations = draws = 0

        def denoise(x: Tensor, level: Level) -> Prediction:
            nonlocal evaluations
            evaluations += 1
            events.append((str(evaluations), level, x))
            x0, noise = self._part(f"x0 {evaluations}"), self._part(f"noise {evaluations}")
            return Prediction(x0, noise, torch.full_like(x0, v(evaluations)))

        def draw() -> Tensor:
            nonlocal draws
            draws += 1
            events.append((f"fresh {draws}", None, torch.empty(0)))
            return self._part(f"fresh {draws}")

        x = self._part("x")
        earlier = Prediction(self._part("previous x0"), self._part("previous noise"))
        previous = None if before is None else PreviousStep(before, earlier)
        self.following, self.prediction = sampler.step(denoise, x, now, to, draw, previous)
        self.events = events

    def _part(self, name: str) -> Tensor:
        self.names.append(name)
        return self._values[:, len(self.names) - 1, None]

    @property
    def trace(self) -> Trace:
        """Of a call on unit vectors."""
        events = tuple(
            Event(name, level, {} if level is None else form(self.names, x[: len(self.names)]))
            for name, level, x in self.events
        )
        x0, noise, following = (
            form(self.names, it[: len(self.names)])
            for it in (self.prediction.x0, self.prediction.noise, self.following)
        )
        return Trace(events, x0, noise, following, {})


def _holds(trace: Trace, sampler: Sampler, now: Level, to: Level, before: Level | None) -> bool:
    """Whether the sums of a trace are those of the step, on random numbers."""
    values = torch.randn(4, PARTS, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    call = _Call(sampler, now, to, before, values, lambda evaluation: 0.3 / evaluation)
    parts = {name: values[:, k, None] for k, name in enumerate(call.names)}
    for name, (offset, slope) in trace.learned.items():
        parts[name] = parts[name] * torch.tensor(offset + slope * 0.3, dtype=torch.float64).exp()

    def agrees(found: dict[str, float], right: Tensor) -> bool:
        total = sum((weight * parts[name] for name, weight in found.items()), torch.zeros_like(right))
        most = max((abs(weight) for weight in found.values()), default=1.0)
        return bool((total - right).abs().max() <= TOLERANCE * max(1.0, most))

    inputs = [x for _, level, x in call.events if level is not None]
    pairs = [
        *zip((event.form for event in trace.events if event.level is not None), inputs, strict=True),
        (trace.x0, call.prediction.x0),
        (trace.noise, call.prediction.noise),
        (trace.following, call.following),
    ]
    return all(agrees(found, right) for found, right in pairs)
