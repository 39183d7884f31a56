"""The Schedules page: layout only, the lab itself is playground/labs/schedules/view.py."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import preload
from playground.components.payloads.curve import CurveEditor
from playground.gradio_ui import components, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.schedules import drawn, figures, text
from playground.labs.schedules import view as lab
from playground.labs.schedules.view import QUANTITIES, ScheduleControls
from playground.labs.shared import exports
from playground.labs.shared import picture as pictures
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import checked

_GAUGE_CLICKS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-mend]");
  if (button) trigger("mend", { name: button.dataset.mend });
});
"""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    panel = widgets.Panel(ScheduleControls, "schedules", _rules())
    with page.sidebar():
        panel.draw()
    page.head(text.TITLE, text.LEAD)
    strips = gr.HTML("", min_height=170, apply_default_css=False)
    page.looking_at(text.STRIPS)
    with gr.Column(visible=False) as drawing:
        gr.Markdown(f"#### {text.DRAW}")
        curve = components.curve_editor("schedules-curve")
        page.looking_at(text.DRAWN)
    gr.Markdown(f"#### {text.GAUGES}")
    gauges = gr.HTML("", js_on_load=_GAUGE_CLICKS, min_height=120, apply_default_css=False, elem_id="schedules-gauges")
    page.looking_at(text.GAUGE)
    timeline = components.timeline("schedules-timeline", empty_height=640)
    page.looking_at(text.CURVES)
    with gr.Accordion(text.CLOSER, open=False) as closer:
        legend = gr.HTML("", apply_default_css=False)
        plots = []
        for row in (QUANTITIES[:2], QUANTITIES[2:]):
            with gr.Row():
                plots += [gr.Plot(show_label=False) for _ in row]
        files = gr.HTML("", apply_default_css=False)
    is_open = gr.State(False)

    def show(controls: ScheduleControls, closer_is_open: bool) -> list[Any]:
        preload.wait()
        shown = lab.schedules_of(controls)
        editor = components.value(CurveEditor(drawn.parse_points(controls.points), lab.references(controls)))
        draws = [gr.update(visible=controls.drawn), editor if controls.drawn else gr.skip()]
        if not shown:
            return [page.listed([text.NONE], "info"), *draws, "", None, *_curves(controls, False)]
        return [
            figures.strips([(strip.name, lab.TITLES[strip.name], strip.pictures) for strip in lab.strips(controls)]),
            *draws,
            _gauges(controls),
            components.value(lab.compute(controls)),
            *_curves(controls, closer_is_open),
        ]

    outputs = [strips, drawing, curve, gauges, timeline, legend, *plots, files]

    def redrawn(event: gr.EventData, is_open: bool, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        try:
            controls = checked(controls, points=drawn.format_points(components.drawn_points(event)))
        except ValueError:  # nothing that the editor sends
            return [gr.skip()] * (len(panel.shown) + len(outputs))
        return [*panel.update(controls, problems), *show(controls, is_open)]

    def mended(event: gr.EventData, is_open: bool, *values: Any) -> list[Any]:
        controls, _ = panel.read(values)
        name = event._data.get("name") if isinstance(event._data, dict) else None
        found = next((verdict.remedy for verdict in lab.verdicts(controls) if verdict.name == name), None)
        controls = found or controls
        return [*panel.update(controls), *show(controls, is_open)]

    def closely(is_open: bool, *values: Any) -> list[Any]:
        controls, _ = panel.read(values)
        return _curves(controls, is_open)

    loaded = panel.on_load(demo, show, [is_open], outputs)
    opened = closer.expand(lambda: True, None, is_open, **QUIET)
    # After the load as well: who opens them before it has ended would see the curves of the defaults.
    for cause in (loaded, opened):
        cause.then(closely, [is_open, *panel.state], [legend, *plots, files], **QUIET)
    panel.on_change(show, [is_open], outputs)
    everything = [*panel.shown, *outputs]
    curve.points(redrawn, [is_open, *panel.state], everything, trigger_mode="always_last", **QUIET)
    gauges.mend(mended, [is_open, *panel.state], everything, **QUIET)
    closer.collapse(lambda: False, None, is_open, **QUIET)


def _rules() -> ControlRules[ScheduleControls]:
    return ControlRules(
        hidden=lambda now: () if now.drawn else ("points",),
        options=lambda now: {"class_index": pictures.class_titles(now)},
        limits=lambda now: {"number": pictures.number_range(now)},
        disabled=lab.without_effect,
    )


def _gauges(controls: ScheduleControls) -> str:
    cards = []
    for verdict in lab.verdicts(controls):
        gauge = figures.gauge(verdict.name, lab.TITLES[verdict.name], verdict.snr)
        words = f"<p>{text.STATES[verdict.state]} <b>{verdict.headline}.</b> {verdict.sentence}</p>"
        mend = f'<button class="dp-mend" data-mend="{verdict.name}">{verdict.button}</button>' if verdict.remedy else ""
        cards.append(f'<div class="dp-card">{gauge}{words}{mend}</div>')
    return f'<div class="dp-cards">{"".join(cards)}</div>'


def _curves(controls: ScheduleControls, wanted: bool) -> list[Any]:
    """The legend, the four charts and their file, which cost the browser more than all the rest: for who opens them."""
    if not wanted:
        return [gr.skip()] * 6
    choice = lab.choice_of(controls)
    legend = figures.legend({name: lab.TITLES[name] for name in lab.schedules_of(choice)})
    files = exports.links([figures.table_of(choice)])
    return [legend, *(figures.curves_of(choice, quantity) for quantity in QUANTITIES), files]
