"""The Points page: layout only, the lab itself is playground/labs/points/controls.py."""

from __future__ import annotations

import base64
from typing import Any

import gradio as gr

from engine.data.points import PointsError, PointSet
from engine.data.points_csv import read_csv
from playground import preload
from playground.components.payloads.points_microscope import read_particle_cursor
from playground.gradio_ui import components, following, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.points import controls as lab
from playground.labs.points import decomposition, text, trajectory
from playground.labs.points import job as points_stage
from playground.labs.points import training as points_training
from playground.labs.points.controls import PointsControls
from playground.labs.points.drawn import MOST_DRAWN, MOST_KINDS
from playground.labs.points.training import Learning
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import checked
from playground.labs.shared.job import Job
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import desk

SAMPLING, TRAINING = "points", "points-training"
"""The names under which the desk keeps the two jobs of a tab."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    own = gr.State(None)
    """The points of the reader's own file, once there are any."""
    panel = widgets.Panel(PointsControls, "points", _rules, [own])
    with page.sidebar():
        panel.draw()
    page.head(text.TITLE, text.LEAD)
    with gr.Column(visible=False) as drawing:
        gr.Markdown(f"#### {text.DRAW}")
        pad = components.drawing_pad("points-pad")
        page.looking_at(text.PAD)
    with gr.Group(visible=False) as upload:
        file = gr.File(label=text.UPLOAD, file_types=[".csv", ".txt", ".tsv"], type="binary", elem_id="points-file")
        pasted = gr.Textbox(label=text.PASTE, lines=4, max_lines=8, elem_id="points-pasted")
        gr.Markdown(text.UPLOAD_HELP, padding=True)
    message = gr.HTML("", elem_id="points-message")
    with gr.Row(elem_classes="dp-actions"):
        stop = gr.Button("⏹️ Stop", elem_id="points-stop", interactive=False, min_width=120, scale=0)
        status = gr.HTML(page.status(""), elem_id="points-status", min_width=260)
        hidden = gr.Button(visible=False)
    sampling = following.Follower(SAMPLING, hidden, stop, status, "steps")
    stage = components.point_clouds("points-stage", empty_height=560)
    page.looking_at(text.STAGE)
    gr.Markdown(f"#### {text.STEP}\n\n{text.STEP_LEAD}")
    step = components.points_microscope("points-step")
    page.looking_at(text.STEP_ABOUT)
    gr.Markdown(f"#### {text.TRAIN}\n\n{text.TRAIN_LEAD}")
    training = following.buttons(TRAINING, text.BEGIN, unit="steps", idle=text.TRAIN_EMPTY)
    with gr.Row():
        learned = components.point_clouds("points-learned")
        losses = components.live_chart("points-losses")
    table = gr.HTML("", elem_id="points-table")
    page.looking_at(text.TRAINING)

    outputs = [pad, drawing, upload, step, message, training.start]

    def show(controls: PointsControls, tab: str, own: PointSet | None) -> list[Any]:
        preload.wait()
        shown = [
            components.pad_value(controls.drawn, MOST_DRAWN, MOST_KINDS) if controls.data == "drawn" else gr.skip(),
            gr.update(visible=controls.data == "drawn"),
            gr.update(visible=controls.data == "file"),
        ]
        try:
            data = lab.points_of(controls, own)
        except PointsError as problem:
            return [*shown, None, page.listed([str(problem)], "info"), gr.update(interactive=True)]
        job = desk().job(tab, TRAINING)
        trained = points_training.usable(job, controls, data)
        taken_apart = decomposition.bench(controls, data, trained).to_payload()
        lacking = trained is None and (controls.model == "trained" or controls.compare == "model")
        desk().put(tab, SAMPLING, Job(lambda: points_stage.work(controls, data, trained), "points"))
        button = text.TRAIN_ON if points_training.goes_on(job, controls, data) else text.BEGIN
        said = page.listed([points_stage.NOT_TRAINED], "info") if lacking else ""
        return [*shown, taken_apart, said, gr.update(value=button, interactive=True)]

    def opened(controls: PointsControls, visitor: str, tab: str, session: str, own: PointSet | None) -> list[Any]:
        desk().attach(tab, session)
        return show(controls, tab, own)

    def redrawn(event: gr.EventData, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        value = event._data.get("value") if isinstance(event._data, dict) else None
        try:
            controls = checked(controls, drawn=value["text"] if isinstance(value, dict) else None)
        except (KeyError, ValueError):  # nothing that the pad sends
            return [gr.skip()] * (len(panel.shown) + len(outputs))
        shown = show(controls, tab, None)
        shown[0] = gr.skip()  # the pad has what it sent, or something newer
        return [*panel.update(controls, problems, values), *shown]

    def given(data: bytes | str | None, tab: str, *values: Any) -> list[Any]:
        if not data:
            return [gr.skip()] * (1 + len(panel.shown) + len(outputs))
        controls, problems = panel.read(values)
        try:
            own, note = read_csv(data, most_points=lab.most_points(visitor_of(None)))
        except PointsError as problem:
            nothing = [gr.skip()] * (1 + len(panel.shown) + len(outputs))
            nothing[-2] = page.listed([str(problem)], "error")
            return nothing
        shown = show(controls, tab, own)
        shown[-2] = page.listed([note], "info") if note else shown[-2]
        return [own, *panel.update(controls, problems, [*values[:-1], own]), *shown]

    def moved(event: gr.EventData, tab: str, *values: Any) -> list[Any]:
        """The reader looks at another particle, or has come to rest at another step: the link says so."""
        controls, problems = panel.read(values)
        nothing = [gr.skip()] * (len(panel.shown) + 1)
        try:
            data = lab.points_of(controls, values[-1])
        except PointsError:
            return nothing
        trained = points_training.usable(desk().job(tab, TRAINING), controls, data)
        where = read_particle_cursor(
            components.event_value(event), trajectory.stage_key(controls, data, trained), controls.particles
        )
        if where is None:
            return nothing
        there = decomposition.moved(controls, where)
        other = there.particle != controls.particle
        taken_apart = decomposition.bench(there, data, trained).to_payload() if other else gr.skip()
        return [*panel.update(there, problems, values), taken_apart]

    def begun(tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        try:
            data = lab.points_of(controls, values[-1])
        except PointsError as problem:
            return [*panel.update(controls, problems, values), page.listed([str(problem)], "info")]
        job = desk().job(tab, TRAINING)
        before = points_training.goes_on(job, controls, data)
        if job is not None:
            job.stop()
            job.wait(5)
        desk().put(tab, TRAINING, Job(lambda: points_training.work(controls, data, before), "points training"))
        return [*panel.update(controls, problems, values), ""]

    def ended(tab: str, *values: Any) -> list[Any]:
        return show(panel.read(values)[0], tab, values[-1])

    def draw_learning(learning: Learning) -> list[Any]:
        link = base64.b64encode(points_training.losses_csv(learning).encode()).decode()
        anchor = f'<a class="dp-download" download="losses.csv" href="data:text/csv;base64,{link}">{text.LOSSES}</a>'
        return [
            components.value(points_training.stage(learning)),
            components.value(points_training.chart(learning)),
            f'<div class="dp-downloads">{anchor}</div>',
        ]

    def follow_sampling(cause: Any) -> None:
        sampling.follow(cause, who.tab, lambda shown: [components.value(shown)], [stage])

    def follow_training(cause: Any) -> None:
        end = training.follow(cause, who.tab, draw_learning, [learned, losses, table])
        # The cloud of the trained network is another one now.
        follow_sampling(end.then(ended, [who.tab, *panel.state], outputs, **QUIET))

    loaded = panel.on_load(demo, opened, [own], outputs, who)
    follow_sampling(loaded)
    training.follow(loaded, who.tab, draw_learning, [learned, losses, table])
    follow_sampling(panel.on_change(show, [who.tab, own], outputs))
    everything = [*panel.shown, *outputs]
    follow_sampling(pad.points(redrawn, [who.tab, *panel.state], everything, trigger_mode="always_last", **QUIET))
    for field, event in ((file, file.upload), (pasted, pasted.blur)):
        follow_sampling(event(given, [field, who.tab, *panel.state], [own, *everything], **QUIET))
    step.place(moved, [who.tab, *panel.state], [*panel.shown, step], trigger_mode="always_last", **QUIET)
    follow_training(
        training.start.click(begun, [who.tab, *panel.state], [*panel.shown, message], trigger_mode="once", **QUIET)
    )
    sampling.stops(who.tab)
    training.stops(who.tab)


def _rules(own: PointSet | None) -> ControlRules[PointsControls]:
    return ControlRules(
        hidden=lab.hidden,
        disabled=lambda now: lab.without_effect(now, own),
        options=lambda now: {"label": lab.label_titles(now, own)},
        bounds=visitor_of(None).bounds("points"),
    )
