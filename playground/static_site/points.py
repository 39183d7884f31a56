"""The Points page: for each of a few sets a small network, trained when the site is built, and every step as a program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from torch import nn

from engine.data.points import POINT_SETS
from engine.language import N_, _, translated
from playground.browser.network import network_files
from playground.browser.offered import SentNetwork
from playground.components.payloads.encoding import Payload
from playground.labs.points import text, training
from playground.labs.points.controls import PointsControls, points_of
from playground.labs.points.live import LivePoints, live_points
from playground.labs.points.trajectory import Trained
from playground.static_site.controls import SiteControls, site_controls
from playground.static_site.page import Packing, Page
from playground.static_site.sampling import SPOKEN
from playground.static_site.stored import packed, packed_json

SETS = ("moons", "spiral", "circles")
PARTICLES = 1000
"""A browser computes them in plain JavaScript."""
USUAL_STEPS, STEPS, ETAS = 20, (5, 10, 20), (0.0, 0.5, 1.0)
WIDTH = 64
"""Of the networks: enough for these sets, and half as large as the lab's own."""
NAMES = ("data", "seed")
PLANS, OF_SET = "points-plans", ("network", "data", "data_labels", "labels")
IN_THE_FIGURE = ("steps", "eta", "scale", "particles", "model", "width")
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
    plans: where the plans of the clouds are stored, which are the same for all sets. Under the name of a set's network and
        "-points" stand its points, and under that name its weights.
    """

    live: LivePoints
    class_names: Mapping[str, tuple[str, ...]]
    plans: str


def page(sets: Sequence[str] = SETS) -> Page:
    """The page with some of the sets, in the language that is spoken now."""
    first, nothing = _live(sets[0]), np.zeros((0, 2), np.float32)
    clouds = tuple(replace(cloud, plans={}) for cloud in first.clouds)
    live = replace(first, script="", clouds=clouds, data=nothing, data_labels=None, labels=None)
    names = {name: tuple(map(_, POINT_SETS[name].class_names)) for name in sets}
    needs: dict[str, Packing] = {PLANS: partial(_plans, sets[0])}
    for name in sets:
        needs |= {network_name(name): partial(_weights, name), f"{network_name(name)}-points": partial(_points, name)}
    return Page("points", text, LOOKING_AT, PointsPage(live, names, PLANS), _controls(sets), needs, SPOKEN)


def network_name(name: str) -> str:
    """Of the network of a set, by which its weights are stored."""
    return f"points-{name}"


def _live(name: str) -> LivePoints:
    def described(net: nn.Module) -> SentNetwork:
        return SentNetwork(network_name(name), 0, config=json.dumps(network_files(net, half=True).config))

    controls = _controls_of(name)
    return live_points(controls, points_of(controls), _trained(name), described, steps_offered=STEPS, etas_offered=ETAS)


def _plans(name: str) -> str:
    return packed_json({cloud["key"]: cloud["plans"] for cloud in _live(name).to_payload()["clouds"]})


def _weights(name: str) -> str:
    return packed(network_files(_trained(name).denoiser.net, half=True).weights)


def _points(name: str) -> str:
    payload = _live(name).to_payload()
    return packed_json({field: payload[field] for field in OF_SET})


def _controls_of(name: str) -> PointsControls:
    return PointsControls.model_validate(
        {"data": name, "model": "trained", "particles": PARTICLES, "steps": USUAL_STEPS, "width": WIDTH}
    )


@cache
def _trained(name: str) -> Trained:
    """One round of training, as the lab's button starts it."""
    controls = _controls_of(name)
    *_before, last = training.work(controls, points_of(controls), None)
    return last.result.trained


def _controls(sets: Sequence[str]) -> SiteControls:
    options = {"data": {name: POINT_SETS[name].title for name in sets}}
    return site_controls(PointsControls, NAMES, options=options, in_figure=IN_THE_FIGURE)


translated(__name__)
