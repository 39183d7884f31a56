"""The Microscope page: layout only, the lab itself is playground/labs/microscope/job.py."""

from __future__ import annotations

import base64
from typing import Any

import gradio as gr

from playground import preload
from playground.components.payloads.microscope import read_cursor
from playground.gradio_ui import components, following, page, sampling_models, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.microscope import forks, text
from playground.labs.microscope import job as lab
from playground.labs.microscope.forks import ForkSettings
from playground.labs.microscope.job import Examination, MicroscopeControls, Microscopy
from playground.labs.shared import models
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import checked
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

LAB = "microscope"


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    panel = widgets.Panel(MicroscopeControls, LAB, _rules, [who.visitor])
    form = widgets.Form(ForkSettings, f"{LAB}-fork", _form_rules())
    with page.sidebar():
        panel.draw()
    page.head(text.TITLE, text.LEAD)
    follower = following.buttons(LAB, text.START, unit="steps", idle=text.EMPTY)
    note = gr.HTML("", elem_id=f"{LAB}-note")
    bench = components.microscope(f"{LAB}-bench")
    page.looking_at(text.LOOKING_AT)
    with gr.Accordion(f"🌿 {text.FORK}", open=True):
        about = gr.HTML("", elem_id=f"{LAB}-about")
        with gr.Group(elem_classes="dp-form"):
            form.draw()
        with gr.Row():
            fork = gr.Button(text.FORK_BUTTON, variant="primary", elem_id=f"{LAB}-fork", scale=0, min_width=160)
            undo = gr.Button(f"↩️ {text.UNDO}", elem_id=f"{LAB}-undo", scale=0, min_width=220, interactive=False)
    errors = components.live_chart(f"{LAB}-errors")
    page.looking_at(text.ABOUT_ERRORS)
    with gr.Accordion(text.TAKE_AWAY, open=False):
        files = gr.HTML("", apply_default_css=False, elem_id=f"{LAB}-files")
        code = gr.Code(language="python", interactive=False, show_label=False)

    def begin(controls: MicroscopeControls, visitor: str, tab: str, *, anew: bool = False) -> str:
        """Compute what these settings ask for, if that is not there already; returns what is to be said if it cannot be."""
        job = _job(tab)
        try:
            before = None if job is None or anew else job.state.result
            model, task = lab.task_of(controls, visitor_of(visitor), before)
            if anew or job is None or job.task != task:
                request_queue().put(tab, LAB, Examination(model, task))
        except ValueError as problem:
            return page.listed([str(problem)], "error")
        return ""

    def opened(controls: MicroscopeControls, visitor: str, tab: str, session: str) -> list[Any]:
        preload.wait()
        request_queue().attach(tab, session)
        return [begin(controls, visitor, tab), *form_for(controls, visitor)]

    def changed(controls: MicroscopeControls, visitor: str, tab: str) -> list[Any]:
        return [begin(controls, visitor, tab), *form_for(controls, visitor)]

    def pressed(visitor: str, tab: str, *values: Any) -> str:
        return begin(panel.read(values)[0], visitor, tab, anew=True)

    def form_for(now: MicroscopeControls, visitor: str) -> list[Any]:
        """The form as it begins where the reader looks."""
        try:
            model, task = lab.task_of(now, visitor_of(visitor))
        except ValueError:  # which `begin` tells
            return [gr.skip()] * len(form.widgets)
        walk = task.walks[now.branch if now.branch < len(task.walks) else 0]
        begun = forks.settings_of(lab.settings_of(walk))
        return form.answer(begun, forks.options(model), forks.hidden(begun, bool(model.class_names)))

    def moved(event: gr.EventData, visitor: str, tab: str, *values: Any) -> list[Any]:
        """The reader has come to rest elsewhere: the link says so, and a fork would leave from there."""
        job, now = _job(tab), panel.read(values)[0]
        found = None if job is None else job.state.result
        place = None if found is None else read_cursor(components.event_value(event), found.bench.version)
        if found is None or place is None:
            return [gr.skip()] * (len(panel.shown) + len(form.widgets) + len(aside))
        there = checked(now, branch=place.branch, frame=place.step, row=place.row, column=place.column)
        fields = form_for(there, visitor) if there.branch != now.branch else [gr.skip()] * len(form.widgets)
        return [*panel.update(there, (), values), *fields, *_aside(found, there.branch, there.frame)]

    def forked(visitor: str, tab: str, *values: Any) -> list[Any]:
        job, now = _job(tab), panel.read(values)[0]
        try:
            if job is None or job.state.result is None or job.state.is_running:
                raise ValueError(text.NOT_YET)
            controls = lab.forked(job.state.result, now, form.asked(values[len(panel.state) :]))
        except ValueError as problem:
            return [page.listed([str(problem)], "info"), *[gr.skip()] * (len(panel.shown) + len(form.widgets))]
        return [begin(controls, visitor, tab), *panel.update(controls, (), values), *form_for(controls, visitor)]

    def undone(visitor: str, tab: str, *values: Any) -> list[Any]:
        controls = lab.without_last(panel.read(values)[0])
        return [begin(controls, visitor, tab), *panel.update(controls, (), values), *form_for(controls, visitor)]

    def form_changed(tab: str, *values: Any) -> list[Any]:
        job, asked = _job(tab), form.asked(values)
        model = None if job is None or job.state.result is None else job.state.result.model
        return form.answer(asked, forks.options(model), forks.hidden(asked, model is None or bool(model.class_names)))

    shown, aside = [bench, errors, about, undo, files, code], [about, undo, files, code]
    all_of_it = [note, *panel.shown, *form.widgets]
    where = [*who.both, *panel.state]
    causes = [
        panel.on_load(demo, opened, [], [note, *form.widgets], who, follower.start),
        panel.on_change(changed, who.both, [note, *form.widgets]),
        follower.start.click(pressed, where, note, trigger_mode="multiple", **QUIET),
        fork.click(forked, [*where, *form.widgets], all_of_it, **QUIET),
        undo.click(undone, where, all_of_it, **QUIET),
    ]
    form.widgets[0].input(form_changed, [who.tab, *form.widgets], form.widgets, **QUIET)
    bench.place(moved, where, [*panel.shown, *form.widgets, *aside], **QUIET)
    follower.stops(who.tab)
    for cause in causes:
        follower.follow(cause, who.tab, _shown, shown)


def _job(tab: str) -> Examination | None:
    job = request_queue().job(tab, LAB)
    return job if isinstance(job, Examination) else None


def _shown(found: Microscopy) -> list[Any]:
    chart = None if found.errors is None else components.value(found.errors.chart())
    return [found.bench.to_payload(), chart, *_aside(found, found.place.branch, found.place.step)]


def _aside(found: Microscopy, branch: int, step: int) -> list[Any]:
    """Where a fork would leave, whether one can be taken back, and what can be taken away of the branch."""
    walk = found.walk_at(branch)
    told = lab.fork_refused(found, branch)
    place = told or text.FORK_ABOUT.format(place=lab.place_in_words(found, branch, step))
    number = branch if walk is not None else 0
    links = (
        [("⬇️ Errors at every level (CSV)", "errors.csv", "text/csv", found.errors.csv().encode())]
        if found.errors
        else []
    )
    links = [*[(f"⬇️ {title}", *more) for title, *more in lab.files(found, number)], *links]
    written = "".join(
        f'<a class="dp-download" download="{name}" href="data:{kind};base64,{base64.b64encode(data).decode()}">{title}</a>'
        for title, name, kind, data in links
    )
    return [
        page.bold(place),
        gr.update(interactive=len(found.branches) > 1),
        f'<div class="dp-downloads">{written}</div>',
        found.branches[number].walk.python(),
    ]


def _rules(visitor: str | None) -> ControlRules[MicroscopeControls]:
    """How the controls stand for this visitor."""
    who = visitor_of(visitor)

    def options(now: MicroscopeControls) -> dict[str, dict[str, str]]:
        there = sampling_models.available(now.model, who)
        return lab.choices(there, now.model, who)

    return ControlRules(
        hidden=lab.hidden,
        disabled=lambda now: lab.without_effect(now, models.classes_of(now.model, who)),
        options=options,
        bounds=who.bounds(LAB),
        at_first=lambda now: {name: {getattr(now, name): ""} for name in ("model", *sampling_models.LISTED)},
    )


def _form_rules() -> ControlRules[ForkSettings]:
    return ControlRules(
        at_first=lambda now: {"sampler": {now.sampler: ""}, "label": {now.label: "none"}},
        bounds=visitor_of(None).bounds(LAB),
    )
