"""A sweep grid as SVG: the pictures, and what its columns and rows stand for."""

from __future__ import annotations

import html

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads.packing import grid
from playground.components.payloads.timeline import Axes
from playground.labs.shared.pictures_html import data_uri

CELL = 84
GAP = 2
FONT = 15


def svg(pictures: NDArray[np.uint8], axes: Axes) -> bytes:
    """The grid as a file of its own, on white: pictures uint8 (cells, H, W, C), row by row."""
    rows, columns = len(axes.rows), len(axes.columns)
    _, height, width, _ = pictures.shape
    wide, high = CELL * width / height, float(CELL)
    left = 16 + 0.6 * FONT * max(len(text) for text in axes.rows)
    top = 3.2 * FONT
    parts = [
        _text(left, 1.2 * FONT, f"{axes.across} →   {axes.down} ↓", "start", "#555"),
        *(_text(left + (c + 0.5) * wide, top - 6, name, "middle") for c, name in enumerate(axes.columns)),
        *(_text(left - 8, top + (r + 0.5) * high + 5, name, "end") for r, name in enumerate(axes.rows)),
    ]
    uri = data_uri(grid(pictures, (rows, columns)), 2)
    total = (left + columns * wide + 8, top + rows * high + 8)
    image = (
        f'<image x="{left:.1f}" y="{top:.1f}" width="{columns * wide:.1f}" height="{rows * high:.1f}" '
        f'style="image-rendering:pixelated" href="{uri}"/>'
    )
    lines = "".join(
        f'<path d="M{left + c * wide:.1f} {top:.1f}v{rows * high:.1f}" stroke="#fff" stroke-width="{GAP}"/>'
        for c in range(1, columns)
    ) + "".join(
        f'<path d="M{left:.1f} {top + r * high:.1f}h{columns * wide:.1f}" stroke="#fff" stroke-width="{GAP}"/>'
        for r in range(1, rows)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total[0]:.0f} {total[1]:.0f}" width="{total[0]:.0f}" '
        f'height="{total[1]:.0f}" font-family="system-ui, sans-serif" font-size="{FONT}">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}{image}{lines}</svg>'
    ).encode()


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#111") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{html.escape(text)}</text>'
