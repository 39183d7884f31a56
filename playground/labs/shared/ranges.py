"""Ranges as a reader writes them: 0:8:1 (start:stop:step, the stop included), 1,2,4, or names; and both mixed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from engine.language import _

MOST_VALUES = 64
"""Of one range."""
MOST_LETTERS = 400
LARGEST = 2**53
"""Above this, whole numbers are no longer exact in a browser."""

Value = float | int | str
Kind = Literal["number", "whole", "name"]


@dataclass(frozen=True)
class Allowed:
    """What a range may hold.

    Args:
        what: it is called, in the singular: "guidance scale".
        kind: numbers, whole numbers, or names.
        low, high: of numbers, both included.
        names: values that go by a name, with what the reader reads; either may be written, in any case of letters. A whole
            number may have names too, as classes do: then the value is what stands for it.
    """

    what: str
    kind: Kind
    low: float = -math.inf
    high: float = math.inf
    names: Mapping[Value, str] | None = None


def parse(text: str, allowed: Allowed) -> tuple[Value, ...]:
    """The values of a range, in the order in which they are written, each once.

    Raises:
        ValueError: with one sentence that says what is wrong and how it would be right.
    """
    values: list[Value] = []
    for part in _parts(text):
        values += _named(part, allowed) or _numbers(part, allowed, MOST_VALUES)
    found = tuple(dict.fromkeys(values))
    if not found:
        raise ValueError(
            _("Write the values of {what}, such as {example}.", what=allowed.what, example=example(allowed))
        )
    if len(found) > MOST_VALUES:
        raise ValueError(_too_many(allowed, len(found)))
    return found


def check_syntax(text: str) -> str:
    """The text, if it could be a range of some control; else ValueError with a sentence."""
    for part in _parts(text):
        if ":" in part:
            _numbers(part, Allowed(_("a range"), "number"), None)
    return text


def _parts(text: str) -> list[str]:
    if len(text) > MOST_LETTERS:
        raise ValueError(
            _("This is too long for the values of a sweep: {most_letters} letters at most.", most_letters=MOST_LETTERS)
        )
    return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]


def example(allowed: Allowed) -> str:
    """A range that would do."""
    if allowed.kind == "name":
        return ",".join(str(name) for name in list(allowed.names or {})[:2])
    return _("0:9:1 or 0,3,7") if allowed.kind == "whole" else _("0:8:1 or 1,2,4")


def _named(part: str, allowed: Allowed) -> list[Value]:
    wanted = part.casefold()
    found: list[Value] = [
        value for value, title in (allowed.names or {}).items() if wanted in (str(value).casefold(), title.casefold())
    ]
    if not found and allowed.kind == "name":
        known = _(", ").join(str(value) or title for value, title in (allowed.names or {}).items())
        raise ValueError(
            _("“{part}” is no {what}: there are {known}.", part=_short(part), what=allowed.what, known=known)
        )
    return found[:1]


def _numbers(part: str, allowed: Allowed, most: int | None) -> list[Value]:
    """A number, or start:stop or start:stop:step. Counted before it is written out: a range may be endless.

    Decimals, since 0:1:0.1 shall hold 0.3 and end at 1.
    """
    pieces = [_number(piece, part, allowed) for piece in part.split(":")]
    if len(pieces) > 3:
        raise ValueError(
            _("“{part}” has too many colons: a range is start:stop:step, such as 0:8:1.", part=_short(part))
        )
    start = pieces[0]
    stop = pieces[1] if len(pieces) > 1 else start
    step = pieces[2] if len(pieces) > 2 else Decimal(1 if stop >= start else -1)
    if step == 0:
        raise ValueError(_("“{part}” has no values: its step is 0.", part=_short(part)))
    if (stop - start) * step < 0:
        raise ValueError(
            _(
                "“{part}” has a step of the wrong sign: write {start}:{stop}:{step}.",
                part=_short(part),
                start=_text(start),
                stop=_text(stop),
                step=_text(-step),
            )
        )
    steps = float(stop - start) / float(step)
    count = math.floor(steps + 1e-9) + 1 if steps < 1e15 else LARGEST
    if most is None:
        return []
    if count > most:
        raise ValueError(_too_many(allowed, count))
    return [_checked(start + k * step, part, allowed) for k in range(count)]


def _number(text: str, part: str, allowed: Allowed) -> Decimal:
    try:
        # Fifteen digits are what a float holds; Decimal would read a million of them, and underscores.
        number = Decimal(f"{float(text.strip()):.15g}") if "_" not in text else Decimal("nan")
    except (ValueError, InvalidOperation):
        number = Decimal("nan")
    if not number.is_finite() or abs(number) > LARGEST:
        names = (
            _(", or one of {map}", map=", ".join(map(str, list(allowed.names.values())[:12]))) if allowed.names else ""
        )
        raise ValueError(
            _(
                "“{part}” is no {what}: write numbers, such as {example}{names}.",
                part=_short(part),
                what=allowed.what,
                example=example(allowed),
                names=names,
            )
        )
    return number


def _checked(number: Decimal, part: str, allowed: Allowed) -> Value:
    value = float(number)
    if allowed.kind == "whole" and number != number.to_integral_value():
        raise ValueError(
            _(
                "{what} is a whole number, not {number} (in “{part}”).",
                what=allowed.what.capitalize(),
                number=_text(number),
                part=_short(part),
            )
        )
    if not allowed.low <= value <= allowed.high:
        raise ValueError(
            _(
                "{what} lies between {low:g} and {high:g}, not at {number}.",
                what=allowed.what.capitalize(),
                low=allowed.low,
                high=allowed.high,
                number=_text(number),
            )
        )
    return int(number) if allowed.kind == "whole" else value


def _too_many(allowed: Allowed, count: int) -> str:
    many = f"{count:,}" if count < LARGEST else _("far too many")
    return _(
        "These are {many} values of {what}: take {most_values} or fewer, with a larger step.",
        many=many,
        what=allowed.what,
        most_values=MOST_VALUES,
    )


def _text(number: Decimal) -> str:
    return f"{float(number):g}"


def _short(text: str) -> str:
    text = " ".join(text.split())  # within one line of a sentence
    return text if len(text) <= 30 else text[:29] + "…"
