"""Points from a text of comma-separated values: x, y and, if there is one, a class. Nothing in the text is trusted."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator

import numpy as np

from engine.data.points import PointsError, PointSet, point_set

MEGABYTE = 1_000_000
MOST_BYTES = 50 * MEGABYTE
MOST_ROWS = 100_000
"""Rows that are read; those after them are left out, with a notice."""
MOST_POINTS = 5000
"""Points that are kept: drawn at random from the rows."""
SEPARATORS = ",;\t "


def read_csv(data: bytes | str, *, most_points: int = MOST_POINTS, seed: int = 0) -> tuple[PointSet, str]:
    """Read points from a text, one on each line: x and y, then a class if one likes.

    The separator may be a comma, a semicolon, a tab or blanks; a first line of words is a header; empty lines are passed over.

    Returns:
        The set, and a sentence on what of it was left out, "" where that is nothing.

    Raises:
        PointsError: for what cannot be read; the message names the line.
    """
    if len(data) > MOST_BYTES:
        raise PointsError(
            f"This file is too large: it has {len(data) / MEGABYTE:.0f} MB, and at most {MOST_BYTES // MEGABYTE} can be read."
        )
    rows: list[tuple[float, float, str]] = []
    columns, cut = 0, False
    for number, cells in _lines(_text(data)):
        columns = columns or len(cells)
        if len(cells) != columns or columns not in (2, 3):
            raise PointsError(
                f"Line {number} has {len(cells)} values; each line needs x and y, and may have a class after them."
            )
        if len(rows) == MOST_ROWS:
            cut = True
            break
        try:
            x, y = float(cells[0]), float(cells[1])
        except ValueError:
            if not rows:
                continue  # a header
            raise PointsError(f"Line {number} begins with “{_short(cells)}”, which is not two numbers.") from None
        if not (math.isfinite(x) and math.isfinite(y)):
            raise PointsError(f"Line {number} has “{_short(cells)}”: coordinates must be finite numbers.")
        rows.append((x, y, cells[2] if columns == 3 else ""))
    if not rows:
        raise PointsError("There are no points in this: each line needs two numbers, x and y.")
    names = sorted({row[2] for row in rows}, key=lambda name: (len(name), name))
    kept = rows
    if len(rows) > most_points:
        chosen = np.sort(np.random.default_rng(seed).choice(len(rows), most_points, replace=False))
        kept = [rows[k] for k in chosen]
    found = point_set(
        "file",
        "Your own points",
        [row[:2] for row in kept],
        [names.index(row[2]) for row in kept] if len(names) > 1 else None,
        tuple(name[:24] or "(none)" for name in names) if len(names) > 1 else (),
    )
    return found, _left_out(len(rows), len(kept), cut)


def _text(data: bytes | str) -> str:
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PointsError("This is no text: a CSV file with x and y on each line is wanted.") from None


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line that has any, and its number."""
    separator = next((mark for mark in SEPARATORS if mark in text[:4096].lstrip().split("\n", 1)[0].strip()), ",")
    if separator == " ":
        parts: Iterator[list[str]] = (line.split() for line in text.splitlines())
    else:
        parts = csv.reader(text.splitlines(), delimiter=separator)
    try:
        for number, cells in enumerate(parts, 1):
            if any(cell.strip() for cell in cells):
                yield number, [cell.strip() for cell in cells]
    except csv.Error as problem:
        raise PointsError(f"This cannot be read as CSV: {problem}.") from None


def _short(cells: list[str]) -> str:
    text = ", ".join(cells[:2])
    return text if len(text) <= 30 else text[:29] + "…"


def _left_out(read: int, kept: int, cut: bool) -> str:
    if kept == read and not cut:
        return ""
    of = f"the first {read:,}" if cut else f"{read:,}"
    return f"{kept:,} points, drawn at random from {of} lines, are used."
