"""Runs modules of the site in Node, and reads pictures of either side."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from playground.components.payloads.timeline import Lane

HERE = Path(__file__).parent


def computed(module: str, name: str, calls: list[list[Any]]) -> list[Any]:
    """What a function of the site returns for each list of arguments."""
    command = ["node", str(HERE / "figures_of_page.mjs"), module, name]
    done = subprocess.run(command, input=json.dumps(calls), capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def as_bytes(values: NDArray[np.uint8]) -> dict[str, str]:
    """Pictures as figures_of_page.mjs takes them."""
    return {"bytes": base64.b64encode(values.tobytes()).decode()}


def tiles_of_page(lane: dict[str, Any], channels: int) -> NDArray[np.uint8]:
    """The tiles that a page has made for a lane, uint8 (F, height, width, channels)."""
    (sheet,) = lane["sheets"]
    width, height = lane["tile"]
    rgba = np.frombuffer(base64.b64decode(sheet["png"]["rgba"]), np.uint8).reshape(-1, sheet["png"]["width"], 4)
    return _cut(rgba[..., :channels], width, height, lane["columns"], sheet["count"])


def tiles_of_lab(lane: Lane) -> NDArray[np.uint8]:
    """The same of a lab's lane."""
    width, height = lane.sheets.tile
    cut = []
    for sheet in lane.sheets.sheets:
        image = np.atleast_3d(np.asarray(Image.open(io.BytesIO(sheet.png))))
        cut.append(_cut(image, width, height, lane.sheets.columns, sheet.count))
    return np.concatenate(cut)


def _cut(image: NDArray[np.uint8], width: int, height: int, columns: int, count: int) -> NDArray[np.uint8]:
    rows = image.reshape(-1, height, columns, width, image.shape[-1]).transpose(0, 2, 1, 3, 4)
    return rows.reshape(-1, height, width, image.shape[-1])[:count]
