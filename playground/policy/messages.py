"""What strangers are told: sentences without the places of this machine."""

from __future__ import annotations

import re
from pathlib import Path

PLACES = re.compile(
    "|".join(
        [
            *(
                re.escape(str(place)) + r"[^\s”\"',]*"
                for place in (Path(__file__).resolve().parents[2], Path.cwd(), Path.home())
                if len(place.parts) > 1
            ),
            # Any other path with a folder in it. Not what follows a word or a slash: an address of the web, a ratio.
            r"(?<![\w/])/(?:[\w.@+-]+/)+[\w.@+-]*",
        ]
    )
)
"""Paths of the project, of where it was started, of who started it, and whatever else looks like one."""


def without_places(said: str) -> str:
    """The sentence with each path of this machine replaced by "…"."""
    return PLACES.sub("…", said)
