"""The noisy image that the Network x-ray inspects: from the model's own trajectory, or a training image with noise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from cachetools import LRUCache

from engine.language import _, told
from playground.labs.xray.controls import NONE, STEPS, XrayControls

if TYPE_CHECKING:
    from torch import Tensor

    from engine.denoiser import NetDenoiser
    from engine.models.opened import Model
    from engine.sampling import Frame
    from engine.schedule import Level
    from playground.policy.visitor import Visitor

MOST_KEPT = 6
"""Trajectories that are kept."""

_trajectories: LRUCache[tuple[object, int, int], list[Tensor]] = LRUCache(MOST_KEPT)
"""x_t at every step, by the denoiser, the seed and the label."""
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class NoisyImage:
    """x_t, shape (1, C, H, W), with the network that is inspected on it, and what this is conditioned on."""

    model: Model
    denoiser: NetDenoiser
    x_t: Tensor
    level: Level
    t: int
    label: Tensor | None


def noisy_image(controls: XrayControls, visitor: Visitor) -> Iterator[int | NoisyImage]:
    """Numbers of steps while it is sampled, then the image itself. Raises ValueError with one sentence for the reader."""
    import torch

    from engine.denoiser import NO_LABEL

    model, denoiser = _network(controls, visitor)
    label = torch.tensor([NO_LABEL if controls.label == NONE else controls.label]) if model.class_names else None
    t = model.schedule.timesteps(STEPS, "uniform")[controls.step]
    level = model.schedule.level(t)
    if controls.source == "picture":
        yield NoisyImage(model, denoiser, _diffused(model, controls, level), level, t, label)
        return
    key = (denoiser, controls.seed, controls.label)
    with _lock:
        trajectory = _trajectories.get(key)
    if trajectory is None:
        trajectory = []
        for frame in frames(model, denoiser, (controls.seed,), controls.label):
            trajectory.append(frame.x)
            yield frame.step
        with _lock:
            _trajectories[key] = trajectory
    yield NoisyImage(model, denoiser, trajectory[controls.step], level, t, label)


def _network(controls: XrayControls, visitor: Visitor) -> tuple[Model, NetDenoiser]:
    """The model and its denoiser, whose network is a U-Net of ours. Raises ValueError where they do not fit the settings."""
    from engine.analysis.xray import net_of
    from engine.denoiser import NetDenoiser

    model = visitor.open_model(controls.model)
    denoiser = model.denoiser
    try:
        net_of(denoiser)
    except TypeError as error:
        raise ValueError(
            _(
                "“{title}” has no U-Net of this project to inspect: choose a trained network, such as the digits.",
                title=told(model.title),
            )
        ) from error
    assert isinstance(denoiser, NetDenoiser)
    if controls.label >= len(model.class_names) and controls.label != NONE:
        raise ValueError(
            _(
                "“{title}” has no class {label}: choose another one, or none.",
                title=told(model.title),
                label=controls.label,
            )
        )
    if model.needs_label and controls.label == NONE:
        raise ValueError(_("“{title}” was trained with a class for every image: choose one.", title=told(model.title)))
    if model.schedule.T < STEPS:
        raise ValueError(
            _(
                "“{title}” was trained with fewer than {steps} timesteps, too few for this lab.",
                title=told(model.title),
                steps=STEPS,
            )
        )
    return model, denoiser


def _diffused(model: Model, controls: XrayControls, level: Level) -> Tensor:
    """A training image with the noise of that level. Raises ValueError where the data are not here or do not fit."""
    from engine.data import catalogue
    from engine.data.pixels import to_unit
    from engine.data.sizes import sized
    from engine.process import diffuse
    from engine.sampling import SeededNoise

    if not model.data:
        raise ValueError(
            _("The training images of “{title}” are not known: take one from sampling.", title=told(model.title))
        )
    images = sized(catalogue.load(model.data), model.shape[1], upsampling=True)
    members = np.arange(len(images))
    if controls.label != NONE and (images.labels == controls.label).any():
        members = np.flatnonzero(images.labels == controls.label)
    image = images.images[members[controls.number % len(members)]][None]
    if image.shape[3] != model.shape[0]:
        raise ValueError(
            _(
                "The images of “{data}” have other colours than “{title}” takes.",
                data=model.data,
                title=told(model.title),
            )
        )
    return diffuse(to_unit(np.asarray(image)), level, SeededNoise([controls.seed], model.shape)())


def frames(model: Model, denoiser: NetDenoiser, seeds: tuple[int, ...], label: int) -> Iterator[Frame]:
    """Sampling with this denoiser, by DDIM in `STEPS` steps."""
    import torch

    from engine.denoiser import NO_LABEL, Clipped
    from engine.samplers import DDIM
    from engine.sampling import sample

    labels = torch.full((len(seeds),), NO_LABEL if label == NONE else label) if model.class_names else None
    return sample(Clipped(denoiser), model.schedule, DDIM(), shape=model.shape, steps=STEPS, seeds=seeds, label=labels)
