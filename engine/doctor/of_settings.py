"""Rules of the doctor that can tell from the settings alone that a run will not give what its reader wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.doctor.curves import Curves
from engine.doctor.finding import Facts, Finding
from engine.schedule import PURE_NOISE_SNR, NoiseSchedule

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot

FEW_PICTURES = 500
MANY_EPOCHS = 500
USUAL_DROPOUT = 0.1
SLOWER = 0.8
"""Half precision that gives less than this share of the images a second in fp32 is slower beyond the jitter of a machine."""


def terminal_snr(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Samplers start from pure noise: what is left of the picture at T is missing there."""
    return of_schedule(snapshot.config.noise_schedule())


def of_schedule(schedule: NoiseSchedule) -> Finding | None:
    """The same for any schedule. Those that a TrainConfig can name all end in pure noise, as of today."""
    if schedule.terminal_snr <= PURE_NOISE_SNR:
        return None
    return Finding(
        "terminal SNR",
        "wrong",
        f"At T = {schedule.T} this schedule still leaves a signal-to-noise ratio of {schedule.terminal_snr:.2g}, "
        "but samples begin from pure noise, which the network has then never seen: they come out flat and grey.",
        {"schedule": "cosine"},
    )


def warmup(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """A learning rate that is still rising when the run ends."""
    config = snapshot.config
    if config.warmup <= config.steps:
        return None
    return Finding(
        "warm-up",
        "doubtful",
        f"The learning rate rises over {config.warmup:,} steps and the run has only {config.steps:,}: it never gets beyond "
        f"{config.learning_rate * config.steps / config.warmup:.2g} of the {config.learning_rate:g} that were asked for.",
        {"warmup": config.steps // 10},
    )


def ema_decay(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """An average over more steps than there are. The loop's own warm-up of the average keeps that from doing harm."""
    config = snapshot.config
    reach = 1 / (1 - config.ema_decay)
    if reach <= config.steps:
        return None
    return Finding(
        "EMA",
        "note",
        f"An EMA decay of {config.ema_decay:g} averages over about {reach:,.0f} steps and the run has only "
        f"{config.steps:,}, so the setting has no effect: the average is cut to about the last tenth of the run.",
        {"ema_decay": round(max(0.0, 1 - 10 / config.steps), 3)},
    )


def label_dropout(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Guidance compares what the network draws with the label and without: it must have learned both."""
    config = snapshot.config
    if config.task != "denoiser" or not facts.classes or 0 < config.label_dropout < 1:
        return None
    if config.label_dropout == 0:
        text = (
            "Label dropout is 0, so the network never learns to draw without a label: guidance, which compares both, "
            "cannot work with it."
        )
    else:
        text = "Label dropout is 1, so the network never sees a label: it cannot draw what it is asked for."
    return Finding("label dropout", "note", text, {"label_dropout": USUAL_DROPOUT})


def few_pictures(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Hardly any pictures, seen very often."""
    config, pictures = snapshot.config, facts.pictures
    if config.task != "denoiser" or not pictures or pictures > FEW_PICTURES:
        return None
    epochs = config.steps * config.batch / pictures
    if epochs < MANY_EPOCHS:
        return None
    return Finding(
        "few pictures",
        "note",
        f"There are {pictures:,} pictures and the network will see each about {epochs:,.0f} times: it will repeat them rather "
        "than draw new ones. More pictures help most, else fewer steps.",
        {"steps": max(1, MANY_EPOCHS // 5 * pictures // config.batch)},
    )


def precision(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Half precision on a machine that has no fast way to compute in it."""
    config, speed, plain = snapshot.config, snapshot.images_per_second, facts.plain_speed
    if config.precision == "fp32" or not speed or not plain or speed > SLOWER * plain:
        return None
    return Finding(
        "precision",
        "note",
        f"In {config.precision} this machine trains on {speed:,.0f} images a second, in fp32 on {plain:,.0f}: here the lower "
        "precision costs time and gains none.",
        {"precision": "fp32"},
    )
