"""The Microscope page: layout only, the lab itself is playground/labs/microscope."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import preload
from playground.components.payloads.microscope import read_cursor
from playground.gradio_ui import compat, components, following, page, sampling_models, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.microscope import controls as settings
from playground.labs.microscope import forks, text, view
from playground.labs.microscope import job as lab
from playground.labs.microscope.branches import Microscopy
from playground.labs.microscope.controls import MicroscopeControls
from playground.labs.microscope.forks import ForkSettings
from playground.labs.microscope.job import Examination
from playground.labs.shared import exports
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import checked
from playground.labs.shared.view import Notice
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

LAB = "microscope"


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    _Page().connect(demo)


class _Page:
    """The components of the page, and what happens when one of them is used."""

    def __init__(self) -> None:
        self.who = page.identity()
        self.panel = widgets.Panel(MicroscopeControls, LAB, _rules, [self.who.visitor])
        form_rules = ControlRules(at_first=forks.at_first, bounds=visitor_of(None).bounds(LAB))
        self.form = widgets.Form(ForkSettings, f"{LAB}-fork", form_rules)
        with page.sidebar():
            self.panel.draw()
        page.head(text.TITLE, text.LEAD, text.TERMS)
        self.follower = following.buttons(LAB, f"🔬 {text.START}", unit=text.WHAT, idle=text.EMPTY)
        self.note = gr.HTML("", elem_id=f"{LAB}-note")
        self.figure = components.microscope(f"{LAB}-bench")
        page.looking_at(text.LOOKING_AT)
        with gr.Accordion(f"🌿 {text.FORK}", open=True):
            self.place = gr.HTML("", elem_id=f"{LAB}-about")
            with gr.Group(elem_classes="dp-form"):
                self.form.draw()
            with gr.Row():
                self.fork = gr.Button(text.FORK_BUTTON, variant="primary", elem_id=f"{LAB}-fork", scale=0)
                self.undo = gr.Button(f"↩️ {text.UNDO}", elem_id=f"{LAB}-undo", scale=0, interactive=False)
        self.missing = gr.HTML("", elem_id=f"{LAB}-missing")
        self.errors = components.live_chart(f"{LAB}-errors")
        page.looking_at(text.ABOUT_ERRORS)
        with gr.Accordion(text.DOWNLOAD, open=False):
            self.files = gr.HTML("", apply_default_css=False, elem_id=f"{LAB}-files")
            self.code = gr.Code(language="python", interactive=False, show_label=False)

    def connect(self, demo: gr.Blocks) -> None:
        """Say what happens when."""
        panel, form, who = self.panel, self.form, self.who
        state, fields = [*who.both, *panel.state], [self.note, *form.widgets]
        everything, at_cursor = [self.note, *panel.shown, *form.widgets], [self.place, self.undo, self.files, self.code]
        causes = [
            panel.on_load(demo, self._opened, [], fields, who, self.follower.start),
            panel.on_change(self._changed, who.both, fields),
            self.follower.start.click(self._again, state, self.note, trigger_mode="multiple", **QUIET),
            self.fork.click(self._forked, [*state, *form.widgets], everything, **QUIET),
            self.undo.click(self._undone, state, everything, **QUIET),
        ]
        compat.input_event(form.widgets[0])(self._form_changed, [who.tab, *form.widgets], form.widgets, **QUIET)
        self.figure.cursor(
            self._moved, state, [*panel.shown, *form.widgets, *at_cursor], trigger_mode="always_last", **QUIET
        )
        self.follower.stops(who.tab)
        for cause in causes:
            self.follower.follow(cause, who.tab, _shown, [self.figure, self.missing, self.errors, *at_cursor])

    def _opened(self, controls: MicroscopeControls, visitor: str, tab: str, session: str) -> list[Any]:
        preload.wait()
        request_queue().attach(tab, session)
        return self._changed(controls, visitor, tab)

    def _changed(self, controls: MicroscopeControls, visitor: str, tab: str) -> list[Any]:
        return [_begin(controls, visitor, tab), *self._fields(controls, visitor)]

    def _again(self, visitor: str, tab: str, *values: Any) -> str:
        return _begin(self.panel.read(values)[0], visitor, tab, again=True)

    def _fields(self, now: MicroscopeControls, visitor: str) -> list[Any]:
        """The form as it begins at the cursor."""
        opened = view.opened(now, visitor_of(visitor))
        if isinstance(opened, Notice):  # which `_begin` says
            return [gr.skip()] * len(self.form.widgets)
        model, task = opened
        recipe = task.recipes[now.branch if now.branch < len(task.recipes) else 0]
        begun = forks.settings_of(lab.last_recipe(recipe))
        return self.form.answer(begun, forks.options(model), forks.hidden(begun, bool(model.class_names)))

    def _form_changed(self, tab: str, *values: Any) -> list[Any]:
        found, asked = _found(tab), self.form.settings_from(values)
        model = None if found is None else found.model
        hidden = forks.hidden(asked, model is None or bool(model.class_names))
        return self.form.answer(asked, forks.options(model), hidden)

    def _moved(self, event: gr.EventData, visitor: str, tab: str, *values: Any) -> list[Any]:
        """The cursor has come to rest elsewhere: the link says so, and a fork would leave from there."""
        found, now = _found(tab), self.panel.read(values)[0]
        cursor = None if found is None else read_cursor(components.event_value(event), found.figure.version)
        fields = [gr.skip()] * len(self.form.widgets)
        if found is None or cursor is None:
            return [*[gr.skip()] * len(self.panel.shown), *fields, *[gr.skip()] * 4]
        there = checked(now, branch=cursor.branch, frame=cursor.step, row=cursor.row, column=cursor.column)
        if there.branch != now.branch:
            fields = self._fields(there, visitor)
        return [*self.panel.update(there, (), values), *fields, *_at_cursor(found, there.branch, there.frame)]

    def _forked(self, visitor: str, tab: str, *values: Any) -> list[Any]:
        now, settings = self.panel.read(values)[0], self.form.settings_from(values[len(self.panel.state) :])
        job = _job(tab)
        forked = view.forked(None if job is None or job.state.is_running else job.state.result, now, settings)
        if isinstance(forked, Notice):
            return [page.notices([forked]), *[gr.skip()] * (len(self.panel.shown) + len(self.form.widgets))]
        return self._with(forked, visitor, tab, values)

    def _undone(self, visitor: str, tab: str, *values: Any) -> list[Any]:
        return self._with(view.without_last(self.panel.read(values)[0]), visitor, tab, values)

    def _with(self, controls: MicroscopeControls, visitor: str, tab: str, values: Any) -> list[Any]:
        note = _begin(controls, visitor, tab)
        return [note, *self.panel.update(controls, (), values), *self._fields(controls, visitor)]


def _begin(controls: MicroscopeControls, visitor: str, tab: str, *, again: bool = False) -> str:
    """Compute what these settings stand for, if that is not there already; returns what is to be said if it cannot be."""
    job, opened = _job(tab), view.opened(controls, visitor_of(visitor), None if again else _found(tab))
    if isinstance(opened, Notice):
        return page.notices([opened])
    model, task = opened
    if again or job is None or job.task != task:
        request_queue().put(tab, LAB, Examination(model, task))
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


def _rules(visitor: str | None) -> ControlRules[MicroscopeControls]:
    who = visitor_of(visitor)
    return settings.rules(who, sampling_models.available_to(who))
