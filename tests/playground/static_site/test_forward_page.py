"""The Forward page of the site: what Node computes from its data is what the lab shows."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from site_node import as_bytes, computed, tiles_of_lab, tiles_of_page

from playground.labs.forward import view
from playground.labs.forward.controls import ForwardControls
from playground.labs.shared import picture
from playground.labs.shared.controls import to_text
from playground.static_site import forward, tables

SETTINGS = [
    ForwardControls(T=1000, process="both"),
    ForwardControls(T=250, data="emoji", class_index=0, schedule="cosine", seed=5),
    ForwardControls(T=10, schedule="sigmoid", process="steps", class_index=8, number=0, seed=2**31 - 1),
]


@pytest.fixture(scope="module")
def pages() -> list[dict[str, Any]]:
    data, schedule_tables = forward.data().to_payload(), tables.schedule_tables().to_payload()
    calls = []
    for controls in SETTINGS:
        settings = {name: to_text(value) for name, value in controls.model_dump().items()}
        calls.append([data, schedule_tables, as_bytes(picture.chosen(controls)), settings])
    return computed("forward", "forwardTimeline", calls)


@pytest.mark.parametrize("k", range(len(SETTINGS)))
def test_pictures_are_the_lab_s(pages: list[dict[str, Any]], k: int) -> None:
    lab = view.timeline(SETTINGS[k], picture.chosen(SETTINGS[k]))
    assert [lane["key"] for lane in pages[k]["lanes"]] == [lane.key for lane in lab.lanes]
    for ours, theirs in zip(pages[k]["lanes"], lab.lanes, strict=True):
        expected = tiles_of_lab(theirs).astype(int)
        found = tiles_of_page(ours, expected.shape[-1])
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 1
        assert found[1:].std() > 10


@pytest.mark.parametrize("k", range(len(SETTINGS)))
def test_words_and_charts_are_the_lab_s(pages: list[dict[str, Any]], k: int) -> None:
    lab = view.timeline(SETTINGS[k], picture.chosen(SETTINGS[k])).to_payload()
    page = pages[k]
    for name in ("positions", "captions", "start_at", "fps", "label", "id"):
        assert page[name] == lab[name], name
    assert [panel["title"] for panel in page["panels"]] == [panel["title"] for panel in lab["panels"]]
    for ours, theirs in zip(page["panels"], lab["panels"], strict=True):
        if theirs["kind"] == "equation":
            assert ours["template"] == theirs["template"]
            for name, texts in theirs["values"].items():
                np.testing.assert_allclose(np.array(ours["values"][name], float), np.array(texts, float), atol=1.01e-4)
        elif theirs["kind"] == "curve":
            assert ours["marker"] == theirs["marker"]
            assert ours["y_range"] == pytest.approx(theirs["y_range"])
            for one, other in zip(ours["lines"], theirs["lines"], strict=True):
                assert (one["name"], one["x"]) == (other["name"], other["x"])
                np.testing.assert_allclose(np.array(one["y"], float), np.array(other["y"], float), rtol=1e-4, atol=1e-6)
        else:
            assert ours["edges"] == theirs["edges"]
            density = np.frombuffer(base64.b64decode(theirs["density"]["f32"]), "<f4").reshape(
                theirs["density"]["shape"]
            )
            found = np.array(ours["density"]["f32"]).reshape(ours["density"]["shape"])
            assert found.shape == density.shape
            # Of 3000 values one or two may lie on the other side of an edge.
            assert np.abs(found - density).sum(axis=1).max() < 0.02


def test_the_page_has_the_pictures_of_the_lab() -> None:
    page = forward.data()
    for name, shown in page.pictures.items():
        stored = tables.pixels(name)
        assert stored.shape[1:] == shown.shape
        controls = ForwardControls(data=name, class_index=3, number=7)
        settings = {"class_index": "3", "number": "7"}
        (found,) = computed("forward", "pictureOf", [[as_bytes(stored), page.to_payload()["pictures"][name], settings]])
        assert np.array_equal(found, picture.chosen(controls).reshape(-1))
