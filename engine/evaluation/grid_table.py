"""The results of a grid as a table for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.evaluation.grid import Row
from engine.evaluation.metrics import Estimate, Share
from engine.samplers import Variance


def _text(value: Share | Estimate | None) -> str:
    return str(value) if value else "–"


SETTINGS: dict[str, Callable[[Row], str]] = {
    "model": lambda row: row.model,
    "sampler": lambda row: row.settings.sampler,
    "steps": lambda row: str(row.settings.steps),
    "spacing": lambda row: row.settings.spacing,
    "eta": lambda row: f"{row.settings.eta:g}" if row.settings.uses_eta else "",
    "variance": lambda row: row.settings.variance if row.settings.uses_variance else "",
    "scale": lambda row: f"{row.settings.scale:g}" if row.accuracy else "",
    "samples": lambda row: str(row.settings.samples),
}
MEASURED: dict[str, Callable[[Row], str]] = {
    "accuracy": lambda row: _text(row.accuracy),
    "Fréchet": lambda row: _text(row.frechet.estimate),
    "Fréchet, real": lambda row: _text(row.frechet_floor),
    "precision": lambda row: _text(row.covering.precision if row.covering else None),
    "recall": lambda row: _text(row.covering.recall if row.covering else None),
    "recall, real": lambda row: _text(row.covering_floor.recall if row.covering_floor else None),
    "ms a picture": lambda row: (
        f"{1000 * row.seconds_per_picture.value:.0f} ± {1000 * row.seconds_per_picture.standard_error:.0f}"
        if row.seconds_per_picture
        else f"{1000 * row.seconds / row.settings.samples:.0f}"
    ),
}


def table(rows: Sequence[Row], bits: Mapping[tuple[str, Variance], Estimate] | None = None) -> str:
    """A line for each cell; settings that are the same in all of them stand below.

    Args:
        rows: what was measured.
        bits: per dimension, of a model's name and a variance; None for no such column.
    """
    if not rows:
        return "Nothing was measured."
    columns = {title: [say(row) for row in rows] for title, say in SETTINGS.items()}
    same = [f"{title} {values[0]}" for title, values in columns.items() if len(set(values)) == 1 and values[0]]
    columns = {title: values for title, values in columns.items() if len(set(values)) > 1}
    measured = {title: [say(row) for row in rows] for title, say in MEASURED.items()}
    if bits is not None:
        measured["bits/dim"] = [_text(bits.get((row.model, row.settings.variance))) for row in rows]
    columns |= measured
    widths = {title: max(len(title), *map(len, values)) for title, values in columns.items()}
    lines = ["  ".join(f"{title:>{widths[title]}}" for title in columns)]
    lines += ["  ".join(f"{columns[title][n]:>{widths[title]}}" for title in columns) for n in range(len(rows))]
    notes = [f"All: {', '.join(same)}."] if same else []
    return "\n".join([*lines, *notes, NOTE, *([OF_BITS] if bits is not None else [])])


NOTE = (
    "± is one standard error, brackets are 95 % intervals; that of the time is over batches. The floor is what as many real "
    "pictures score."
)
OF_BITS = (
    "Bits per dimension are the bound of held-out pictures: of the model with that variance of DDPM, the smaller where the "
    "sampler has none, in all steps of its schedule. How samples are drawn does not change it."
)
