"""The Forward page: what the lab shows, without its numbers, and the data from which the browser computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from playground.components.payloads.encoding import Payload
from playground.components.payloads.timeline import Timeline
from playground.labs.forward import text, view
from playground.labs.forward.controls import ForwardControls, Process
from playground.static_site.controls import SiteControls
from playground.static_site.page import Page
from playground.static_site.tables import NEEDS, STEPS, PictureSet, lab_controls, picture_sets, schedule_key

NAMES = ("data", "class_index", "number", "process", "schedule", "T", "seed")
SCHEDULES = ("linear", "cosine", "sigmoid")


@dataclass(frozen=True)
class ForwardFigure(Payload):
    """The figure of one process with the numbers of another picture, and what each of its panels shows.

    panels: see `playground.labs.forward.view.ORDER`.
    """

    figure: Timeline
    panels: tuple[str, ...]


@dataclass(frozen=True)
class ForwardPage(Payload):
    """What static_site/src/forward.js shows.

    pictures: by the name of the data set. keys: of each schedule's tables. processes: by the name of the process.
    """

    pictures: Mapping[str, PictureSet]
    keys: Mapping[str, str]
    processes: Mapping[str, ForwardFigure]


def page() -> Page:
    """The page in the language that is spoken now."""
    return Page("forward", text, text.LOOKING_AT, data(), controls(), NEEDS)


def data() -> ForwardPage:
    """What the page is given."""
    any_picture = np.array([[0, 255], [255, 0]], dtype=np.uint8)[..., None]
    figures = {
        process: ForwardFigure(
            view.timeline(ForwardControls(process=process, T=STEPS[0]), any_picture), view.ORDER[process]
        )
        for process in get_args(Process)
    }
    return ForwardPage(picture_sets(), {name: schedule_key(name) for name in SCHEDULES}, figures)


def controls() -> SiteControls:
    """Those of the lab, with the pictures and the T that the page has."""
    return lab_controls(ForwardControls, NAMES)
