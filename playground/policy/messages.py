"""Sentences for visitors: without the paths of the computer that serves them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATHS = re.compile(
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
"""Paths of the project, of the working folder, of the home folder, and whatever else has the form of one."""


def without_paths(sentence: str) -> str:
    """The sentence with each path of this computer replaced by "…"."""
    return PATHS.sub("…", sentence)


@contextmanager
def errors_without_paths(public: bool) -> Iterator[None]:
    """In public mode, raise a ValueError of the block anew, as the same type, with no path in its sentence."""
    try:
        yield
    except ValueError as error:
        if not public or (cleaned := without_paths(str(error))) == str(error):
            raise
        raise type(error)(cleaned) from None
