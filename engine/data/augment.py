"""Pictures mirrored and slightly turned, so that a network memorizes them less."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from engine.data.image_set import ImageSet

TURNED_ABOVE = 64
"""Pixels: smaller pictures lose more detail by turning than there is to gain."""
DEGREES = 5.0


def suggested(data: ImageSet) -> tuple[bool, float]:
    """Whether to mirror the pictures of this set, and by how many degrees at most to turn them.

    Natural pictures are mirrored, above `TURNED_ABOVE` pixels also turned a little; digits, letters and emoji neither: mirrored
    they would be others.
    """
    return data.natural, DEGREES if data.natural and data.size > TURNED_ABOVE else 0.0


def augment(x0: Tensor, flips: bool, rotation: float, drawn: Tensor) -> Tensor:
    """Mirror every other picture left to right, and turn each by its own angle; what comes in at the edges is mirrored there.

    Args:
        x0: floating, shape (B, C, H, W), in −1 … 1, on any device; it is not changed.
        flips: whether to mirror.
        rotation: at most so many degrees either way, 0 … 180; 0 for none.
        drawn: evenly from 0 … 1, shape (B, 2): what each picture is mirrored and turned by. They are the caller's, so that a
            picture becomes the same whatever it is in one batch with.

    Returns:
        Shape, type, device and range as x0's; x0 itself where nothing is asked for.
    """
    if flips:
        mirrored = drawn[:, 0] < 0.5
        x0 = torch.where(mirrored.to(x0.device)[:, None, None, None], x0.flip(3), x0)
    if rotation:
        angle = ((2 * drawn[:, 1] - 1) * rotation).to(x0.device).deg2rad()
        x0 = rotated(x0, angle)
    return x0


def rotated(x0: Tensor, angle: Tensor) -> Tensor:
    """Each picture of (B, C, H, W) turned counter-clockwise by its angle, (B,) in radians, around its middle; bilinear."""
    cos, sin = angle.cos(), angle.sin()
    # grid_sample asks where each pixel comes from, in units of half the width and half the height.
    aspect = x0.shape[2] / x0.shape[3]
    zero = torch.zeros_like(cos)
    turn = torch.stack((cos, -sin * aspect, zero, sin / aspect, cos, zero), 1).reshape(-1, 2, 3).to(x0.dtype)
    grid = functional.affine_grid(turn, list(x0.shape), align_corners=False)
    return functional.grid_sample(x0, grid, padding_mode="reflection", align_corners=False).clamp(-1, 1)
