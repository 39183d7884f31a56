"""Draws a lab's controls as Gradio components, and keeps them, the link and the lab's state in step.

The state of a lab is in the browser: in its widgets and in its link. Every event brings the values of all widgets along, they
are checked like those of a link, and what had to be mended goes back to the widgets. So no session need be found again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import gradio as gr

from playground.gradio_ui import page
from playground.labs.controls import Control, Controls, checked, describe, from_link, from_values, to_link

C = TypeVar("C", bound=Controls)
Outputs = list[Any]


@dataclass(frozen=True)
class Look(Generic[C]):
    """How the controls stand, where that depends on the settings."""

    hidden: Callable[[C], Collection[str]] = lambda _: ()
    """Names of controls that are not shown now; they keep their value."""
    disabled: Callable[[C], Mapping[str, str]] = lambda _: {}
    """Names of controls that have no effect now, and why."""
    options: Callable[[C], Mapping[str, Mapping[Any, str]]] = lambda _: {}
    """For controls whose choices are only known now, their values with their titles."""
    limits: Callable[[C], Mapping[str, tuple[float, float]]] = lambda _: {}
    """Least and largest value of numbers whose range depends on the other settings, within their own range."""
    bounds: Mapping[str, float] = field(default_factory=dict)
    """Largest values here, where many share one machine; said beside the control."""


class Panel(Generic[C]):
    """The controls of one lab: widgets, and the settings that stand for them.

    Args:
        model: the lab's controls.
        lab: its name; the widgets' ids begin with it.
        look: how they stand.
    """

    def __init__(self, model: type[C], lab: str, look: Look[C] | None = None) -> None:
        self._model = model
        self._lab = lab
        self._look = look or Look()
        self._controls = describe(model)
        self._names = [control.name for control in self._controls]
        self.widgets: list[gr.components.Component] = []
        self.link = page.link()
        self.problems = page.problems()

    def draw(self) -> None:
        """Make the widgets where the caller's `with` stands."""
        start = self._model()
        groups: dict[str, gr.Accordion] = {}
        for control in self._controls:
            if control.group and control.group not in groups:
                groups[control.group] = gr.Accordion(control.group, open=False)
            if control.group:
                with groups[control.group]:
                    self.widgets.append(self._made(control, start))
            else:
                self.widgets.append(self._made(control, start))

    def on_load(
        self,
        demo: gr.Blocks,
        show: Callable[..., Outputs],
        inputs: list[Any],
        outputs: list[Any],
        identity: page.Identity | None = None,
    ) -> None:
        """Open the page with what its link asks for: `show(controls, *inputs)` gives the values of `outputs`.

        With an identity, `show(controls, visitor, tab, session, *inputs)`: who opens the page, and the number of this visit.
        """

        def opened(request: gr.Request, *more: Any) -> Outputs:
            controls, problems = from_link(self._model, dict(request.query_params))
            controls, problems = self.settled(controls, problems)
            if identity is None:
                return self._answer(controls, problems, show(controls, *more))
            visitor, tab, *others = more
            shown = show(controls, visitor, tab, request.session_hash, *others)
            return [visitor, tab, *self._answer(controls, problems, shown)]

        who = identity.both if identity else []
        demo.load(
            opened,
            [*who, *inputs],
            [*who, *self.shown, *outputs],
            js=page.WHO if identity else None,
            show_progress="hidden",
            concurrency_limit=None,
            api_visibility="private",
        )

    def on_change(self, show: Callable[..., Outputs], inputs: list[Any], outputs: list[Any]) -> None:
        """Whenever the reader changes a control: `show(controls, *inputs)` gives the values of `outputs`."""

        def changed(*values: Any) -> Outputs:
            controls, problems = self.settled(*self.read(values))
            return self._answer(controls, problems, show(controls, *values[len(self.state) :]))

        gr.on(
            [event for widget in self.widgets for event in _events(widget)],
            changed,
            [*self.state, *inputs],
            [*self.shown, *outputs],
            show_progress="hidden",
            trigger_mode="always_last",
            concurrency_limit=None,
            api_visibility="private",
        )

    @property
    def state(self) -> list[Any]:
        """The components whose values `read` takes: the link as it was before, and the widgets."""
        return [self.link, *self.widgets]

    @property
    def shown(self) -> list[Any]:
        """The components that `update` gives values for."""
        return [*self.widgets, self.link, self.problems]

    def read(self, values: Sequence[Any]) -> tuple[C, list[str]]:
        """The settings as the widgets have them, and one sentence for each value that could not be taken.

        Args:
            values: those of `state`; what follows them is left alone.
        """
        link, *others = values
        kept, _ = from_link(self._model, link if isinstance(link, dict) else {})
        return from_values(self._model, dict(zip(self._names, others, strict=False)), kept)

    def update(self, controls: C, problems: list[str] | None = None) -> Outputs:
        """Values for `shown`, so that the widgets, the link and the messages stand for these settings."""
        return self._answer(*self.settled(controls, problems or []), [])

    def _answer(self, controls: C, problems: list[str], rest: Outputs) -> Outputs:
        hidden, disabled = self._look.hidden(controls), self._look.disabled(controls)
        options, limits = self._look.options(controls), self._look.limits(controls)
        updates = [
            self._updated(
                control,
                getattr(controls, control.name),
                hidden,
                disabled,
                options.get(control.name),
                limits.get(control.name),
            )
            for control in self._controls
        ]
        return [*updates, to_link(controls), page.listed(problems), *rest]

    def settled(self, controls: C, problems: list[str]) -> tuple[C, list[str]]:
        """Settings that there are choices for, and that are within the bounds of this place."""
        problems = list(problems)
        for name, choices in self._look.options(controls).items():
            if getattr(controls, name) not in choices:
                control = next(control for control in self._controls if control.name == name)
                first = next(iter(choices))
                problems.append(
                    f"{control.title} “{getattr(controls, name)}” is not here. It was set to {choices[first]}."
                )
                controls = checked(controls, **{name: first})
        for name, most in self._look.bounds.items():
            if getattr(controls, name) > most:
                control = next(control for control in self._controls if control.name == name)
                problems.append(f"{control.title} goes up to {most:g} here, where many share one machine.")
                controls = checked(controls, **{name: type(getattr(controls, name))(most)})
        return controls, problems

    # --- one widget -------------------------------------------------------------------------------------------------

    def _made(self, control: Control, start: C) -> gr.components.Component:
        control = self._bounded(control)
        common: dict[str, Any] = {
            "label": control.title,
            "info": self._info(control, None),
            "elem_id": f"{self._lab}-{control.name}",
            "interactive": True,
            "visible": control.name not in self._look.hidden(start),
        }
        options = self._look.options(start).get(control.name)
        if control.kind == "choice" or options is not None:
            titles = dict(control.options) if options is None else options
            choices = [(title, value) for value, title in titles.items()]
            if options is None and len(choices) <= 4 and sum(len(title) for title, _ in choices) <= 34:
                return gr.Radio(choices, value=control.default, **common)
            return gr.Dropdown(choices, value=control.default, filterable=len(choices) > 12, **common)
        if control.kind == "switch":
            return gr.Checkbox(control.default, **common)
        if control.kind == "text":
            return gr.Textbox(control.default, max_lines=1, **common)
        if control.slider and control.low is not None and control.high is not None:
            step = control.step or (1 if control.kind == "whole" else (control.high - control.low) / 100)
            return gr.Slider(control.low, control.high, control.default, step=step, buttons=[], **common)
        return gr.Number(
            control.default, precision=0 if control.kind == "whole" else None, step=control.step or 1, **common
        )

    def _updated(
        self,
        control: Control,
        value: Any,
        hidden: Collection[str],
        disabled: Mapping[str, str],
        options: Mapping[Any, str] | None,
        limits: tuple[float, float] | None,
    ) -> dict[str, Any]:
        why_off = disabled.get(control.name)
        change: dict[str, Any] = {
            "value": value,
            "visible": control.name not in hidden,
            "interactive": why_off is None,
            "info": self._info(control, why_off),
        }
        if options is not None:
            change["choices"] = [(title, option) for option, title in options.items()]
        if limits is not None and control.slider:
            change |= {"minimum": limits[0], "maximum": limits[1]}
        return gr.update(**change)

    def _bounded(self, control: Control) -> Control:
        most = self._look.bounds.get(control.name)
        return control if most is None else replace(control, high=most, default=min(control.default, most))

    def _info(self, control: Control, why_off: str | None) -> str:
        most = self._look.bounds.get(control.name)
        # What is emphasised is always to be seen; the rest when the reader wants the settings explained (page.explain).
        bound = f"*Up to {most:g} here, where many share one machine.* " if most is not None else ""
        off = f"*{why_off}* " if why_off else ""
        return f"{off}{bound}{control.help}"


def _events(widget: gr.components.Component) -> list[Any]:
    """What tells that the reader, and not the page itself, has changed a widget."""
    if isinstance(widget, gr.Textbox):
        return [widget.submit, widget.blur]
    return [widget.input]
