"""The settings of the Training page: how its controls stand here, and what a run with them would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.gradio_ui import page
from playground.labs.shared import naming
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import reason
from playground.labs.training import controls as lab
from playground.labs.training import pictures
from playground.labs.training.controls import TrainingControls
from playground.policy.visitor import Visitor, visitor_of

if TYPE_CHECKING:
    from engine.training.config import TrainConfig


def rules() -> ControlRules[TrainingControls]:
    """How the controls stand."""
    anyone = visitor_of(None)
    return ControlRules(
        options=lambda now: {"data": pictures.choices(anyone), "size": pictures.size_choices(now, anyone)},
        disabled=lambda now: lab.without_effect(now, anyone),
        bounds=anyone.bounds("training"),
    )


def cost(controls: TrainingControls, visitor: Visitor) -> tuple[TrainConfig | None, str]:
    """The run that would be started, and what it costs, as HTML; None where it cannot be, and why."""
    try:
        config, found = lab.planned(controls, visitor)
    except ValueError as problem:
        return None, page.listed([reason(problem) or str(problem)], "error")
    seconds = found.seconds_per_step * config.steps
    metrics = [("Parameters", f"{found.parameters / 1e6:.2f} M"), ("Takes about", naming.duration(seconds))]
    shown = "".join(f'<div class="lv-metric"><span>{name}</span><b>{value}</b></div>' for name, value in metrics)
    return config, f'<div class="lv-line">{shown}</div><p class="lv-caption">{lab.cost(controls, found)}</p>'
