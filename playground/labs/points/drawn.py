"""Points that the reader draws, written so that they fit into a link: four letters for each.

Classes stand one after the other with a full stop between them. Of each point x and y, 0 … 1 over the width and the height of
the pad, are whole numbers of 1/4095 in base 64 (two letters each, the alphabet of base64url); drawn_points.js writes the same.
"""

from __future__ import annotations

import re

import numpy as np

from engine.data.points import PointsError, PointSet, point_set
from engine.language import _, cached

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
MOST_DRAWN = 600
"""Points that a link can hold."""
MOST_KINDS = 4
_WRITTEN = re.compile(
    rf"(?:[{re.escape(ALPHABET)}]{{4}})*(?:\.(?:[{re.escape(ALPHABET)}]{{4}})*){{0,{MOST_KINDS - 1}}}"
)


def check_drawn(text: str) -> str:
    """The text itself; ValueError with a sentence where it is none of drawn points."""
    if not _WRITTEN.fullmatch(text):
        raise ValueError(_("These are no points that were drawn here."))
    if len(text.replace(".", "")) > 4 * MOST_DRAWN:
        raise ValueError(_("At most {most_drawn} points can be drawn.", most_drawn=MOST_DRAWN))
    return text


@cached(8)
def drawn_set(text: str) -> PointSet:
    """The drawn points as a set to learn from. Raises PointsError where they are too few, ValueError where they are none."""
    points, labels = [], []
    for kind, letters in enumerate(check_drawn(text).split(".")):
        digits = [ALPHABET.index(letter) for letter in letters]
        for a, b, c, d in zip(*(digits[k::4] for k in range(4)), strict=True):
            points.append(((64 * a + b) / 4095, (64 * c + d) / 4095))
            labels.append(kind)
    used = sorted(set(labels))
    if len(set(points)) < 2:
        raise PointsError(_("Draw at least two points; a few strokes are better."))
    names = tuple(_("drawn {kind}", kind=kind + 1) for kind in used)
    kinds = [used.index(kind) for kind in labels]
    return point_set("drawn", _("Drawn"), np.array(points), kinds if len(used) > 1 else None, names)


def written(points: list[tuple[float, float, int]]) -> str:
    """The text for points (x, y, class) with x and y in 0 … 1."""
    kinds = ["" for _ in range(max((kind for *_, kind in points), default=0) + 1)]
    for x, y, kind in points:
        for value in (x, y):
            whole = round(4095 * min(1.0, max(0.0, value)))
            kinds[kind] += ALPHABET[whole // 64] + ALPHABET[whole % 64]
    return ".".join(kinds)
