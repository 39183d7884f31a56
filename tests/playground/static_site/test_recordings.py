"""The recordings of the site: the first page's images follow from the predictions, and the Recorder's are those that ship."""

from __future__ import annotations

import base64
import gzip

import numpy as np
import pytest
from numpy.typing import NDArray
from site_node import as_bytes, computed, tiles_of_lab, tiles_of_page

from playground.labs.home import view as home
from playground.labs.recorder import view as map_view
from playground.labs.recorder.controls import RecorderControls
from playground.labs.recorder.job import recorded
from playground.static_site import recorder, start

FARTHEST = {"x0": 0, "x": 1, "noise": 8}
"""Of 255. Near t = 0 a rounded prediction says little about ε̂."""


def unpacked(text: str, frames: int) -> NDArray[np.uint8]:
    """What src/frame_sheets.js makes of stored frames."""
    steps = np.frombuffer(
        gzip.decompress(base64.b85decode(text.replace(".", "<").replace(",", "`"))), np.uint8
    ).reshape(frames, -1)
    return np.cumsum(steps, axis=0, dtype=np.uint8)


def test_the_first_page_has_the_recording() -> None:
    page = start.page()
    lab = home.first_timeline()
    stored = unpacked(page.needs[start.STORED](), len(lab.positions))
    (found,) = computed("start", "startTimeline", [[start.data().to_payload(), as_bytes(stored)]])
    assert [position["t"] for position in found["positions"]] == [position.t for position in lab.positions]
    for ours, theirs in zip(found["lanes"], lab.lanes, strict=True):
        difference = np.abs(tiles_of_page(ours, 1).astype(int) - tiles_of_lab(theirs))
        assert difference.max() <= FARTHEST[theirs.key], theirs.key
        assert np.median(difference) == 0
        assert tuple(ours["index"]) == theirs.index


@pytest.mark.parametrize("kind", recorder.KINDS)
def test_the_recorder_has_the_recording(kind: str) -> None:
    data = recorder.data()
    shown = data.maps[kind]
    lab = map_view.figure(recorded(), RecorderControls(show=kind))
    assert lab is not None
    stored = unpacked(recorder.page().needs[data.stored[kind]](), len(shown.trained))
    lane = data.to_payload()["maps"][kind]["lane"]
    (sheet,) = computed("frame_sheets", "sheetOf", [[as_bytes(stored), data.shape, lane]])
    assert np.array_equal(tiles_of_page(sheet, 1), tiles_of_lab(lab.lane))
    assert (shown.trained, shown.denoised, shown.names) == (lab.trained, lab.denoised, lab.names)
