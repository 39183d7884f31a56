"""Which of the Training lab's controls are disabled, limited, or offer choices known at run time only."""

from __future__ import annotations

from playground.labs.shared.control_rules import ControlRules
from playground.labs.training import controls, pictures, text
from playground.labs.training.controls import TrainingControls
from playground.labs.training.estimate import NOT_PUBLIC
from playground.policy.visitor import Visitor


def control_rules(visitor: Visitor) -> ControlRules[TrainingControls]:
    """How the controls are drawn for this visitor."""
    refused = dict.fromkeys(NOT_PUBLIC, text.NOT_SHARED) if visitor.public else {}
    return ControlRules(
        options=lambda now: {"data": pictures.choices(visitor), "size": pictures.size_choices(now, visitor)},
        disabled=lambda now: {**controls.without_effect(now), **refused},
        bounds=visitor.bounds("training"),
    )
