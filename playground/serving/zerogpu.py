"""Drawing on ZeroGPU, where a Space has a GPU only inside calls that ask for one; anywhere else nothing here has an effect.

Such a call runs in a process of its own, forked from this one, and what it yields is sent back. So it opens the network anew
from what ships, and training, which goes on for minutes in a thread of this process, stays on the CPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.language import N_

try:
    import spaces  # on ZeroGPU it is there, and must come before torch
except ImportError:
    spaces = None

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from engine.sampling import Frame

LONGEST = 120
"""Seconds that one call may ask for."""
TRAINING = N_(
    "Training runs on the CPU here: this Space borrows its GPU for single calls of at most a minute or two, and a training run "
    "goes on for longer than that. Drawing uses the GPU."
)


def is_zerogpu() -> bool:
    """Whether this is a Space on ZeroGPU."""
    return spaces is not None and os.environ.get("SPACES_ZERO_GPU") == "true"


if is_zerogpu():
    os.environ.setdefault("DIFFUSION_PLAYGROUND_DEVICE", "cpu")  # of training: this process appears to have a GPU


def frames(recipe: Recipe, model: Model) -> Iterator[Frame]:
    """As `recipe.frames(model)`; on ZeroGPU with a GPU, for a network that ships and no classifier."""
    from engine.interop.pretrained import CHECKPOINTS

    if not is_zerogpu() or recipe.model not in CHECKPOINTS or recipe.classifier:
        return recipe.frames(model)
    recipe.check(model)
    return _received(recipe)


def _received(recipe: Recipe) -> Iterator[Frame]:
    import torch

    from engine.sampling import Frame

    for step, steps, t, *arrays in _drawn(recipe):
        x, x0, noise = map(torch.from_numpy, arrays)
        yield Frame(step, steps, t, x, x0, noise)


def _seconds(recipe: Recipe) -> int:
    """Seconds that a call asks for: opening the network and moving it, then a generous estimate of sampling."""
    return min(LONGEST, 15 + len(recipe.seeds) * recipe.steps // 200)


def _scoped(function: Callable[[Recipe], Iterator[Any]]) -> Callable[[Recipe], Iterator[Any]]:
    return spaces.GPU(duration=_seconds)(function) if spaces is not None else function


@_scoped
def _drawn(recipe: Recipe) -> Iterator[Any]:
    """(step, steps, t, x, x0, noise) of each frame, as arrays: they are sent between processes."""
    import torch

    from engine.registry import open_model

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = open_model(recipe.model)
    net = deepcopy(model.denoiser.net).to(device)  # type: ignore[attr-defined]
    model = replace(model, denoiser=replace(model.denoiser, net=net))  # type: ignore[type-var]
    for frame in recipe.frames(model, device=device):
        yield frame.step, frame.steps, frame.t, *(part.cpu().numpy() for part in (frame.x, frame.x0, frame.noise))
