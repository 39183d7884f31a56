"""The types of all payloads for the browser's side: python tests/payload_types.py writes payloads.d.ts."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from playground import components
from playground.browser.live import LiveSampler
from playground.browser.program import Program
from playground.browser.where import Where
from playground.classroom.view import ClassBar, ClassOpening, ClassPage
from playground.components.payloads.chart import LiveChart
from playground.components.payloads.curve import CurveEditor
from playground.components.payloads.encoding import Encoding, properties
from playground.components.payloads.figures import DrawingPad, Heatmap, StackedBars
from playground.components.payloads.microscope import Microscope
from playground.components.payloads.panels import Algorithm
from playground.components.payloads.point_clouds import PointClouds
from playground.components.payloads.points_microscope import PointsMicroscope
from playground.components.payloads.recorder import TrainingSamplingMap
from playground.components.payloads.timeline import Timeline
from playground.components.payloads.xray import XRay
from playground.course.view import CourseContents, Rail, ShareView
from playground.labs.microscope.live import LiveMicroscope
from playground.labs.points.live import LivePoints
from playground.static_site.controls import SiteControls
from playground.static_site.forward import ForwardPage
from playground.static_site.microscope import MicroscopePage
from playground.static_site.points import PointsPage
from playground.static_site.recorder import RecorderPage
from playground.static_site.run import RunPage
from playground.static_site.sampling import SamplingPage
from playground.static_site.schedules import SchedulesPage
from playground.static_site.start import StartPage
from playground.static_site.tables import ScheduleTables

FILE = Path(components.__file__).parent / "payloads.d.ts"
PAYLOADS: tuple[type, ...] = (
    Timeline,
    LiveChart,
    Algorithm,
    CurveEditor,
    Microscope,
    PointsMicroscope,
    PointClouds,
    TrainingSamplingMap,
    StackedBars,
    Heatmap,
    DrawingPad,
    XRay,
    Rail,
    CourseContents,
    ShareView,
    ClassBar,
    ClassOpening,
    ClassPage,
    Program,
    LiveSampler,
    SiteControls,
    SamplingPage,
    LiveMicroscope,
    ScheduleTables,
    ForwardPage,
    SchedulesPage,
    RecorderPage,
    StartPage,
    LivePoints,
    Where,
    RunPage,
    MicroscopePage,
    PointsPage,
)
_HEADER = """// Written by python tests/payload_types.py from the dataclasses in payloads/. Do not edit.

/** float32 as base64; as they are where the browser has computed them. */
export interface PackedFloats { shape: number[]; f32: string | Float32Array<ArrayBuffer> }
/** uint8 as base64. */
export interface PackedBytes { shape: number[]; u8: string }
/** float32, read from a message. */
export interface Floats { shape: number[]; values: Float32Array<ArrayBuffer> }
"""
_PLAIN: dict[Any, str] = {str: "string", int: "number", float: "number", bool: "boolean", NoneType: "null"}


def declarations() -> str:
    """The text of payloads.d.ts."""
    declared: dict[str, str] = {}
    for payload in PAYLOADS:
        _declare(payload, declared)
    return _HEADER + "".join(declared.values())


def _declare(payload: type, declared: dict[str, str]) -> str:
    name = payload.__name__
    if name in declared:
        return name
    declared[name] = ""  # its place, before those that it is made of
    parents, lines = [], []
    if is_typeddict(payload):
        optional = payload.__optional_keys__  # type: ignore[attr-defined]
        for key, hint in get_type_hints(payload).items():
            lines.append(f"  {key}{'?' if key in optional else ''}: {_type_of(hint, declared)};\n")
    else:
        for it in properties(payload):
            if it.is_inlined:
                parents.append(_type_of(it.annotation, declared))
            else:
                lines.append(f"  {it.name}: {_type_of(it.annotation, declared)};\n")
    extends = f" extends {', '.join(parents)}" if parents else ""
    first_line = (inspect.getdoc(payload) or name).splitlines()[0]
    declared[name] = f"\n/** {first_line} */\nexport interface {name}{extends} {{\n{''.join(lines)}}}\n"
    return name


def _type_of(hint: Any, declared: dict[str, str]) -> str:
    marks = [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Encoding)]
    if marks:
        return marks[0].typescript
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hasattr(hint, "__metadata__"):
        return _type_of(hint.__origin__, declared)
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in arguments)
    if origin in (Union, UnionType):
        return " | ".join(dict.fromkeys(_type_of(one, declared) for one in arguments))
    if origin is tuple and arguments[-1] is not ...:
        return f"[{', '.join(_type_of(one, declared) for one in arguments)}]"
    if origin is not None and len(arguments) == 2 and arguments[-1] is not ...:  # a mapping
        return f"Record<{_type_of(arguments[0], declared)}, {_type_of(arguments[1], declared)}>"
    if origin is not None:
        one = _type_of(arguments[0], declared)
        return f"({one})[]" if " " in one else f"{one}[]"
    if isinstance(hint, type):
        return _declare(hint, declared)
    raise TypeError(f"No type for {hint!r} in TypeScript.")


if __name__ == "__main__":
    FILE.write_text(declarations(), encoding="utf-8")
