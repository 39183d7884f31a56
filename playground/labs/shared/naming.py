"""What runs, pictures and amounts are called in a line of text, by every lab alike."""

from __future__ import annotations

import math
import re
import time
from functools import reduce

from engine.language import N_, _


def when(run_id: str) -> str:
    """When a run was started, read off its id: "23 Nov, 16:31". An id that names no real time is given as it is."""
    try:
        return time.strftime(_("%d %b, %H:%M"), time.strptime(run_id[:15], "%Y%m%d-%H%M%S"))
    except ValueError:
        return run_id


def shipped_title(name: str) -> str:
    """The title of a model that ships: that of its data set, and what distinguishes it."""
    data, _dash, kind = name.partition("-")
    kinds = {"learned-variance": _("learned variance"), "vae": "VAE"}
    title = data_title(data)
    return _("{name} ({what})", name=title, what=kinds[kind]) if kind in kinds else title if not kind else name


def data_title(name: str) -> str:
    """The title of a data set: its name where it ships, else as it was prepared, else the end of its path."""
    from engine.data import store
    from engine.data.image_set import DataError
    from engine.data.shipped import DATASETS

    if name in DATASETS:
        return {"digits": _("digits"), "emoji": _("emoji")}.get(name, name)
    try:
        return store.read_about(store.folder_of(name)).title
    except DataError:
        if name.startswith("zip:"):
            return _("uploaded images")
        return name.rsplit("/", 1)[-1] if name.startswith(("folder:", "hub:")) else name


CITED = {
    r"(?P<names>.+) et al\. (?P<year>\d{4}\w?)": N_("{names} et al. {year}"),
    r"(?P<one>.+) & (?P<other>.+) (?P<year>\d{4}\w?)": N_("{one} & {other} {year}"),
    r"(?P<names>\w+) (?P<year>\d{4}\w?)": N_("{names} {year}"),
    r"eq\. (?P<number>.+)": N_("eq. {number}"),
    r"algorithm (?P<number>.+)": N_("algorithm {number}"),
    r"section (?P<number>.+)": N_("section {number}"),
    r"appendix (?P<number>.+)": N_("appendix {number}"),
}
"""The parts of a citation by their pattern."""


def cited(source: str) -> str:
    """Where a paper says something, such as "Ho et al. 2020, eq. 4", in the language of who reads."""
    return _("; ").join(reduce(_and, map(_cited, one.split(", "))) for one in source.split("; "))


def _and(paper: str, place: str) -> str:
    return _("{name}, {place}", name=paper, place=place)


def _cited(part: str) -> str:
    for shape, text in CITED.items():
        if found := re.fullmatch(shape, part):
            return _(text, **found.groupdict())
    return part


def duration(seconds: float | None) -> str:
    """A time span rounded to its unit: "12 s", "5 min", "1.5 h"; "–" where it is not known."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 90:
        return _("{seconds:.0f} s", seconds=seconds)
    if seconds < 5400:
        return _("{minutes:.0f} min", minutes=seconds / 60)
    return _("{hours:.1f} h", hours=seconds / 3600)


def megabytes(number: float) -> str:
    """An amount in megabytes (10⁶ bytes): "12 MB", "2.6 GB"."""
    return f"{number:,.0f} MB" if number < 1000 else f"{number / 1000:.1f} GB"
