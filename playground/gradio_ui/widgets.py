"""Draws a lab's controls as Gradio components, and keeps them, the link and the lab's state in step.

The state of a lab is in the browser: in its widgets and in its link. Every event brings the values of all widgets along, they
are checked like those of a link, and what had to be mended goes back to the widgets. So no session need be found again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import gradio as gr
from gradio.events import Dependency

from playground.gradio_ui import compat, page
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import (
    Control,
    Controls,
    bounded,
    checked,
    describe,
    from_link,
    from_values,
    to_link,
)

C = TypeVar("C", bound=Controls)
Outputs = list[Any]


class Panel(Generic[C]):
    """The controls of one lab: widgets, and the settings that stand for them.

    Args:
        model: the lab's controls.
        lab: its name; the widgets' ids begin with it.
        rules: how they are drawn, or what gives that for the values of `context`.
        context: components on which the rules depend too, such as who the reader is.
        also_in_link: names in the link that are not controls, and are left alone.
    """

    def __init__(
        self,
        model: type[C],
        lab: str,
        rules: ControlRules[C] | Callable[..., ControlRules[C]] | None = None,
        context: Sequence[gr.components.Component] = (),
        also_in_link: Sequence[str] = (),
    ) -> None:
        self._model = model
        self._lab = lab
        fixed = ControlRules[C]() if rules is None or callable(rules) else rules
        self._rules_for: Callable[..., ControlRules[C]] = rules if callable(rules) else lambda *_: fixed
        self._context = list(context)
        self._controls = describe(model)
        self._names = [control.name for control in self._controls]
        self.widgets: list[gr.components.Component] = []
        self.link = page.link(also_in_link)
        self.problems = page.problems()

    def draw(self) -> None:
        """Make the widgets where the caller's `with` stands."""
        start, rules = self._model(), self._rules_for(*[None] * len(self._context))
        groups: dict[str, gr.Accordion] = {}
        for control in self._controls:
            if control.group and control.group not in groups:
                groups[control.group] = gr.Accordion(control.group, open=False)
            if control.group:
                with groups[control.group]:
                    self.widgets.append(self._made(control, start, rules))
            else:
                self.widgets.append(self._made(control, start, rules))

    def on_load(
        self,
        demo: gr.Blocks,
        show: Callable[..., Outputs],
        inputs: list[Any],
        outputs: list[Any],
        identity: page.Identity | None = None,
        start: gr.Button | None = None,
    ) -> Dependency:
        """Open the page with what its link asks for: `show(controls, *inputs)` gives the values of `outputs`.

        With an identity, `show(controls, visitor, tab, session, *inputs)`: who opens the page, and the number of this visit.
        `start` can be pressed from then on: before, it would take other settings than those of the link.
        """

        def opened(request: gr.Request, *more: Any) -> Outputs:
            who, more = more[: len(secrets)], more[len(secrets) :]
            rules = self._rules_for(*(self._known(secrets, who)))
            controls, problems = self._settled(*from_link(self._model, dict(request.query_params)), rules)
            shown = show(controls, *who, *([request.session_hash] if who else []), *more)
            return [
                *who,
                *self._answer(controls, problems, rules),
                *shown,
                *[gr.update(interactive=True)] * len(waiting),
            ]

        secrets, waiting = identity.both if identity else [], [start] if start is not None else []
        return demo.load(
            opened,
            [*secrets, *inputs],
            [*secrets, *self.shown, *outputs, *waiting],
            js=page.WHO if identity else None,
            show_progress="hidden",
            concurrency_limit=None,
            api_visibility="private",
        )

    def on_change(self, show: Callable[..., Outputs], inputs: list[Any], outputs: list[Any]) -> Dependency:
        """Whenever the reader changes a control: `show(controls, *inputs)` gives the values of `outputs`."""

        def changed(*values: Any) -> Outputs:
            rules = self._rules_of(values)
            controls, problems = self._settled(*self._read(values), rules)
            return [*self._answer(controls, problems, rules), *show(controls, *values[len(self.state) :])]

        return gr.on(
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
        """The components whose values `read` takes: the link as it was before, the widgets, the context."""
        return [self.link, *self.widgets, *self._context]

    @property
    def shown(self) -> list[Any]:
        """The components that `update` gives values for."""
        return [*self.widgets, self.link, self.problems]

    def read(self, values: Sequence[Any]) -> tuple[C, list[str]]:
        """The settings as the widgets have them, and one sentence for each value that could not be taken.

        Args:
            values: those of `state`; what follows them is left alone.
        """
        return self._settled(*self._read(values), self._rules_of(values))

    def update(self, controls: C, problems: Sequence[str] = (), values: Sequence[Any] = ()) -> Outputs:
        """Values for `shown`, so that the widgets, the link and the messages stand for these settings.

        Args:
            controls: the settings.
            problems: sentences for the reader.
            values: those of `state`, where there is a context.
        """
        rules = self._rules_of(values) if self._context else self._rules_for()
        return self._answer(*self._settled(controls, problems, rules), rules)

    def _read(self, values: Sequence[Any]) -> tuple[C, list[str]]:
        link, *others = values
        kept, _ = from_link(self._model, link if isinstance(link, dict) else {})
        return from_values(self._model, dict(zip(self._names, others, strict=False)), kept)

    def _rules_of(self, values: Sequence[Any]) -> ControlRules[C]:
        before = 1 + len(self.widgets)
        return self._rules_for(*values[before : before + len(self._context)])

    def _known(self, components: Sequence[Any], values: Sequence[Any]) -> list[Any]:
        """The values of the context when the page opens: of those components whose values are known by then."""
        known = dict(zip((compat.component_id(component) for component in components), values, strict=True))
        return [known.get(compat.component_id(component)) for component in self._context]

    def _answer(self, controls: C, problems: Sequence[str], rules: ControlRules[C]) -> Outputs:
        hidden, disabled = rules.hidden(controls), rules.disabled(controls)
        options, limits = rules.options(controls), rules.limits(controls)
        updates = [
            self._updated(
                control,
                getattr(controls, control.name),
                control.name in hidden,
                self._info(control, rules, disabled.get(control.name)),
                control.name not in disabled,
                options.get(control.name),
                limits.get(control.name),
            )
            for control in self._controls
        ]
        return [*updates, to_link(controls), page.listed(problems)]

    def _settled(self, controls: C, problems: Sequence[str], rules: ControlRules[C]) -> tuple[C, list[str]]:
        """Settings that there are choices for, and that are within the bounds of this place."""
        problems = list(problems)
        titles = {control.name: control.title for control in self._controls}
        for name, choices in rules.options(controls).items():
            value = getattr(controls, name)
            if value not in choices:
                first = next(iter(choices))
                problems.append(f"{titles[name]} “{value}” is not here. It was set to {choices[first]}.")
                controls = checked(controls, **{name: first})
        controls, lowered = bounded(controls, rules.bounds)
        return controls, [*problems, *lowered]

    # --- one widget -------------------------------------------------------------------------------------------------

    def _made(self, control: Control, start: C, rules: ControlRules[C]) -> gr.components.Component:
        most = rules.bounds.get(control.name)
        if most is not None:
            control = replace(control, high=most, default=min(control.default, most))
        common: dict[str, Any] = {
            "label": control.title,
            "info": self._info(control, rules, None),
            "elem_id": f"{self._lab}-{control.name}",
            "interactive": True,
            "visible": control.name not in rules.hidden(start),
        }
        options = (rules.at_first or rules.options)(start).get(control.name)
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
        whole = control.kind == "whole"
        if control.slider and control.low is not None and control.high is not None:
            step = control.step or (1 if whole else (control.high - control.low) / 100)
            return gr.Slider(control.low, control.high, control.default, step=step, buttons=[], **common)
        return gr.Number(control.default, precision=0 if whole else None, step=control.step or 1, **common)

    def _updated(
        self,
        control: Control,
        value: Any,
        hidden: bool,
        info: str,
        interactive: bool,
        options: Mapping[Any, str] | None,
        limits: tuple[float, float] | None,
    ) -> dict[str, Any]:
        change: dict[str, Any] = {"value": value, "visible": not hidden, "interactive": interactive, "info": info}
        if options is not None:
            change["choices"] = [(title, option) for option, title in options.items()]
        if limits is not None and control.slider:
            change |= {"minimum": limits[0], "maximum": limits[1]}
        return gr.update(**change)

    def _info(self, control: Control, rules: ControlRules[C], why_off: str | None) -> str:
        # What is emphasised is always to be seen; the rest when the reader wants the settings explained (page.explain).
        most = rules.bounds.get(control.name)
        bound = f"Up to {most:g} here, where many share one machine." if most is not None else ""
        emphasised = " ".join(filter(None, (why_off, bound)))
        return f"*{emphasised}* {control.help}" if emphasised else control.help


class Form(Panel[C]):
    """Controls that stand in the page and in no link."""

    def settings_from(self, values: Sequence[Any]) -> C:
        """The settings of the widgets, with the default in place of an invalid value."""
        return from_values(self._model, dict(zip(self._names, values, strict=False)))[0]

    def answer(self, controls: C, options: Mapping[str, Mapping[Any, str]], hidden: Collection[str] = ()) -> Outputs:
        """Values for `widgets`, so that they stand for these settings.

        Args:
            controls: the settings.
            options: for controls whose choices are only known now, their values with their titles.
            hidden: names of controls that are not shown.
        """
        rules = replace(self._rules_for(), options=lambda _: options, hidden=lambda _: hidden)
        return self._answer(controls, (), rules)[: len(self.widgets)]


def _events(widget: gr.components.Component) -> list[Any]:
    """What tells that the reader, and not the page itself, has changed a widget."""
    if isinstance(widget, gr.Textbox):
        return [widget.submit, widget.blur]
    return [compat.input_event(widget)]
