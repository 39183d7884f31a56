"""How the controls of the Likelihood lab are drawn: which options there are at run time."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from playground.labs.likelihood import excess_loss, latent
from playground.labs.likelihood.controls import LikelihoodControls, without_effect
from playground.labs.shared import models
from playground.labs.shared.control_rules import ControlRules

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

CHOICES = ("a_model", "b_model", "vae", "run")
"""Controls whose options are known at run time only."""


def rules(visitor: Visitor) -> ControlRules[LikelihoodControls]:
    """How the controls are drawn for this visitor."""

    @cache
    def options() -> dict[str, dict[Any, str]]:
        available = models.choices(visitor)
        listed = (available, available, latent.vaes(visitor), excess_loss.runs(visitor))
        return dict(zip(CHOICES, listed, strict=True))

    return ControlRules(
        disabled=without_effect,
        options=lambda _: options(),
        at_first=lambda now: {name: {getattr(now, name): ""} for name in CHOICES},
        bounds=visitor.bounds("likelihood"),
    )
