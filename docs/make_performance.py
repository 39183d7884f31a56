"""Puts what was measured into docs/performance.md: python docs/make_performance.py

`python -m benchmarks NAME --json docs/performance/NAME.json` has written the values of each benchmark. In the page, a line
`<!-- NAME -->` stands before its table and `<!-- end -->` behind it. How time grows is drawn as well.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Drawing

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from results_figures import COLOURS, STYLE  # noqa: E402

from benchmarks.figures import Figure, read_json, table  # noqa: E402

PAGE, VALUES = HERE / "performance.md", HERE / "performance"
BLOCK = re.compile(r"(<!-- ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)
GROWTH = {
    "steps, 16 digits": r"DDIM, 16 digits, (\d+) steps: for one picture and step",
    "digits at once, 5 steps": r"DDIM, (\d+) digits, 5 steps: for one picture and step",
    "pixels of one side, “small” in colour": r"“small”, (\d+) × \d+",
}
"""What time grows with, and how the figures of `python -m benchmarks sampling --only growth` are named."""


def main() -> int:
    """Write the page and its drawing; the exit status."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    with mpl.rc_context({**STYLE, "svg.hashsalt": "performance"}):
        drawing = growth(read_json(VALUES / "sampling.json"))
        drawing.savefig(HERE / "figures/growth.svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    return 0


def page(text: str) -> str:
    """The page with a table in each of its blocks. Raises OSError where one was not measured."""
    return BLOCK.sub(lambda found: found[1] + table(read_json(VALUES / f"{found[2]}.json")) + "\n" + found[3], text)


def growth(figures: list[Figure]) -> Drawing:
    """Time for one picture and step: flat where it grows in proportion. Bars from the quickest to the slowest measurement."""
    drawing = Drawing(figsize=(4.2 * len(GROWTH), 3.4), layout="constrained")
    for number, (what, name) in enumerate(GROWTH.items(), 1):
        points = sorted((int(found[1]), one) for one in figures if (found := re.match(name, one.what)))
        ax = drawing.add_subplot(1, len(GROWTH), number)
        middle = [one.at(50) for _, one in points]
        spread = [[one.at(50) - min(one.values), max(one.values) - one.at(50)] for _, one in points]
        sizes = [size for size, _ in points]
        ax.errorbar(sizes, middle, list(zip(*spread, strict=True)), color=COLOURS[number - 1], marker="o", capsize=3)
        ax.set_xscale("log")
        ax.set_xticks(sizes, [str(size) for size in sizes])
        ax.minorticks_off()
        ax.set_xlabel(what)
        ax.set_ylabel("ms for a picture and step" if number < len(GROWTH) else "ms for 1,000 pixels and step")
        ax.set_ylim(0, 1.3 * max(one.at(50) for _, one in points))
    return drawing


if __name__ == "__main__":
    sys.exit(main())
