"""Small pictures as HTML, enlarged without smoothing so that every pixel is seen."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads.packing import png

STYLE = """
:where(img[src^="data:"]) { height: auto; }
.dp-pictures { display: flex; flex-wrap: wrap; gap: 0.8rem; }
.dp-pictures figure { margin: 0; } .dp-pictures img { display: block; image-rendering: pixelated; border-radius: 3px; }
.dp-pictures figcaption { font-size: 0.85rem; opacity: 0.82; margin-top: 4px; }
"""


def data_uri(image: NDArray[np.uint8], zoom: int) -> str:
    """A picture, uint8 (H, W, C), as an address that holds it. Each pixel becomes zoom × zoom, or it would be smoothed."""
    enlarged = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    return f"data:image/png;base64,{base64.b64encode(png(enlarged)).decode('ascii')}"


def image(picture: NDArray[np.uint8], alt: str, zoom: int, *, width: int | None = None, attributes: str = "") -> str:
    """A picture, uint8 (H, W, C), with the room that it takes, which is kept while the browser decodes it.

    Args:
        picture: itself.
        alt: what it shows, as plain text.
        zoom: see `data_uri`.
        width: CSS pixels; by default those of the enlarged picture.
        attributes: others of its element, as HTML.
    """
    across = width or picture.shape[1] * zoom
    down = round(across * picture.shape[0] / picture.shape[1])
    size = f'width="{across}" height="{down}"'
    return f'<img alt="{html.escape(alt)}" {size} {attributes} src="{data_uri(picture, zoom)}">'


def row(pictures: Sequence[tuple[NDArray[np.uint8], str]], *, width: int = 112) -> str:
    """Pictures beside each other, (uint8 (H, W, C), caption), each `width` CSS pixels wide."""
    figures = "".join(
        f'<figure style="width:{width}px">'
        f"{image(picture, caption, max(1, round(2 * width / picture.shape[1])), width=width)}"
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for picture, caption in pictures
    )
    return f'<div class="dp-pictures">{figures}</div>'


def sheet(picture: NDArray[np.uint8], alt: str, *, width: int) -> str:
    """One picture that needs no enlarging, at most `width` CSS pixels wide."""
    style = f'style="max-width:min(100%,{width}px);image-rendering:pixelated"'
    return image(picture, alt, 1, attributes=style)
