"""The first page: the recording of a sampling run, of which the predictions and the seeds are enough.

DDIM with eta = 0 keeps ε̂ from one level to the next, so that x_t and ε̂ follow from x_T and the predictions x̂_0:
ε̂ = (x_t − √ᾱ_t x̂_0) / √(1−ᾱ_t), and the next x is √ᾱ x̂_0 + √(1−ᾱ) ε̂ (Song et al. 2021, arXiv:2010.02502, eq. 12).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from engine.data.shipped import read_arrays
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from playground.components.payloads.encoding import FiniteNumbers, Payload
from playground.components.payloads.timeline import Timeline
from playground.labs.home import text, view
from playground.labs.shared.picture import NOISE_RANGE
from playground.static_site.figures import without_pictures
from playground.static_site.page import Page
from playground.static_site.stored import packed_frames

STORED = "start-x0"


@dataclass(frozen=True)
class StartPage(Payload):
    """What static_site/src/start.js shows.

    figure: the recording without its pictures.
    stored: where the predictions are: uint8, frames x pictures x H x W x C.
    shape: of a picture.
    seeds: of the noise at t = T.
    signal, sigma: √ᾱ_t and √(1−ᾱ_t) at each frame.
    noise_range: ε̂ is shown from −that to that.
    """

    figure: Timeline
    stored: str
    shape: tuple[int, int, int]
    seeds: tuple[int, ...]
    signal: FiniteNumbers
    sigma: FiniteNumbers
    noise_range: float


def page() -> Page:
    """The page in the language that is spoken now."""
    return Page("", text, text.LOOKING_AT, data(), needs={STORED: lambda: packed_frames(predictions())})


def predictions() -> NDArray[np.uint8]:
    """x̂_0 at each frame, uint8 (F, B, H, W, C)."""
    x0: NDArray[np.uint8] = read_arrays(view.RECORDING, ("x0",))["x0"]
    return x0


def data() -> StartPage:
    """What the page is given."""
    recipe = Recipe.model_validate_json(view.recipe_json())
    schedule = recipe.noise_schedule(open_model(recipe.model))
    level = schedule.level(torch.from_numpy(read_arrays(view.RECORDING, ("t",))["t"]))
    height, width, channels = predictions().shape[2:]
    shown = view.first_timeline()
    return StartPage(
        replace(shown, lanes=tuple(map(without_pictures, shown.lanes))),
        STORED,
        (height, width, channels),
        recipe.seeds,
        level.alpha_bar.sqrt().numpy(),
        level.variance.sqrt().numpy(),
        NOISE_RANGE,
    )
