"""What a link says of a lab besides its settings: which controls are drawn, which are locked, of which lesson it is a step, and
which class it belongs to.

A lesson and a teacher use the same: anyone can make such a link from any lab ("Share this view").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from engine.language import N_, _, translated
from playground.labs.shared.controls import ControlRules, Controls

C = TypeVar("C", bound=Controls)
LESSON, STEP, ONLY, LOCK, CLASS = "lesson", "at", "only", "lock", "class"
PARAMETERS = (LESSON, STEP, ONLY, LOCK, CLASS)
NONE = "none"
"""In place of the names of controls, where none is drawn."""
LOCKED = N_("This link keeps it as it is.")


def view_of(link: Mapping[str, str]) -> dict[str, str]:
    """Of a link's parameters those that are not settings."""
    return {name: link[name] for name in PARAMETERS if name in link}


def is_restricted(link: Mapping[str, str]) -> bool:
    """Whether a link is a step of a lesson, or decides what its readers may change."""
    return bool(view_of(link))


def has_settings(link: Mapping[str, str]) -> bool:
    """Whether a link leaves any control to be drawn."""
    return link.get(ONLY) != NONE


def only(names: Sequence[str] | None) -> dict[str, str]:
    """The parameter for the controls that are drawn; None for all."""
    return {} if names is None else {ONLY: ",".join(names) or NONE}


def locked(names: Sequence[str]) -> dict[str, str]:
    """The parameter for the controls that cannot be changed."""
    return {LOCK: ",".join(names)} if names else {}


def restricted(rules: ControlRules[C], model: type[C], link: Mapping[str, str]) -> ControlRules[C]:
    """The rules of a lab under a link: what it does not show is hidden, and what it locks is disabled, with a reason."""
    if ONLY not in link and LOCK not in link:
        return rules
    names = set(model.model_fields)
    drawn = set(link[ONLY].split(",")) if ONLY in link else names
    kept = names & set(link.get(LOCK, "").split(","))
    return ControlRules(
        hidden=lambda now: {*rules.hidden(now), *(names - drawn)},
        disabled=lambda now: {**dict.fromkeys(kept, _(LOCKED)), **rules.disabled(now)},
        options=rules.options,
        limits=rules.limits,
        at_first=rules.at_first,
        bounds=rules.bounds,
    )


translated(__name__)
