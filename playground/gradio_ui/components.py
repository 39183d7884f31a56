"""The client-side components in Gradio: thin adapters around the files of playground/components/src.

Each is a `gr.HTML` whose template never changes, so that Gradio leaves alone what the component drew. A timeline travels as one
text, base64 of the bytes of `Timeline.to_message()`: Gradio copies and compares values in the browser, and does so fastest
with one text.
"""

from __future__ import annotations

import base64
from typing import Any

import gradio as gr

from playground.components import source
from playground.components.payloads.chart import LiveChart
from playground.components.payloads.curve import CurveEditor, Points, check_points
from playground.components.payloads.microscope import Bench, Place, place_of
from playground.components.payloads.panels import Line
from playground.components.payloads.recorder import Flight
from playground.components.payloads.stage import Stage
from playground.components.payloads.timeline import Timeline

_ADAPTER = """
const host = document.createElement("div");
element.replaceChildren(host);
const component = mount(host, (name, value) => trigger(name, { value }));
const read = (value) => (typeof value === "string" ? Uint8Array.from(atob(value), (c) => c.charCodeAt(0)) : value);
const show = () => {
  element.classList.toggle("dp-unfilled", !props.value);
  // The first pictures are decoded before they stand there: until then their place is kept.
  if (!props.value) host.style.minHeight = emptyHeight + "px";
  else if (host.style.minHeight) setTimeout(() => { host.style.minHeight = ""; }, 1000);
  if (props.value) component.update(read(props.value));
};
watch("value", show);
show();
"""
"""`trigger`, `props`, `watch` and `element` are Gradio's; `mount` is the component's.

Gradio's own least height holds only while an event is under way, and so makes a page jump that looks twice a second."""


def css() -> str:
    """The stylesheet of all components, to be put on the page once."""
    return source.css()


def _component(name: str, value: object, elem_id: str, *, empty_height: int = 0) -> gr.HTML:
    return gr.HTML(
        value,
        html_template="<div></div>",
        js_on_load=f"{source.script(name)}\nconst emptyHeight = {empty_height};\n{_ADAPTER}",
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes=["dp-component", f"dp-is-{name}"],
    )


def timeline(elem_id: str, tl: Timeline | None = None, *, empty_height: int = 0) -> gr.HTML:
    """A timeline. Its events: `pick` and `position`; `timeline_value` makes what it shows.

    Args:
        elem_id: its id in the page.
        tl: what to show at once.
        empty_height: pixels that are kept free for it, so that nothing moves when the first pictures come.
    """
    return _component("timeline", tl and timeline_value(tl), elem_id, empty_height=empty_height)


def timeline_value(tl: Timeline) -> str:
    """What a `timeline` takes as its value."""
    return base64.b64encode(tl.to_message()).decode("ascii")


def points_stage(elem_id: str, *, empty_height: int = 0) -> gr.HTML:
    """Particles on their way; `stage_value` makes what it shows."""
    return _component("points_stage", None, elem_id, empty_height=empty_height)


def stage_value(stage: Stage) -> str:
    """What a `points_stage` takes as its value."""
    return base64.b64encode(stage.to_message()).decode("ascii")


def points_microscope(elem_id: str) -> gr.HTML:
    """The steps of one particle; `PointsBench.to_payload()` is its value. Its event is `place`."""
    return _component("points_microscope", None, elem_id)


def draw_pad(elem_id: str) -> gr.HTML:
    """A pad to draw points on. Its event `points` brings {"text", "base"}; `pad_value` makes what it shows."""
    return _component("draw_pad", None, elem_id)


def pad_value(drawn: str, most: int, kinds: int) -> dict[str, Any]:
    """What a `draw_pad` takes as its value: the points, how many there may be, and how many classes one can draw."""
    return {"text": drawn, "most": most, "kinds": kinds}


def live_chart(elem_id: str) -> gr.HTML:
    """A chart that may be updated as often as one likes; `LiveChart.to_payload()` is its value."""
    return _component("livechart", None, elem_id)


def chart_value(chart: LiveChart | None) -> dict[str, Any] | None:
    """What a `live_chart` takes as its value."""
    return chart and chart.to_payload()


def figure(name: str, elem_id: str) -> gr.HTML:
    """A figure that can be taken away: "stacked" or "heatmap"; its value is the figure's plain data."""
    return _component(name, None, elem_id)


def curve_editor(elem_id: str) -> gr.HTML:
    """An editor for ᾱ over t/T. Its event `points` brings {"points": [[x, y], …]}; `curve_value` makes what it shows."""
    return _component("curve_editor", None, elem_id)


def microscope(elem_id: str) -> gr.HTML:
    """Walks that branch, and their steps taken apart; `Bench.to_payload()` is its value. Its event is `place`."""
    return _component("microscope", None, elem_id, empty_height=640)


def pointed_at(event: gr.EventData, bench: Bench) -> Place | None:
    """Where the reader looks, in an event of a microscope; None where it shows something else by now."""
    value = event._data.get("value") if isinstance(event._data, dict) else None
    return place_of(value, bench.stamp)


def curve_value(points: Points, references: tuple[Line, ...] = ()) -> dict[str, Any]:
    """What a `curve_editor` takes as its value."""
    return CurveEditor(points, references).to_payload()


def recorder(elem_id: str) -> gr.HTML:
    """A field of pictures over two times; `flight_value` makes what it shows."""
    return _component("recorder", None, elem_id, empty_height=700)


def flight_value(flight: Flight) -> str:
    """What a `recorder` takes as its value."""
    return base64.b64encode(flight.to_message()).decode("ascii")


def xray(elem_id: str) -> gr.HTML:
    """The inside of a network; `figures.xray.payload` is its value. Its event `choice` brings what was chosen in it."""
    return _component("xray", None, elem_id, empty_height=900)


def told(event: gr.EventData) -> object:
    """What an event of a component brings."""
    return event._data.get("value") if isinstance(event._data, dict) else None


def drawn_points(event: gr.EventData) -> Points:
    """The points in an event of a curve editor. Raises ValueError where they are none."""
    value = event._data.get("value") if isinstance(event._data, dict) else None
    points = value.get("points") if isinstance(value, dict) else None
    if not isinstance(points, list):
        raise ValueError("These are no points of a curve.")
    return check_points(points)
