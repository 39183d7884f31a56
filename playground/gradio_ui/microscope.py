"""The Microscope page: layout only, the lab itself is playground/labs/microscope."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from playground.components.payloads.microscope import read_cursor
from playground.gradio_ui import compat, components, following, in_browser, page, sampling_models, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.widgets import PanelState
from playground.labs.microscope import controls as settings
from playground.labs.microscope import forks, live_view, text, view
from playground.labs.microscope import job as lab
from playground.labs.microscope.branches import Microscopy
from playground.labs.microscope.controls import MicroscopeControls
from playground.labs.microscope.forks import ForkSettings
from playground.labs.microscope.job import Examination
from playground.labs.microscope.live_view import LiveView
from playground.labs.shared import exports, link_view
from playground.labs.shared.controls import ControlRules, checked
from playground.labs.shared.view import Notice
from playground.policy.visitor import Visitor, visitor_of
from playground.serving.request_queue import request_queue

if TYPE_CHECKING:
    from engine.models.opened import Model

LAB = "microscope"
State = PanelState[MicroscopeControls]


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    _Page().connect(demo)


class _Page:
    """The components of the page, and what happens when one of them is used."""

    def __init__(self) -> None:
        self.panel = widgets.Panel(MicroscopeControls, LAB, _rules)
        self.form_rules = ControlRules[ForkSettings](at_first=forks.at_first, bounds=visitor_of(None).bounds(LAB))
        self.form = widgets.Form(ForkSettings, f"{LAB}-fork", self.form_rules)
        self.panel.draw_page(text)
        self.in_browser = in_browser.InBrowser(LAB, "live_microscope")
        self.note = gr.HTML("", elem_id=f"{LAB}-note")
        with gr.Column() as self.on_server:
            self._draw_on_server()

    def _draw_on_server(self) -> None:
        self.follower = following.buttons(LAB, f"🔬 {text.START}", unit=text.WHAT, idle=text.EMPTY)
        self.figure = components.component("microscope", f"{LAB}-bench")
        page.looking_at(text.LOOKING_AT)
        with gr.Accordion(f"🌿 {text.FORK}", open=True, elem_classes="dp-settings-here"):
            self.place = gr.HTML("", elem_id=f"{LAB}-about")
            with gr.Group(elem_classes="dp-form"):
                self.form.draw()
            with gr.Row():
                self.fork = gr.Button(text.FORK_BUTTON, variant="primary", elem_id=f"{LAB}-fork", scale=0)
                self.undo = gr.Button(f"↩️ {text.UNDO}", elem_id=f"{LAB}-undo", scale=0, interactive=False)
        self.missing = gr.HTML("", elem_id=f"{LAB}-missing")
        self.errors = components.component("livechart", f"{LAB}-errors")
        page.looking_at(text.ABOUT_ERRORS)
        with gr.Accordion(text.DOWNLOAD, open=False):
            self.files = gr.HTML("", apply_default_css=False, elem_id=f"{LAB}-files")
            self.code = gr.Code(language="python", interactive=False, show_label=False)

    def connect(self, demo: gr.Blocks) -> None:
        """Say what happens when."""
        panel, form, tab = self.panel, self.form.widgets, self.panel.who.tab
        fields, at_cursor = [self.note, *form], [self.place, self.undo, self.files, self.code]
        live, shown = self.in_browser, [*fields, *self.in_browser.outputs, self.on_server]
        outputs = [self.figure, self.missing, self.errors, *at_cursor]
        causes = [
            panel.on_load(demo, live.on_load(self._opened), live.inputs, [*shown, live.switch], self.follower.start),
            panel.on_change(self._opened, live.inputs, shown),
            panel.on(compat.input_event(live.switch), self._opened, live.inputs, shown),
            panel.on(
                self.follower.start.click,
                lambda state: [_begin(state, again=True)],
                [],
                [self.note],
                trigger_mode="multiple",
            ),
            panel.on_event(self.fork.click, self._forked, form, fields),
            panel.on_event(self.undo.click, self._undone, [], fields),
        ]
        self.follower.connect(tab, _shown, outputs, *causes)
        panel.on_event(live.figure.cursor, _live_moved, [live.given], [], trigger_mode="always_last")
        panel.on_event(live.figure.forks, _live_forked, [live.given], [live.given], trigger_mode="always_last")
        compat.input_event(form[0])(self._form_changed, [tab, *form], form, **QUIET)
        panel.on_event(self.figure.cursor, self._moved, [], [*form, *at_cursor], trigger_mode="always_last")

    def _opened(self, state: State, is_live: bool, given: LiveView | None) -> list[Any]:
        """What these settings stand for, where the reader wants it computed."""
        problem = ""
        if is_live and link_view.ONLY not in state.view:
            shown = live_view.live_view(state.controls, state.visitor, given)
            if not isinstance(shown, Notice):
                if (job := _job(state.tab)) is not None:
                    job.stop()
                payload = gr.skip() if shown is given else components.value(shown.payload)
                return ["", *[gr.skip()] * len(self.form.widgets), payload, shown, gr.update(visible=False)]
            problem = page.notices([shown])
        note, *fields = self._changed(state)
        return [note or problem, *fields, components.value(None), None, gr.update(visible=True)]

    def _changed(self, state: State) -> list[Any]:
        return [_begin(state), *self._fields(state)]

    def _fields(self, state: State) -> list[Any]:
        """The form as it begins at the cursor."""
        now, opened = state.controls, view.opened(state.controls, state.visitor)
        if isinstance(opened, Notice):  # which `_begin` says
            return [gr.skip()] * len(self.form.widgets)
        model, task = opened
        recipe = task.recipes[now.branch if now.branch < len(task.recipes) else 0]
        return self._form_of(forks.settings_of(lab.last_recipe(recipe)), model)

    def _form_changed(self, tab: str, *values: Any) -> list[Any]:
        found = _found(tab)
        return self._form_of(self.form.taken(values)[0], None if found is None else found.model)

    def _form_of(self, settings: ForkSettings, model: Model | None) -> list[Any]:
        hidden, options = forks.hidden(settings, model is None or bool(model.class_names)), forks.options(model)
        rules = replace(self.form_rules, hidden=lambda _: hidden, options=lambda _: options)
        return self.form.updates(settings, rules)

    def _moved(self, state: State, value: object) -> tuple[MicroscopeControls, list[Any]] | None:
        """The cursor has come to rest elsewhere: the link says so, and a fork would leave from there."""
        found, now = _found(state.tab), state.controls
        cursor = None if found is None else read_cursor(value, found.figure.version)
        if found is None or cursor is None:
            return None
        there = checked(now, branch=cursor.branch, frame=cursor.step, row=cursor.row, column=cursor.column)
        fields = [gr.skip()] * len(self.form.widgets)
        if there.branch != now.branch:
            fields = self._fields(replace(state, controls=there))
        return there, [*fields, *_at_cursor(found, there.branch, there.frame)]

    def _forked(self, state: State, _: object, *values: Any) -> tuple[MicroscopeControls, list[Any]]:
        job = _job(state.tab)
        found = None if job is None or job.state.is_running else job.state.result
        forked = view.forked(found, state.controls, self.form.taken(values)[0])
        if isinstance(forked, Notice):
            return state.controls, [page.notices([forked]), *[gr.skip()] * len(self.form.widgets)]
        return forked, self._changed(replace(state, controls=forked))

    def _undone(self, state: State, _: object) -> tuple[MicroscopeControls, list[Any]]:
        controls = view.without_last(state.controls)
        return controls, self._changed(replace(state, controls=controls))


def _live_moved(state: State, value: object, given: LiveView | None) -> tuple[MicroscopeControls, list[Any]] | None:
    moved = None if given is None else live_view.moved(state.controls, given, value)
    return None if moved is None else (moved, [])


def _live_forked(state: State, value: object, given: LiveView | None) -> tuple[MicroscopeControls, list[Any]] | None:
    forked = None if given is None else live_view.forked(state.controls, given, value)
    return None if forked is None else (forked[0], [forked[1]])


def _begin(state: State, *, again: bool = False) -> str:
    """Compute what these settings stand for, if that is not there already; returns what is to be said if it cannot be."""
    job = _job(state.tab)
    opened = view.opened(state.controls, state.visitor, None if again else _found(state.tab))
    if isinstance(opened, Notice):
        return page.notices([opened])
    model, task = opened
    if again or job is None or job.task != task:
        request_queue().put(state.tab, LAB, Examination(model, task))
    return ""


def _job(tab: str) -> Examination | None:
    job = request_queue().job(tab, LAB)
    return job if isinstance(job, Examination) else None


def _found(tab: str) -> Microscopy | None:
    job = _job(tab)
    return None if job is None else job.state.result


def _shown(found: Microscopy) -> list[Any]:
    errors, at_cursor = view.errors_view(found), _at_cursor(found, found.cursor.branch, found.cursor.step)
    return [components.value(found.figure), page.notices(errors.notices), components.value(errors.chart), *at_cursor]


def _at_cursor(found: Microscopy, branch: int, step: int) -> list[Any]:
    """Where a fork would leave, whether one can be removed, and what can be downloaded of the branch."""
    download, place = view.download(found, branch), view.fork_place(found, branch, step)
    about = page.notices([place]) if isinstance(place, Notice) else page.bold(place)
    files = exports.links([*download.files, *view.errors_view(found).files])
    return [about, gr.update(interactive=len(found.branches) > 1), files, download.python]


def _rules(visitor: Visitor) -> ControlRules[MicroscopeControls]:
    return settings.rules(visitor, sampling_models.available_to(visitor))
