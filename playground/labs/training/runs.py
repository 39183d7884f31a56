"""How the Training lab names a run and describes its status, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.language import ENGLISH, N_, _, joined, language
from playground.components.payloads import packing
from playground.labs.shared.naming import data_title, when
from playground.labs.training import text
from playground.labs.training.pictures_text import augmentation
from playground.labs.training.tasks import words_of

if TYPE_CHECKING:
    from engine.runs.entry import Snapshot
    from engine.training.config import TrainConfig

STATUS = {
    "queued": ("⏳", N_("queued")),
    "running": ("🏃", N_("training")),
    "paused": ("⏸️", N_("paused")),
    "finished": ("✅", N_("finished")),
    "stopped": ("⏹️", N_("stopped")),
    "failed": ("⚠️", N_("failed")),
    "interrupted": ("🔌", N_("interrupted")),
}
"""Icon and word for each status of a run."""
ENDING = {"paused": N_("pausing"), "stopped": N_("stopping")}
"""While a request has not yet taken effect."""
SHOWN_SAMPLES = 3
"""In the thumbnail of a run."""


def title(snapshot: Snapshot) -> str:
    """The name that its visitor gave it, else its data set and the time of its start."""
    return snapshot.title or _(", ").join((data_title(snapshot.config.data), when(snapshot.id)))


def phase(snapshot: Snapshot) -> tuple[str, str]:
    """Icon and words for what the run does just now."""
    icon, word = STATUS[snapshot.status][0], _(STATUS[snapshot.status][1])
    if snapshot.status == "queued" and snapshot.place:
        return icon, _("queued {place}", place=ordinal(snapshot.place + 1))
    if snapshot.status != "running":
        return icon, word
    if snapshot.request is not None:
        return "⏳", _(ENDING[snapshot.request])
    return (icon, word) if snapshot.reports else ("⏳", _("preparing"))


def ordinal(number: int) -> str:
    """A place in a row: 1st, 2nd, 11th; a number in other languages."""
    if language() != ENGLISH:
        return str(number)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"


def _doing(snapshot: Snapshot) -> str:
    """What takes time before the first report, or until a request takes effect; "" at other times."""
    if snapshot.status == "queued":
        return text.QUEUED if snapshot.place else ""
    if snapshot.status != "running":
        return ""
    if snapshot.request is not None:
        return text.ENDING
    if snapshot.reports:
        return ""
    return text.FIRST_STEPS if snapshot.previews else text.BEFORE_FIRST_STEP


def status(snapshot: Snapshot) -> str:
    """Status, step and settings, in one line of Markdown."""
    icon, word = phase(snapshot)
    behind = _(" by another process") if snapshot.elsewhere and snapshot.active else ""
    doing = _doing(snapshot)
    begun = _("{name}: {value}", name=f"{icon} **{word}**{behind}", value=_("{word}.", word=_progress(snapshot)))
    return joined(begun, doing, described(snapshot.config))


def summary(snapshot: Snapshot) -> str:
    """Status, step, loss and settings in one line, for the list."""
    icon, word = phase(snapshot)
    parts = [f"{icon} {word}" + (_(" by another process") if snapshot.elsewhere and snapshot.active else "")]
    parts.append(_progress(snapshot))
    if snapshot.reports:
        parts.append(_("loss {loss:.4f}", loss=snapshot.reports[-1].loss))
    parts += [when(snapshot.id)] if snapshot.title else []
    return f"{_(', ').join(parts)} · {described(snapshot.config)}"


def _progress(snapshot: Snapshot) -> str:
    return _("step {step:,} of {steps:,}", step=snapshot.step, steps=snapshot.config.steps)


def described(config: TrainConfig) -> str:
    """The settings of a run in one line."""
    changes = [_("at {size} × {size}", size=config.size)] if config.size else []
    changes += augmentation(_("mirrored") if config.flips else "", config.rotation)
    pictures = " ".join([data_title(config.data), _(", ").join(changes)]).strip()
    return f"{pictures}, {words_of(config).described(config)}"


def pace(snapshot: Snapshot) -> str:
    """What slows the run down, in a line; "" where nothing does."""
    recent = snapshot.reports[-20:]
    if not recent:
        return ""
    waited = sum(report.waiting for report in recent) / len(recent)
    size, causes = recent[-1].micro_batch, []
    if waited >= 0.01:
        causes.append(_("{waited:.0f} % of the time is spent waiting for images.", waited=100 * waited))
    if 0 < size < snapshot.config.batch:
        causes.append(_("The micro-batch size is {size}.", size=size))
    return " ".join(causes)


def is_busy(snapshot: Snapshot) -> bool:
    """Whether it is being trained, so that it cannot be deleted."""
    return snapshot.status == "running" or snapshot.elsewhere


def thumbnail(snapshot: Snapshot) -> NDArray[np.uint8] | None:
    """The first few of its latest samples side by side, (H, W, C); None where there are none."""
    if not snapshot.previews:
        return None
    pictures = snapshot.previews[-1][1][:SHOWN_SAMPLES]
    return packing.grid(pictures, (1, len(pictures)))


def file_name(snapshot: Snapshot) -> str:
    """Of its download: ASCII letters, digits and hyphens."""
    words = "".join(c if c.isascii() and c.isalnum() else "-" for c in snapshot.title).strip("-")[:40]
    return f"{words or 'run'}-{snapshot.id[:15]}.zip"
