"""A picture set as plain arrays: pictures, classes, and which are held out. Needs numpy only: the first screen loads it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine.language import Message


class DataError(ValueError):
    """A picture set that does not exist, or whose file cannot be read; the message is fit to show to a reader."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Pictures with their classes, and which of them are kept away from training.

    images     uint8 (N, H, W, C), 0 … 255, C = 1 (grey) or 3 (red, green, blue); read-only
    labels     int64 (N,), 0 … len(class_names) - 1, or all −1 where there are no classes; read-only
    held_out   bool (N,), True where the picture must never be trained on; read-only
    names      what each picture shows, in words, or empty where the set gives no names
    natural    whether a mirrored or slightly turned picture would still belong to the set: photographs yes, letters no

    The pictures of a prepared set lie on the disk (np.memmap), those to train on first and the held-out ones last: then
    `training` and `held_out_part` are views, and nothing is copied.
    """

    name: str
    title: str
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    held_out: npt.NDArray[np.bool_]
    source: str
    licence: str
    about: str
    names: tuple[str, ...] = ()
    natural: bool = False

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together, with `DataError`, and make them read-only."""
        count = len(self.images)
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[3] not in (1, 3):
            raise DataError(Message("The set “{name}” needs pictures as uint8 (N, H, W, 1 or 3).", name=self.name))
        if self.labels.dtype != np.int64 or self.labels.shape != (count,):
            raise DataError(Message("The set “{name}” needs one whole-number label for each picture.", name=self.name))
        if self.held_out.dtype != np.bool_ or self.held_out.shape != (count,):
            raise DataError(
                Message("The set “{name}” needs one yes or no for each picture, held out or not.", name=self.name)
            )
        if self.names and len(self.names) != count:
            raise DataError(
                Message("The set “{name}” needs one name for each picture, or none at all.", name=self.name)
            )
        lowest, classes = (0, len(self.class_names)) if self.class_names else (-1, 0)
        if count and not (self.labels.min() >= lowest and self.labels.max() < classes):
            raise DataError(Message("The set “{name}” has labels that name no class.", name=self.name))
        # load() hands the same arrays to every caller: one that writes into them would change them for all.
        for array in (self.images, self.labels, self.held_out):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def channels(self) -> int:
        """1 for grey pictures, 3 for colour."""
        return int(self.images.shape[3])

    @property
    def size(self) -> int:
        """Height of a picture in pixels; all sets are square."""
        return int(self.images.shape[1])

    @property
    def training(self) -> ImageSet:
        """The pictures that a model may be trained on, in the order of the set."""
        return self.only(~self.held_out)

    @property
    def held_out_part(self) -> ImageSet:
        """The pictures kept for testing, in the order of the set."""
        return self.only(self.held_out)

    def only(self, chosen: npt.NDArray[np.bool_]) -> ImageSet:
        """The pictures where `chosen`, bool (N,), is True; class numbers and names stay as they are.

        Where they lie side by side the result is a view of this set's arrays, else a copy.
        """
        places = np.flatnonzero(chosen)
        first, last = (int(places[0]), int(places[-1])) if len(places) else (0, -1)
        rows = slice(first, last + 1) if last + 1 - first == len(places) else chosen
        return replace(
            self,
            images=self.images[rows],
            labels=self.labels[rows],
            held_out=self.held_out[rows],
            names=tuple(self.names[k] for k in places) if self.names else (),
        )

    def of_class(self, k: int) -> ImageSet:
        """The pictures of class k. Raises `DataError` where there is no such class."""
        self._check_class(k)
        return self.only(self.labels == k)

    def picture(self, class_index: int, number: int) -> npt.NDArray[np.uint8]:
        """Picture `number` (0, 1, …) of a class, uint8 (H, W, C). Raises `DataError` where there is none."""
        self._check_class(class_index)
        members = np.flatnonzero(self.labels == class_index)
        if not 0 <= number < len(members):
            raise DataError(
                Message(
                    "“{title}” in “{name}” has {count} pictures, numbered from 0; there is no number {number}.",
                    title=self.class_names[class_index],
                    name=self.name,
                    count=len(members),
                    number=number,
                )
            )
        picture: npt.NDArray[np.uint8] = self.images[members[number]]
        return picture

    def _check_class(self, k: int) -> None:
        if not 0 <= k < len(self.class_names):
            raise DataError(
                Message(
                    "The set “{name}” has {count} classes, numbered from 0; there is no number {number}.",
                    name=self.name,
                    count=len(self.class_names),
                    number=k,
                )
            )
