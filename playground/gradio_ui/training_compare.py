"""The components of a comparison on the Training page."""

from __future__ import annotations

import gradio as gr

from playground.gradio_ui import components, live, page, training_html
from playground.gradio_ui.training_sent import Sent
from playground.labs.shared import text as common
from playground.labs.training.view import CompareView


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
                self._samples = components.component("timeline", "training-compared-samples", empty_height=400)
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
        sent.chart(self._loss, loss)
        sent.text(self._about_loss, common.looking_at(loss.about))
        sent.visible(self._held_out_place, bool(more))
        for figure in more:
            sent.chart(self._held_out, figure)
        samples = compared.samples
        sent.visible(self._samples_place, samples is not None)
        if samples is not None:
            sent.timeline(self._samples, samples)
            sent.text(self._about_samples, common.looking_at(samples.about))
        sent.text(self._table, training_html.table(compared))
