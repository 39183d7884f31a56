"""Numbers on their way to the browser: short, and never NaN, which JSON does not know."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = Sequence[float] | NDArray[np.floating] | NDArray[np.integer]


def as_list(values: ArrayLike, digits: int = 6) -> list[float | None]:
    """A one-dimensional list of floats with `digits` significant digits; what is not finite becomes None.

    Raises ValueError if `values` has more than one dimension.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"Expected one dimension, got shape {array.shape}.")
    finite = np.isfinite(array)
    if finite.all():
        return [float(f"{value:.{digits}g}") for value in array.tolist()]
    return [float(f"{value:.{digits}g}") if ok else None for value, ok in zip(array.tolist(), finite, strict=True)]


def as_float32(values: ArrayLike) -> dict[str, object]:
    """A large array as {"shape": [...], "f32": base64 of little-endian float32}; decoded in draw.js."""
    array = np.ascontiguousarray(np.asarray(values), dtype="<f4")
    return {"shape": list(array.shape), "f32": base64.b64encode(array.tobytes()).decode("ascii")}
