"""Draws a lab's controls as Streamlit widgets, and keeps them, the link and the lab's state in step.

A widget gets its first value as its default, never through session state: a value that is set there travels in one run
only, and a second run that follows at once (a fragment that ends, say) would leave the browser showing something else.
Where code changes a value later, the widget gets a new key, and so starts again from the new default.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any, TypeVar

import streamlit as st
from pydantic import ValidationError
from streamlit.delta_generator import DeltaGenerator

from engine.language import ENGLISH, _, language
from playground.labs.shared import link_view
from playground.labs.shared.controls import (
    Control,
    ControlRules,
    Controls,
    bounded,
    checked,
    describe,
    from_link,
    reason,
    to_link,
)
from playground.policy.visitor import Visitor
from playground.streamlit_ui import course, memory, page, reader, visitor
from playground.streamlit_ui.page import plain

C = TypeVar("C", bound=Controls)
LATE = 0.5
"""Seconds within which the browser knows the link that was written."""


def lab(
    model: type[C],
    name: str,
    text: ModuleType,
    rules: Callable[[Visitor], ControlRules[C]] = lambda _: ControlRules(),
) -> C:
    """Draw the head of a lab's page, from its texts, and its controls in the sidebar; returns the settings, see `controls`."""
    page.head(text.TITLE, text.LEAD, text.TERMS)
    page.settings_hint()
    page.wait()
    with st.sidebar:
        settings = controls(model, name, rules(visitor.current()))
    show_problems(name)
    return settings


def controls(
    model: type[C], lab: str, rules: ControlRules[C] | None = None, *, also_in_link: Collection[str] = ()
) -> C:
    """The lab's settings as the reader has them now, drawn where the caller's `with` stands.

    The first time, and whenever another link is opened, the settings come from the link; a value there that cannot be
    taken gets its default, and `show_problems` names it. After every change the link says what differs from the default.

    Args:
        model: the lab's controls.
        lab: a name that makes the widgets' keys unique.
        rules: which controls are hidden, disabled or limited. A value that is none of a control's options becomes the first.
        also_in_link: parameters of the page itself, which are left as they are.
    """
    rules = link_view.restricted(rules or ControlRules(), model, reader.in_link())
    _take_link(model, lab, also_in_link)
    bounds = visitor.current().bounds(lab)
    kept = _bounded(lab, _settle(model, lab), bounds)
    hidden, disabled, choices, ranges = (
        rules.hidden(kept),
        rules.disabled(kept),
        rules.options(kept),
        rules.limits(kept),
    )
    groups: dict[str, DeltaGenerator] = {}
    values: dict[str, Any] = {}
    for control in describe(model):
        name = control.name
        if name in hidden:
            values[name] = getattr(kept, name)
            continue
        if name in choices and getattr(kept, name) not in choices[name]:
            kept = _first_choice(lab, control, kept, choices[name])
        if control.group and control.group not in groups:
            # A link that shows a few controls shows them openly.
            groups[control.group] = st.expander(control.group, expanded=link_view.ONLY in reader.in_link())
        if name in ranges:
            control = replace(control, low=ranges[name][0], high=ranges[name][1])
        control = replace(control, high=bounds.get(name, control.high))
        with groups[control.group] if control.group else st.container():
            value = _widget(control, *_started(lab, name, kept), disabled.get(name), choices.get(name))
            values[name] = _accepted(model, control, value, getattr(kept, name))
    if not reader.in_link().get(link_view.LESSON):
        course.share(model, lab)
    result = model.model_validate(values)
    st.session_state[f"{lab}/controls"] = result
    _write_link(lab, to_link(result), also_in_link)
    return result


def _started(lab: str, name: str, kept: Controls) -> tuple[str, Any]:
    """The key of a control's widget, and the value with which that widget starts."""
    initial, key = st.session_state[f"{lab}/initial"], _key(lab, name)
    if key not in st.session_state:  # drawn for the first time, or again after another page
        initial[name] = getattr(kept, name)
    return key, initial[name]


def show_problems(lab: str) -> None:
    """Name what a link asked for and could not have, where the reader looks first."""
    for problem in st.session_state.get(f"{lab}/problems", []):
        st.warning(plain(problem), icon="⚠️")


def change(lab: str, controls: C, *, also_in_link: Collection[str] = ()) -> C:
    """Change settings that are not drawn as widgets (`hidden`), at any place in the script; the link follows."""
    st.session_state[f"{lab}/controls"] = controls
    belongs = st.session_state.get(f"{lab}/of") == st.session_state.get(f"{lab}/link")
    _write_link(lab, to_link(controls), also_in_link)
    if belongs:  # what is looked at has changed, and not what was computed
        memory.begun(lab)
    memory.remember(lab)
    return controls


def set_controls(lab: str, controls: Controls) -> None:
    """Change the settings from code, before the widgets are drawn."""
    before = st.session_state.get(f"{lab}/controls")
    st.session_state[f"{lab}/controls"] = controls
    st.session_state.setdefault(f"{lab}/initial", {})
    if before is None:
        return
    drawn = {name: st.session_state.get(_key(lab, name), getattr(before, name)) for name in type(controls).model_fields}
    for name, value in controls.model_dump().items():
        if value != drawn[name]:
            _start_again(lab, name)


def form(
    model: type[C],
    key: str,
    begin: C,
    *,
    hidden: Callable[[C], Collection[str]] = lambda _: (),
    options: Mapping[str, Mapping[Any, str]] | None = None,
    columns: int = 3,
) -> C:
    """Controls that stand in the page and in no link. They begin with `begin`; another key begins anew.

    Args:
        model: the controls.
        key: makes the widgets' keys unique.
        begin: the values to begin with.
        hidden: names of controls not to draw; they keep their value. Asked for the settings as they are.
        options: for controls whose choices are only known now, their values with their titles.
        columns: how many stand beside each other.
    """
    kept = begin.model_dump()
    now = {name: st.session_state.get(f"{key}/{name}", value) for name, value in kept.items()}
    away = hidden(model.model_validate(now))
    places = st.columns(columns)
    for number, control in enumerate(control for control in describe(model) if control.name not in away):
        with places[number % columns]:
            choices = (options or {}).get(control.name)
            value = _widget(control, f"{key}/{control.name}", kept[control.name], None, choices)
            kept[control.name] = _accepted(model, control, value, kept[control.name])
    return model.model_validate(kept)


def _key(lab: str, name: str) -> str:
    """The widget's key: "lab/name", with a number behind it once its value was changed by code, and its language.

    A widget whose label changes would begin anew with its first value.
    """
    times = st.session_state.get(f"{lab}/changed", {}).get(name, 0)
    parts = (lab, name, *([str(times)] if times else []), *([language()] if language() != ENGLISH else []))
    return "/".join(parts)


def _start_again(lab: str, name: str) -> None:
    """Let the widget of that control begin anew, from the setting as it is when it is drawn."""
    changed = st.session_state.setdefault(f"{lab}/changed", {})
    changed[name] = changed.get(name, 0) + 1


def _first_choice(lab: str, control: Control, kept: C, choices: Mapping[Any, str]) -> C:
    """What was chosen is not there (any more): the first is, and the reader is told."""
    first = next(iter(choices))
    gone = getattr(kept, control.name)
    st.session_state.setdefault(f"{lab}/problems", []).append(
        _(
            "{title} “{value}” is not here. It was set to {new}.",
            title=control.title,
            value=gone,
            new=_(choices[first]),
        )
    )
    changed = checked(kept, **{control.name: first})
    set_controls(lab, changed)
    return changed


def _bounded(lab: str, kept: C, bounds: Mapping[str, float]) -> C:
    """The settings within the bounds of this place; what was lowered is said."""
    lowered, problems = bounded(kept, bounds)
    if problems:
        st.session_state.setdefault(f"{lab}/problems", []).extend(problems)
        set_controls(lab, lowered)
    return lowered


def _settle(model: type[C], lab: str) -> C:
    """The settings as the widgets have them, mended where one change has made another value impossible."""
    kept: C = st.session_state[f"{lab}/controls"]
    now = kept.model_dump()
    now |= {name: st.session_state.get(_key(lab, name), now[name]) for name in now}
    try:
        asked = model.model_validate(now)
        settled, problems = asked.after(kept).settled()
    except ValidationError:  # a text that cannot be taken: said where it is drawn
        return kept
    if problems or settled != asked:
        set_controls(lab, settled)
    return settled


def _accepted(model: type[C], control: Control, value: Any, kept: Any) -> Any:
    """What a text field holds if the lab takes it; else a message below the field, and the value as it was."""
    if control.kind != "text":
        return value
    try:
        return getattr(model.model_validate({control.name: value}), control.name)
    except ValidationError as refusal:
        st.error(plain(reason(refusal) or _("{title} cannot be read like this.", title=control.title)))
        return kept


def _take_link(model: type[C], lab: str, also_in_link: Collection[str]) -> None:
    link = {name: value for name, value in reader.link().items() if name not in also_in_link}
    if f"{lab}/controls" in st.session_state and not _is_other_link(lab, link):
        return
    taken, problems = from_link(model, link)
    set_controls(lab, taken)
    st.session_state[f"{lab}/problems"] = problems


def _is_other_link(lab: str, link: dict[str, str]) -> bool:
    """Whether the reader has opened another link of this lab, or went back to one. A bare one is that of the defaults.

    Streamlit empties the link when the reader comes from another page: that asks for nothing. And what was changed a moment
    ago may come with the link of the moment before.
    """
    if link == st.session_state.get(f"{lab}/link"):
        return False
    if st.session_state.get("lab") != lab:
        return bool(link)
    kept = st.session_state[f"{lab}/controls"].model_dump()
    if any(st.session_state.get(_key(lab, name), value) != value for name, value in kept.items()):
        return False
    return bool(link) or time.monotonic() - st.session_state.get(f"{lab}/written", 0.0) > LATE


def _write_link(lab: str, link: dict[str, str], also_in_link: Collection[str]) -> None:
    kept = {name: value for name, value in reader.link().items() if name in also_in_link} | reader.in_link()
    if st.query_params.to_dict() != {**kept, **link}:
        st.query_params.from_dict({**kept, **link})
    if st.session_state.get(f"{lab}/link") not in (None, link):
        st.session_state[f"{lab}/problems"] = []  # the reader has moved on
    if st.session_state.get(f"{lab}/link") != link:
        st.session_state[f"{lab}/written"] = time.monotonic()
    st.session_state[f"{lab}/link"], st.session_state["lab"] = link, lab


def _widget(
    control: Control, key: str, initial: Any, why_disabled: str | None, choices: Mapping[Any, str] | None
) -> Any:
    off = why_disabled is not None
    help_text = f"{control.help}\n\n*{why_disabled}*" if why_disabled else control.help or None
    common: dict[str, Any] = {"key": key, "help": help_text, "disabled": off}
    if control.kind == "choice" or choices is not None:
        titles = dict(control.options) if choices is None else {value: _(title) for value, title in choices.items()}
        values = list(titles)
        if choices is None and control.is_segmented:
            chosen = st.segmented_control(
                control.title,
                values,
                default=initial,
                required=True,
                format_func=lambda value: titles[value],
                width="stretch",
                **common,
            )
            return control.default if chosen is None else chosen
        index = values.index(initial) if initial in values else 0
        return st.selectbox(control.title, values, index, format_func=lambda value: titles[value], **common)
    if control.kind == "switch":
        return st.toggle(control.title, initial, **common)
    if control.kind == "text":
        return st.text_input(control.title, initial, **common)
    cast: type[int] | type[float] = int if control.kind == "whole" else float
    low = None if control.low is None else cast(control.low)
    high = None if control.high is None else cast(control.high)
    step = cast(control.step) if control.step is not None else (1 if control.kind == "whole" else None)
    written = None if cast is int or step is None else f"%.{max(0, -math.floor(math.log10(step)))}f"
    initial = cast(initial)
    if control.slider and low is not None and high is not None:
        return st.slider(control.title, low, high, min(max(initial, low), high), step=step, format=written, **common)
    limits = (low, None if high is not None and high > 2**53 else high)
    number = st.number_input(control.title, limits[0], limits[1], initial, step=step, format=written, **common)
    return control.default if number is None else number
