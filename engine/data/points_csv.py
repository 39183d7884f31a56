"""Points from a text of comma-separated values: x, y and, if there is one, a class. Nothing in the text is trusted."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice

import numpy as np

from engine.data.points import PointsError, PointSet, point_set
from engine.language import Message, _, joined
from engine.storage import budgets
from engine.storage.file_kinds import HEAD, kind_of
from engine.storage.texts import decoded, plain_name

SEPARATORS = ";,\t|"
INDEX_NAMES = ("", "index", "unnamed: 0", "id", "#", "row")
"""How a column of row numbers is called, as pandas and spreadsheets write it."""
X_NAMES, Y_NAMES = ("x", "x1", "x_1", "x0", "x_0"), ("y", "x2", "x_2", "y1", "y0")
CLASS_NAMES = ("class", "label", "labels", "target", "kind", "category", "cluster", "c")

HEAD_LINES = 101
"""Lines by which the columns are understood."""

Row = tuple[int, list[str]]
"""Number of a line, and its cells."""


def read_csv(data: bytes | str, *, most_points: int = budgets.CSV_POINTS, seed: int = 0) -> tuple[PointSet, str]:
    """Read points from a text, one on each line: x and y, then a class if one likes.

    The separator may be a comma, a semicolon, a tab, a bar or blanks; decimals may have a comma where commas do not separate. A
    first line of words is a header: a column of row numbers is left out by it, and of more columns x, y and the class are
    taken by their names. Empty lines are passed over. The text may be UTF-8, UTF-16 or cp1252.

    Returns:
        The set, and a sentence on how it was read and what was left out, "" where there is nothing to say.

    Raises:
        PointsError: for what cannot be read; the message names the line.
    """
    if len(data) > budgets.CSV_BYTES:
        raise PointsError(
            Message(
                "This file is too large: it has {size:.0f} MB, and at most {most:.0f} can be read.",
                size=len(data) / 1000000.0,
                most=budgets.CSV_BYTES / 1000000.0,
            )
        )
    lines, separator = _lines(_text(data))
    head = list(islice(lines, HEAD_LINES))
    first = head[0][0] if head else 1
    header = head.pop(0)[1] if head and not _numbers(head[0][1], separator) else []
    columns, understood = _columns(header, head, first)
    width = len(header) or (len(head[0][1]) if head else 0)
    rows: list[tuple[float, float, str]] = []
    for number, cells in islice(chain(head, lines), budgets.CSV_ROWS):
        rows.append(_row(number, cells, columns, separator, width))
    if not rows:
        raise PointsError(Message("There are no points in this: each line needs two numbers, x and y."))
    names = sorted({row[2] for row in rows}, key=lambda name: (len(name), name))
    place = {name: k for k, name in enumerate(names)}
    kept = rows
    if len(rows) > most_points:
        chosen = np.sort(np.random.default_rng(seed).choice(len(rows), most_points, replace=False))
        kept = [rows[k] for k in chosen]
    found = point_set(
        "file",
        _("Your own points"),
        [row[:2] for row in kept],
        [place[row[2]] for row in kept] if len(names) > 1 else None,
        tuple(plain_name(name, 24) if name else _("(none)") for name in names) if len(names) > 1 else (),
    )
    left_out = _left_out(len(rows), len(kept), next(lines, None) is not None)
    return found, joined(understood, left_out)


def _row(
    number: int, cells: list[str], columns: tuple[int, ...], separator: str, width: int
) -> tuple[float, float, str]:
    """x, y and the class of a line. Raises PointsError."""
    if len(cells) != width:
        raise PointsError(
            Message(
                "Line {number} has {width} values; each line needs x and y, and may have a class after them.",
                number=number,
                width=len(cells),
            )
        )
    x, y = (_number(cells[k], separator) for k in columns[:2])
    if x is None or y is None:
        raise PointsError(
            Message(
                "Line {number} begins with “{cells}”, which is not two numbers.", number=number, cells=_short(cells)
            )
        )
    if not (math.isfinite(x) and math.isfinite(y)):
        raise PointsError(
            Message(
                "Line {number} has “{cells}”: coordinates must be finite numbers.",
                number=number,
                cells=_short(cells),
            )
        )
    return x, y, cells[columns[2]] if len(columns) == 3 else ""


def _columns(header: list[str], lines: Sequence[Row], first: int) -> tuple[tuple[int, ...], str]:
    """Which columns are x, y and, if there is one, the class; and a sentence where that is not simply the first ones."""
    width = len(header) or (len(lines[0][1]) if lines else 2)
    names = [name.strip().lower() for name in header]
    found = [next((k for k, name in enumerate(names) if name in known), None) for known in (X_NAMES, Y_NAMES)]
    of_class = next((k for k, name in enumerate(names) if name in CLASS_NAMES), None)
    counted = _is_index(names, lines)
    x, y = found
    if x is not None and y is not None:
        rest = [k for k in range(width) if k not in (x, y) and not (k == 0 and counted)]
        last = of_class if of_class is not None else rest[0] if len(rest) == 1 else None
        columns: tuple[int, ...] = (x, y) if last is None else (x, y, last)
    elif width - counted in (2, 3):
        columns = tuple(range(int(counted), width))
    else:
        hint = "" if header else Message(", or give more columns names in a first line, x and y among them")
        raise PointsError(
            Message(
                "Line {number} has {width} values; each line needs x and y, and may have a class after them{hint}.",
                number=first,
                width=width,
                hint=hint,
            )
        )
    said = []
    if columns not in ((0, 1), (0, 1, 2)) or width > len(columns):
        names_read = ", ".join(f"“{plain_name(header[k], 24)}”" for k in columns if header)
        said.append(_("the columns {names}", names=names_read) if header else "")
        if counted:
            said.append(_("the first column as row numbers"))
    if any("," in cells[k] for _number_of, cells in lines[:100] for k in columns[:2] if k < len(cells)):
        said.append(_("decimals with a comma"))
    said = [*filter(None, said)]
    return columns, _("Read: {what}.", what=_("; ").join(said)) if said else ""


def _is_index(names: list[str], lines: Sequence[Row]) -> bool:
    """Whether the first column holds row numbers: by its name, and because it counts."""
    if len(names) < 3 or names[0] not in INDEX_NAMES:
        return False
    cells = [row[1][0] for row in lines]
    return bool(cells) and all(cell.isdecimal() for cell in cells)


def _text(data: bytes | str) -> str:
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    kind = kind_of(data[:HEAD])
    if kind == "empty":
        return ""
    try:
        if kind:
            raise ValueError(kind)
        return decoded(data)
    except ValueError:
        what = Message("this is {kind}", kind=Message(kind)) if kind else Message("this is no text")
        raise PointsError(Message("A CSV file with x and y on each line is wanted: {what}.", what=what)) from None


def _lines(text: str) -> tuple[Iterator[Row], str]:
    """The cells of each line that has any, and its number; and the separator."""
    start = list(islice(_split(text), 51))
    declared = re.fullmatch(r"sep=(.)", start[0].strip()) if start else None  # as Excel writes it
    head = [line for line in start[1 if declared else 0 :] if line.strip()]
    separator = declared[1] if declared else _separator(head)
    return _rows(islice(_split(text), 1 if declared else 0, None), 2 if declared else 1, separator), separator


def _split(text: str) -> Iterator[str]:
    """The lines, one at a time. Raises PointsError for one without measure, and where there are too many."""
    at = number = 0
    for number, end in enumerate(_LINE_ENDS.finditer(text), 1):
        if end.start() - at > budgets.CSV_LINE:
            break
        if number > budgets.CSV_LINES:
            raise PointsError(Message("There are more than {most:,} lines in this.", most=budgets.CSV_LINES))
        yield text[at : end.start()]
        at = end.end()
    if len(text) - at > budgets.CSV_LINE:
        raise PointsError(
            Message(
                "Line {number} is too long: it has more than {most:,} characters.",
                number=number + (at == 0),
                most=budgets.CSV_LINE,
            )
        )
    if at < len(text):
        yield text[at:]


def _rows(lines: Iterator[str], first: int, separator: str) -> Iterator[Row]:
    if separator == " ":
        parts: Iterator[list[str]] = (line.split() for line in lines)
    else:
        parts = csv.reader(lines, delimiter=separator)
    try:
        for number, cells in enumerate(parts, first):
            if any(cell.strip() for cell in cells):
                yield number, [cell.strip() for cell in cells]
    except csv.Error as problem:
        raise PointsError(Message("This cannot be read as CSV: {problem}.", problem=problem)) from None


def _separator(head: list[str]) -> str:
    """A semicolon, a tab or a bar where the lines have one; else a comma, unless every comma is a decimal one."""
    for mark in ";\t|":
        if head and all(mark in line for line in head):
            return mark
    if any("," in line for line in head) and not all(_DECIMALS.fullmatch(line.strip()) for line in head if "," in line):
        return ","
    return " " if any(" " in line.strip() for line in head) else ","


_LINE_ENDS = re.compile(r"\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
"""As of `str.splitlines`."""
_DECIMALS = re.compile(r"[-+]?\d+,\d+(\s+[-+]?\d+(,\d+)?)+(\s+\w+)?")
"""Blanks between numbers with a decimal comma."""


def _numbers(cells: list[str], separator: str) -> bool:
    """Whether a line may be one of points: two of its cells are numbers."""
    return sum(_number(cell, separator) is not None for cell in cells) >= 2


def _number(cell: str, separator: str) -> float | None:
    text = cell.replace("\u2212", "-")
    if separator != "," and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def _short(cells: list[str]) -> str:
    text = ", ".join(cells[:2])
    return text if len(text) <= 30 else text[:29] + "…"


def _left_out(read: int, kept: int, cut: bool) -> str:
    if kept == read and not cut:
        return ""
    if cut:
        return _("{kept:,} points, drawn at random from the first {read:,} lines, are used.", kept=kept, read=read)
    return _("{kept:,} points, drawn at random from {read:,} lines, are used.", kept=kept, read=read)
