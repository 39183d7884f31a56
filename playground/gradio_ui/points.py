"""The Points page: layout only; the lab is playground/labs/points."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.data.points import PointsError, PointSet
from engine.data.points_csv import read_csv
from playground import preload
from playground.components.payloads.figures import DrawingPad
from playground.components.payloads.points_microscope import read_particle_cursor
from playground.gradio_ui import components, following, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.points import controls as settings
from playground.labs.points import decomposition, text, training
from playground.labs.points import job as sampling
from playground.labs.points.controls import PointsControls
from playground.labs.points.drawn import MOST_DRAWN, MOST_KINDS
from playground.labs.points.training import Learning
from playground.labs.points.view import PointsView, microscope, points_view
from playground.labs.shared import exports
from playground.labs.shared.controls import checked
from playground.labs.shared.job import Job
from playground.labs.shared.view import Notice
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

SAMPLING, TRAINING = "points", "points-training"
"""The names under which the request queue keeps the two jobs of a tab."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    _Page().connect(demo)


class _Page:
    """The components of the page, and what its events do."""

    def __init__(self) -> None:
        self.who = page.identity()
        self.own = gr.State(None)
        """The points of the reader's file; None before there are any."""
        bounds = visitor_of(None).bounds(SAMPLING)
        self.panel = widgets.Panel(PointsControls, SAMPLING, lambda own: settings.rules(own, bounds), [self.own])
        with page.sidebar():
            self.panel.draw()
        page.head(text.TITLE, text.LEAD, text.TERMS)
        self._draw_data()
        self.message = gr.HTML("", elem_id="points-message")
        self.sampling = following.buttons(SAMPLING, "", unit="steps", can_start=False)
        self.clouds = components.point_clouds("points-stage", empty_height=560)
        page.looking_at(text.STAGE)
        gr.Markdown(f"#### {text.STEP}\n\n{text.STEP_LEAD}")
        self.step = components.points_microscope("points-step")
        page.looking_at(text.STEP_ABOUT)
        self._draw_training()
        self.outputs = [self.pad, self.drawing, self.upload, self.step, self.message, self.training.start]

    def _draw_data(self) -> None:
        with gr.Column(visible=False) as self.drawing:
            gr.Markdown(f"#### {text.DRAW}")
            self.pad = components.drawing_pad("points-pad")
            page.looking_at(text.PAD)
        with gr.Group(visible=False) as self.upload:
            types = [".csv", ".txt", ".tsv"]
            self.file = gr.File(label=text.UPLOAD, file_types=types, type="binary", elem_id="points-file")
            self.pasted = gr.Textbox(label=text.PASTE, lines=4, max_lines=8, elem_id="points-pasted")
            gr.Markdown(text.UPLOAD_HELP, padding=True)

    def _draw_training(self) -> None:
        gr.Markdown(f"#### {text.TRAIN}\n\n{text.TRAIN_LEAD}")
        self.training = following.buttons(TRAINING, f"🏋️ {text.BEGIN}", unit="steps", idle=text.TRAIN_EMPTY)
        with gr.Row():
            self.learned = components.point_clouds("points-learned")
            self.losses = components.live_chart("points-losses")
        self.table = gr.HTML("", elem_id="points-table")
        page.looking_at(text.TRAINING)

    def connect(self, demo: gr.Blocks) -> None:
        """Connect the events: whatever changes the settings or the points samples the clouds again."""
        tab, panel = self.who.tab, self.panel
        inputs, everything = [tab, *panel.state], [*panel.shown, *self.outputs]
        loaded = panel.on_load(demo, self._open, [self.own], self.outputs, self.who)
        self._follow_training(loaded)
        causes = [
            loaded,
            panel.on_change(self._show, [tab, self.own], self.outputs),
            self.pad.points(self._redraw, inputs, everything, trigger_mode="always_last", **QUIET),
        ]
        for field, event in ((self.file, self.file.upload), (self.pasted, self.pasted.blur)):
            causes.append(event(self._read_file, [field, *inputs], [self.own, *everything], **QUIET))
        self.step.cursor(self._select, inputs, [*panel.shown, self.step], trigger_mode="always_last", **QUIET)
        trained = self._follow_training(
            self.training.start.click(self._train, inputs, [*panel.shown, self.message], trigger_mode="once", **QUIET)
        )
        causes.append(trained.then(self._show_again, inputs, self.outputs, **QUIET))  # the trained network's cloud
        for cause in causes:
            self.sampling.follow(cause, tab, lambda clouds: [components.value(clouds)], [self.clouds])
        self.sampling.stops(tab)
        self.training.stops(tab)

    def _follow_training(self, cause: Any) -> Any:
        return self.training.follow(cause, self.who.tab, _learning, [self.learned, self.losses, self.table])

    def _show(self, controls: PointsControls, tab: str, own: PointSet | None) -> list[Any]:
        """Values of `outputs`; the clouds are sampled by a job from here on."""
        preload.wait()
        view = _view(controls, tab, own)
        data, shown = view.data, microscope(controls, view)
        if data is not None:
            request_queue().put(tab, SAMPLING, Job(lambda: sampling.work(controls, data, view.trained), "points"))
        is_drawn = controls.data == "drawn"
        return [
            components.value(DrawingPad(controls.drawn, MOST_DRAWN, MOST_KINDS)) if is_drawn else gr.skip(),
            gr.update(visible=is_drawn),
            gr.update(visible=controls.data == "file"),
            None if shown is None else shown.to_payload(),
            page.notices(view.notices),
            gr.update(value=view.training.start.label, interactive=True),
        ]

    def _open(self, controls: PointsControls, visitor: str, tab: str, session: str, own: PointSet | None) -> list[Any]:
        request_queue().attach(tab, session)
        return self._show(controls, tab, own)

    def _show_again(self, tab: str, *values: Any) -> list[Any]:
        return self._show(self.panel.read(values)[0], tab, values[-1])

    def _redraw(self, event: gr.EventData, tab: str, *values: Any) -> list[Any]:
        """The reader has drawn on the pad."""
        controls, problems = self.panel.read(values)
        drawing = components.event_value(event)
        try:
            controls = checked(controls, drawn=drawing["text"] if isinstance(drawing, dict) else None)
        except (KeyError, ValueError):  # nothing that the pad sends
            return [gr.skip()] * (len(self.panel.shown) + len(self.outputs))
        _, *others = self._show(controls, tab, None)  # the pad has what it sent, or something newer
        return [*self.panel.update(controls, problems, values), gr.skip(), *others]

    def _read_file(self, content: bytes | str | None, tab: str, *values: Any) -> list[Any]:
        """The reader has given a file or pasted text."""
        nothing = [gr.skip()] * (1 + len(self.panel.shown) + len(self.outputs))
        if not content:
            return nothing
        controls, problems = self.panel.read(values)
        try:
            own, note = read_csv(content, most_points=settings.most_points(visitor_of(None)))
        except PointsError as problem:
            return [*nothing[:-2], page.listed([str(problem)], "error"), gr.skip()]
        *shown, message, start = self._show(controls, tab, own)
        message += page.listed([note], "info") if note else ""
        return [own, *self.panel.update(controls, problems, [*values[:-1], own]), *shown, message, start]

    def _select(self, event: gr.EventData, tab: str, *values: Any) -> list[Any]:
        """The reader has selected another particle or step: the link says so."""
        controls, problems = self.panel.read(values)
        view = _view(controls, tab, values[-1])
        cursor = read_particle_cursor(components.event_value(event), view.key, controls.particles)
        if view.data is None or cursor is None:
            return [gr.skip()] * (len(self.panel.shown) + 1)
        moved = decomposition.moved(controls, cursor)
        shown = microscope(moved, view) if moved.particle != controls.particle else None
        return [*self.panel.update(moved, problems, values), gr.skip() if shown is None else shown.to_payload()]

    def _train(self, tab: str, *values: Any) -> list[Any]:
        controls, problems = self.panel.read(values)
        view = _view(controls, tab, values[-1])
        data, before = view.data, view.before
        if data is not None:
            if (job := request_queue().job(tab, TRAINING)) is not None:
                job.stop()
                job.wait(5)
            request_queue().put(tab, TRAINING, Job(lambda: training.work(controls, data, before), "points training"))
        notices: tuple[Notice, ...] = view.notices if data is None else ()
        return [*self.panel.update(controls, problems, values), page.notices(notices)]


def _view(controls: PointsControls, tab: str, own: PointSet | None) -> PointsView:
    return points_view(controls, own, request_queue().job(tab, TRAINING))


def _learning(learning: Learning) -> list[Any]:
    """The cloud, the losses and their file."""
    return [
        components.value(training.stage(learning)),
        components.value(training.chart(learning)),
        exports.links([training.losses_file(learning)]),
    ]
