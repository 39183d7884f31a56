"""What the pages read, packed: bytes under a name, which src/stored.js unpacks.

A page that is opened from a folder may fetch nothing, but it may load scripts: each of these is one, or an element of a page
that is one file.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(data: bytes) -> str:
    """Bytes, compressed, as text of 85 letters, which is shorter than base64. None of them is "<" or "`"."""
    return base64.b85encode(gzip.compress(data, 9, mtime=0)).decode("ascii").replace("<", ".").replace("`", ",")


def packed_json(value: Any) -> str:
    """A JSON value."""
    return packed(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())


def packed_halves(data: bytes) -> str:
    """Numbers in half precision: first all low bytes, then all high ones, which hold the exponents and are much alike."""
    return packed(data[0::2] + data[1::2])


def packed_frames(frames: NDArray[np.uint8]) -> str:
    """Pictures (F, …) that change little from one frame to the next: each frame less the one before, modulo 256."""
    return packed(np.diff(frames, axis=0, prepend=np.zeros_like(frames[:1])).tobytes())


def as_script(name: str, text: str) -> str:
    """A script that hands it to the page."""
    return f"(self.dpStored ??= {{}})[{json.dumps(name)}] = {json.dumps(text)};\n"


def as_element(name: str, text: str) -> str:
    """An element of a page that holds it."""
    return f'<script type="text/plain" data-stored="{name}">{text}</script>\n'
