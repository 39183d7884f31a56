"""The Schedules page: layout only; the lab is playground/labs/schedules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from playground.components.payloads.curve import CurveEditor, read_points
from playground.gradio_ui import components, page, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.widgets import PanelState
from playground.labs.schedules import drawn, figures, job, text, view
from playground.labs.schedules.controls import ScheduleControls, choice_of, rules
from playground.labs.schedules.job import QUANTITIES
from playground.labs.shared import exports
from playground.labs.shared.controls import checked
from playground.labs.shared.text import with_subscripts

State = PanelState[ScheduleControls]
_GAUGE_CLICKS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-mend]");
  if (button) trigger("mend", { value: button.dataset.mend });
});
"""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    panel = widgets.Panel(ScheduleControls, "schedules", lambda visitor: rules())
    panel.draw_page(text)
    strips = gr.HTML("", apply_default_css=False, elem_id="schedules-strips")
    page.looking_at(text.STRIPS)
    with gr.Column(visible=False) as drawing:
        gr.Markdown(f"## {text.DRAW}")
        curve = components.component("curve_editor", "schedules-curve")
        page.looking_at(text.DRAWN)
    gr.Markdown(f"## {text.GAUGES}")
    gauges = gr.HTML("", js_on_load=_GAUGE_CLICKS, min_height=120, apply_default_css=False, elem_id="schedules-gauges")
    page.looking_at(text.GAUGE)
    timeline = components.component("timeline", "schedules-timeline")
    page.looking_at(text.CURVES)
    with gr.Accordion(text.CLOSER, open=False) as closer:
        curves = _curve_components()
    is_open = gr.State(False)
    outputs = [strips, drawing, curve, gauges, timeline, *curves]

    def curves_of(*values: Any) -> list[Any]:
        return _curves(panel.read(values).controls, values[-1])

    loaded = panel.on_load(demo, _shown, [is_open], outputs)
    opened = closer.expand(lambda: True, None, is_open, **QUIET)
    closer.collapse(lambda: False, None, is_open, **QUIET)
    # After the load too: where they are opened before it has ended, they would show the curves of the defaults.
    for cause in (loaded, opened):
        cause.then(curves_of, [*panel.state, is_open], curves, **QUIET)
    panel.on_change(_shown, [is_open], outputs)
    panel.on_event(curve.points, _redrawn, [is_open], outputs, trigger_mode="always_last")
    panel.on_event(gauges.mend, _mended, [is_open], outputs)


def _redrawn(state: State, value: object, is_open: bool) -> tuple[ScheduleControls, list[Any]] | None:
    try:
        controls = checked(state.controls, points=drawn.format_points(read_points(value)))
    except ValueError:  # nothing that the editor sends
        return None
    return controls, _shown(replace(state, controls=controls), is_open)


def _mended(state: State, name: object, is_open: bool) -> tuple[ScheduleControls, list[Any]]:
    remedies = (verdict.remedy for verdict in job.verdicts(state.controls) if verdict.name == name)
    controls = next(remedies, None) or state.controls
    return controls, _shown(replace(state, controls=controls), is_open)


def _curve_components() -> list[Any]:
    """The legend, the four charts and their file."""
    legend, plots = gr.HTML("", apply_default_css=False), []
    for row in (QUANTITIES[:2], QUANTITIES[2:]):
        with gr.Row():
            plots += [gr.Plot(show_label=False) for _ in row]
    return [legend, *plots, gr.HTML("", apply_default_css=False)]


def _shown(state: State, closer_is_open: bool) -> list[Any]:
    """The strips, the editor and its column, the gauges, the timeline and the curves."""
    controls = state.controls
    editor = components.value(CurveEditor(drawn.parse_points(controls.points), job.references(controls)))
    draws = [gr.update(visible=controls.drawn), editor if controls.drawn else gr.skip()]
    if not job.schedules_of(controls):
        return [page.listed([text.NONE], "info"), *draws, "", None, *_curves(controls, False)]
    return [
        figures.strips(job.strips(controls)),
        *draws,
        _gauges(controls),
        components.value(view.timeline(controls)),
        *_curves(controls, closer_is_open),
    ]


def _gauges(controls: ScheduleControls) -> str:
    cards = []
    for verdict in job.verdicts(controls):
        gauge = figures.gauge(verdict.name, verdict.snr)
        said = f"<b>{text.headline(verdict.headline)}</b> {with_subscripts(verdict.sentence)}"
        words = f"<p>{text.STATES[verdict.state]} {said}</p>"
        mend = f'<button class="dp-mend" data-mend="{verdict.name}">{verdict.button}</button>' if verdict.remedy else ""
        cards.append(f'<div class="dp-card">{gauge}{words}{mend}</div>')
    return f'<div class="dp-cards">{"".join(cards)}</div>'


def _curves(controls: ScheduleControls, is_open: bool) -> list[Any]:
    """Values of the curve components, which are drawn only while they are open: they cost more than the rest of the page."""
    if not is_open:
        return [gr.skip()] * 6
    choice = choice_of(controls)
    legend = figures.legend(job.schedules_of(choice))
    files = exports.links([figures.table_of(choice)])
    return [legend, *(figures.curves_of(choice, quantity) for quantity in QUANTITIES), files]
