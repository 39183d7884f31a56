"""Denoiser, the one central type: from a noisy x_t and its noise level it predicts x̂0 and ε̂.

The minimiser of the squared error E‖x̂0(x_t) − x_0‖² is the posterior mean E[x_0 | x_t], and by Tweedie's formula the score is

    ∇ log p_t(x_t) = (√ᾱ_t E[x_0 | x_t] − x_t) / (1 − ᾱ_t) = −ε̂ / √(1 − ᾱ_t)

(Efron 2011, https://doi.org/10.1198/jasa.2011.tm11181; Song & Ermon 2019, arXiv:1907.05600), so a sampler needs nothing else.
A trained network, the exact denoiser of a data set (`engine.ideal`), a guided and a clipped one are the same type, and samplers
depend on this type alone. A denoiser receives the noise level, never t: it owns the schedule that it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from engine.process import Noise, Prediction, Target, prediction_from_x0
from engine.schedule import Level, NoiseSchedule, broadcast

NO_LABEL = -1
"""The label of an unconditional image."""

NO_SIGNAL = (
    "At zero terminal SNR the last x_T is pure noise, and knowing the noise says nothing about the picture. "
    "Use the target 'velocity' or 'clean', or a schedule that keeps a trace of signal."
)


class Denoiser(Protocol):
    """Predicts the clean picture and the noise in x_t."""

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        """x̂0 and ε̂ for a batch.

        Args:
            x_t: shape (B, ...).
            level: one for all, or one for each of the B.
            label: int64, shape (B,), the class of each, `NO_LABEL` for unconditional. None: all unconditional.
        """
        ...


@dataclass(frozen=True, eq=False)
class NetDenoiser:
    """A trained network as a denoiser, with its training schedule and its prediction target.

    Args:
        net: called as net(x, timestep, class) and returns the shape of x, or twice its channels where the variance is learned;
            `class` is None for an unconditional network.
        schedule: the one that it was trained on.
        target: what it predicts: ε, x_0 or v.
        classes: how many classes it is conditioned on, 0 for none.
        learned_variance: whether the second half of the output's channels, o, is the learned variance of a step:
            v = (o + 1) / 2, as the code of Nichol & Dhariwal and diffusers' "learned_range" have it.
        has_null_class: whether class number `classes` stands for "unconditional" (the null token of classifier-free guidance).
            A network that was trained elsewhere with a label for every picture has none: each evaluation needs a label,
            and it cannot be guided.

    Raises:
        ValueError: for a noise-predicting network on a schedule of zero terminal SNR.
    """

    net: nn.Module
    schedule: NoiseSchedule
    target: Target
    classes: int = 0
    learned_variance: bool = False
    has_null_class: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.target, Noise) and self.schedule.terminal_snr == 0:
            raise ValueError(NO_SIGNAL)

    def output(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Tensor:
        """The raw output of the network; `read` converts it to a prediction.

        Returns:
            The shape of x_t; with `learned_variance` twice its channels, the target's first.

        Raises:
            ValueError: if a label is outside 0 … classes − 1 (and not `NO_LABEL`), or missing where the network needs one.
        """
        # Networks of diffusers, and so ours, count 0 … T−1 for our 1 … T. Between the grid's points t is fractional.
        timestep = (self.schedule.t_of(level) - 1).to(device=x_t.device, dtype=torch.float32).expand(len(x_t))
        return self.net(x_t, timestep, self._classes_of(label, x_t))

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        return self.read(self.output(x_t, level, label), x_t, level)

    def read(self, output: Tensor, x_t: Tensor, level: Level) -> Prediction:
        """Convert an output of the network to a prediction.

        Raises:
            ValueError: for a noise-predicting network at zero SNR.
        """
        if isinstance(self.target, Noise) and bool((level.log_snr == -torch.inf).any()):
            raise ValueError(NO_SIGNAL)
        if not self.learned_variance:
            return self.target.read(output, x_t, level)
        of_target, of_variance = output.chunk(2, dim=1)
        return replace(self.target.read(of_target, x_t, level), variance_mix=(of_variance + 1) / 2)

    def _classes_of(self, label: Tensor | None, x_t: Tensor) -> Tensor | None:
        if label is not None and bool(((label >= max(self.classes, 0)) | (label < NO_LABEL)).any()):
            if self.classes == 0:
                raise ValueError("This model was trained without classes: give it no label.")
            raise ValueError(f"This model has the classes 0 … {self.classes - 1}.")
        if self.classes == 0:
            return None
        if not self.has_null_class and (label is None or bool((label == NO_LABEL).any())):
            raise ValueError(
                "This model was trained with a label for every picture and has no class for “none”: "
                f"give each picture a class 0 … {self.classes - 1}, with a guidance scale of 1."
            )
        if label is None:
            return torch.full((len(x_t),), self.classes, device=x_t.device)
        return torch.where(label == NO_LABEL, self.classes, label).to(x_t.device)


@dataclass(frozen=True, eq=False)
class Clipped:
    """x̂0 clipped to the range of pictures, as in the code of Ho et al. 2020; ε̂ is computed from the clipped x̂0.

    Args:
        denoiser: any.
        low, high: the range of the data; ours are in [−1, 1].
    """

    denoiser: Denoiser
    low: float = -1.0
    high: float = 1.0

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        prediction = self.denoiser(x_t, level, label)
        return _with_x0(prediction, prediction.x0.clamp(self.low, self.high), x_t, level)


@dataclass(frozen=True, eq=False)
class QuantileClipped:
    """Dynamic thresholding of Saharia et al. 2022, arXiv:2205.11487, section 2.3: for data in [−1, 1].

    In each picture s is the quantile of |x̂0|, and never below 1; x̂0 is clipped to [−s, s] and divided by s. Strong guidance
    then saturates fewer pixels than with plain clipping.

    Args:
        denoiser: any.
        quantile: in 0 … 1; at 1 nothing is clipped, only scaled down.

    Raises:
        ValueError: for a quantile outside 0 … 1.
    """

    denoiser: Denoiser
    quantile: float = 0.995

    def __post_init__(self) -> None:
        if not 0 <= self.quantile <= 1:
            raise ValueError(f"A quantile lies between 0 and 1, not at {self.quantile}.")

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        prediction = self.denoiser(x_t, level, label)
        size = prediction.x0.abs().flatten(1).quantile(self.quantile, dim=1).clamp(min=1)
        limit = broadcast(size, x_t)
        return _with_x0(prediction, prediction.x0.clamp(-limit, limit) / limit, x_t, level)


def _with_x0(prediction: Prediction, x0: Tensor, x_t: Tensor, level: Level) -> Prediction:
    """Replace x̂0, and recompute ε̂ from it."""
    return replace(prediction_from_x0(x0, x_t, level), variance_mix=prediction.variance_mix)
