"""Which picture a lab shows: the controls that Forward and Schedules share, and the picture that they stand for.

Needs numpy only, so that the controls of a page can be drawn before torch is loaded.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from engine.data.catalogue import load
from engine.data.image_set import ImageSet
from engine.language import _
from playground.labs.shared.controls import Controls, Problem, setting

NOISE_RANGE = 3.0
"""ε̂ is shown from −3 to 3: all but 0.3 % of N(0, 1)."""
WIDEST = 2.5
"""Width over height of a block of images."""

Picture = NDArray[np.uint8]
"""uint8 (H, W, C) with C = 1 or 3."""


class PictureChoice(Controls):
    """A picture of a data set, by class and number."""

    data: Literal["digits", "emoji"] = setting(
        "digits",
        "Image source",
        "Handwritten digits (grey, 28 × 28) or emoji (colour, 32 × 32).",
        titles={"digits": "Digits", "emoji": "Emoji"},
    )
    class_index: int = setting(3, "Class", "Which digit, or which group of emoji.", ge=0, le=999)
    number: int = setting(
        7, "Number in its class", "Index of the image among those of its class.", ge=0, le=999, slider=False
    )

    def settled(self) -> tuple[Self, list[Problem]]:
        """Class and number brought into the range that the data set has, and a sentence for each that was not."""
        pictures = load(self.data)
        problems = []
        label, number = self.class_index, self.number
        if label >= len(pictures.class_names):
            problems.append(
                Problem(
                    _(
                        "“{title}” has {count} classes, numbered from 0; there is no class {label}.",
                        title=_(pictures.title),
                        count=len(pictures.class_names),
                        label=label,
                    ),
                    _("The first one is shown."),
                )
            )
            label = 0
        count = count_of(pictures, label)
        if number >= count:
            problems.append(
                Problem(
                    _(
                        "“{title}” has {count} images, numbered from 0; there is no number {number}.",
                        title=_(pictures.class_names[label]),
                        count=count,
                        number=number,
                    ),
                    _("The last one is shown."),
                )
            )
            number = count - 1
        return (self.model_copy(update={"class_index": label, "number": number}) if problems else self), problems


def proportion(images: int) -> float:
    """Width over height of a block of images: about square, but wider where that leaves no cell empty."""
    rows = max((rows for rows in range(1, images + 1) if images % rows == 0 and rows * rows <= images), default=1)
    return images / rows**2 if images / rows**2 <= WIDEST else 1.0


def count_of(pictures: ImageSet, label: int) -> int:
    """How many pictures of that class there are."""
    return int(np.count_nonzero(pictures.labels == label))


def class_titles(controls: PictureChoice) -> dict[Any, str]:
    """The classes that can be chosen now, with their names."""
    return dict(enumerate(load(controls.data).class_names))


def number_range(controls: PictureChoice) -> tuple[int, int]:
    """The numbers that can be chosen now."""
    return 0, count_of(load(controls.data), controls.class_index) - 1


def chosen(controls: PictureChoice) -> Picture:
    """The picture that these settings stand for. Raises `DataError` where there is none."""
    return load(controls.data).picture(controls.class_index, controls.number)


def name_of(controls: PictureChoice) -> str:
    """What the picture shows, in words."""
    pictures = load(controls.data)
    if not pictures.names:
        return _("a handwritten {class_names}", class_names=_(pictures.class_names[controls.class_index]))
    members = np.flatnonzero(pictures.labels == controls.class_index)
    return pictures.names[members[controls.number]]
