"""What a paper claims, held against what was measured: every verdict here follows from the numbers and their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from engine.evaluation.metrics import Z_95, Estimate, Jackknife, Share

SURE = 2.0
"""Differences below this many standard errors count as none."""


class Verdict(Enum):
    """How one comparison, or a whole claim, came out."""

    YES = "agrees"
    PARTLY = "agrees within the errors"
    MIXED = "agrees in part only"
    NO = "does not agree"
    OPEN = "cannot be decided from these numbers"
    MISSING = "not measured"


Value = Estimate | Jackknife


@dataclass(frozen=True)
class Measured:
    """A number under a name; None where it was not measured."""

    label: str
    value: Value | None


@dataclass(frozen=True)
class Comparison:
    """By the claim, `low` is lower than `high`."""

    low: Measured
    high: Measured

    @property
    def difference(self) -> Value | None:
        """high − low with its standard error.

        Distances of as many samples are subtracted group by group, since they share the seeds and the real pictures. Other
        numbers count as independent; what they share makes the true error smaller, and the verdicts err on the side of caution.
        """
        a, b = self.low.value, self.high.value
        if a is None or b is None:
            return None
        if isinstance(a, Jackknife) and isinstance(b, Jackknife) and len(a.without_a) == len(b.without_a):
            return b - a
        return Estimate(b.value - a.value, math.hypot(a.standard_error, b.standard_error))

    @property
    def verdict(self) -> Verdict:
        """YES, NO, OPEN or MISSING."""
        d = self.difference
        if d is None:
            return Verdict.MISSING
        if abs(d.value) <= SURE * d.standard_error:
            return Verdict.OPEN
        return Verdict.YES if d.value > 0 else Verdict.NO

    def sentence(self, digits: int = 2) -> str:
        """What was measured, in words; empty where nothing was."""
        d = self.difference
        if d is None or self.low.value is None or self.high.value is None:
            return ""
        low, high = (f"{m.label} {format_value(m.value, digits)}" for m in (self.low, self.high))
        by = format_value(Estimate(abs(d.value), d.standard_error), digits)
        ending = {
            Verdict.YES: f"lower by {by}",
            Verdict.NO: f"**higher** by {by}",
            Verdict.OPEN: f"no difference beyond the errors ({by})",
        }[self.verdict]
        return f"{low} against {high}: {ending}"


@dataclass(frozen=True)
class Claim:
    """What a paper says, in its authors' sense and with their numbers, and what to compare here."""

    paper: str
    comparisons: tuple[Comparison, ...]
    digits: int = 2

    @property
    def verdict(self) -> Verdict:
        """Of all comparisons together; those that were not measured do not count, unless none was."""
        verdicts = {c.verdict for c in self.comparisons} - {Verdict.MISSING}
        if not verdicts:
            return Verdict.MISSING
        if Verdict.NO in verdicts:
            return Verdict.NO if verdicts <= {Verdict.NO, Verdict.OPEN} else Verdict.MIXED
        if verdicts == {Verdict.YES}:
            return Verdict.YES
        return Verdict.PARTLY if Verdict.YES in verdicts else Verdict.OPEN

    def markdown(self) -> str:
        """The claim, the verdict, and the numbers behind it."""
        lines = [f"- {self.paper} **Here: {self.verdict.value}.**"]
        lines += [f"  - {sentence}." for c in self.comparisons if (sentence := c.sentence(self.digits))]
        missing = sum(c.verdict is Verdict.MISSING for c in self.comparisons)
        if missing and self.verdict is not Verdict.MISSING:
            lines.append(f"  - {missing} of {len(self.comparisons)} comparisons were not measured.")
        return "\n".join(lines)


def rising(measured: Sequence[Measured]) -> tuple[Comparison, ...]:
    """Each lower than the next."""
    return tuple(Comparison(a, b) for a, b in pairwise(measured))


def format_value(value: Value | None, digits: int = 2) -> str:
    """The value with its error, “1.23 ± 0.04”, or a dash."""
    return f"{value.value:.{digits}f} ± {value.standard_error:.{digits}f}" if value else "–"


def of_share(share: Share | None) -> Estimate | None:
    """A share with the standard error that its 95 % interval stands for."""
    return Estimate(share.share, (share.high - share.low) / (2 * Z_95)) if share else None
