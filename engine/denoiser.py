"""Denoiser, the one central type: it looks at a noisy x_t, knows how noisy it is, and says what it thinks is underneath.

A trained network, the exact answer for a data set (`engine.ideal`), a guided one and a clipped one are all the same type, and
samplers know none of them. A denoiser sees the noise level, never t: it owns whatever schedule it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from engine.process import Noise, Prediction, Target, prediction_from_x0
from engine.schedule import Level, NoiseSchedule, broadcast

NO_LABEL = -1
"""The label of an image whose class is left open."""


class Denoiser(Protocol):
    """Says what is under the noise."""

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        """x̂0 and ε̂ for a batch.

        Args:
            x_t: shape (B, ...).
            level: one for all, or one for each of the B.
            label: int64, shape (B,), the class wanted for each, `NO_LABEL` for none. None leaves all of them open.
        """
        ...


@dataclass(frozen=True, eq=False)
class NetDenoiser:
    """A network with all that is needed to ask it: the schedule it was trained on and what its output means.

    Args:
        net: called as net(x, timestep, class) and returns the shape of x; `class` is None where it knows no classes.
        schedule: the one that it was trained on.
        target: what its output means.
        classes: how many classes it knows, 0 for none; its class number `classes` stands for "none given".

    Raises:
        ValueError: for a noise-predicting network on a schedule that ends with no signal at all.
    """

    net: nn.Module
    schedule: NoiseSchedule
    target: Target
    classes: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.target, Noise) and self.schedule.terminal_snr == 0:
            raise ValueError(
                "At zero terminal SNR the last x_T is pure noise, and knowing the noise says nothing about the picture. "
                "Use the target 'velocity' or 'clean', or a schedule that keeps a trace of signal."
            )

    def output(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Tensor:
        """The network's own output, shape of x_t; what `target` says is still to be read from it.

        Raises:
            ValueError: if a label is outside 0 … classes − 1 (and not `NO_LABEL`).
        """
        # Networks of diffusers, and so ours, count 0 … T−1 for our 1 … T. Between the grid's points t is fractional.
        timestep = (self.schedule.t_of(level) - 1).to(device=x_t.device, dtype=torch.float32).expand(len(x_t))
        return self.net(x_t, timestep, self._classes_of(label, x_t))

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        return self.target.read(self.output(x_t, level, label), x_t, level)

    def _classes_of(self, label: Tensor | None, x_t: Tensor) -> Tensor | None:
        if label is not None and bool(((label >= max(self.classes, 0)) | (label < NO_LABEL)).any()):
            if self.classes == 0:
                raise ValueError("This model was trained without classes: leave the label open.")
            raise ValueError(f"This model knows the classes 0 … {self.classes - 1}.")
        if self.classes == 0:
            return None
        if label is None:
            return torch.full((len(x_t),), self.classes, device=x_t.device)
        return torch.where(label == NO_LABEL, self.classes, label).to(x_t.device)


@dataclass(frozen=True, eq=False)
class Guided:
    """Classifier-free guidance: ε̂ = ε̂(x) + s · (ε̂(x, y) − ε̂(x)); Ho & Salimans 2022, arXiv:2207.12598.

    s = 1 is the plain conditional model and 0 ignores the label; the paper's w is s − 1. Since x̂0 is linear in ε̂ at a
    given x_t, the same formula holds for both. Where s is neither 0 nor 1 both halves go through in one batch.

    Args:
        denoiser: knows classes, and answers without one too.
        scale: one for all, or a tensor of shape (B,).
    """

    denoiser: Denoiser
    scale: float | Tensor

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        scale = torch.as_tensor(self.scale)
        if label is None or bool((scale == 0).all()):
            return self.denoiser(x_t, level, None)
        if bool((scale == 1).all()):
            return self.denoiser(x_t, level, label)
        both = self.denoiser(
            torch.cat([x_t, x_t]),
            level if level.log_snr.ndim == 0 else Level(level.log_snr.repeat(2)),
            torch.cat([label, torch.full_like(label, NO_LABEL)]),
        )
        weight = broadcast(scale, x_t)
        x0, noise = (torch.lerp(plain, wanted, weight) for wanted, plain in (half.chunk(2) for half in both))
        return Prediction(x0, noise)


@dataclass(frozen=True, eq=False)
class Clipped:
    """x̂0 held to the range that pictures have, as Ho et al. 2020 do when they sample; ε̂ follows it.

    Args:
        denoiser: any.
        low, high: the range of the data; ours are in [−1, 1].
    """

    denoiser: Denoiser
    low: float = -1.0
    high: float = 1.0

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        return prediction_from_x0(self.denoiser(x_t, level, label).x0.clamp(self.low, self.high), x_t, level)
