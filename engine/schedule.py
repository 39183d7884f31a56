"""Noise schedules: how much signal is left, and how much noise was added, at every step t.

The forward process is the Markov chain q(x_t | x_{t−1}) = N(√(1 − β_t) x_{t−1}, β_t I) with 0 < β_t ≤ 1 (Ho et al. 2020,
arXiv:2006.11239, section 2). With α_t = 1 − β_t and ᾱ_t = α_1 ⋯ α_t it has the closed form

    q(x_t | x_0) = N(√ᾱ_t x_0, (1 − ᾱ_t) I),     SNR_t = ᾱ_t / (1 − ᾱ_t)

so a schedule is one falling curve, written as β, as ᾱ or as log-SNR (Kingma et al. 2021, arXiv:2107.00630). `Level` is one
point on such a curve, without a t; `NoiseSchedule` is the whole curve as a table. Time runs t = 0 … T as in the papers: t = 0
is clean data, t = T is (almost) pure noise. Every table has T + 1 entries and is indexed by t itself, so `alpha_bar[0] == 1`
and `beta[0] == 0`, and no formula needs a special first step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

MAX_BETA = 0.999
"""Nichol & Dhariwal 2021, section 3.2: β is clipped here so that the cosine schedule has no singular last step."""

PAPER_LINEAR_T = 1000
"""The number of steps for which Ho et al. chose β = 1e-4 … 0.02."""

PURE_NOISE_SNR = 1e-4
"""Up to this terminal SNR, x_T keeps at most 1 % of the data's mean, √ᾱ_T, as DDPM's own schedule does (0.6 %)."""

VISIBLE_SNR = 0.01
"""Above this terminal SNR, x_T keeps 10 % and more of every pixel; between the two, of the mean over an image alone."""


Rows = slice | Tensor | list[int]
"""An index of a tensor's first axis that selects rows of a batch."""


def broadcast(values: Tensor, x: Tensor) -> Tensor:
    """Reshape one factor for all of x, or one for each of its B items, so that it multiplies x.

    Args:
        values: shape () or (B,).
        x: shape (B, ...).

    Returns:
        `values` in x's dtype and on x's device, of shape () or (B, 1, ..., 1).
    """
    values = values.to(dtype=x.dtype, device=x.device)
    return values if values.ndim == 0 else values.reshape(-1, *[1] * (x.ndim - 1))


@dataclass(frozen=True, eq=False)
class Level:
    """How noisy x_t is: log-SNR = log(ᾱ_t / (1 − ᾱ_t)). The SNR is eq. 2 of Kingma et al. 2021, arXiv:2107.00630.

    Everything else follows from it, so that the two variances always add up to 1. +inf is clean, −inf is pure noise.

    Args:
        log_snr: float64, shape () for a whole batch or (B,) for one level each.
    """

    log_snr: Tensor

    def __getitem__(self, rows: Rows) -> Level:
        """The levels of some rows of a batch; a level of shape () is that of every row."""
        return self if self.log_snr.ndim == 0 else Level(self.log_snr[rows])

    def repeat(self, times: int) -> Level:
        """The levels of a batch that is repeated `times` times; a level of shape () stays as it is."""
        return self if self.log_snr.ndim == 0 else Level(self.log_snr.repeat(times))

    def expand(self, count: int) -> Level:
        """One level for each of `count` rows, shape (count,)."""
        return Level(self.log_snr.expand(count))

    @staticmethod
    def cat(levels: Iterable[Level]) -> Level:
        """The levels of batches that are concatenated, each of shape (B,): see `expand`."""
        return Level(torch.cat([level.log_snr for level in levels]))

    @property
    def alpha_bar(self) -> Tensor:
        """ᾱ, the share of the variance that is signal, in [0, 1]."""
        return torch.sigmoid(self.log_snr)

    @property
    def variance(self) -> Tensor:
        """1 − ᾱ, the share of the variance that is noise, in [0, 1]."""
        return torch.sigmoid(-self.log_snr)

    def scales(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(√ᾱ, √(1 − ᾱ)), ready to multiply x of shape (B, ...)."""
        return broadcast(self.alpha_bar.sqrt(), x), broadcast(self.variance.sqrt(), x)

    def variance_since(self, earlier: Level) -> Tensor:
        """Variance of the noise that is added between an earlier (cleaner) level and this one, 1 − ᾱ_t / ᾱ_s.

        For neighbours t − 1 and t this is β_t. Taken as a difference of logarithms: near t = 0 both ᾱ are close to 1
        and their quotient would lose the digits that matter.
        """
        return -torch.expm1(logsigmoid(self.log_snr) - logsigmoid(earlier.log_snr))


@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """The tables of one forward process, Ho et al. 2020, arXiv:2006.11239, section 2.

    Args:
        beta: float64, shape (T + 1,); `beta[0] == 0`, and 0 < β_t ≤ 1 for t ≥ 1. β_t = 1 only for t = T.
        name: shown to readers; it has no effect.

    Raises:
        ValueError: for any other beta.
    """

    beta: Tensor
    name: str = "custom"

    def __post_init__(self) -> None:
        beta = self.beta
        if beta.dtype != torch.float64 or beta.ndim != 1 or len(beta) < 2:
            raise ValueError("A schedule needs a float64 table of at least one step: beta of shape (T + 1,).")
        if not torch.isfinite(beta).all() or beta[0] != 0 or (beta[1:] <= 0).any() or (beta > 1).any():
            raise ValueError("A schedule needs beta[0] = 0 and every later beta above 0 and at most 1.")
        if (beta[:-1] == 1).any():
            raise ValueError("Only the last step may remove the picture completely (beta = 1).")

    # --- constructors ----------------------------------------------------------------------------------------------

    @classmethod
    def linear(
        cls, T: int = 1000, beta_start: float = 1e-4, beta_end: float = 0.02, *, rescale: bool = True
    ) -> NoiseSchedule:
        """β grows linearly from `beta_start` to `beta_end`; Ho et al. 2020, section 4.

        Those two numbers were chosen for T = 1000. With fewer steps much signal is left at T
        (ᾱ_T = 0.60 at T = 50), so they are multiplied by 1000 / T unless `rescale` is False. β is clipped at 0.999.
        """
        factor = PAPER_LINEAR_T / _checked_T(T) if rescale else 1.0
        if not 0 < beta_start <= beta_end:
            raise ValueError("A linear schedule needs 0 < beta_start <= beta_end.")
        ramp = torch.linspace(beta_start, beta_end, T, dtype=torch.float64) * factor
        return cls(_with_zero_first(ramp.clamp(max=MAX_BETA)), "linear")

    @classmethod
    def cosine(cls, T: int = 1000, s: float = 0.008) -> NoiseSchedule:
        """ᾱ_t = f(t) / f(0), f(t) = cos²((t/T + s) / (1 + s) · π/2); Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17.

        The offset s keeps β_t from being too small near t = 0; β is clipped at 0.999 near t = T.
        """
        u = torch.linspace(0, 1, _checked_T(T) + 1, dtype=torch.float64)
        f = torch.cos((u + s) / (1 + s) * math.pi / 2) ** 2
        return cls(_with_zero_first((1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)), "cosine")

    @classmethod
    def sigmoid(cls, T: int = 1000, start: float = -3.0, end: float = 3.0, tau: float = 1.0) -> NoiseSchedule:
        """ᾱ falls along a logistic curve; Chen 2023, arXiv:2301.10972, algorithm 1, with β clipped at 0.999."""
        u = torch.linspace(0, 1, _checked_T(T) + 1, dtype=torch.float64)
        f = torch.sigmoid(-(u * (end - start) + start) / tau)
        alpha_bar = (f - f[-1]) / (f[0] - f[-1])
        return cls(_with_zero_first((1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=MAX_BETA)), "sigmoid")

    @classmethod
    def from_alpha_bar(cls, values: Sequence[float] | Tensor, name: str = "drawn") -> NoiseSchedule:
        """The schedule with these ᾱ_0 … ᾱ_T: from 1 strictly down to at least 0 (0 only at T).

        Raises:
            ValueError: if they do not start at 1, do not fall, or leave [0, 1].
        """
        alpha_bar = torch.as_tensor(values, dtype=torch.float64)
        if alpha_bar.ndim != 1 or len(alpha_bar) < 2 or alpha_bar[0] != 1:
            raise ValueError("alpha_bar needs at least two values and must start at 1 (clean data).")
        if not torch.isfinite(alpha_bar).all() or alpha_bar[-1] < 0 or (alpha_bar.diff() >= 0).any():
            raise ValueError("alpha_bar must fall at every step and stay at or above 0: noise is only added.")
        return cls(_with_zero_first(1 - alpha_bar[1:] / alpha_bar[:-1]), name)

    def with_zero_terminal_snr(self) -> NoiseSchedule:
        """The same schedule, shifted and scaled so that no signal is left at T.

        √ᾱ is shifted to end at exactly 0 and scaled to start where it did; Lin et al. 2023, arXiv:2305.08891, algorithm 1.
        """
        root = self.alpha_bar.sqrt()
        root = torch.cat([root[:1], (root[1:] - root[-1]) * root[1] / (root[1] - root[-1])])
        return NoiseSchedule.from_alpha_bar(root**2, f"{self.name}, zero terminal SNR")

    # --- the tables, all float64 of shape (T + 1,) ----------------------------------------------------------------

    @property
    def T(self) -> int:
        """Number of steps of the forward process."""
        return len(self.beta) - 1

    @cached_property
    def alpha(self) -> Tensor:
        """α_t = 1 − β_t."""
        return 1 - self.beta

    @cached_property
    def alpha_bar(self) -> Tensor:
        """ᾱ_t = α_1 · … · α_t, the share of the variance of x_t that is signal."""
        return self.alpha.cumprod(0)

    @cached_property
    def log_snr(self) -> Tensor:
        """log ᾱ_t / (1 − ᾱ_t) in nats: +inf at t = 0; −inf at T where the terminal SNR is zero.

        1 − ᾱ_t is taken from Σ log α, which keeps its digits where ᾱ_t is close to 1.
        """
        log_alpha_bar = torch.log1p(-self.beta).cumsum(0)
        return log_alpha_bar - torch.log(-torch.expm1(log_alpha_bar))

    @cached_property
    def posterior_variance(self) -> Tensor:
        """β̃_t = (1 − ᾱ_{t−1}) / (1 − ᾱ_t) · β_t, Ho et al. 2020, eq. 7; 0 at t = 0 and at t = 1."""
        t = torch.arange(1, self.T + 1)
        return _with_zero_first(self.level(t - 1).variance / self.level(t).variance * self.beta[1:])

    @property
    def terminal_snr(self) -> float:
        """ᾱ_T / (1 − ᾱ_T), the signal-to-noise ratio of x_T.

        Samplers start from N(0, I), which is the distribution of x_T only where this is close to 0. Above
        `PURE_NOISE_SNR` samples are biased towards medium brightness (Lin et al. 2023, arXiv:2305.08891, section 3.1):
        Stable Diffusion's schedule has 0.0047, where the noise hides every pixel, but not the mean over all of them.
        """
        return math.exp(float(self.log_snr[-1]))

    # --- between t and levels -------------------------------------------------------------------------------------

    def level(self, t: int | Tensor) -> Level:
        """The noise level at t.

        Args:
            t: in 0 … T; an integer, or an integer tensor of shape (B,).

        Raises:
            ValueError: if a whole number t lies outside 0 … T.
        """
        if isinstance(t, int) and not 0 <= t <= self.T:
            raise ValueError(f"t = {t} is outside 0 … {self.T}.")
        return Level(self.log_snr[t.cpu() if isinstance(t, Tensor) else t])

    def t_of(self, level: Level) -> Tensor:
        """The t, fractional between grid points, at which this schedule has that level: float64, the level's shape.

        Exact on the grid, linear in log-SNR between its points, and clamped to 1 … T, since no network is trained beyond.
        With it a network that was trained on one schedule can sample on another.
        """
        table = self.log_snr[1:].clamp(-80, 80).flip(0)
        log_snr = level.log_snr.cpu().clamp(float(table[0]), float(table[-1]))
        above = torch.searchsorted(table, log_snr).clamp(1, self.T - 1) if self.T > 1 else None
        if above is None:
            return torch.ones_like(log_snr)
        low, high = table[above - 1], table[above]
        # Two points may share a level where β is too small for the table's digits, or both lie beyond the clamp.
        return self.T - (above - 1 + (log_snr - low) / (high - low).clamp(min=1e-300))

    def timesteps(self, steps: int, spacing: str = "uniform") -> list[int]:
        """steps + 1 values of t from T down to 0, all different: the timesteps of a sampler.

        Args:
            steps: 1 … T.
            spacing: a name in `SPACINGS`.

        Raises:
            ValueError: if steps is not in 1 … T, or there is no such spacing.
        """
        if not 1 <= steps <= self.T:
            raise ValueError(f"A schedule of T = {self.T} takes 1 to {self.T} steps, not {steps}.")
        if spacing not in SPACINGS:
            raise ValueError(f"There is no spacing “{spacing[:40]}”, only {', '.join(SPACINGS)}.")
        timesteps = [self.T]
        for k, fractional in enumerate(SPACINGS[spacing](self, steps)[1:], 1):
            # Rounded, but at least 1 below the last one, and high enough that the remaining steps − k values all differ.
            timesteps.append(max(steps - k, min(round(fractional), timesteps[-1] - 1)))
        return timesteps


def _uniform(schedule: NoiseSchedule, steps: int) -> list[float]:
    return [schedule.T * (steps - k) / steps for k in range(steps + 1)]


def _quadratic(schedule: NoiseSchedule, steps: int) -> list[float]:
    return [schedule.T * ((steps - k) / steps) ** 2 for k in range(steps + 1)]


def _by_log_snr(schedule: NoiseSchedule, steps: int) -> list[float]:
    table = schedule.log_snr[1:]
    noisiest = float(table[-1]) if table[-1].isfinite() or len(table) == 1 else float(table[-2])
    log_snr = torch.linspace(noisiest, float(table[0]), steps, dtype=torch.float64)
    return [*schedule.t_of(Level(log_snr)).tolist(), 0.0]


SPACINGS: dict[str, Callable[[NoiseSchedule, int], list[float]]] = {
    "uniform": _uniform,
    "quadratic": _quadratic,
    "log-snr": _by_log_snr,
}
"""Timestep spacings, from T to 0: evenly in t; evenly in √t, so closer together near the clean end (Song et al.
2021, appendix D.2); or evenly in log-SNR from T to 1 (Lu et al. 2022, arXiv:2206.00927, section 3.3)."""


SCHEDULES: dict[str, Callable[[int], NoiseSchedule]] = {
    "linear": NoiseSchedule.linear,
    "cosine": NoiseSchedule.cosine,
    "sigmoid": NoiseSchedule.sigmoid,
}
"""The named schedules, each made from T alone."""


def _checked_T(T: int) -> int:
    if T < 1:
        raise ValueError(f"A schedule needs at least one step, not T = {T}.")
    return T


def _with_zero_first(table: Tensor) -> Tensor:
    return torch.cat([torch.zeros(1, dtype=torch.float64), table])
