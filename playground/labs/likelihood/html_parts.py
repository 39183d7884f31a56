"""HTML of the Likelihood lab: the images of the fewest and the most bits, rows of images, the latent grid."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.language import _
from playground.labs.likelihood import text
from playground.labs.likelihood.results import ImageBits, Measurement, by_bits, in_short
from playground.labs.shared.pictures_html import image

SHOWN = 5
"""Images of the fewest and of the most bits."""


def image_bits(measured: Measurement) -> str:
    """The images of the fewest and of the most bits by the first bar, each with the bits of every bar."""
    ordered = by_bits(measured)
    if len(ordered) < 2:
        return ""
    count = min(SHOWN, len(ordered) // 2)
    titles = [result.bar.title for result in measured.results]
    heads = "".join(f"<span><b>{_letter(k)}</b> {html.escape(title)}</span>" for k, title in enumerate(titles))
    fewest, most = _images(text.FEWEST, ordered[:count]), _images(text.MOST, ordered[-count:])
    return f'<div class="dp-keys">{heads}</div><div class="dp-prices">{fewest}{most}</div>'


def picture_rows(rows: Sequence[tuple[str, NDArray[np.uint8]]], *, zoom: int = 3) -> str:
    """Aligned rows of images, uint8 (N, H, W, C), each under its title."""
    return "".join(
        f'<figure class="dp-picture-row"><figcaption>{title}</figcaption>'
        f"{image(np.concatenate(list(pictures), axis=1), title, zoom)}</figure>"
        for title, pictures in rows
    )


def grid(picture: NDArray[np.uint8], across: int, down: int) -> str:
    """The grid over two latent dimensions, with its axes named."""
    words = _("across: latent dimension {across}, −2.5 … 2.5; down: latent dimension {down}", across=across, down=down)
    return (
        f'<figure class="dp-latent-grid">{image(picture, _("Images on a grid, {what}", what=words), 2)}'
        f"<figcaption>{words}</figcaption></figure>"
    )


STYLE = """
.dp-keys { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; margin: 0 0 0.6rem; font-size: 0.9rem; }
.dp-prices { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 1rem; }
.dp-prices h3 { margin: 0 0 0.3rem; font-size: 1rem; }
.dp-prices .dp-five { display: grid; grid-template-columns: repeat(5, minmax(0, 84px)); gap: 0.5rem; }
.dp-prices figure, .dp-picture-row, .dp-latent-grid { margin: 0 0 0.5rem; }
.dp-prices img { display: block; width: 100%; max-width: 84px; image-rendering: pixelated; border-radius: 3px; }
.dp-prices figcaption { font-size: 0.82rem; line-height: 1.35; font-variant-numeric: tabular-nums; opacity: 0.9; }
.dp-picture-row img, .dp-latent-grid img { display: block; max-width: 100%; image-rendering: pixelated; border-radius: 3px; }
.dp-picture-row img { height: 84px; width: auto; }
.dp-latent-grid img { width: min(100%, 504px); }
.dp-picture-row figcaption, .dp-latent-grid figcaption { font-size: 0.9rem; opacity: 0.85; }
"""


def style() -> str:
    """The style of the HTML made here, to be put on the page once."""
    return f"<style>{STYLE}</style>"


def _images(title: str, images: Sequence[ImageBits]) -> str:
    figures = "".join(
        f"<figure>{image(one.image, _('image {number}', number=one.number), 3)}"
        f"<figcaption>{'<br>'.join(f'<b>{_letter(k)}</b> {in_short(bits)}' for k, bits in enumerate(one.bits))}"
        f"</figcaption></figure>"
        for one in images
    )
    return f'<div><h3>{title}</h3><div class="dp-five">{figures}</div></div>'


def _letter(number: int) -> str:
    return "ABCDEFGH"[number]
