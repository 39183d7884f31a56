"""The Points page: for each of a few sets a small network, trained when the site is built, and every step as a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from engine.data.points import POINT_SETS
from engine.language import N_, translated
from playground.browser.offered import Enclosed, SentNetwork
from playground.components.payloads.encoding import Payload
from playground.labs.points import text, training
from playground.labs.points.controls import PointsControls, points_of
from playground.labs.points.live import LivePoints, live_points
from playground.labs.points.trajectory import Trained
from playground.static_site.controls import SiteControls, site_controls
from playground.static_site.page import Page
from playground.static_site.sampling import SPOKEN
from playground.static_site.stored import packed_json

SETS = ("moons", "spiral", "circles")
PARTICLES = 1000
"""A browser computes them in plain JavaScript."""
USUAL_STEPS = 20
NAMES = ("data", "seed")
STORED, OF_SET = "points", ("network", "data", "data_labels", "labels")
IN_THE_FIGURE = ("steps", "eta", "scale", "particles", "model")
LOOKING_AT = (
    text.STAGE[0],
    text.STAGE[1],
    N_(
        "A network that was trained on these points samples here. The exact denoiser, and training your own, need Python."
    ),
)


@dataclass(frozen=True)
class PointsPage(Payload):
    """What src/points_page.js shows.

    live: of the first set, without programs, network and points; class_names: of each set.
    stored: where the rest is: `plans` of each cloud, which are the same for all sets, and `OF_SET` of each of `sets`.
    """

    live: LivePoints
    class_names: Mapping[str, tuple[str, ...]]
    stored: str


def page() -> Page:
    """The page in the language that is spoken now."""
    shown = {name: _live(name) for name in SETS}
    first = shown[SETS[0]]
    nothing = np.zeros((0, 2), np.float32)
    clouds = tuple(replace(cloud, plans={}) for cloud in first.clouds)
    live = replace(
        first, script="", network=SentNetwork("", 0), clouds=clouds, data=nothing, data_labels=None, labels=None
    )
    data = PointsPage(live, {name: one.class_names for name, one in shown.items()}, STORED)
    return Page("points", text, LOOKING_AT, data, _controls(), {STORED: _packed}, SPOKEN)


def _packed() -> str:
    payloads = {name: _live(name).to_payload() for name in SETS}
    plans = {cloud["key"]: cloud["plans"] for cloud in payloads[SETS[0]]["clouds"]}
    sets = {name: {field: one[field] for field in OF_SET} for name, one in payloads.items()}
    return packed_json({"plans": plans, "sets": sets})


def _live(name: str) -> LivePoints:
    controls = _controls_of(name)
    return live_points(controls, points_of(controls), _trained(name), Enclosed().network)


def _controls_of(name: str) -> PointsControls:
    return PointsControls.model_validate(
        {"data": name, "model": "trained", "particles": PARTICLES, "steps": USUAL_STEPS}
    )


@cache
def _trained(name: str) -> Trained:
    """One round of training, as the lab's button starts it."""
    controls = _controls_of(name)
    *_before, last = training.work(controls, points_of(controls), None)
    return last.result.trained


def _controls() -> SiteControls:
    options = {"data": {name: POINT_SETS[name].title for name in SETS}}
    return site_controls(PointsControls, NAMES, options=options, in_figure=IN_THE_FIGURE)


translated(__name__)
