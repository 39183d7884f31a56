"""The Microscope page: the network that ships, and every step of every sampler as a program and as a sum."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from engine.recipes.recipe import Recipe
from engine.registry import open_model
from playground.browser.offered import SentNetwork
from playground.components.payloads.encoding import Payload
from playground.components.payloads.microscope import Cursor
from playground.labs.microscope import text
from playground.labs.microscope.branches import Task
from playground.labs.microscope.controls import IN_THE_FIGURE, MicroscopeControls
from playground.labs.microscope.live import LiveMicroscope, live_microscope
from playground.static_site.controls import SiteControls, site_controls
from playground.static_site.page import Page
from playground.static_site.sampling import MODEL, SPOKEN, Grid, network_needs, options_of, rules_of

NAMES = ("labels", "label", "seed", "sampler", "eta", "variance", "scale")
HOME = Cursor(step=25)


@dataclass(frozen=True)
class MicroscopePage(Payload):
    """What src/microscope_page.js shows; the network and the script of the worker are stored."""

    network: str
    live: LiveMicroscope


def page() -> Page:
    """The page in the language that is spoken now."""
    model = open_model(MODEL)
    recipe = Recipe(model=MODEL, seeds=(0,), labels=(0,))

    def described(net: nn.Module) -> SentNetwork:
        return SentNetwork(hash=MODEL, bytes=0, config="{}")

    live = replace(live_microscope(model, Task(recipe, cursor=HOME), HOME, described), script="")
    data, controls = MicroscopePage(MODEL, live), _controls(Grid(model, recipe))
    return Page("microscope", text, text.LOOKING_AT, data, controls, network_needs(MODEL, model), SPOKEN)


def _controls(grid: Grid) -> SiteControls:
    """Those of the lab that the page follows; where the cursor is, and forks, the figure writes."""
    return site_controls(
        MicroscopeControls, NAMES, options=options_of(grid), rules=rules_of(NAMES), in_figure=(*IN_THE_FIGURE, "count")
    )
