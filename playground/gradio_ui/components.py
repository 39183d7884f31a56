"""The client-side components in Gradio: a thin adapter around the files of playground/components/src.

Each is a `gr.HTML` whose template never changes, so that Gradio leaves alone what the component drew. What travels as bytes (a
timeline, clouds of points) goes as one base64 text: Gradio copies and compares values in the browser, fastest with one text.
"""

from __future__ import annotations

import base64
from typing import Any

import gradio as gr

from playground.components import source
from playground.components.payloads.curve import Points, read_points
from playground.components.payloads.encoding import MessagePayload, Payload
from playground.components.payloads.timeline import Timeline
from playground.gradio_ui import compat

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

Gradio's own least height holds only while an event is under way, and so makes a page jump that is refreshed twice a second."""


def css() -> str:
    """The stylesheet of all components, to be put on the page once."""
    return source.css()


def _component(name: str, elem_id: str, *, empty_height: int = 0, initial: object = None) -> gr.HTML:
    return gr.HTML(
        initial,
        html_template="<div></div>",
        js_on_load=f"{source.script(name)}\nconst emptyHeight = {empty_height};\n{_ADAPTER}",
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes=["dp-component", f"dp-is-{name}"],
    )


def value(shown: Payload | None) -> str | dict[str, Any] | None:
    """What a component takes as its value: the base64 text of a message, or a JSON payload; None for nothing."""
    if isinstance(shown, MessagePayload):
        return base64.b64encode(shown.to_message()).decode("ascii")
    return None if shown is None else shown.to_payload()


def event_value(event: gr.EventData) -> object:
    """What an event of a component carries; None for an event of another kind."""
    return compat.event_data(event).get("value")


def timeline(elem_id: str, tl: Timeline | None = None, *, empty_height: int = 0) -> gr.HTML:
    """A timeline. Its events: `pick` and `position`.

    Args:
        elem_id: its id in the page.
        tl: what to show at once.
        empty_height: pixels that are kept free for it, so that nothing moves when the first pictures come.
    """
    return _component("timeline", elem_id, empty_height=empty_height, initial=value(tl))


def point_clouds(elem_id: str, *, empty_height: int = 0) -> gr.HTML:
    """Particles on their trajectories."""
    return _component("point_clouds", elem_id, empty_height=empty_height)


def points_microscope(elem_id: str) -> gr.HTML:
    """The steps of one particle. Its event `cursor` is read by `read_particle_cursor`."""
    return _component("points_microscope", elem_id)


def drawing_pad(elem_id: str) -> gr.HTML:
    """A pad to draw points on; a `DrawingPad` is its value. Its event `points` brings {"text", "base"}."""
    return _component("drawing_pad", elem_id)


def live_chart(elem_id: str) -> gr.HTML:
    """A chart that may be updated as often as needed."""
    return _component("livechart", elem_id)


def figure(name: str, elem_id: str) -> gr.HTML:
    """A figure that can be exported: "stacked" or "heatmap"; its value is the figure's plain data."""
    return _component(name, elem_id)


def curve_editor(elem_id: str) -> gr.HTML:
    """An editor for ᾱ over t/T. Its event `points` is read by `drawn_points`."""
    return _component("curve_editor", elem_id)


def drawn_points(event: gr.EventData) -> Points:
    """The points in an event of a curve editor. Raises ValueError where they are none."""
    return read_points(event_value(event))


def microscope(elem_id: str) -> gr.HTML:
    """Trajectories that branch, and the decomposition of each step. Its event `cursor` is read by `read_cursor`."""
    return _component("microscope", elem_id, empty_height=640)


def recorder(elem_id: str) -> gr.HTML:
    """A grid of samples over training time and sampling time."""
    return _component("recorder", elem_id, empty_height=700)


def xray(elem_id: str) -> gr.HTML:
    """The activations of a network. Its event `choice` brings what was chosen in it."""
    return _component("xray", elem_id, empty_height=900)
