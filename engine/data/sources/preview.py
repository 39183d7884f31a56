"""What a folder or a zip of pictures would be as a set: classes, splits and some examples, before anything is prepared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.data.image_set import DataError
from engine.data.pictures import PictureError, read_picture
from engine.data.sources import archive, folder
from engine.data.sources.layout import NO_CLASS, FoldersMean, LayoutError, by_folder
from engine.data.sources.plan import Pixels, dark_note
from engine.language import Message
from engine.storage import budgets

EXAMPLES = 8
SIZE = 48
"""Pixels along a side of an example."""


@dataclass(frozen=True, eq=False)
class Preview:
    """What was understood of the folders."""

    classes: tuple[tuple[str, int], ...]
    """Name and number of pictures of each; empty for none."""
    training: int
    held_out: int
    """0 where the source does not say: a tenth is held out then."""
    notes: tuple[str, ...]
    examples: tuple[tuple[str, Pixels], ...]
    """Path and picture, uint8 (48, 48, 3), of different classes."""
    question: str = ""
    """Where the folders could be splits or classes: the sentence that says so. Nothing else is there then."""


def preview_folder(path: Path, folders_mean: FoldersMean = "auto", white: int = 0) -> Preview:
    """Of a folder, with the choices of `engine.data.sources.plan.Choices`. Raises `DataError` where it is not there."""
    keys = sorted(folder.files_of(path))
    return _preview(keys, lambda key: folder.bytes_of(path / key), folders_mean, white)


def preview_zip(file: BinaryIO, folders_mean: FoldersMean = "auto", white: int = 0) -> Preview:
    """Of a zip, open and seekable. Raises `DataError` where it cannot be read."""
    keys, bytes_of, note = archive.pictures_in(file)
    found = _preview(keys, bytes_of, folders_mean, white)
    if note:
        return Preview(
            found.classes, found.training, found.held_out, (note, *found.notes), found.examples, found.question
        )
    return found


def _preview(keys: list[str], bytes_of: Callable[[str], bytes], folders_mean: FoldersMean, white: int) -> Preview:
    if not keys:
        raise DataError(Message("There are no pictures in it: PNG, JPEG, WebP, GIF, BMP and TIFF can be read."))
    try:
        found = by_folder(keys, folders_mean)
    except LayoutError as question:
        return Preview((), 0, 0, (), (), str(question))
    counts = Counter(label for label, _ in found.placed.values())
    held_out = sum(held is True for _, held in found.placed.values())
    classes = tuple((name, counts[k]) for k, name in enumerate(found.class_names))
    examples = tuple(_examples(found.placed, bytes_of, white))
    notes = (*found.notes, *dark_note(keys, bytes_of, budgets.SENT_PICTURE, white))
    return Preview(classes, len(found.placed) - held_out, held_out, notes, examples)


def _examples(
    placed: dict[str, tuple[int, bool | None]], bytes_of: Callable[[str], bytes], white: int
) -> Iterator[tuple[str, Pixels]]:
    """The first picture that can be read of each class; without classes, the first ones."""
    seen: set[int] = set()
    tried = given = 0
    for key, (label, _) in placed.items():
        if label in seen or given == EXAMPLES or tried == 4 * EXAMPLES:
            continue
        tried += 1
        try:
            picture = read_picture(bytes_of(key), size=SIZE, channels=3, white=white)
        except PictureError:
            continue
        given += 1
        if label != NO_CLASS:
            seen.add(label)
        yield key, picture
