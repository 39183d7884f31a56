"""The terms that pages show: each with its symbol, one sentence, its formula, and the equation of the paper it is from.

The terms stand in glossary.csv; docs/glossary.md is made from it: python -m playground.labs.shared.glossary
"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PAPERS = {
    "Ho et al. 2020": ("Denoising diffusion probabilistic models", "2006.11239"),
    "Song et al. 2021": ("Denoising diffusion implicit models", "2010.02502"),
    "Nichol & Dhariwal 2021": ("Improved denoising diffusion probabilistic models", "2102.09672"),
    "Dhariwal & Nichol 2021": ("Diffusion models beat GANs on image synthesis", "2105.05233"),
    "Ho & Salimans 2022": ("Classifier-free diffusion guidance", "2207.12598"),
    "Kingma et al. 2021": ("Variational diffusion models", "2107.00630"),
    "Salimans & Ho 2022": ("Progressive distillation for fast sampling of diffusion models", "2202.00512"),
    "Karras et al. 2022": ("Elucidating the design space of diffusion-based generative models", "2206.00364"),
    "Lu et al. 2022a": ("DPM-Solver: a fast ODE solver for diffusion probabilistic model sampling", "2206.00927"),
    "Lu et al. 2022b": (
        "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models",
        "2211.01095",
    ),
    "Lin et al. 2023": ("Common diffusion noise schedules and sample steps are flawed", "2305.08891"),
    "Hang et al. 2023": ("Efficient diffusion training via min-SNR weighting strategy", "2303.09556"),
    "Kingma & Welling 2014": ("Auto-encoding variational Bayes", "1312.6114"),
    "Chen 2023": ("On the importance of noise scheduling for diffusion models", "2301.10972"),
    "Saharia et al. 2022": (
        "Photorealistic text-to-image diffusion models with deep language understanding",
        "2205.11487",
    ),
    "Kynkäänniemi et al. 2024": ("Applying guidance in a limited interval", "2404.07724"),
    "Heusel et al. 2017": (
        "GANs trained by a two time-scale update rule converge to a local Nash equilibrium",
        "1706.08500",
    ),
    "Vaswani et al. 2017": ("Attention is all you need", "1706.03762"),
    "Székely & Rizzo 2013": ("Energy statistics: a class of statistics based on distances", ""),
}
"""By the name that a term gives its paper: title and arXiv number, "" where it is not there."""

SOURCE = Path(__file__).with_name("glossary.csv")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "glossary.md"


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
        formula = f"{self.formula}." if self.formula else ""
        source = f"({self.source})" if self.source else ""
        return " ".join(part for part in (self.sentence, formula, source) if part)


@cache
def terms() -> dict[str, Term]:
    """Every term by its name, in the order of the glossary."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        return {row["name"]: Term(**row) for row in csv.DictReader(file)}


def definitions(names: Sequence[str]) -> str:
    """HTML: the terms in a line, each defined where the pointer or the keyboard's focus is. Raises KeyError for no term."""
    cells = [
        f'<span class="dp-term" tabindex="0">{_html(_label(terms()[name]))}'
        f'<span role="tooltip">{_html(terms()[name].definition)}</span></span>'
        for name in names
    ]
    return f'<style>{STYLE}</style><p class="dp-terms">Terms: {" ".join(cells)}</p>'


def _label(term: Term) -> str:
    """Name and symbol, but each only once."""
    is_needed = term.symbol and term.symbol not in term.name and len(term.symbol) <= 12
    return f"{term.name} {term.symbol}" if is_needed else term.name


def _html(text: str) -> str:
    """With subscripts in place of x_t and x_{t−1}."""
    return re.sub(r"_(?:\{([^}]*)\}|(\w+))", lambda found: f"<sub>{found[1] or found[2]}</sub>", html.escape(text))


def page() -> str:
    """docs/glossary.md."""
    lines = [
        "# Glossary",
        "",
        "The terms that pages show, as the papers use them. Made from playground/labs/shared/glossary.csv",
    ]
    lines += ["by `python -m playground.labs.shared.glossary`."]
    group = ""
    for term in terms().values():
        if term.group != group:
            group = term.group
            lines += [
                "",
                f"## {group}",
                "",
                "| term | symbol | what it is | formula | source |",
                "|---|---|---|---|---|",
            ]
        cells = (term.name, term.symbol, term.sentence, term.formula, term.source)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", "## Papers", ""]
    for paper, (title, number) in PAPERS.items():
        lines.append(f"- {paper}: {title}" + (f", [arXiv:{number}](https://arxiv.org/abs/{number})" if number else ""))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
