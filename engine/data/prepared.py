"""The pictures of one training run: the set that its config names, at the size that it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.data.catalogue import ImageSet, load
from engine.data.sizes import sized

if TYPE_CHECKING:
    from engine.training.config import TrainConfig


def pictures_of(config: TrainConfig) -> ImageSet:
    """All of them, at the config's size, those held out too. Raises `DataError`."""
    return sized(load(config.data), config.size, config.upsampling)


def for_training(config: TrainConfig) -> ImageSet:
    """Those to train on, at the config's size; of a prepared set a view of the disk. Raises `DataError`."""
    return pictures_of(config).training


def held_out_for(config: TrainConfig) -> ImageSet:
    """Those never to be trained on, at the config's size; may be empty. Raises `DataError`."""
    return pictures_of(config).held_out_part
