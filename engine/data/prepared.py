"""The pictures of one training run: the set that its config names, at the size that it asks for."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Protocol

import numpy as np

from engine.data import store
from engine.data.catalogue import load
from engine.data.image_set import ImageSet
from engine.data.shipped import DATASETS
from engine.data.sizes import outline, sized

MOST_NUMBERS = 60_000_000
"""Of a larger set, counted in pixels times colours, nothing is computed that needs all of it in memory: that would take
minutes and gigabytes."""


class PictureSettings(Protocol):
    """Which pictures a network is trained on: these fields of a `TrainConfig`."""

    @property
    def data(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def upsampling(self) -> bool: ...
    @property
    def flips(self) -> bool: ...
    @property
    def rotation(self) -> float: ...


def pictures_of(config: PictureSettings) -> ImageSet:
    """All of them, at the config's size, those held out too. Raises `DataError`."""
    return sized(load(config.data), config.size, config.upsampling)


def outline_of(config: PictureSettings) -> ImageSet:
    """The same without their pixels, at once, where they would have to be resized first. Raises `DataError`."""
    return outline(load(config.data), config.size, config.upsampling)


def content_checksum(config: PictureSettings) -> str:
    """A checksum of a prepared set's pictures and labels, in their order: another one where it was prepared anew from others.

    Empty for a set that ships, which never changes. Raises `DataError`.
    """
    if config.data in DATASETS:
        return ""
    return store.read_about(store.folder_of(config.data)).content


def training_pictures(config: PictureSettings) -> ImageSet:
    """Those to train on, at the config's size; of a prepared set a view of the disk. Raises `DataError`."""
    return pictures_of(config).training


def held_out_pictures(config: PictureSettings) -> ImageSet:
    """Those never to be trained on, at the config's size; may be empty. Raises `DataError`."""
    return pictures_of(config).held_out_part


def augmented_pictures(config: PictureSettings) -> ImageSet | None:
    """Every picture that the network may see in training: where it is shown mirrored ones, these too.

    None where they are too many to be held in memory, or endless, as with rotation. Raises `DataError`.
    """
    data = training_pictures(config)
    if config.rotation or data.images.size * (1 + config.flips) > MOST_NUMBERS:
        return None
    return _with_mirrored(data) if config.flips else data


@lru_cache(maxsize=2)
def _with_mirrored(data: ImageSet) -> ImageSet:
    return replace(
        data,
        images=np.concatenate((data.images, data.images[:, :, ::-1])),
        labels=np.tile(data.labels, 2),
        held_out=np.tile(data.held_out, 2),
        names=data.names * 2,
    )
