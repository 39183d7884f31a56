"""Writes docs/results.md and its figures from what was measured."""

from __future__ import annotations

from pathlib import Path

from results_figures import draw_figures
from results_rows import Results
from results_sections import section_a, section_b, section_c, section_d, section_e
from results_surprises import section_f

from engine.storage.files import write_text

INTRODUCTION = """# Measured: what the papers say, on our digits

This page is made by `python docs/make_results.py`, which trains the small networks, measures what
[results.jsonl](results.jsonl) does not hold yet, and writes tables, figures and verdicts from those numbers. The claims of
the papers were written by hand, and so was the end of section f; every word after “Here:” follows from the measurements. Two
numbers differ where their difference is more than two standard errors. Cells share their seeds and the real pictures they are
compared with, so that a difference of two Fréchet distances has a smaller error than either of them: the jackknife
leaves the same samples out of both.

± is one standard error: of the Fréchet distance by a jackknife over groups of samples and of real pictures, of recall and
precision by splitting both into two parts, of bits per dimension over the draws of pictures and noise, of times over batches.

The Fréchet distance is taken in the features of our own small classifier, not Inception's, so that it compares with no
published FID. It is biased upwards, the more so the fewer the samples; the row “real pictures” is the distance of as
many real pictures, new to the classifier, to the same held-out ones."""


def page(results: Results) -> str:
    """The whole text."""
    sections = [section_a, section_b, section_c, section_d, section_e, section_f]
    return (
        "\n\n".join([INTRODUCTION, *(section(results) for section in sections), _machine(results), _missing(results)])
        + "\n"
    )


def _machine(results: Results) -> str:
    rows = [*results.rows, *results.bounds]
    if not rows:
        return "## How it was measured\n\nNothing was measured yet."
    how = sorted({f"{row.device} with {_threads(row.threads)}, PyTorch {row.torch}" for row in rows})
    hours = sum(row.seconds for row in rows) / 3600
    nfe = sum(row.evaluations * row.settings.samples for row in results.rows)
    return (
        "## How it was measured\n\n"
        f"{len(results.rows)} cells and {len(results.bounds)} bounds, {hours:.1f} hours of computing in all, {nfe:,} network "
        f"evaluations of single pictures; on {'; '.join(how)}. "
        "Each sample follows from its own seed, 0 and up, whatever the batch."
    )


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _missing(results: Results) -> str:
    missing = results.missing()
    if not missing:
        return "All that was planned was measured."
    lines = [f"- {title}: {lacking} of {count} cells" for title, lacking, count in missing]
    return "## Not measured\n\nA dash in a table stands for one of these:\n\n" + "\n".join(lines)


def write(path: Path, out: Path) -> None:
    """Write out/results.md and out/figures/ from a file of measurements."""
    results = Results(path)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    draw_figures(results, out / "figures")
    write_text(out / "results.md", page(results))
    print(f"written to {out / 'results.md'}")
