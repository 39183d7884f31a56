"""The list of training runs: what each is called, how it stands, and which of them are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads import packing
from playground.labs.shared.naming import data_title, when
from playground.labs.training import controls as lab
from playground.labs.training import doctor, text

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot

STATUS = {
    "queued": ("⏳", "waiting"),
    "running": ("🏃", "training"),
    "paused": ("⏸️", "paused"),
    "finished": ("✅", "finished"),
    "stopped": ("⏹️", "stopped"),
    "failed": ("⚠️", "failed"),
    "interrupted": ("🔌", "interrupted"),
}
"""Icon and word for each state of a run."""

Against = Literal["steps", "pictures", "time"]
AGAINST: dict[Against, tuple[str, str, str]] = {
    "steps": ("training steps", "training step", "after as many steps"),
    "pictures": ("pictures seen", "pictures seen", "from as many pictures"),
    "time": ("time", "seconds of training", "in the same time"),
}
"""What progress is counted in: what the reader chooses, the label of the axis, and how two are compared by it."""

PER_PAGE = 8
MOST_COMPARED = 4
SHOWN_SAMPLES = 3
"""In the small picture of a run."""


@dataclass(frozen=True, eq=False)
class Row:
    """One run in the list."""

    id: str
    title: str
    about: str
    """Status, step, loss and settings, in one line."""
    picture: NDArray[np.uint8] | None
    """Its latest samples side by side, (H, W, C); None where there are none."""
    active: bool


def row(snapshot: Snapshot) -> Row:
    """How a run stands, for the list."""
    return Row(snapshot.id, title(snapshot), about(snapshot), latest_samples(snapshot), snapshot.active)


def title(snapshot: Snapshot) -> str:
    """What the reader has called it, else what it learned and when."""
    return snapshot.title or f"{data_title(snapshot.config.data)}, {when(snapshot.id)}"


def standing(snapshot: Snapshot) -> str:
    """Where it is and what it is, in one line of Markdown."""
    icon, word = STATUS[snapshot.status]
    behind = f", {snapshot.place} before it" if snapshot.status == "queued" and snapshot.place else ""
    behind += " by another process" if snapshot.elsewhere and snapshot.active else ""
    so_far = f"step {snapshot.step:,} of {snapshot.config.steps:,}"
    return f"{icon} **{word}**{behind}: {so_far}. {lab.described(snapshot.config)}"


def busy(snapshot: Snapshot) -> bool:
    """Whether it is being trained, so that it cannot be deleted now."""
    return snapshot.status == "running" or snapshot.elsewhere


def may_change(snapshot: Snapshot) -> bool:
    """Whether there may be more to show of it in a moment."""
    return snapshot.active or doctor.still_looking()


def about(snapshot: Snapshot) -> str:
    """Status, step, loss and settings, in one line."""
    icon, word = STATUS[snapshot.status]
    words = [f"{icon} {word}" + (" elsewhere" if snapshot.elsewhere and snapshot.active else "")]
    words.append(f"step {snapshot.step:,} of {snapshot.config.steps:,}")
    if snapshot.reports:
        words.append(f"loss {snapshot.reports[-1].loss:.4f}")
    named = [when(snapshot.id)] if snapshot.title else []
    return f"{', '.join(words + named)} · {lab.described(snapshot.config)}"


def latest_samples(snapshot: Snapshot) -> NDArray[np.uint8] | None:
    """The first few of its latest samples side by side, (H, W, C)."""
    if not snapshot.previews:
        return None
    pictures = snapshot.previews[-1][1][:SHOWN_SAMPLES]
    return packing.grid(pictures, (1, len(pictures)))


def pages(count: int) -> int:
    """How many pages a list of so many runs has; at least one."""
    return max(1, -(-count // PER_PAGE))


def on_page(ids: Sequence[str], number: int) -> list[str]:
    """The runs on page 1, 2, …; a number beyond the last gives the last."""
    last = min(max(1, number), pages(len(ids)))
    return list(ids[(last - 1) * PER_PAGE : last * PER_PAGE])


@dataclass(frozen=True)
class Choice:
    """What the page shows: one run, or some of them compared."""

    run: str = ""
    """"" for none."""
    compared: tuple[str, ...] = ()
    against: Against = "steps"

    @property
    def comparing(self) -> bool:
        """Whether several are shown side by side."""
        return len(self.compared) > 1

    def link(self) -> dict[str, str]:
        """The parameters that open it again; "" for those that are not needed."""
        against = self.against if self.compared and self.against != "steps" else ""
        return {"run": self.run, "compare": to_link(self.compared), "against": against}


def chosen(asked: object, ids: Sequence[str]) -> tuple[Choice, list[str]]:
    """What a link asks for, the newest run where it names none, and a sentence for what could not be taken.

    Args:
        asked: the parameters by name; anything may come.
        ids: of the runs that there are, newest first.
    """
    given = {name: value for name, value in asked.items() if isinstance(value, str)} if isinstance(asked, dict) else {}
    run = given.get("run", "")
    problems = [text.NOT_HERE] if run and run not in ids else []
    compared, more = from_link(given.get("compare", ""), ids)
    against = next((name for name in AGAINST if name == given.get("against")), "steps")
    return Choice(run if run in ids else next(iter(ids), ""), tuple(compared), against), problems + more


def from_link(text: str, ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """The runs that a link asks to compare, and a sentence for what could not be taken.

    Args:
        text: ids with commas between them.
        ids: of the runs that there are.
    """
    asked = list(dict.fromkeys(part for part in text.split(",") if part))
    here = [run_id for run_id in asked if run_id in ids]
    problems = []
    if len(here) < len(asked):
        gone = len(asked) - len(here)
        problems.append(
            "The link compares a training run that is not here."
            if gone == 1
            else f"The link compares {gone} training runs that are not here."
        )
    if len(here) > MOST_COMPARED:
        problems.append(f"The link compares {len(here)} training runs; the first {MOST_COMPARED} are shown.")
    return here[:MOST_COMPARED], problems


def to_link(compared: Sequence[str]) -> str:
    """What `from_link` reads."""
    return ",".join(compared)


def toggled(compared: Sequence[str], run_id: str) -> list[str]:
    """With this run, or without it where it was compared; never more than can be."""
    if run_id in compared:
        return [other for other in compared if other != run_id]
    return [*compared, run_id][:MOST_COMPARED]


def file_name(snapshot: Snapshot) -> str:
    """Of its download: letters and digits of its title."""
    words = "".join(c if c.isascii() and c.isalnum() else "-" for c in snapshot.title).strip("-")[:40]
    return f"{words or 'run'}-{snapshot.id[:15]}.zip"
