"""How the settings of a training run are drawn, and what the run would be and cost, before it starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from cachetools import TLRUCache, cached

from engine.language import _
from playground.labs.shared.controls import ControlRules, checked, reason
from playground.labs.shared.naming import duration
from playground.labs.training import pictures, text
from playground.labs.training.controls import TrainingControls, without_effect

if TYPE_CHECKING:
    from engine.training.config import TrainConfig
    from engine.training.preflight import Preflight
    from playground.policy.visitor import Visitor

REPORT_SECONDS = 0.4
"""Seconds between two reports of the loop; Stop takes effect at a report."""
PREVIEWS_PER_RUN = 12
AGAIN = 60.0
"""Seconds after which a step is measured again that other work has slowed."""
COSTLY = (
    *("task", "data", "size", "upsampling", "flips", "rotation", "preset", "batch", "learned_variance", "precision"),
    *("micro_batch", "latent"),
)
"""The settings on which the cost of a step depends."""
NOT_PUBLIC = ("compile", "upsampling")
"""Switches that are off where many visitors share one machine."""


def control_rules(visitor: Visitor) -> ControlRules[TrainingControls]:
    """How the controls are drawn for this visitor."""
    refused = dict.fromkeys(NOT_PUBLIC, text.NOT_SHARED) if visitor.public else {}
    return ControlRules(
        options=lambda now: {"data": pictures.choices(visitor), "size": pictures.size_choices(now, visitor)},
        disabled=lambda now: {**without_effect(now), **refused},
        bounds=visitor.bounds("training"),
    )


@dataclass(frozen=True)
class Estimate:
    """The run that would start; where it cannot, `config` is None and `problem` says why in one sentence."""

    config: TrainConfig | None = None
    metrics: tuple[tuple[str, str], ...] = ()
    """Title and value."""
    details: str = ""
    problem: str = ""


def estimate(controls: TrainingControls, visitor: Visitor) -> Estimate:
    """What these settings ask for. Takes a few seconds for settings of a cost that is not known yet."""
    try:
        return _estimate(controls, visitor)
    except ValueError as error:
        return Estimate(problem=reason(error) or str(error))


def checked_config(controls: TrainingControls, visitor: Visitor) -> TrainConfig:
    """The run that these settings ask for. Raises ValueError with one sentence where it cannot start."""
    found = estimate(controls, visitor)
    if found.config is None:
        raise ValueError(found.problem)
    return found.config


def _estimate(controls: TrainingControls, visitor: Visitor) -> Estimate:
    if visitor.public:
        controls = checked(controls, **dict.fromkeys(NOT_PUBLIC, False))
    visitor.check_data(controls.data)
    measured = preflight(controls)
    if not measured.passed:
        raise ValueError(measured.problems[0])
    seconds, most = measured.seconds_per_step * controls.steps, visitor.limits.training_seconds
    if seconds > most:
        raise ValueError(text.too_long(duration(seconds), duration(most)))
    config = config_of(controls, measured.seconds_per_step)
    visitor.check_training(config)
    metrics = ((_("Parameters"), f"{measured.parameters / 1e6:.2f} M"), (_("Estimated duration"), duration(seconds)))
    return Estimate(config, metrics, _details(controls, measured))


def config_of(controls: TrainingControls, seconds_per_step: float) -> TrainConfig:
    """The run that these settings ask for. Raises pydantic's ValidationError."""
    from engine.training.config import TrainConfig

    return TrainConfig(
        **controls.model_dump(),
        warmup=min(100, controls.steps // 10),
        report_every=max(1, min(controls.steps, round(REPORT_SECONDS / max(seconds_per_step, 1e-6)))),
        sample_every=max(1, controls.steps // PREVIEWS_PER_RUN),
    )


def preflight(controls: TrainingControls) -> Preflight:
    """Cost of a few steps on this machine, and what would fail; measured once for settings of the same cost, and again
    later where other work ran beside it.

    Raises:
        DataError: where the data set is not there.
    """
    from engine.data.prepared import pictures_of
    from engine.training.config import TrainConfig

    config = TrainConfig.model_validate({name: getattr(controls, name) for name in COSTLY})
    data = pictures_of(config)  # a set may be prepared anew under the same name
    shape = (data.size, data.channels, len(data.class_names))
    try:
        return _passed(config, shape)
    except _FailedError as error:
        return error.found


class _FailedError(Exception):
    """A preflight that failed is not kept: a full disk may have room a moment later."""

    def __init__(self, found: Preflight) -> None:
        self.found = found


def _valid_until(_: object, found: Preflight, now: float) -> float:
    return now + AGAIN if found.is_slowed else math.inf


@cached(TLRUCache(256, ttu=_valid_until), lock=Lock())
def _passed(config: TrainConfig, _shape: tuple[int, int, int]) -> Preflight:
    found = _measured(config)
    if not found.passed:
        raise _FailedError(found)
    return found


def _measured(config: TrainConfig) -> Preflight:
    from engine.storage.files import runs_root
    from engine.training.distributed import SingleProcess, best_device
    from engine.training.preflight import preflight

    return preflight(config, SingleProcess(best_device()), runs_root())


def _details(controls: TrainingControls, measured: Preflight) -> str:
    seconds = measured.seconds_per_step
    parts = (
        _(", in micro-batches of {micro_batch}", micro_batch=measured.micro_batch)
        if measured.micro_batch < controls.batch
        else ""
    )
    step = f"{seconds:.3f}" if seconds < 1 else f"{seconds:.1f}"
    compiling = _(" Compiling is not included.") if controls.compile else ""
    busy = text.busy(duration(measured.seconds_now * controls.steps)) if measured.is_slowed else ""
    disk = _("checkpoints take {disk:.0f} MB.", disk=measured.disk / 1e6)
    return _(
        "{step} s per step measured on this machine{parts}; {disk}{compiling}{busy}",
        step=step,
        parts=parts,
        disk=disk,
        compiling=compiling,
        busy=busy,
    )
