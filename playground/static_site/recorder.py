"""The Recorder's page: the recording that ships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from playground.components.payloads.encoding import Payload
from playground.components.payloads.recorder import TrainingSamplingMap
from playground.labs.recorder import text, view
from playground.labs.recorder.controls import RecorderControls
from playground.labs.recorder.job import recorded
from playground.static_site.controls import SiteControls, site_controls
from playground.static_site.figures import without_pictures
from playground.static_site.page import Page
from playground.static_site.stored import packed_frames


@dataclass(frozen=True)
class RecorderPage(Payload):
    """What static_site/src/training_map.js shows.

    maps: by what is displayed, without pictures.
    stored: where those are: uint8, stages x frames x pictures x H x W x C, packed as frames with a stage as one.
    shape: of a picture.
    """

    maps: Mapping[str, TrainingSamplingMap]
    stored: Mapping[str, str]
    shape: tuple[int, int, int]


KINDS = ("x0", "x")


def page() -> Page:
    """The page in the language that is spoken now."""
    needs = {f"recorder-{kind}": lambda kind=kind: packed_frames(np.stack(getattr(recorded(), kind))) for kind in KINDS}
    return Page("recorder", text, (*text.LOOKING_AT, text.RECORDED), data(), controls(), needs)


def data() -> RecorderPage:
    """What the page is given."""
    height, width, channels = recorded().x0[0].shape[2:]
    return RecorderPage(
        {kind: _without_pictures(RecorderControls(show=kind)) for kind in KINDS},
        {kind: f"recorder-{kind}" for kind in KINDS},
        (height, width, channels),
    )


def _without_pictures(controls: RecorderControls) -> TrainingSamplingMap:
    shown = view.figure(recorded(), controls)
    assert shown is not None
    return replace(shown, lane=without_pictures(shown.lane))


def controls() -> SiteControls:
    """What is displayed; other runs, and other samples of them, need Python."""
    return site_controls(RecorderControls, ("show",))
