"""What the Network x-ray shows beside its drawing, for both front ends: the table of the variants, and downloads."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.language import _
from playground.labs.shared import exports
from playground.labs.shared.exports import File
from playground.labs.shared.pictures_html import image
from playground.labs.xray import text
from playground.labs.xray.job import with_samples

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from playground.labs.xray.job import Inspection, Variant, VariantSamples


def table(variants: Sequence[Variant]) -> str:
    """The variants below each other, each with its prediction and its samples, as HTML."""
    most = max((variant.change for variant in variants), default=0.0) or 1.0
    return f'<div class="dp-variants">{"".join(_row(variant, most) for variant in variants)}</div>' if variants else ""


def _row(variant: Variant, most: float) -> str:
    bar = f'<span class="dp-change"><i style="width:{100 * variant.change / most:.0f}%"></i></span>'
    change = (
        f"{bar}<small>ε̂ changes by {variant.change:.3f}</small>" if variant.key != "own" else "<small>&nbsp;</small>"
    )
    shown = [_picture(variant.x0, "x̂₀", 64), _picture(variant.noise, "ε̂", 64)]
    samples = [_picture(picture, "", 48) for picture in variant.samples] if variant.samples is not None else []
    drawn = f'<div class="dp-drawn">{"".join(samples)}</div>' if samples else ""
    return (
        f'<div class="dp-variant"><div><b>{html.escape(variant.title)}</b>{change}</div>'
        f'<div class="dp-predicted">{"".join(shown)}</div>{drawn}</div>'
    )


def _picture(picture: npt.NDArray[np.uint8], caption: str, width: int) -> str:
    zoom = max(1, round(2 * width / picture.shape[1]))
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f"<figure>{image(picture, caption, zoom, width=width)}{below}</figure>"


def style() -> str:
    """The style of `table`."""
    return f"<style>{CSS}</style>"


CSS = """
.dp-variants { display: grid; gap: 0; }
.dp-variant { display: grid; grid-template-columns: minmax(180px, 280px) auto minmax(0, 1fr); gap: 8px 24px;
  align-items: center; padding: 10px 0; border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
.dp-variant b { display: block; font-weight: 600; line-height: 1.3; }
.dp-variant small { opacity: 0.82; font-size: 0.85rem; }
.dp-change { display: block; height: 6px; margin: 6px 0 2px; border-radius: 3px; max-width: 220px;
  background: color-mix(in srgb, currentColor 12%, transparent); overflow: hidden; }
.dp-change i { display: block; height: 100%; background: currentColor; opacity: 0.7; }
.dp-predicted, .dp-drawn { display: flex; flex-wrap: wrap; gap: 8px; }
.dp-variant figure { margin: 0; } .dp-variant img { display: block; image-rendering: pixelated; border-radius: 3px; }
.dp-variant figcaption { font-size: 0.85rem; opacity: 0.82; text-align: center; }
@media (max-width: 640px) { .dp-variant { grid-template-columns: minmax(0, 1fr) auto; } .dp-drawn { grid-column: 1 / -1; } }
"""


def files(inspection: Inspection) -> list[File]:
    """The numbers of what is shown."""
    blocks = [
        (b.name, b.kind, b.part, b.size[0], b.size[1], b.channels, b.heads, b.parameters)
        for b in inspection.layout.blocks
    ]
    head = ("block", "kind", "part", "height", "width", "channels", "heads", "parameters")
    made = [File(_("Blocks (CSV)"), "unet-blocks.csv", "text/csv", exports.csv([head, *blocks]))]
    if inspection.variants:
        changes = [(v.title, f"{v.change:.6g}") for v in inspection.variants]
        rows = [("variant", "rms change of the noise estimate"), *changes]
        made.append(File(_("What each part changes (CSV)"), "unet-parts.csv", "text/csv", exports.csv(rows)))
    return made


def heading(inspection: Inspection) -> str:
    """The heading and the lead over the table, as Markdown."""
    return f"## {text.PARTS_TITLE}\n\n{text.PARTS_LEAD.format(trained=inspection.activation)}"


def styled_table(inspection: Inspection, samples: VariantSamples | None = None) -> str:
    """The table with its style; samples of other settings are left out."""
    variants = inspection.variants
    if samples is not None and samples.belongs_to(inspection.controls):
        variants = with_samples(variants, samples.variants)
    return style() + table(variants)
