"""The controls of a lab as data for src/controls.js: the same names, words and defaults as in both apps.

Values are text, as a link has them. What a page cannot do without Python is left out, and a link that asks for it is answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.language import _
from playground.components.payloads.encoding import Payload
from playground.labs.shared import link_view
from playground.labs.shared.controls import Control, Controls, describe, to_text


@dataclass(frozen=True)
class Rule:
    """These controls have an effect only where `setting` has one of `values`.

    why: said where they have none; "" where they are not drawn then.
    """

    names: tuple[str, ...]
    setting: str
    values: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True)
class SiteControl:
    """As `playground.labs.shared.controls.Control`, with its default and the values of its options as a link has them."""

    name: str
    kind: str
    title: str
    help: str
    default: str
    low: float | None
    high: float | None
    step: float | None
    options: tuple[tuple[str, str], ...]
    group: str
    slider: bool
    segmented: bool
    follows: str = ""
    choices: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """The options for each value of the control that it follows, where it follows one before it."""


@dataclass(frozen=True)
class SiteControls(Payload):
    """The controls of a page.

    first_visit: values with which the page opens where its address names no setting.
    elsewhere: of the settings that need Python, by name: title and default.
    locked: what is said of a control that the link keeps.
    """

    controls: tuple[SiteControl, ...]
    rules: tuple[Rule, ...]
    first_visit: Mapping[str, str]
    elsewhere: Mapping[str, tuple[str, str]]
    locked: str


def site_controls(
    model: type[Controls],
    names: Sequence[str] | None = None,
    *,
    options: Mapping[str, Mapping[Any, str]] | None = None,
    rules: Sequence[Rule] = (),
    bounds: Mapping[str, tuple[float, float]] | None = None,
    follows: Mapping[str, tuple[str, Mapping[str, Mapping[Any, str]]]] | None = None,
    in_figure: Sequence[str] = (),
) -> SiteControls:
    """The controls of a lab, in the language that is spoken now.

    Args:
        model: the lab's controls.
        names: of those that the page has; all by default.
        options: the choices that the page has, with their titles; of a number those that it can take.
        rules: when controls have an effect.
        bounds: least and largest value of numbers, where the page has fewer.
        follows: of a control whose options depend on another one before it, that one, and the options for each of its values.
        in_figure: names of those that are set in the figure, which reads and writes them itself.
    """
    known = describe(model)
    chosen = [control.name for control in known] if names is None else list(names)
    follows, options = follows or {}, dict(options or {})
    options |= {name: choices[to_text(model.model_fields[one].default)] for name, (one, choices) in follows.items()}
    of_page = [_control(control, options, bounds or {}) for control in known if control.name in chosen]
    of_page = [replace(one, **_following(*follows[one.name])) if one.name in follows else one for one in of_page]
    return SiteControls(
        tuple(of_page),
        tuple(rules),
        {name: to_text(value) for name, value in model.first_visit.items()},
        {one.name: (one.title, to_text(one.default)) for one in known if one.name not in (*chosen, *in_figure)},
        _(link_view.LOCKED),
    )


def _following(name: str, choices: Mapping[str, Mapping[Any, str]]) -> dict[str, Any]:
    texts = {value: tuple((to_text(one), title) for one, title in each.items()) for value, each in choices.items()}
    return {"follows": name, "choices": texts, "segmented": False}


def _control(
    control: Control, options: Mapping[str, Mapping[Any, str]], bounds: Mapping[str, tuple[float, float]]
) -> SiteControl:
    choices = options.get(control.name, dict(control.options))
    low, high = bounds.get(control.name, (control.low, control.high))
    return SiteControl(
        control.name,
        "choice" if choices else control.kind,
        control.title,
        control.help,
        to_text(control.default),
        low,
        high,
        control.step,
        tuple((to_text(value), title) for value, title in choices.items()),
        control.group,
        control.slider,
        0 < len(choices) <= 4 and sum(map(len, choices.values())) <= 30,
    )
