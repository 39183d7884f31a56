"""Rules of the doctor on the course of a run: its losses, its gradients, its samples.

Their thresholds were set on real runs of digits and emoji: good ones, from 60 steps to 4,500, keep well clear of them.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from engine.doctor.curves import Curves, mean_of_known
from engine.doctor.finding import Facts, Finding, Setting
from engine.language import _
from engine.training.tasks import task_of
from engine.training.timestep_bins import TIMESTEP_BINS

if TYPE_CHECKING:
    from engine.runs.entry import Snapshot

USUAL_RATE = 1e-3
LOWEST_RATE, HIGHEST_RATE = 3e-5, 5e-3
"""Outside these the learning rate is the likely reason for a loss that does not fall, with AdamW and these networks."""
NO_NUMBER = "stopped being a number"
"""Part of the message of `TrainingDivergedError`."""
LEAST_REPORTS, LEAST_STEPS, LEAST_PICTURES = 20, 60, 500
"""Below any of these a curve is too short for a finding."""
WINDOWS = 5


def diverged(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The loss is no longer a number."""
    config = snapshot.config
    if not (snapshot.status == "failed" and NO_NUMBER in snapshot.error) and np.isfinite(curves.loss).all():
        return None
    change: dict[str, Setting] = {"learning_rate": _lower(config.learning_rate)}
    why = _("a learning rate of {learning_rate:g} moved the weights too far", learning_rate=config.learning_rate)
    if config.precision == "fp16" and config.learning_rate <= HIGHEST_RATE:
        change, why = (
            {"precision": "fp32"},
            _("fp16 has no number above 65,504, and an activation has grown beyond it"),
        )
    return Finding(
        "diverged",
        "wrong",
        _("The loss is no longer a number: most likely {why}. The run cannot continue from here.", why=why),
        change,
    )


def rising(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The loss was much lower before."""
    if not _long_enough(snapshot, curves):
        return None
    windows = curves.windows(2 * WINDOWS)
    best, now = float(np.min(windows[:-1], where=np.isfinite(windows[:-1]), initial=np.inf)), float(windows[-1])
    if not now > 1.5 * best or not _rises_everywhere(curves):
        return None
    rate = snapshot.config.learning_rate
    return Finding(
        "rising",
        "wrong",
        _(
            "The loss had fallen to {best:.3g} and has risen to {now:.3g}: training diverges, because the "
            "learning rate of {rate:g} is too high.",
            best=best,
            now=now,
            rate=rate,
        ),
        {"learning_rate": _lower(rate)},
    )


def _rises_everywhere(curves: Curves) -> bool:
    """Whether the loss is higher than before in most timestep bins. With the weights of the bound a few t make most of
    the mean, which then varies by chance; training that diverges raises the loss at every noise level."""
    edges = np.linspace(0, len(curves), 2 * WINDOWS + 1).round().astype(int)
    parts = np.array([curves.mean_by_bin(a, b) for a, b in itertools.pairwise(edges)])
    best = np.min(parts[:-1], axis=0, where=np.isfinite(parts[:-1]), initial=np.inf)
    return bool(np.mean(parts[-1] > 1.3 * best) > 0.7)


def not_falling(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The loss is where it was at the start."""
    if not _long_enough(snapshot, curves) or snapshot.step < snapshot.config.warmup + LEAST_STEPS:
        return None
    # Steps that are too large raise the loss at once: its first value is in the very first reports.
    first = min(float(curves.windows(2 * WINDOWS)[0]), float(mean_of_known(curves.mean_by_bin(0, 1)[:, None])[0]))
    now, floor = float(curves.windows(WINDOWS)[-1]), snapshot.bayes_optimal.loss if snapshot.bayes_optimal else 0.0
    if not first - now < task_of(snapshot.config).min_loss_decrease * (first - floor):
        return None
    rate = snapshot.config.learning_rate
    says = _(
        "After {step:,} steps the loss is still {now:.3g}, about what it was at the beginning",
        step=snapshot.step,
        now=now,
    )
    if rate < LOWEST_RATE:
        return Finding(
            "not falling",
            "wrong",
            _("{says}: with a learning rate of {rate:g} each step is too small.", says=says, rate=rate),
            {"learning_rate": USUAL_RATE},
        )
    if rate > HIGHEST_RATE:
        return Finding(
            "not falling",
            "wrong",
            _(
                "{says}: with a learning rate of {rate:g} each step is too large, and the network has stopped "
                "learning.",
                says=says,
                rate=rate,
            ),
            {"learning_rate": _lower(rate)},
        )
    return Finding("not falling", "doubtful", _("{says}. Another learning rate is the first thing to try.", says=says))


def above_bayes_optimal(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Late in the run, most of what can be learned at some noise level was not."""
    config = snapshot.config
    if snapshot.bayes_optimal is None or not _long_enough(snapshot, curves) or snapshot.step < 0.8 * config.steps:
        return None
    count = len(curves)
    first, now = curves.mean_by_bin(0, max(3, count // 20)), curves.mean_by_bin(count - count // WINDOWS, count)
    floor = np.array(snapshot.bayes_optimal.loss_by_level)
    learnable = first - floor > 0.2 * first
    with np.errstate(invalid="ignore", divide="ignore"):
        missing = np.where(learnable, (now - floor) / (first - floor), 0.0)
    worst = int(np.nanargmax(missing)) if np.isfinite(missing).any() else 0
    if not missing[worst] > 0.6:
        return None
    change: dict[str, Setting] = {"steps": min(3 * config.steps, 1_000_000)}
    advice = _("More steps help first.")
    if config.learning_rate < LOWEST_RATE:
        change, advice = (
            {"learning_rate": USUAL_RATE},
            _("A learning rate of {learning_rate:g} is very small.", learning_rate=config.learning_rate),
        )
    if config.learning_rate > HIGHEST_RATE:
        change = {"learning_rate": _lower(config.learning_rate)}
        advice = _("A learning rate of {learning_rate:g} is very large.", learning_rate=config.learning_rate)
    where = f"t / T = {worst / TIMESTEP_BINS:g} … {(worst + 1) / TIMESTEP_BINS:g}"
    return Finding(
        "above the floor",
        "doubtful",
        _(
            "At {where} the loss is {now:.3g}, and that of the exact {noun} is {small}: {percent} of the "
            "reducible loss there is left. {advice}",
            where=where,
            now=now[worst],
            noun=_(task_of(config).noun),
            small=_small(floor[worst]),
            percent=_percent(missing[worst]),
            advice=advice,
        ),
        change,
    )


def clipped(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Every gradient is clipped to a small part of its norm."""
    if not _long_enough(snapshot, curves):
        return None
    late, clip = curves.norm[len(curves) // 2 :], snapshot.config.clip_norm
    if not (late > clip).all() or not np.median(late) > 10 * clip:
        return None
    usual = float(np.median(late))
    return Finding(
        "clipped",
        "note",
        _(
            "Every gradient is clipped, from a norm of about {usual:.3g} to {clip:g}: clipping is meant for rare "
            "outliers, and here all have the same norm.",
            usual=usual,
            clip=clip,
        ),
        {"clip_norm": float(f"{2 * usual:.1g}")},
    )


def memorised(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Its samples are training pictures."""
    copies = facts.copies
    if copies is None or copies.near < 3 or copies.least < copies.chance + 0.1:
        return None
    pictures = (
        _("the {pictures:,} training images", pictures=facts.pictures) if facts.pictures else _("the training images")
    )
    return Finding(
        "memorised",
        "doubtful",
        _(
            "{near} of {samples} samples are nearly the same as a training image; of held-out images {percent} "
            "are. The network memorises {pictures}: more of them help, or fewer steps.",
            near=copies.near,
            samples=copies.samples,
            percent=_percent(copies.chance),
            pictures=pictures,
        ),
        {"steps": max(1, copies.step // 2)},
    )


def held_out_rising(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The held-out loss rises while the training loss falls."""
    held_out = [(step, loss) for step, loss in snapshot.held_out if math.isfinite(loss)]
    if len(held_out) < 5 or not _long_enough(snapshot, curves):
        return None
    best = min(range(len(held_out)), key=lambda k: held_out[k][1])
    (step, least), now = held_out[best], held_out[-1][1]
    later = [loss for _, loss in held_out[best + 1 :]]
    if len(later) < 3 or not now > 1.05 * least or min(later[-2:]) < 1.03 * least:
        return None
    before, after = curves.loss[curves.step <= step][-20:], curves.loss[curves.step > step][-20:]
    if not len(before) or not len(after) or np.nanmean(after) > np.nanmean(before):
        return None
    return Finding(
        "held-out rising",
        "doubtful",
        _(
            "On held-out images the loss was lowest at step {step:,} ({least:.3g}) and has risen to {now:.3g} "
            "since, while it still falls on the training images: from there on the network memorises them.",
            step=step,
            least=least,
            now=now,
        ),
        {"steps": step},
    )


def waiting(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The network waits for pictures much of the time."""
    if len(curves) < LEAST_REPORTS:
        return None
    share = float(np.median(curves.waiting[len(curves) // 2 :]))
    if not share > 0.3:
        return None
    return Finding(
        "waiting",
        "note",
        _(
            "For {percent} of the time the network waits for images: reading them takes too long. A copy on a "
            "local disk helps.",
            percent=_percent(share),
        ),
    )


def _long_enough(snapshot: Snapshot, curves: Curves) -> bool:
    pictures = snapshot.step * snapshot.config.batch
    return len(curves) >= LEAST_REPORTS and snapshot.step >= LEAST_STEPS and pictures >= LEAST_PICTURES


def _lower(rate: float) -> float:
    """A lower learning rate: the usual one, or a third where that was tried."""
    return USUAL_RATE if rate > 1.5 * USUAL_RATE else float(f"{rate / 3:.1g}")


def _small(loss: float) -> str:
    return f"{loss:.2g}" if loss >= 1e-4 else _("nearly 0")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
