"""Puts the results of `python -m benchmarks faults`, and the limits on files, into docs/reliability.md."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from make_performance import BLOCK  # noqa: E402

from benchmarks.faults import KINDS, Outcome, read  # noqa: E402
from engine.storage.budgets import BUDGETS, Budget  # noqa: E402

PAGE, RESULTS = HERE / "reliability.md", HERE / "reliability.jsonl"


def main() -> int:
    """Write the page; the exit status."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def page(text: str) -> str:
    """The page with both tables."""
    tables = {"faults": faults(read(RESULTS)), "budgets": budgets()}
    return BLOCK.sub(lambda found: found[1] + tables[found[2]] + found[3], text)


def faults(outcomes: list[Outcome]) -> str:
    """A row for each kind: how many faults were tried, handled and lost."""
    rows = ["| Faults | Tried | Handled | Lost |", "|---|--:|--:|--:|"]
    for kind, about in KINDS.items():
        found = [one for one in outcomes if one.kind == kind]
        tried, lost = sum(one.tried for one in found), sum(bool(one.lost) for one in found)
        rows.append(f"| {about[0].upper()}{about[1:]} | {tried:,} | {tried - lost:,} | {lost:,} |")
    rows += [f"\nLost: {one.kind} {one.case}: {one.lost}" for one in outcomes if one.lost]
    return "\n".join(rows) + "\n"


def budgets() -> str:
    """A row for each limit."""
    rows = ["| At most | Of what, and why |", "|--:|---|"]
    return "\n".join(rows + [f"| {_amount(one)} | {one.why} |" for one in BUDGETS.values()]) + "\n"


def _amount(budget: Budget) -> str:
    millions = budget % 1_000_000 == 0
    number = f"{budget // 1_000_000:,} million" if millions else f"{budget:,}"
    return f"{budget // 1_000_000:,} MB" if millions and budget.unit == "bytes" else f"{number} {budget.unit}"


if __name__ == "__main__":
    sys.exit(main())
