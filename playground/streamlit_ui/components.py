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
from functools import cache
from typing import Any

import streamlit as st

from playground.components import source
from playground.components.payloads.chart import LiveChart
from playground.components.payloads.curve import CurveEditor, Points, check_points
from playground.components.payloads.microscope import Cursor, Microscope, read_cursor
from playground.components.payloads.panels import Line
from playground.components.payloads.point_clouds import PointClouds
from playground.components.payloads.points_microscope import ParticleCursor, PointsMicroscope, read_particle_cursor
from playground.components.payloads.recorder import TrainingSamplingMap
from playground.components.payloads.timeline import Timeline
from playground.labs.points.drawn import check_drawn

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


@cache
def _component(name: str) -> Callable[..., Any]:
    return st.components.v2.component(f"playground_{name}", css=source.css(), js=source.javascript(name) + _ADAPTER)


@dataclass(frozen=True)
class Pick:
    """The picture that the reader chose: number `picture` in the tiles of the lane with key `lane`."""

    lane: str
    picture: int
    position: int


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
    return TimelineState(_read_pick(result.pick, tl.id), result.position if isinstance(result.position, int) else None)


def _read_pick(value: object, timeline_id: str) -> Pick | None:
    # A pick belongs to the pictures that were shown then: another id means other pictures.
    if not isinstance(value, Mapping) or value.get("id") != timeline_id or not isinstance(value.get("picture"), int):
        return None
    return Pick(str(value.get("lane")), value["picture"], int(value.get("position") or 0))


def microscope(bench: Microscope, *, key: str) -> Cursor | None:
    """Show walks that branch, and their steps taken apart. Returns where the reader has come to rest, None if nowhere yet."""
    result = _component("microscope")(
        key=key, data=bench.to_payload(), default={"place": None}, on_place_change=_nothing
    )
    return read_cursor(result.place, bench.version)


def live_chart(chart: LiveChart, *, key: str) -> None:
    """Show a chart that may be updated as often as one likes, from a fragment with `run_every`; it does not blink."""
    _component("livechart")(key=key, data=chart.to_payload())


def figure(name: str, data: Mapping[str, Any], *, key: str) -> None:
    """Show a figure that can be taken away, "stacked" or "heatmap"; it may be updated from a fragment with `run_every`."""
    _component(name)(key=key, data=dict(data))


def curve_editor(points: Points, references: tuple[Line, ...] = (), *, key: str) -> Points:
    """Let the reader draw ᾱ over t/T; returns the points as they are now (curve.check_points says what holds).

    `points` are those to begin with. Giving other points later (a preset) replaces what was drawn; giving back what
    this returned changes nothing.
    """
    editor = CurveEditor(points, references)
    result = _component("curve_editor")(
        key=key, data=editor.to_payload(), default={"points": None}, on_points_change=_nothing
    )
    drawn = result.points
    if not isinstance(drawn, Mapping) or drawn.get("base") != editor.base:
        return editor.points
    try:
        return check_points(drawn.get("points") or ())
    except (TypeError, ValueError):
        return editor.points


def point_clouds(stage: PointClouds, *, key: str) -> None:
    """Show particles on their way. The browser keeps the playhead as long as the stage's id stays the same."""
    _component("points_stage")(key=key, data=stage.to_message())


def points_microscope(bench: PointsMicroscope, on_place: Callable[[ParticleCursor], None], *, key: str) -> None:
    """Show the steps of one particle. `on_place` is told where the reader has gone, before the rerun."""

    def moved() -> None:
        where = read_particle_cursor(st.session_state[key].place, bench.id, bench.particles)
        if where is not None:
            on_place(where)

    _component("points_microscope")(key=key, data=bench.to_payload(), default={"place": None}, on_place_change=moved)


def drawing_pad(drawn: str, most: int, kinds: int, *, key: str) -> str:
    """Let the reader draw points; returns them as they are now, written as labs/points_drawn.py reads them.

    Args:
        drawn: those to begin with. Giving others later replaces what was drawn; giving back what this returned does not.
        most: how many there may be.
        kinds: how many classes one can draw.
    """
    # An edit belongs to what was given before it. That is named by a number, which another link changes and an edit does not:
    # two strokes may be drawn before the first has been seen here.
    base, last = st.session_state.get(f"{key}/given", (0, drawn))
    if drawn != last:
        base += 1
    result = _component("draw_pad")(
        key=key,
        data={"text": drawn, "most": most, "kinds": kinds, "base": base},
        default={"points": None},
        on_points_change=_nothing,
    )
    edit = result.points if isinstance(result.points, Mapping) and result.points.get("base") == base else {}
    try:
        now = check_drawn(str(edit.get("text", drawn)))
    except ValueError:
        now = drawn
    st.session_state[f"{key}/given"] = (base, now)
    return now


def recorder(flight: TrainingSamplingMap, *, key: str) -> None:
    """Show a field of pictures over two times; while more are computed, with what is new."""
    _component("recorder")(key=key, data=flight.to_message())


def xray(payload: Mapping[str, Any], *, key: str) -> object:
    """Show the inside of a network (`figures.xray.payload`); returns what was chosen in it last, for `labs.xray.chosen`."""
    return _component("xray")(key=key, data=payload, default={"choice": None}, on_choice_change=_nothing).choice


def _nothing() -> None:
    """Streamlit keeps only those values of a component for which there is a callback."""
