"""Denoiser, the one central type: it looks at a noisy x_t, knows how noisy it is, and says what it thinks is underneath.

A trained network, the exact answer for a data set (`engine.ideal`), a guided one and a clipped one are all the same type, and
samplers know none of them. A denoiser sees the noise level, never t: it owns whatever schedule it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from engine.process import Noise, Prediction, Target, prediction_from_x0
from engine.schedule import Level, NoiseSchedule, broadcast

NO_LABEL = -1
"""The label of an image whose class is left open."""

NO_SIGNAL = (
    "At zero terminal SNR the last x_T is pure noise, and knowing the noise says nothing about the picture. "
    "Use the target 'velocity' or 'clean', or a schedule that keeps a trace of signal."
)


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
        net: called as net(x, timestep, class) and returns the shape of x, or twice its channels where the variance is learned;
            `class` is None where it knows no classes.
        schedule: the one that it was trained on.
        target: what its output means.
        classes: how many classes it knows, 0 for none.
        learned_variance: whether the second half of the output's channels, o, says what the variance of a step is:
            v = (o + 1) / 2, as the code of Nichol & Dhariwal and diffusers' "learned_range" have it.
        has_null_class: whether it knows, beside its classes, one more of number `classes` that stands for "none given".
            Networks that were trained elsewhere with a label for every picture do not: they cannot be asked without one,
            nor guided.

    Raises:
        ValueError: for a noise-predicting network on a schedule that ends with no signal at all.
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
        """The network's own output; what it means is still to be read from it.

        Returns:
            The shape of x_t; with `learned_variance` twice its channels, what `target` says first.

        Raises:
            ValueError: if a label is outside 0 … classes − 1 (and not `NO_LABEL`), or missing where the network needs one.
        """
        # Networks of diffusers, and so ours, count 0 … T−1 for our 1 … T. Between the grid's points t is fractional.
        timestep = (self.schedule.t_of(level) - 1).to(device=x_t.device, dtype=torch.float32).expand(len(x_t))
        return self.net(x_t, timestep, self._classes_of(label, x_t))

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        return self.read(self.output(x_t, level, label), x_t, level)

    def read(self, output: Tensor, x_t: Tensor, level: Level) -> Prediction:
        """What an output of the network says of x_t.

        Raises:
            ValueError: for a noise-predicting network where nothing of the picture is left.
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
                raise ValueError("This model was trained without classes: leave the label open.")
            raise ValueError(f"This model knows the classes 0 … {self.classes - 1}.")
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
    """x̂0 held to the range that pictures have, as Ho et al. 2020 do when they sample; ε̂ follows it.

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
    """The same prediction with another x̂0, which ε̂ follows."""
    return replace(prediction_from_x0(x0, x_t, level), variance_mix=prediction.variance_mix)
