"""Between pictures as files hold them, 0 … 255, and as networks take them, -1 … 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

HALF_RANGE = 127.5


def to_unit(images: npt.NDArray[np.uint8]) -> Tensor:
    """Return float32 (N, C, H, W) in [-1, 1] from uint8 (N, H, W, C): 0 becomes -1 and 255 becomes 1.

    This is the scaling of Ho, Jain & Abbeel 2020, section 3.3, https://arxiv.org/abs/2006.11239.
    Raises `ValueError` for another shape or type.
    """
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError(f"expected uint8 (N, H, W, C), got {images.dtype} {images.shape}")
    # The copy is wanted: the shipped arrays are read-only, and a tensor on top of one would let a reader write.
    return unit_of(torch.from_numpy(np.array(images)))


def unit_of(levels: Tensor) -> Tensor:
    """The same from a uint8 tensor (N, H, W, C) on any device, which is left as it is."""
    return levels.permute(0, 3, 1, 2).contiguous().to(torch.float32).div_(HALF_RANGE).sub_(1)


def to_uint8(x: Tensor) -> npt.NDArray[np.uint8]:
    """Return uint8 (N, H, W, C) from a floating-point tensor (N, C, H, W) on any device.

    Values outside [-1, 1] are clamped, others rounded to the nearest of the 256 levels, so that
    `to_uint8(to_unit(images))` gives `images` back. NaN becomes mid-grey (128): a failed picture stays visible
    as one. Raises `ValueError` for another shape.
    """
    if x.ndim != 4:
        raise ValueError(f"expected a tensor (N, C, H, W), got {tuple(x.shape)}")
    values = torch.nan_to_num(x.detach().to(device="cpu", dtype=torch.float32), nan=0.0, posinf=1.0, neginf=-1.0)
    levels = values.clamp(-1, 1).add(1).mul(HALF_RANGE).round().to(torch.uint8)
    pictures: npt.NDArray[np.uint8] = levels.permute(0, 2, 3, 1).contiguous().numpy()
    return pictures
