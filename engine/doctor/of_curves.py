"""Rules of the doctor that read how a run went: its losses, its gradients, its samples.

Their thresholds were set on real runs of digits and emoji: good ones, from 60 steps to 4,500, keep well clear of them.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from engine.doctor.curves import Curves, mean_of_known
from engine.doctor.finding import Facts, Finding, Setting
from engine.training.timestep_bins import TIMESTEP_BINS

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot

USUAL_RATE = 1e-3
LOWEST_RATE, HIGHEST_RATE = 3e-5, 5e-3
"""Outside these the learning rate is the likely reason for a loss that does not fall (AdamW, these networks)."""
NO_NUMBER = "stopped being a number"
"""What `TrainingDivergedError` says."""
LEAST_REPORTS, LEAST_STEPS, LEAST_PICTURES = 20, 60, 500
"""Below any of these a curve says nothing yet."""
WINDOWS = 5


def diverged(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The loss is no number any more."""
    config = snapshot.config
    if not (snapshot.status == "failed" and NO_NUMBER in snapshot.error) and np.isfinite(curves.loss).all():
        return None
    change: dict[str, Setting] = {"learning_rate": _lower(config.learning_rate)}
    why = f"a learning rate of {config.learning_rate:g} moved the weights too far"
    if config.precision == "fp16" and config.learning_rate <= HIGHEST_RATE:
        change, why = (
            {"precision": "fp32"},
            "fp16 holds no number above 65,504, and something in the network has grown beyond it",
        )
    return Finding(
        "diverged",
        "wrong",
        f"The loss is no number any more: most likely {why}. From here nothing can be learned.",
        change,
    )


def rising(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The loss was a good deal lower before."""
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
        f"The loss was down to {best:.3g} and is at {now:.3g} again: the steps are so large that the network loses what it had "
        f"learned. The learning rate of {rate:g} is too high.",
        {"learning_rate": _lower(rate)},
    )


def _rises_everywhere(curves: Curves) -> bool:
    """Whether the loss is higher than it was in most parts of 0 … T. With weights as in the bound a few t make most of the
    mean, which then jumps by chance alone; a network that falls apart does so at every noise level."""
    edges = np.linspace(0, len(curves), 2 * WINDOWS + 1).round().astype(int)
    parts = np.array([curves.part(a, b) for a, b in itertools.pairwise(edges)])
    best = np.min(parts[:-1], axis=0, where=np.isfinite(parts[:-1]), initial=np.inf)
    return bool(np.mean(parts[-1] > 1.3 * best) > 0.7)


def not_falling(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """After all this time the loss is where it was."""
    if not _long_enough(snapshot, curves) or snapshot.step < snapshot.config.warmup + LEAST_STEPS:
        return None
    # Too large a step throws the loss up at once: what it was before that is in the very first reports.
    first = min(float(curves.windows(2 * WINDOWS)[0]), float(mean_of_known(curves.part(0, 1)[:, None])[0]))
    now, floor = float(curves.windows(WINDOWS)[-1]), snapshot.bayes_optimal.loss if snapshot.bayes_optimal else 0.0
    # What a VAE's bound ends at is not known, and is far from 0.
    least = 0.05 if snapshot.config.task == "vae" else 0.2
    if not first - now < least * (first - floor):
        return None
    rate = snapshot.config.learning_rate
    says = f"After {snapshot.step:,} steps the loss is still {now:.3g}, about what it was at the beginning"
    if rate < LOWEST_RATE:
        return Finding(
            "not falling",
            "wrong",
            f"{says}: with a learning rate of {rate:g} each step is too small to get anywhere.",
            {"learning_rate": USUAL_RATE},
        )
    if rate > HIGHEST_RATE:
        return Finding(
            "not falling",
            "wrong",
            f"{says}: with a learning rate of {rate:g} each step is too large, and the network has stopped learning.",
            {"learning_rate": _lower(rate)},
        )
    return Finding("not falling", "doubtful", f"{says}. Another learning rate is the first thing to try.")


def above_the_floor(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Late in the run there is a noise level where most of what could be learned was not."""
    config = snapshot.config
    if snapshot.bayes_optimal is None or not _long_enough(snapshot, curves) or snapshot.step < 0.8 * config.steps:
        return None
    count = len(curves)
    first, now = curves.part(0, max(3, count // 20)), curves.part(count - count // WINDOWS, count)
    floor = np.array(snapshot.bayes_optimal.loss_by_level)
    learnable = first - floor > 0.2 * first
    with np.errstate(invalid="ignore", divide="ignore"):
        missing = np.where(learnable, (now - floor) / (first - floor), 0.0)
    worst = int(np.nanargmax(missing)) if np.isfinite(missing).any() else 0
    if not missing[worst] > 0.6:
        return None
    change: dict[str, Setting] = {"steps": min(3 * config.steps, 1_000_000)}
    advice = "More steps help first."
    if config.learning_rate < LOWEST_RATE:
        change, advice = {"learning_rate": USUAL_RATE}, f"A learning rate of {config.learning_rate:g} is very small."
    if config.learning_rate > HIGHEST_RATE:
        change = {"learning_rate": _lower(config.learning_rate)}
        advice = f"A learning rate of {config.learning_rate:g} is very large."
    where = f"t / T = {worst / TIMESTEP_BINS:g} … {(worst + 1) / TIMESTEP_BINS:g}"
    return Finding(
        "above the floor",
        "doubtful",
        f"At {where} the loss is {now[worst]:.3g}, and the ideal {_who(snapshot)} would have {_small(floor[worst])}: of "
        f"what could be learned there, {_percent(missing[worst])} is missing. {advice}",
        change,
    )


def clipped(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Every gradient is shortened to a small part of its length."""
    if not _long_enough(snapshot, curves):
        return None
    late, clip = curves.norm[len(curves) // 2 :], snapshot.config.clip_norm
    if not (late > clip).all() or not np.median(late) > 10 * clip:
        return None
    usual = float(np.median(late))
    return Finding(
        "clipped",
        "note",
        f"Every gradient is shortened, from a length of about {usual:.3g} to {clip:g}: clipping is meant for the odd one "
        "that is too long, and now all count alike.",
        {"clip_norm": float(f"{2 * usual:.1g}")},
    )


def by_heart(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """What it draws are its training pictures."""
    copies = facts.copies
    if copies is None or copies.near < 3 or copies.least < copies.chance + 0.1:
        return None
    pictures = f"the {facts.pictures:,} training pictures" if facts.pictures else "the training pictures"
    return Finding(
        "by heart",
        "doubtful",
        f"{copies.near} of {copies.samples} samples are nearly the same as a training picture; of real pictures that it never "
        f"saw, {_percent(copies.chance)} are. The network learns {pictures} by heart: more of them help, or fewer steps.",
        {"steps": max(1, copies.step // 2)},
    )


def held_out_rising(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """On pictures that it never saw it gets worse while it gets better on those that it trains on."""
    held_out = [(step, loss) for step, loss in snapshot.held_out if math.isfinite(loss)]
    if len(held_out) < 5 or not _long_enough(snapshot, curves):
        return None
    best = min(range(len(held_out)), key=lambda k: held_out[k][1])
    (step, least), (_, now) = held_out[best], held_out[-1]
    later = [loss for _, loss in held_out[best + 1 :]]
    if len(later) < 3 or not now > 1.05 * least or min(later[-2:]) < 1.03 * least:
        return None
    before, after = curves.loss[curves.step <= step][-20:], curves.loss[curves.step > step][-20:]
    if not len(before) or not len(after) or np.nanmean(after) > np.nanmean(before):
        return None
    return Finding(
        "held-out rising",
        "doubtful",
        f"On pictures that it never saw the loss was best at step {step:,} ({least:.3g}) and has risen to {now:.3g} since, "
        "while it still falls on the training pictures: from there on it has learned them by heart.",
        {"steps": step},
    )


def waiting(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The network has nothing to do for much of the time."""
    if len(curves) < LEAST_REPORTS:
        return None
    share = float(np.median(curves.waiting[len(curves) // 2 :]))
    if not share > 0.3:
        return None
    return Finding(
        "waiting",
        "note",
        f"For {_percent(share)} of the time the network waits for pictures: reading them takes too long. A copy on a "
        "disk of this machine helps.",
    )


def _long_enough(snapshot: Snapshot, curves: Curves) -> bool:
    pictures = snapshot.step * snapshot.config.batch
    return len(curves) >= LEAST_REPORTS and snapshot.step >= LEAST_STEPS and pictures >= LEAST_PICTURES


def _lower(rate: float) -> float:
    """A learning rate that is likely to do: the usual one, or a third where that was tried."""
    return USUAL_RATE if rate > 1.5 * USUAL_RATE else float(f"{rate / 3:.1g}")


def _who(snapshot: Snapshot) -> str:
    return {"classifier": "classifier", "vae": "VAE"}.get(snapshot.config.task, "denoiser")


def _small(loss: float) -> str:
    return f"{loss:.2g}" if loss >= 1e-4 else "next to none"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
