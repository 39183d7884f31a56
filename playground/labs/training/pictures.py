"""The data sets that can be trained on, and images of one as the network receives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from engine.language import _

if TYPE_CHECKING:
    import numpy.typing as npt

    from engine.data.image_set import ImageSet
    from engine.training.config import TrainConfig
    from playground.labs.training.controls import TrainingControls
    from playground.policy.visitor import Visitor

SHOWN = 16
"""Images that are shown before the start."""
SIZES = (16, 32, 48, 64, 96, 128)
"""What images can be resized to, pixels."""


def choices(visitor: Visitor) -> dict[str, str]:
    """Name and title of every set that this visitor can train on: those that ship, and for the host those prepared here."""
    from engine.data import store
    from engine.data.shipped import DATASETS

    shipped = {name: name for name in DATASETS}
    if visitor.public:
        return shipped
    return shipped | {about.name: f"{about.title} ({about.size} × {about.size})" for about in store.prepared_sets()}


def size_choices(controls: TrainingControls, visitor: Visitor) -> dict[Any, str]:
    """The sizes that this data set can be trained at, larger ones only where upsampling is allowed."""
    from engine.data.catalogue import load
    from engine.data.image_set import DataError

    try:
        visitor.check_data(controls.data)
        own = load(controls.data).size
    except DataError:
        return {0: _("as they are")}
    sizes = [size for size in SIZES if size < own or (controls.upsampling and size != own)]
    return {0: _("as they are, {own} × {own}", own=own)} | {size: f"{size} × {size}" for size in sizes}


def suggestion(name: str, visitor: Visitor) -> tuple[bool, float]:
    """Whether to mirror the images of a data set, and by how many degrees to rotate them; (False, 0) where it is not there."""
    from engine.data.augment import suggested
    from engine.data.catalogue import load
    from engine.data.image_set import DataError

    try:
        visitor.check_data(name)
        return suggested(load(name))
    except DataError:
        return False, 0.0


def samples(config: TrainConfig, training: ImageSet) -> npt.NDArray[np.uint8]:
    """Some of the training images of a run, resized and augmented as in training: uint8 (B, H, W, C)."""
    import torch

    from engine.data.augment import augment
    from engine.data.pixels import to_uint8, to_unit
    from engine.data.store import gather

    x0 = to_unit(gather(training.images, _some(training)))
    drawn = torch.rand((len(x0), 2), generator=torch.Generator().manual_seed(0))
    return to_uint8(augment(x0, config.flips, config.rotation, drawn))


def _some(data: ImageSet) -> npt.NDArray[np.int64]:
    """Rows of pictures to show: class after class, spread over the set, always the same."""
    if not data.class_names:
        return np.unique(np.linspace(0, len(data) - 1, min(SHOWN, len(data))).astype(np.int64))
    order = np.argsort(data.labels, kind="stable")
    starts = np.searchsorted(data.labels[order], np.arange(len(data.class_names)))
    ends = np.append(starts[1:], len(order))
    rows: list[int] = []
    for k in range(int((ends - starts).max())):
        rows += [int(order[start + k]) for start, end in zip(starts, ends, strict=True) if start + k < end]
        if len(rows) >= SHOWN:
            break
    return np.array(rows[:SHOWN], dtype=np.int64)


def sheet(pictures: npt.NDArray[np.uint8], columns: int, least: int = 768) -> npt.NDArray[np.uint8]:
    """Pictures side by side, enlarged by whole pixels and nearest neighbour to `least` pixels of width at least.

    Args:
        pictures: uint8 (N, H, W, C).
        columns: in one row.
        least: width of the sheet.

    Returns:
        uint8 (H, W, 4): what lies between the pictures is transparent, so that it suits light and dark pages.
    """
    count, height, width, channels = pictures.shape
    columns = min(columns, count)
    zoom = max(1, -(-least // (columns * width)))
    gap = max(2, zoom * width // 16)
    rows = -(-count // columns)
    big = pictures.repeat(zoom, 1).repeat(zoom, 2)
    if channels == 1:
        big = big.repeat(3, 3)
    high, wide = zoom * height, zoom * width
    made = np.zeros((rows * (high + gap) - gap, columns * (wide + gap) - gap, 4), np.uint8)
    for k, picture in enumerate(big):
        top, left = k // columns * (high + gap), k % columns * (wide + gap)
        made[top : top + high, left : left + wide, :3] = picture
        made[top : top + high, left : left + wide, 3] = 255
    return made


def classes_in_words(classes: tuple[tuple[str, int], ...], most: int = 12) -> str:
    """Names and counts of the classes in one line."""
    if not classes:
        return _("No classes: the network is unconditional.")
    counts = [count for _, count in classes]
    names = _(", ").join(_(name) for name, _count in classes[:most]) + (" …" if len(classes) > most else "")
    if min(counts) == max(counts):
        return _("{count:,} of {counts:,} images each: {names}", count=len(classes), counts=counts[0], names=names)
    if len(classes) <= most:
        return _(", ").join(_("{name} ({count:,})", name=_(name), count=count) for name, count in classes)
    return _(
        "{classes:,} of {fewest:,} to {most:,} images: {names}",
        classes=len(classes),
        fewest=min(counts),
        most=max(counts),
        names=names,
    )
