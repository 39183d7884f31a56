"""The client-side components in Gradio: a thin adapter around the files of playground/components/src.

Each is a `gr.HTML` whose template never changes, so that Gradio leaves alone what the component drew. What travels as bytes (a
timeline, clouds of points) goes as one base64 text: Gradio copies and compares values in the browser, fastest with one text.
"""

from __future__ import annotations

import base64
from typing import Any

import gradio as gr

from playground.components import room, source
from playground.components.payloads.encoding import MessagePayload, Payload
from playground.gradio_ui import compat
from playground.labs.shared import symbols

_ADAPTER = """
const host = document.createElement("div");
element.replaceChildren(host);
const component = mount(host, (name, value) => trigger(name, { value }));
// Gradio empties the object that it gave when the next value is nothing: a component keeps one of its own.
const read = (value) => (typeof value === "string" ? Uint8Array.from(atob(value), (c) => c.charCodeAt(0)) : { ...value });
let isKept = true;
const show = () => {
  if (props.value?.__type__ === "update") return; // Gradio's word for what stays as it is, which it now and then hands on
  const isNothing = props.value && Object.keys(props.value).length === 0;
  const isFilled = props.value && !isNothing;
  element.classList.toggle("dp-unfilled", !isFilled);
  if (isFilled) {
    component.update(read(props.value));
    if (isKept) release(host, element);
  } else element.classList.toggle("dp-settled", Boolean(isNothing));
  isKept = !isFilled;
};
watch("value", show);
show();
"""
"""`trigger`, `props`, `watch` and `element` are Gradio's; `mount` is the component's.

Gradio's own least height holds only while an event is under way, and so makes a page jump that is refreshed twice a second."""


NOTHING: dict[str, Any] = {}


def css() -> str:
    """The stylesheet of all components and the room for them, to be put on the page once."""
    return source.css() + room.css(lambda name: f"#{name}")


def component(name: str, elem_id: str, *, initial: object = None) -> gr.HTML:
    """A component.

    Args:
        name: of its file in playground/components/src, which says what it shows and which events it has.
        elem_id: its id in the page, by which `playground.components.room` keeps room for it.
        initial: its value at once, as `value` makes it.
    """
    return gr.HTML(
        initial,
        html_template="<div></div>",
        js_on_load=f"{source.script(name, symbols.table())}\n{room.RELEASE}{_ADAPTER}",
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes=["dp-component", f"dp-is-{name}", *(["dp-roomy"] if elem_id in room.ROOM else [])],
    )


def value(shown: Payload | None) -> str | dict[str, Any]:
    """What a component takes as its value: the base64 text of a message, or a JSON payload; for nothing, `NOTHING`.

    A component whose value is still None has its room kept; one with nothing in it takes none.
    """
    if isinstance(shown, MessagePayload):
        return base64.b64encode(shown.to_message()).decode("ascii")
    return NOTHING if shown is None else shown.to_payload()


def event_value(event: gr.EventData) -> object:
    """What an event of a component carries; None for an event of another kind."""
    return compat.event_data(event).get("value")
