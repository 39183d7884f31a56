"""The terms that pages show: each with its symbol, one sentence, its formula, and the equation of the paper it is from.

The terms stand in glossary.csv; docs/glossary.md is made from it by docs/make_glossary.py.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.language import _, joined
from playground.labs.shared.naming import cited
from playground.labs.shared.text import with_subscripts

SOURCE = Path(__file__).with_name("glossary.csv")

STYLE = """
.dp-terms { font-size: 0.8rem; line-height: 1.9; margin: 0; position: relative; z-index: 60; }
.dp-term { position: relative; cursor: help; margin-right: 0.35em; white-space: nowrap; border-bottom: 1px dotted; }
.dp-term:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.dp-term [role="tooltip"] { display: none; position: absolute; left: 0; top: 1.7em; z-index: 50; width: max-content;
  max-width: min(22rem, 70vw); padding: 0.5em 0.7em; border-radius: 6px; background: #1f2430; color: #fff; white-space: normal;
  line-height: 1.45; }
.dp-term:hover [role="tooltip"], .dp-term:focus [role="tooltip"] { display: block; }
@media (max-width: 640px) { .dp-term { position: static; }
  .dp-term [role="tooltip"] { left: 1rem; right: 1rem; top: auto; width: auto; max-width: none; } }
"""


@dataclass(frozen=True)
class Term:
    """One term of the field; what does not apply is ""."""

    group: str
    name: str
    symbol: str
    sentence: str
    formula: str
    paper: str
    place: str
    """Equation, algorithm or section of the paper."""

    @property
    def source(self) -> str:
        """The paper and the place in it."""
        return f"{self.paper}, {self.place}" if self.paper else ""

    @property
    def definition(self) -> str:
        """Sentence, formula and source in one line, for a hover text."""
        formula = _("{word}.", word=self.formula) if self.formula else ""
        source = _("({source})", source=cited(self.source)) if self.source else ""
        return joined(_(self.sentence), formula, source)


@cache
def terms() -> dict[str, Term]:
    """Every term by its name, in the order of the glossary."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        return {row["name"]: Term(**row) for row in csv.DictReader(file)}


def definitions(names: Sequence[str]) -> str:
    """HTML: the terms in a line, each defined where the pointer or the keyboard's focus is. Raises KeyError for no term."""
    cells = [
        f'<span class="dp-term" tabindex="0">{with_subscripts(_label(terms()[name]))}'
        f'<span role="tooltip">{with_subscripts(terms()[name].definition)}</span></span>'
        for name in names
    ]
    return f'<style>{STYLE}</style><p class="dp-terms">{_("Terms:")} {" ".join(cells)}</p>'


def _label(term: Term) -> str:
    """Name and symbol, but each only once."""
    name = _(term.name)
    is_needed = term.symbol and term.symbol not in term.name and len(term.symbol) <= 12
    return f"{name} {term.symbol}" if is_needed else name
