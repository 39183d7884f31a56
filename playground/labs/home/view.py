"""The first screen: a recorded run of the Sampling lab, shown without waiting for the engine. Needs numpy only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from engine.data.shipped import read_arrays
from engine.language import _, cached
from playground.components.payloads.timeline import Timeline
from playground.labs.home import text
from playground.labs.sampling.job import FrameImages
from playground.labs.sampling.view import timeline

RECORDING = Path(__file__).resolve().parents[3] / "assets" / "first_screen" / "digits.npz"
"""Made by assets/make_first_screen.py."""


@cached(2)
def first_timeline() -> Timeline:
    """The recorded trajectory, ready to be shown. Raises ValueError where the asset is missing or damaged."""
    arrays = read_arrays(RECORDING, ("steps", "t", "x", "x0", "noise"))
    frames = [
        FrameImages(int(step), int(t), x, x0, noise)
        for step, t, x, x0, noise in zip(*(arrays[name] for name in ("steps", "t", "x", "x0", "noise")), strict=True)
    ]
    shown = timeline("first-screen", {"A": frames}, pick=False, autoplay=True)
    if shown is None:
        raise ValueError(_("The recording has no frames."))
    return shown


@lru_cache(maxsize=1)
def recipe_json() -> str:
    """The recipe that makes the very same pictures, as JSON. Raises ValueError where the asset is missing or damaged."""
    return json.dumps(json.loads(str(read_arrays(RECORDING, ("recipe",))["recipe"])))


# --- the labs as links ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LabLink:
    """A link to a lab; `address` is "" for the start page. `parameters` open it with these settings."""

    address: str
    icon: str
    title: str
    about: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def lab_groups() -> list[tuple[str, list[LabLink]]]:
    """The title of each group, and its labs, which are numbered through all groups."""
    numbers = {address: number for number, (address, *_rest) in enumerate(text.LABS, 1)}
    return [
        (group, [LabLink(address, icon, f"{numbers[address]}. {title}", about) for address, icon, title, about in labs])
        for group, labs in text.GROUPS
    ]


def next_links(lab: str) -> list[LabLink]:
    """What a reader of this lab may open next: the lab after it in `GROUPS`; after the last one the start page."""
    addresses = [address for address, *_rest in text.LABS]
    following = text.LABS[addresses.index(lab) + 1 :] if lab in addresses else ()
    return [LabLink(*following[0])] if following else [LabLink("", "🌫️", text.START, text.START_ABOUT)]
