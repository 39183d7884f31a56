"""Prepared picture sets on the disk: every picture decoded once into one array, which is then read where it lies.

DATA/prepared/KEY/about.json      what it is, where from, how many; written last
DATA/prepared/KEY/images.npy      uint8 (N, H, W, C): the pictures to train on first, the held-out ones last
DATA/prepared/KEY/labels.npy      int64 (N,)
DATA/prepared/KEY/images-32.npy   the same at another size, computed when it is first needed

A set appears under its KEY in one step, when all of it is on the disk: what was cut off never opens. Needs numpy only.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
import shutil
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.data.image_set import DataError, ImageSet
from engine.data.shipped import DATASETS
from engine.language import Message, _
from engine.storage import budgets
from engine.storage.arrays import read_npy
from engine.storage.disk_errors import sentence
from engine.storage.files import read_regular
from engine.storage.signatures import Signature, signature

ABOUT, IMAGES, LABELS = "about.json", "images.npy", "labels.npy"
TORCHVISION = ("mnist", "fashion-mnist", "cifar10", "stl10", "celeba")
"""Sets that have a name of their own."""
LONGEST_HEADER = 4096
"""Of an .npy file, far more than any has."""
KINDS = ("folder:", "zip:", "hub:")
"""How all others begin."""


@dataclass(frozen=True)
class About:
    """The contents of about.json."""

    name: str
    title: str
    source: str
    licence: str
    class_names: tuple[str, ...]
    count: int
    held_out: int
    """How many of them are held out: the last ones."""
    size: int
    channels: int
    natural: bool
    fingerprint: str
    """Of the source, as it was when the set was prepared."""
    content: str
    """SHA-256 of the pictures and labels as they are stored."""
    notes: tuple[str, ...] = ()
    """What was left out and why, a sentence each."""
    per_class: tuple[int, ...] = field(default=())
    """Pictures of each class."""
    created: float = 0.0
    version: int = 1
    largest: int = 0
    """As it was chosen, see `engine.data.preparing.prepare`; 0 where that was not kept yet."""
    most: int = 0
    folders_mean: str = "auto"
    white: int = 0

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def data_root() -> Path:
    """Where prepared sets and downloads are kept: $DIFFUSION_PLAYGROUND_DATA, or data/ where the program was started."""
    return Path(os.environ.get("DIFFUSION_PLAYGROUND_DATA") or "data")


def normalized_name(name: str) -> str:
    """The one spelling of a set's name: the path of a folder is made whole.

    Raises:
        DataError: where no set could be called that.
    """
    if name in DATASETS or name in TORCHVISION:
        return name
    kind = next((kind for kind in KINDS if name.startswith(kind)), None)
    rest = name.removeprefix(kind or "").strip()
    if kind is None or not rest or len(name) > 1000 or "\0" in name:
        names = ", ".join((*DATASETS, *TORCHVISION, "folder:PATH", "zip:ID", "hub:OWNER/NAME"))
        raise DataError(Message("There is no data set “{name}”. The sets are: {names}.", name=name[:60], names=names))
    if kind == "folder:":
        try:
            rest = os.path.abspath(os.path.expanduser(rest))
        except (RuntimeError, ValueError) as error:
            raise DataError(Message("“{path}” is no path of a folder.", path=rest[:60])) from error
        if any("\ud800" <= c <= "\udfff" for c in rest):
            raise DataError(Message("The path of this folder is no text in UTF-8: rename the folder."))
    return kind + rest


def folder_of(name: str, root: Path | None = None) -> Path:
    """Where the set of that name is kept once it is prepared. Raises `DataError` where no set could be called that."""
    name = normalized_name(name)
    key = name
    if ":" in name:
        kind, rest = name.split(":", 1)
        words = re.sub(r"[^a-z0-9]+", "-", os.path.basename(rest).lower()).strip("-")[:30]
        key = f"{kind}-{words or 'set'}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return (root or data_root()) / "prepared" / key


def load(name: str, root: Path | None = None) -> ImageSet:
    """The prepared set of that name. Raises `DataError` where it was not prepared, saying how to, or where it is damaged."""
    folder = folder_of(name, root)
    stamp = stamp_of(folder)
    if stamp is None:
        known = normalized_name(name)[:200]
        raise DataError(
            Message(
                "The pictures “{known}” are not prepared here yet: choose them under “Other pictures …” in the "
                "Training lab, or run: python -m engine data prepare {known}",
                known=known,
            )
        )
    return _opened(folder, stamp)


def stamp_of(folder: Path) -> Signature | None:
    """What changes when a set is prepared anew; None where there is no set."""
    return signature(folder / ABOUT)


@lru_cache(maxsize=8)
def _opened(folder: Path, stamp: Signature) -> ImageSet:
    about = read_about(folder)
    shape = (about.count, about.size, about.size, about.channels)
    images = open_array(folder / IMAGES, shape)
    try:
        labels = read_npy(folder / LABELS, 8 * about.count + LONGEST_HEADER)
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise damaged_error(about.title) from error
    held_out = np.arange(about.count) >= about.count - about.held_out
    return ImageSet(
        name=about.name,
        title=about.title,
        images=images,
        labels=labels,
        class_names=about.class_names,
        held_out=held_out,
        source=about.source,
        licence=about.licence,
        about=" ".join(about.notes),
        natural=about.natural,
    )


def read_about(folder: Path) -> About:
    """The contents of about.json. Raises `DataError` where that cannot be read."""
    try:
        values: dict[str, Any] = json.loads(read_regular(folder / ABOUT, budgets.JSON_BYTES))
        for name in ("class_names", "notes", "per_class"):
            values[name] = tuple(values.get(name, ()))
        return About(**values)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise damaged_error(folder.name) from error


def open_array(path: Path, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """A stored array, read where it lies (np.memmap). Raises `DataError` where it is not what it should be."""
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise damaged_error(path.parent.name) from error
    if images.shape != shape or images.dtype != np.uint8:
        raise damaged_error(path.parent.name)
    opened: npt.NDArray[np.uint8] = images
    return opened


def damaged_error(title: str) -> DataError:
    """To be raised where the files of a prepared set do not fit together."""
    return DataError(
        Message("The prepared pictures “{title}” are damaged or incomplete: prepare them again.", title=title)
    )


def prepared_sets() -> list[About]:
    """All the sets that are prepared, by title; those that cannot be read are left out."""
    found = []
    try:
        folders = sorted(data_root().joinpath("prepared").iterdir())
    except OSError:
        return []
    for folder in folders:
        if not folder.name.startswith("."):
            try:
                found.append(read_about(folder))
            except DataError:
                continue
    return sorted(found, key=lambda about: about.title.lower())


def gather(images: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Some pictures as an array of their own, uint8 (len(rows), H, W, C).

    Of pictures on the disk nothing else stays in this process's memory: the pages that were read are given back, and only
    the system's file cache, which shrinks when room is needed, may keep them.
    """
    batch: npt.NDArray[np.uint8] = images[rows]
    pages = getattr(images, "_mmap", None)  # numpy's own; where another version has none, nothing is given back
    if isinstance(pages, mmap.mmap) and hasattr(pages, "madvise"):
        pages.madvise(mmap.MADV_DONTNEED)
    return np.asarray(batch)


def remove(name: str, root: Path | None = None) -> None:
    """Take a prepared set off the disk, where it is there. Raises `DataError` where the disk does not let us."""
    folder = folder_of(name, root)
    try:
        if (folder / ABOUT).exists():
            (folder / ABOUT).unlink()  # first: from here on it is no set any more
            shutil.rmtree(folder)
    except OSError as error:
        raise DataError(sentence(error, _("“{name}” cannot be removed", name=name[:60]))) from error
