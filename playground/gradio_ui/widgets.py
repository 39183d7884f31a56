"""Draws a lab's controls as Gradio components, and keeps them, the link and the lab's state in step.

The state of a lab is in the browser: in its widgets and in its link. Every event brings the values of all widgets along, they
are checked like those of a link, and what had to be mended goes back to the widgets. So no session need be found again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, Generic, TypeVar

import gradio as gr
from gradio.events import Dependency

from engine.language import _
from playground import preload
from playground.gradio_ui import compat, components, course, page
from playground.gradio_ui.following import QUIET
from playground.labs.shared import link_view
from playground.labs.shared.controls import (
    Control,
    ControlRules,
    Controls,
    Problem,
    bounded,
    checked,
    describe,
    from_link,
    from_values,
    to_link,
)
from playground.policy.visitor import Visitor, visitor_of
from playground.serving.request_queue import request_queue

C = TypeVar("C", bound=Controls)
Outputs = list[Any]


class Form(Generic[C]):
    """Controls as widgets.

    Args:
        model: the controls.
        name: the widgets' ids begin with it.
        rules: how they are drawn at first.
    """

    def __init__(self, model: type[C], name: str, rules: ControlRules[C]) -> None:
        self._model, self._name, self._first = model, name, rules
        self.widgets: list[gr.components.Component] = []

    @property
    def _controls(self) -> tuple[Control, ...]:
        """In the language of who reads."""
        return describe(self._model)

    def draw(self) -> None:
        """Make the widgets where the caller's `with` stands."""
        start, rules = self._model(), self._first
        groups: dict[str, gr.Accordion] = {}
        for control in self._controls:
            if control.group and control.group not in groups:
                groups[control.group] = gr.Accordion(control.group, open=False)
            if control.group:
                with groups[control.group]:
                    self.widgets.append(self._made(control, start, rules))
            else:
                self.widgets.append(self._made(control, start, rules))

    def taken(self, values: Sequence[Any], kept: C | None = None) -> tuple[C, list[Problem]]:
        """The settings of the widgets; for an invalid value that of `kept`, or the default, and a sentence.

        Args:
            values: of the widgets; what follows them is left alone.
            kept: the settings before.
        """
        names = [control.name for control in self._controls]
        return from_values(self._model, dict(zip(names, values, strict=False)), kept)

    def updates(self, controls: C, rules: ControlRules[C], sent: Mapping[str, Any] | None = None) -> Outputs:
        """Values for `widgets`, so that they stand for these settings.

        `sent`: what they held when they were read. A widget that holds its setting keeps its value: by now the reader may
        have typed the next digit.
        """
        hidden, disabled = rules.hidden(controls), rules.disabled(controls)
        options, limits = rules.options(controls), rules.limits(controls)
        updates = []
        for control in self._controls:
            name = control.name
            change: dict[str, Any] = {
                "visible": name not in hidden,
                "interactive": name not in disabled,
                "info": self._info(control, rules, disabled.get(name)),
            }
            if sent is None or name not in sent or sent[name] != getattr(controls, name):
                change["value"] = getattr(controls, name)
            if name in options:
                change["choices"] = [(_(title), option) for option, title in options[name].items()]
            if name in limits and control.slider:
                change |= {"minimum": limits[name][0], "maximum": limits[name][1]}
            updates.append(gr.update(**change))
        return updates

    # --- one widget -------------------------------------------------------------------------------------------------

    def _made(self, control: Control, start: C, rules: ControlRules[C]) -> gr.components.Component:
        most = rules.bounds.get(control.name)
        if most is not None:
            control = replace(control, high=most, default=min(control.default, most))
        common: dict[str, Any] = {
            "label": control.title,
            "info": self._info(control, rules, None),
            "elem_id": f"{self._name}-{control.name}",
            "interactive": True,
            "visible": control.name not in rules.hidden(start),
        }
        options = (rules.at_first or rules.options)(start).get(control.name)
        if control.kind == "choice" or options is not None:
            titles = dict(control.options) if options is None else options
            choices = [(_(title), value) for value, title in titles.items()]
            if options is None and control.is_segmented:
                return gr.Radio(choices, value=control.default, **common)
            return gr.Dropdown(choices, value=control.default, filterable=len(choices) > 12, **common)
        if control.kind == "switch":
            return gr.Checkbox(control.default, **common)
        if control.kind == "text":
            return gr.Textbox(control.default, max_lines=1, **common)
        whole = control.kind == "whole"
        if control.slider and control.low is not None and control.high is not None:
            step = control.step or (1 if whole else (control.high - control.low) / 100)
            return gr.Slider(control.low, control.high, control.default, step=step, buttons=[], **common)
        return gr.Number(control.default, precision=0 if whole else None, step=control.step or 1, **common)

    def _info(self, control: Control, rules: ControlRules[C], why_off: str | None) -> str:
        # What is emphasised is always to be seen; the rest when the reader wants the settings explained (page.explain).
        most = rules.bounds.get(control.name)
        bound = _("Up to {most:g} here, where many share one machine.", most=most) if most is not None else ""
        emphasised = " ".join(filter(None, (why_off, bound)))
        return f"*{emphasised}* {control.help}" if emphasised else control.help


@dataclass(frozen=True)
class Owned:
    """What the state of a session holds for a visitor. A session's number can be guessed: to others it is empty."""

    visitor: Visitor
    value: Any = field(repr=False)

    @staticmethod
    def of(state: object, visitor: Visitor) -> Any:
        """What the state holds for this visitor; None for nothing."""
        if not isinstance(state, Owned) or not visitor.secret or state.visitor != visitor:
            return None
        return state.value


@dataclass(frozen=True)
class PanelState(Generic[C]):
    """What an event brings of a panel.

    controls: the settings of its widgets.
    problems: one sentence for each value that could not be taken.
    visitor: who has caused it.
    tab: the token of their tab, by which the request queue finds what it is doing.
    own: what the visitor has given in this session, see `Panel`; None for nothing.
    rules: how the controls are drawn.
    view: what the link says besides settings, see `playground.labs.shared.link_view`.
    sent: what the widgets held, by name; None where they were not read.
    """

    controls: C
    problems: list[str]
    visitor: Visitor
    tab: str
    own: Any
    rules: ControlRules[C] = field(repr=False)
    view: dict[str, str]
    sent: Mapping[str, Any] | None = field(default=None, repr=False)


class Panel(Form[C]):
    """The controls of one lab: widgets, and the settings that stand for them, of the visitor who uses them.

    Args:
        model: the lab's controls.
        lab: its name; the widgets' ids begin with it.
        rules: how they are drawn for a visitor, and for what the visitor has given where there is an `own`.
        own: state of the session that holds an `Owned`.
        also_in_link: names in the link that are not controls, and are left alone.
    """

    def __init__(
        self,
        model: type[C],
        lab: str,
        rules: Callable[..., ControlRules[C]] = lambda *_: ControlRules(),
        own: gr.State | None = None,
        also_in_link: Sequence[str] = (),
    ) -> None:
        self._own = [own] if own is not None else []
        self._rules = rules
        super().__init__(model, lab, rules(visitor_of(None), *[None] * len(self._own)))
        self.who = page.Identity()
        self.link = page.link(also_in_link)
        self.problems = gr.HTML("", elem_classes="dp-problems")

    def draw(self) -> None:
        """Make the widgets where the caller's `with` stands, and what makes a link to this lab."""
        super().draw()
        course.share(self._model, self._name)

    def draw_page(self, text: ModuleType) -> None:
        """Draw the widgets in the sidebar, and the head of a page from the texts of its lab."""
        with page.sidebar():
            self.draw()
        page.head(text.TITLE, text.LEAD, text.TERMS)

    def on_load(
        self,
        demo: gr.Blocks,
        show: Callable[..., Outputs],
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
        start: gr.Button | None = None,
    ) -> Dependency:
        """Open the page with what its link asks for, and again where the reader goes back to another link.

        `show(state, *inputs)` gives the values of `outputs`.

        `start` can be pressed from then on: before, it would take other settings than those of the link.
        """

        def opened(request: gr.Request, event: gr.EventData, secret: str, tab: str, *more: Any) -> Outputs:
            preload.wait()
            request_queue().attach(tab, request.session_hash or "")
            address = components.event_value(event)  # none when the page is opened
            asked = address if isinstance(address, dict) else dict(request.query_params)
            link = {str(name): str(value) for name, value in asked.items()}
            settings = from_link(self._model, link)
            state = self._settled(*settings, visitor_of(secret), tab, None, link_view.view_of(link))
            ready = [gr.update(interactive=True)] * len(waiting)
            return [secret, tab, *self.update(state), *show(state, *more), *ready]

        secrets, waiting = self.who.both, [start] if start is not None else []
        outputs = [*secrets, *self.shown, *outputs, *waiting]
        causes = [demo.load, compat.input_event(self.link)]
        # By default an event is dropped while the one before it is being handled: the last address is what counts.
        last = {"trigger_mode": "always_last", **QUIET}
        return gr.on(causes, opened, [*secrets, *inputs], outputs, js=page.WHO, **last)

    def on_change(
        self, show: Callable[..., Outputs], inputs: Sequence[Any] = (), outputs: Sequence[Any] = ()
    ) -> Dependency:
        """Whenever the reader changes a control: `show(state, *inputs)` gives the values of `outputs`."""
        events = [event for widget in self.widgets for event in _events(widget)]
        return self.on(events, show, inputs, outputs, trigger_mode="always_last")

    def on(
        self,
        events: Any,
        show: Callable[..., Outputs],
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
        **more: Any,
    ) -> Dependency:
        """At any of these events: `show(state, *inputs)` gives the values of `outputs`."""

        def shown(*values: Any) -> Outputs:
            preload.wait()
            state = self.read(values)
            return [*self.update(state), *show(state, *values[len(self.state) :])]

        return gr.on(events, shown, [*self.state, *inputs], [*self.shown, *outputs], **QUIET, **more)

    def on_event(
        self,
        event: Callable[..., Dependency],
        change: Callable[..., tuple[C, Outputs] | None],
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
        **more: Any,
    ) -> Dependency:
        """At an event by which the reader changes settings elsewhere than in the widgets.

        `change(state, value, *inputs)` gives the settings from then on, and the values of `outputs`; None changes nothing.
        `value` is what the event carries.
        """

        def changed(event: gr.EventData, *values: Any) -> Outputs:
            state = self.read(values)
            answer = change(state, components.event_value(event), *values[len(self.state) :])
            if answer is None:
                return [gr.skip()] * (len(self.shown) + len(outputs))
            return [*self.update(state, answer[0]), *answer[1]]

        return event(changed, [*self.state, *inputs], [*self.shown, *outputs], **QUIET, **more)

    @property
    def state(self) -> list[Any]:
        """The components whose values `read` takes: who it is, the link as it was before, the widgets, and what is owned."""
        return [*self.who.both, self.link, *self.widgets, *self._own]

    @property
    def shown(self) -> list[Any]:
        """The components that `update` gives values for."""
        return [*self.widgets, self.link, self.problems]

    def read(self, values: Sequence[Any]) -> PanelState[C]:
        """What the values of `state` stand for; what follows them is left alone."""
        secret, tab, link, *others = values
        visitor = visitor_of(secret)
        link = link if isinstance(link, dict) else {}
        kept, _ = from_link(self._model, link)
        own = Owned.of(others[len(self.widgets)], visitor) if self._own else None
        controls, problems = self.taken(others, kept)
        state = self._settled(controls.after(kept), problems, visitor, tab, own, link_view.view_of(link))
        return replace(
            state, sent={control.name: value for control, value in zip(self._controls, others, strict=False)}
        )

    def update(self, state: PanelState[C], controls: C | None = None) -> Outputs:
        """Values for `shown`, so that the widgets, the link and the messages stand for these settings."""
        if controls is not None:
            settled = self._settled(controls, state.problems, state.visitor, state.tab, state.own, state.view)
            state = replace(settled, sent=state.sent)
        link = {**to_link(state.controls), **state.view}
        return [*self.updates(state.controls, state.rules, state.sent), link, page.listed(state.problems)]

    def _settled(
        self, controls: C, problems: Sequence[str], visitor: Visitor, tab: str, own: Any, view: dict[str, str]
    ) -> PanelState[C]:
        """Settings that there are choices for, and that are within the bounds of this place."""
        rules = link_view.restricted(self._rules(visitor, *[own] * len(self._own)), self._model, view)
        problems = list(problems)
        titles = {control.name: control.title for control in self._controls}
        for name, choices in rules.options(controls).items():
            value = getattr(controls, name)
            if value not in choices:
                first = next(iter(choices))
                problems.append(
                    _(
                        "{title} “{value}” is not here. It was set to {new}.",
                        title=titles[name],
                        value=value,
                        new=_(choices[first]),
                    )
                )
                controls = checked(controls, **{name: first})
        controls, lowered = bounded(controls, rules.bounds)
        return PanelState(controls, [*problems, *lowered], visitor, tab, own, rules, view)


def _events(widget: gr.components.Component) -> list[Any]:
    """What tells that the reader, and not the page itself, has changed a widget."""
    if isinstance(widget, gr.Textbox):
        return [widget.submit, widget.blur]
    return [compat.input_event(widget)]
