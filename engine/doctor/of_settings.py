"""Rules of the doctor on the settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.doctor.curves import Curves
from engine.doctor.finding import Facts, Finding
from engine.language import _
from engine.schedule import PURE_NOISE_SNR, VISIBLE_SNR, NoiseSchedule

if TYPE_CHECKING:
    from engine.runs.entry import Snapshot

FEW_PICTURES = 500
MANY_EPOCHS = 500
USUAL_DROPOUT = 0.1
SLOWER = 0.8
"""Half precision with less than this share of the images per second of fp32 is slower, beyond the variation of measurements."""


def terminal_snr(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The schedule leaves some signal at T, which samplers do not start from."""
    return of_schedule(snapshot.config.noise_schedule())


def of_schedule(schedule: NoiseSchedule) -> Finding | None:
    """The same for any schedule. All schedules of a TrainConfig end in pure noise."""
    if schedule.terminal_snr <= PURE_NOISE_SNR:
        return None
    is_visible = schedule.terminal_snr > VISIBLE_SNR
    effect = _("come out flat and grey") if is_visible else _("tend to a medium brightness")
    return Finding(
        "terminal SNR",
        "wrong" if is_visible else "doubtful",
        _(
            "At T = {t} this schedule still leaves a signal-to-noise ratio of {terminal_snr:.2g}, but sampling "
            "starts from pure noise, on which the network was not trained: the samples {effect}.",
            t=schedule.T,
            terminal_snr=schedule.terminal_snr,
            effect=effect,
        ),
        {"schedule": "cosine"},
    )


def warmup(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The warm-up is longer than the run."""
    config = snapshot.config
    if config.warmup <= config.steps:
        return None
    return Finding(
        "warm-up",
        "doubtful",
        _(
            "The learning rate rises over {warmup:,} steps and the run has only {steps:,}: it reaches "
            "{reached:.2g} and not the {wanted:g} of the settings.",
            warmup=config.warmup,
            steps=config.steps,
            reached=config.learning_rate * config.steps / config.warmup,
            wanted=config.learning_rate,
        ),
        {"warmup": config.steps // 10},
    )


def ema_decay(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """The EMA is over more steps than the run has; its warm-up then limits it."""
    config = snapshot.config
    reach = 1 / (1 - config.ema_decay)
    if reach <= config.steps:
        return None
    return Finding(
        "EMA",
        "note",
        _(
            "An EMA decay of {ema_decay:g} averages over about {reach:,.0f} steps and the run has only "
            "{steps:,}, so the setting has no effect: the average is cut to about the last tenth of the run.",
            ema_decay=config.ema_decay,
            reach=reach,
            steps=config.steps,
        ),
        {"ema_decay": round(max(0.0, 1 - 10 / config.steps), 3)},
    )


def label_dropout(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Guidance needs a network that was trained both with and without labels."""
    config = snapshot.config
    if not facts.classes or 0 < config.label_dropout < 1:
        return None
    if config.label_dropout == 0:
        text = _(
            "Label dropout is 0, so the network is not trained without labels: guidance, which needs its "
            "unconditional prediction, cannot work with it."
        )
    else:
        text = _("Label dropout is 1, so the network is trained without any label: it cannot draw a given class.")
    return Finding("label dropout", "note", text, {"label_dropout": USUAL_DROPOUT})


def few_pictures(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Few pictures, each used very often."""
    config, pictures = snapshot.config, facts.pictures
    if not pictures or pictures > FEW_PICTURES:
        return None
    epochs = config.steps * config.batch / pictures
    if epochs < MANY_EPOCHS:
        return None
    return Finding(
        "few pictures",
        "note",
        _(
            "There are {pictures:,} images and each is trained on about {epochs:,.0f} times: the network will "
            "memorise them rather than draw new ones. More images help most, else fewer steps.",
            pictures=pictures,
            epochs=epochs,
        ),
        {"steps": max(1, MANY_EPOCHS // 5 * pictures // config.batch)},
    )


def precision(snapshot: Snapshot, curves: Curves, facts: Facts) -> Finding | None:
    """Half precision on a device that is slower with it."""
    config, speed, plain = snapshot.config, snapshot.images_per_second, facts.plain_speed
    if config.precision == "fp32" or not speed or not plain or speed > SLOWER * plain:
        return None
    return Finding(
        "precision",
        "note",
        _(
            "In {precision} this device trains on {speed:,.0f} images per second, in fp32 on {plain:,.0f}: the "
            "lower precision costs time here.",
            precision=config.precision,
            speed=speed,
            plain=plain,
        ),
        {"precision": "fp32"},
    )
