"""The Points page: layout only; the lab is playground/labs/points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from engine.data.points import PointsError, PointSet
from engine.data.points_csv import read_csv
from engine.language import N_
from playground import preload
from playground.components.payloads.figures import DrawingPad
from playground.components.payloads.points_microscope import read_particle_cursor
from playground.gradio_ui import compat, components, following, in_browser, page, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.widgets import PanelState
from playground.labs.points import controls as settings
from playground.labs.points import decomposition, live_view, text, training
from playground.labs.points import job as sampling
from playground.labs.points.controls import PointsControls
from playground.labs.points.drawn import MOST_DRAWN, MOST_KINDS
from playground.labs.points.training import Learning
from playground.labs.points.view import PointsView, microscope, points_view
from playground.labs.shared import exports, link_view
from playground.labs.shared.controls import ControlRules, checked
from playground.labs.shared.job import Job
from playground.labs.shared.view import Notice
from playground.policy.visitor import Visitor
from playground.serving.request_queue import request_queue

State = PanelState[PointsControls]
SAMPLING, TRAINING = "points", "points-training"
"""The names under which the request queue keeps the two jobs of a tab."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    _Page().connect(demo)


class _Page:
    """The components of the page, and what its events do."""

    def __init__(self) -> None:
        self.own = gr.State(None)
        """The points of the reader's file, `Owned`; None before there are any."""
        self.panel = widgets.Panel(PointsControls, SAMPLING, _rules, self.own)
        self.panel.draw_page(text)
        self._draw_data()
        self.message = gr.HTML("", elem_id="points-message")
        self.in_browser = in_browser.InBrowser(SAMPLING, "live_points")
        with gr.Column() as self.on_server:
            self.sampling = following.buttons(SAMPLING, "", unit=N_("steps"), can_start=False)
            self.clouds = components.component("point_clouds", "points-stage")
        page.looking_at(text.STAGE)
        gr.Markdown(f"## {text.STEP}\n\n{text.STEP_LEAD}")
        self.step = components.component("points_microscope", "points-step")
        page.looking_at(text.STEP_ABOUT)
        self._draw_training()
        shown = [self.in_browser.figure, self.on_server]
        self.outputs = [self.pad, self.drawing, self.upload, self.step, *shown, self.message, self.training.start]

    def _draw_data(self) -> None:
        with gr.Column(visible=False) as self.drawing:
            gr.Markdown(f"## {text.DRAW}")
            self.pad = components.component("drawing_pad", "points-pad")
            page.looking_at(text.PAD)
        with gr.Group(visible=False) as self.upload:
            types = [".csv", ".txt", ".tsv"]
            self.file = gr.File(label=text.UPLOAD, file_types=types, type="binary", elem_id="points-file")
            self.pasted = gr.Textbox(label=text.PASTE, lines=4, max_lines=8, elem_id="points-pasted")
            gr.Markdown(text.UPLOAD_HELP, padding=True)

    def _draw_training(self) -> None:
        gr.Markdown(f"## {text.TRAIN}\n\n{text.TRAIN_LEAD}")
        self.training = following.buttons(TRAINING, f"🏋️ {text.BEGIN}", unit=N_("steps"), idle=text.TRAIN_EMPTY)
        with gr.Row():
            self.learned = components.component("point_clouds", "points-learned")
            self.losses = components.component("livechart", "points-losses")
        self.table = gr.HTML("", elem_id="points-table")
        page.looking_at(text.TRAINING)

    def connect(self, demo: gr.Blocks) -> None:
        """Connect the events: whatever changes the settings or the points samples the clouds again."""
        tab, panel, switch = self.panel.who.tab, self.panel, self.in_browser.switch
        loaded = panel.on_load(demo, self.in_browser.on_load(self._show), [switch], [*self.outputs, switch])
        begun = panel.on(self.training.start.click, _train, [], [self.message], trigger_mode="once")
        learned = [self.learned, self.losses, self.table]
        _, trained = self.training.connect(tab, _learning, learned, loaded, begun)
        causes = [
            loaded,
            panel.on_change(self._show, [switch], self.outputs),
            panel.on(compat.input_event(switch), self._show, [switch], self.outputs),
            panel.on_event(self.pad.points, self._redraw, [switch], self.outputs, trigger_mode="always_last"),
            trained.then(
                lambda *values: self._show(panel.read(values), values[-1]),
                [*panel.state, switch],
                self.outputs,
                **QUIET,
            ),
        ]
        for field, event in ((self.file, self.file.upload), (self.pasted, self.pasted.blur)):
            inputs, outputs = [*panel.state, field, switch], [self.own, *panel.shown, *self.outputs]
            causes.append(event(self._read_file, inputs, outputs, **QUIET))
        live = self.in_browser.figure
        panel.on_event(live.moved, _moved, [], [live, self.step], trigger_mode="always_last")
        panel.on_event(self.step.cursor, _select, [], [self.step], trigger_mode="always_last")
        self.sampling.connect(tab, lambda clouds: [components.value(clouds)], [self.clouds], *causes)

    def _show(self, state: State, is_live: bool) -> list[Any]:
        """Values of `outputs`; the clouds are sampled by a job from here on, or in the reader's browser if that is wanted."""
        controls, view = state.controls, _view(state)
        data, shown = view.data, microscope(controls, view)
        live = (
            live_view.live_view(controls, view)
            if is_live and view.trained and link_view.ONLY not in state.view
            else None
        )
        notices = (*view.notices, live) if isinstance(live, Notice) else view.notices
        clouds = None if isinstance(live, Notice) else live
        if data is not None and clouds is None:
            request_queue().put(state.tab, SAMPLING, Job(lambda: sampling.work(controls, data, view.trained), "points"))
        is_drawn = controls.data == "drawn"
        return [
            components.value(DrawingPad(controls.drawn, MOST_DRAWN, MOST_KINDS)) if is_drawn else gr.skip(),
            gr.update(visible=is_drawn),
            gr.update(visible=controls.data == "file"),
            components.value(shown),
            components.value(clouds),
            gr.update(visible=clouds is None),
            page.notices(notices),
            gr.update(value=view.training.start.label, interactive=True),
        ]

    def _redraw(self, state: State, drawing: object, is_live: bool) -> tuple[PointsControls, list[Any]] | None:
        """The reader has drawn on the pad."""
        try:
            controls = checked(state.controls, drawn=drawing["text"] if isinstance(drawing, dict) else None)
        except (KeyError, ValueError):  # nothing that the pad sends
            return None
        _, *others = self._show(
            replace(state, controls=controls), is_live
        )  # the pad has what it sent, or something newer
        return controls, [gr.skip(), *others]

    def _read_file(self, *values: Any) -> list[Any]:
        """The reader has given a file or pasted text."""
        *panel_values, content, is_live = values
        nothing = [gr.skip()] * (1 + len(self.panel.shown) + len(self.outputs))
        if not content:
            return nothing
        preload.wait()
        state = self.panel.read(panel_values)
        try:
            own, note = read_csv(content, most_points=settings.most_points(state.visitor))
        except PointsError as problem:
            return [*nothing[:-2], page.listed([str(problem)], "error"), gr.skip()]
        state = replace(state, own=own)
        *shown, message, start = self._show(state, is_live)
        message += page.listed([note], "info") if note else ""
        kept = widgets.Owned(state.visitor, own)
        return [kept, *self.panel.update(state, state.controls), *shown, message, start]


def _rules(visitor: Visitor, own: PointSet | None) -> ControlRules[PointsControls]:
    return settings.rules(own, visitor.bounds(SAMPLING))


def _select(state: State, value: object) -> tuple[PointsControls, list[Any]] | None:
    """The reader has selected another particle or step: the link says so."""
    controls, view = state.controls, _view(state)
    cursor = read_particle_cursor(value, view.key, controls.particles)
    if view.data is None or cursor is None:
        return None
    moved = decomposition.moved(controls, cursor)
    is_other = moved.particle != controls.particle
    return moved, [components.value(microscope(moved, view)) if is_other else gr.skip()]


def _moved(state: State, value: object) -> tuple[PointsControls, list[Any]] | None:
    """Controls of the figure in the reader's browser were moved."""
    controls = live_view.moved(state.controls, value)
    if controls is None:
        return None
    view = _view(replace(state, controls=controls))
    shown = live_view.live_view(controls, view)
    clouds = gr.skip() if shown is None or isinstance(shown, Notice) else components.value(shown)
    return controls, [clouds, components.value(microscope(controls, view))]


def _train(state: State) -> list[Any]:
    controls, view = state.controls, _view(state)
    data, before = view.data, view.before
    if data is None:
        return [page.notices(view.notices)]
    if (job := request_queue().job(state.tab, TRAINING)) is not None:
        job.stop()
        job.wait(5)
    request_queue().put(state.tab, TRAINING, Job(lambda: training.work(controls, data, before), "points training"))
    return [""]


def _view(state: State) -> PointsView:
    return points_view(state.controls, state.own, request_queue().job(state.tab, TRAINING))


def _learning(learning: Learning) -> list[Any]:
    """The cloud, the losses and their file."""
    return [
        components.value(training.stage(learning)),
        components.value(training.chart(learning)),
        exports.links([training.losses_file(learning)]),
    ]
