"""The client-side components in Streamlit: thin adapters around the files of playground/components/src.

Streamlit sends an element's data to the browser again only when it has changed (unchanged messages above 10 kB go as
a reference to the browser's own copy), and calls the JavaScript again only for changed data or colours. So a rerun
caused by something else leaves the playhead where it is. The timeline goes as bytes: Streamlit
writes JSON out and hashes it several times in every run, which costs a big timeline twice as much (10 MB of pictures:
200 ms against 90 on two busy cores). A page with such a timeline should have it in a fragment of its own.

One key may be mounted once in a run of the script. Frames that arrive while a sampler runs are therefore shown from a
fragment with `run_every`, each of whose runs mounts the timeline with what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from engine.language import cached, language
from playground.components import room, source
from playground.components.payloads.chart import LiveChart
from playground.components.payloads.curve import CurveEditor, Points, read_points
from playground.components.payloads.encoding import Payload
from playground.components.payloads.figures import DrawingPad
from playground.components.payloads.microscope import Cursor, Microscope, read_cursor
from playground.components.payloads.panels import Line
from playground.components.payloads.points_microscope import ParticleCursor, PointsMicroscope, read_particle_cursor
from playground.components.payloads.timeline import Pick, Timeline, read_pick
from playground.components.payloads.xray import XRay
from playground.labs.points.drawn import check_drawn
from playground.labs.shared import symbols

if TYPE_CHECKING:
    pass

# Streamlit calls the default export for every change of data or theme, each time with new functions, and the returned
# function when the element goes. A call that was overtaken by a later one may have its function called as well:
# only the function of the latest call takes the component down.
_ADAPTER = """
const mounted = new WeakMap();
export default function ({ data, parentElement, setStateValue }) {
  let own = mounted.get(parentElement);
  if (!own) {
    const root = document.createElement("div");
    parentElement.appendChild(root);
    own = { root, calls: 0, send: null };
    own.instance = mount(root, (name, value) => own.send(name, value));
    mounted.set(parentElement, own);
    release(root, parentElement.getRootNode().host);
  }
  own.send = setStateValue;
  own.instance.update(data);
  const call = ++own.calls;
  return () => {
    if (own.calls !== call) return;
    mounted.delete(parentElement);
    own.instance.destroy();
    own.root.remove();
  };
}
"""


@cached(64)
def _component(name: str) -> Callable[..., Any]:
    js = source.javascript(name, symbols.table()) + room.RELEASE + _ADAPTER
    return st.components.v2.component(f"playground_{name}_{language()}", css=source.css(), js=js)


@dataclass(frozen=True)
class TimelineState:
    """What the reader did: `pick` is None when nothing is chosen (any more); `position` only with report_position."""

    pick: Pick | None
    position: int | None


def timeline(tl: Timeline, *, key: str, on_pick: Callable[[], None] | None = None) -> TimelineState:
    """Show a timeline. `on_pick` is called before the rerun that a pick causes; without tl.pick there is none."""
    result = _component("timeline")(
        key=key,
        data=tl.to_message(),
        default={"pick": None, "position": None},
        on_pick_change=on_pick or _nothing,
        on_position_change=_nothing,
    )
    return TimelineState(read_pick(result.pick, tl.id), result.position if isinstance(result.position, int) else None)


def microscope(shown: Microscope, *, key: str) -> Cursor | None:
    """Show trajectories that branch, and the decomposition of each step. Returns where the reader is; None before a move."""
    return read_cursor(_state("microscope", shown.to_payload(), key, "cursor"), shown.version)


def live_chart(chart: LiveChart, *, key: str) -> None:
    """Show a chart that may be updated as often as needed, from a fragment with `run_every`; it does not blink."""
    figure("livechart", chart.to_payload(), key=key)


def figure(name: str, data: Mapping[str, Any] | bytes, *, key: str) -> None:
    """Show a component without events: a payload, or a message. It may be updated from a fragment with `run_every`."""
    _component(name)(key=key, data=data if isinstance(data, bytes) else dict(data))


def live(name: str, shown: Payload, on: Mapping[str, Callable[[Any], None]], *, key: str) -> None:
    """Show a component that the reader's browser computes.

    Args:
        name: of its file.
        shown: what it takes.
        on: what is called with the value of each of its events, before the rerun that it causes.
        key: of the element.
    """

    def heard(event: str) -> Callable[[], None]:
        return lambda: on[event](getattr(st.session_state[key], event))

    callbacks = {f"on_{event}_change": heard(event) for event in on}
    _component(name)(key=key, data=shown.to_payload(), default=dict.fromkeys(on), **callbacks)


def curve_editor(points: Points, references: tuple[Line, ...] = (), *, key: str) -> Points:
    """Let the reader draw ᾱ over t/T; returns the points as they are now (curve.check_points says what holds).

    `points` are those to begin with. Giving other points later (a preset) replaces what was drawn; giving back what
    this returned changes nothing.
    """
    editor = CurveEditor(points, references)
    drawn = _state("curve_editor", editor.to_payload(), key, "points")
    if not isinstance(drawn, Mapping) or drawn.get("base") != editor.base:
        return editor.points
    try:
        return read_points(drawn)
    except ValueError:
        return editor.points


def points_microscope(shown: PointsMicroscope, on_cursor: Callable[[ParticleCursor], None], *, key: str) -> None:
    """Show the steps of one particle. `on_cursor` receives where the reader has gone, before the rerun."""

    def moved() -> None:
        cursor = read_particle_cursor(st.session_state[key].cursor, shown.id, shown.particles)
        if cursor is not None:
            on_cursor(cursor)

    _state("points_microscope", shown.to_payload(), key, "cursor", moved)


def drawing_pad(drawn: str, most: int, kinds: int, *, key: str) -> str:
    """Let the reader draw points; returns them as they are now, written as labs/points/drawn.py reads them.

    Args:
        drawn: those to begin with. Giving others later replaces what was drawn; giving back what this returned does not.
        most: how many there may be.
        kinds: how many classes one can draw.
        key: of the element.
    """
    # An edit belongs to what was given before it. That is named by a number, which another link changes and an edit does not:
    # two strokes may be drawn before the first has arrived here.
    base, last = st.session_state.get(f"{key}/given", (0, drawn))
    if drawn != last:
        base += 1
    points = _state("drawing_pad", DrawingPad(drawn, most, kinds, base).to_payload(), key, "points")
    edit = points if isinstance(points, Mapping) and points.get("base") == base else {}
    try:
        now = check_drawn(str(edit.get("text", drawn)))
    except ValueError:
        now = drawn
    st.session_state[f"{key}/given"] = (base, now)
    return now


def xray(payload: XRay, *, key: str) -> object:
    """Show the activations of a network; returns what was chosen in it last, for `labs.xray.job.chosen`."""
    return _state("xray", dict(payload), key, "choice")


def _state(
    name: str, data: dict[str, Any], key: str, value: str, on_change: Callable[[], None] | None = None
) -> object:
    """Show a component that reports one value, and return that value."""
    callback = {f"on_{value}_change": on_change or _nothing}
    return getattr(_component(name)(key=key, data=data, default={value: None}, **callback), value)


def _nothing() -> None:
    """Streamlit keeps only those values of a component for which there is a callback."""
