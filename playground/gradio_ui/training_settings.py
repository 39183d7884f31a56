"""The settings of the Training page: how its controls stand here, and what a run with them would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.gradio_ui import page, widgets
from playground.labs.shared import naming
from playground.labs.shared.controls import checked, reason
from playground.labs.training import controls as lab
from playground.labs.training import pictures, text
from playground.labs.training.controls import TrainingControls
from playground.policy import mode
from playground.policy.access import check_training, limits_now

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

NOT_HERE = "Not here, where many share one machine."


def look() -> widgets.Look[TrainingControls]:
    """How the controls stand."""
    shared = dict.fromkeys(("compile", "upsampling"), NOT_HERE) if mode.public() else {}
    return widgets.Look(
        options=lambda now: {"data": data_choices(), "size": pictures.size_choices(now)},
        disabled=lambda now: {**lab.without_effect(now), **shared},
        bounds=limits_now().highest_of_training() if mode.public() else {},
    )


def data_choices() -> dict[str, str]:
    """The sets that can be trained on here. In public not those with a path or a stranger's upload in their name."""
    return {name: title for name, title in pictures.choices().items() if not mode.public() or ":" not in name}


def wanted(controls: TrainingControls) -> TrainConfig:
    """The run that would be started. Raises ValueError with one clear sentence where it cannot be."""
    return _wanted(controls)[0]


def cost(controls: TrainingControls) -> tuple[TrainConfig | None, str]:
    """The run that would be started, and what it costs, as HTML; None where it cannot be, and why."""
    try:
        config, metrics, line = _wanted(controls)
    except ValueError as problem:
        return None, page.listed([reason(problem) or str(problem)], "error")
    shown = "".join(f'<div class="lv-metric"><span>{name}</span><b>{value}</b></div>' for name, value in metrics)
    return config, f'<div class="lv-line">{shown}</div><p class="lv-caption">{line}</p>'


def _wanted(controls: TrainingControls) -> tuple[TrainConfig, list[tuple[str, str]], str]:
    if mode.public():
        controls = checked(controls, compile=False, upsampling=False)
    found = lab.tried(controls)
    if not found.passed:
        raise ValueError(found.problems[0])
    seconds = found.seconds_per_step * controls.steps
    if seconds > limits_now().training_seconds:
        raise ValueError(text.too_long(naming.duration(seconds), naming.duration(limits_now().training_seconds)))
    metrics = [("Parameters", f"{found.parameters / 1e6:.2f} M"), ("Takes about", naming.duration(seconds))]
    config = lab.config(controls, found.seconds_per_step)
    check_training(config)
    return config, metrics, lab.cost(controls, found)
