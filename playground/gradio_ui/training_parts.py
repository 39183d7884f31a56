"""The components of one run on the Training page, and of several compared."""

from __future__ import annotations

import gradio as gr

from playground.gradio_ui import components, live, page, training_html
from playground.gradio_ui.training_sent import Sent
from playground.labs.shared import text as common
from playground.labs.training import text
from playground.labs.training.view import CompareView, RunView

CHARTS = ("loss", "levels", "bound", "accuracy")


class RunPart:
    """One run; the components stand where the caller's `with` does."""

    def __init__(self) -> None:
        with gr.Column(visible=False) as self._place:
            self.name = live.live_html("training-name")
            self.head = live.live_html("training-head")
            self.doctor = live.live_html("training-doctor")
            self._algorithm = components.component("algorithm", "training-algorithm")
            self._charts: dict[str, gr.HTML] = {}
            self._places: dict[str, gr.Column] = {}
            self._about: dict[str, gr.Markdown] = {}
            with gr.Row():
                self._chart("loss")
                self._chart("levels")
            self._chart("bound")
            self._chart("accuracy")
            with gr.Column(visible=False) as self._samples_place:
                self._waiting = live.live_html("training-waiting")
                self._samples = components.component("timeline", "training-previews")
                page.looking_at(text.PREVIEWS)
            self._command = live.live_html("training-command")
        own = [
            self._place,
            self.name,
            self.head,
            self.doctor,
            self._algorithm,
            self._samples_place,
            self._waiting,
            self._samples,
        ]
        charts = [part for parts in (self._places, self._charts, self._about) for part in parts.values()]
        self.components = [*own, self._command, *charts]

    def _chart(self, name: str) -> None:
        with gr.Column(min_width=300, visible=name == "loss") as self._places[name]:
            self._charts[name] = components.component("livechart", f"training-{name}")
            self._about[name] = page.looking_at("")

    def send(self, sent: Sent, run: RunView | None) -> None:
        """Send what has changed since the last update; None hides all of it."""
        sent.visible(self._place, run is not None)
        if run is None:
            return
        sent.text(self.name, training_html.name(run))
        sent.text(self.head, training_html.head(run))
        sent.text(self.doctor, training_html.findings(run))
        sent.figure(self._algorithm, run.algorithm)
        figures = {figure.name: figure for figure in run.charts}
        for name in CHARTS:
            sent.visible(self._places[name], name in figures)
        for name, figure in figures.items():
            sent.figure(self._charts[name], figure)
            sent.text(self._about[name], common.looking_at(figure.about))
        samples = run.samples
        sent.visible(self._samples_place, bool(samples or run.waiting))
        sent.text(self._waiting, training_html.caption(run.waiting))
        if samples is not None:
            sent.figure(self._samples, samples)
        else:
            sent.new(self._samples, run.id, lambda: None)
        sent.text(self._command, training_html.command(run))


class ComparePart:
    """Two to four runs side by side; the components stand where the caller's `with` does."""

    def __init__(self) -> None:
        with gr.Column(visible=False) as self._place:
            self.head = live.live_html("training-against")
            with gr.Row():
                with gr.Column(min_width=300):
                    self._loss = components.component("livechart", "training-compared-loss")
                with gr.Column(min_width=300, visible=False) as self._held_out_place:
                    self._held_out = components.component("livechart", "training-compared-held-out")
            self._about_loss = page.looking_at("")
            with gr.Column(visible=False) as self._samples_place:
                self._samples = components.component("timeline", "training-compared-samples")
                self._about_samples = page.looking_at("")
            self._table = live.live_html("training-table")
        self.components = list(vars(self).values())

    def send(self, sent: Sent, compared: CompareView | None) -> None:
        """Send what has changed since the last update; None hides all of it."""
        sent.visible(self._place, compared is not None)
        if compared is None:
            return
        sent.text(self.head, training_html.compare_head(compared))
        loss, *more = compared.charts
        sent.figure(self._loss, loss)
        sent.text(self._about_loss, common.looking_at(loss.about))
        sent.visible(self._held_out_place, bool(more))
        for figure in more:
            sent.figure(self._held_out, figure)
        samples = compared.samples
        sent.visible(self._samples_place, samples is not None)
        if samples is not None:
            sent.figure(self._samples, samples)
            sent.text(self._about_samples, common.looking_at(samples.about))
        sent.text(self._table, training_html.table(compared))
