"""The settings of the Training page: how its controls stand here, and what a run with them would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.gradio_ui import page
from playground.labs.shared import naming
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import checked, reason
from playground.labs.training import controls as lab
from playground.labs.training import pictures, text
from playground.labs.training.controls import TrainingControls
from playground.policy.visitor import Visitor, visitor_of

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

NOT_HERE = "Not here, where many share one machine."


def rules() -> ControlRules[TrainingControls]:
    """How the controls stand."""
    anyone = visitor_of(None)
    shared = dict.fromkeys(("compile", "upsampling"), NOT_HERE) if anyone.public else {}
    return ControlRules(
        options=lambda now: {"data": pictures.choices(anyone), "size": pictures.size_choices(now, anyone)},
        disabled=lambda now: {**lab.without_effect(now), **shared},
        bounds=anyone.bounds("training"),
    )


def wanted(controls: TrainingControls, visitor: Visitor) -> TrainConfig:
    """The run that would be started. Raises ValueError with one clear sentence where it cannot be."""
    return _wanted(controls, visitor)[0]


def cost(controls: TrainingControls, visitor: Visitor) -> tuple[TrainConfig | None, str]:
    """The run that would be started, and what it costs, as HTML; None where it cannot be, and why."""
    try:
        config, metrics, line = _wanted(controls, visitor)
    except ValueError as problem:
        return None, page.listed([reason(problem) or str(problem)], "error")
    shown = "".join(f'<div class="lv-metric"><span>{name}</span><b>{value}</b></div>' for name, value in metrics)
    return config, f'<div class="lv-line">{shown}</div><p class="lv-caption">{line}</p>'


def _wanted(controls: TrainingControls, visitor: Visitor) -> tuple[TrainConfig, list[tuple[str, str]], str]:
    if visitor.public:
        controls = checked(controls, compile=False, upsampling=False)
    found = lab.tried(controls, visitor)
    if not found.passed:
        raise ValueError(found.problems[0])
    seconds = found.seconds_per_step * controls.steps
    most = visitor.limits.training_seconds
    if seconds > most:
        raise ValueError(text.too_long(naming.duration(seconds), naming.duration(most)))
    metrics = [("Parameters", f"{found.parameters / 1e6:.2f} M"), ("Takes about", naming.duration(seconds))]
    config = lab.config(controls, found.seconds_per_step)
    visitor.check_training(config)
    return config, metrics, lab.cost(controls, found)
