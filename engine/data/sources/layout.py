"""What the folders that pictures lie in mean: classes, or splits, as the Hugging Face Hub reads their names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from engine.data.image_set import DataError
from engine.language import Message, _, plural
from engine.storage.texts import plain_name

NO_CLASS = -1
MAX_CLASSES = 1000
SPLITS = dict.fromkeys(("train", "training"), False) | dict.fromkeys(
    ("validation", "valid", "dev", "val", "test", "testing", "eval", "evaluation"), True
)
"""Words in the names of splits, those of the Hub, and whether these pictures are held out."""
FoldersMean = Literal["auto", "splits", "classes"]
"""What the reader says that folders named like splits are; "auto" where their names leave no doubt."""
FOLDERS_MEAN: tuple[FoldersMean, ...] = get_args(FoldersMean)


def folders_mean_of(text: str) -> FoldersMean:
    """One of `FOLDERS_MEAN`; "auto" for anything else."""
    return next((choice for choice in FOLDERS_MEAN if choice == text), "auto")


class LayoutError(DataError):
    """Folders that could be splits or classes: the reader must say which."""


@dataclass(frozen=True)
class Sorted:
    """Pictures sorted into classes by the folders that they lie in."""

    class_names: tuple[str, ...]
    placed: dict[str, tuple[int, bool | None]]
    """Path of each picture that is used: its class and whether it is held out."""
    notes: tuple[str, ...]


def is_held_out(folder: str) -> bool | None:
    """Whether a folder of this name is a split that is held out; False for one to train on, None for no split.

    As on the Hub, a word of `SPLITS` counts alone, and beside digits, blanks and marks: seg_train, val2017.
    """
    words = re.split(r"[-._ 0-9]+", folder.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), None)


def by_folder(paths: Sequence[str], folders_mean: FoldersMean = "auto") -> Sorted:
    """Sort pictures by the folders that they lie in; paths have "/" between their parts.

    Folders around everything do not count. Folders named like splits are splits, not classes, where all of them are; so are
    those inside of every class. Pictures that lie directly inside have no classes; where fewer do so than lie in class
    folders, they are left out.

    Raises:
        LayoutError: where folders named like splits stand beside others, or are all held out, and `folders_mean` is "auto".
    """
    split = {path: [unicodedata.normalize("NFC", part) for part in path.split("/")[:-1]] for path in paths}
    notes: list[str] = []
    while split and all(split.values()) and len({folders[0] for folders in split.values()}) == 1:
        split = {path: folders[1:] for path, folders in split.items()}
    parts: dict[str, bool | None] = dict.fromkeys(paths)
    if folders_mean != "classes":
        split, parts = _take_splits(split, folders_mean, notes)
    return _take_classes(split, parts, notes)


def _take_splits(
    split: dict[str, list[str]], folders_mean: FoldersMean, notes: list[str]
) -> tuple[dict[str, list[str]], dict[str, bool | None]]:
    """The folders of each picture without those that are splits, and what the splits say."""
    within = all(len(folders) > 1 for folders in split.values())
    inner = {folders[1] for folders in split.values()} if within else set()
    tops = {folders[0] for folders in split.values() if folders}
    kinds = {top: is_held_out(top) for top in tops}
    named = sorted(top for top, kind in kinds.items() if kind is not None)
    if not named and inner and {is_held_out(name) for name in inner} == {False, True}:
        parts = {path: is_held_out(folders[1]) for path, folders in split.items()}
        return {path: [folders[0], *folders[2:]] for path, folders in split.items()}, parts
    if folders_mean == "auto" and not _are_splits(kinds, named, notes):
        return split, dict.fromkeys(split)
    used = {path: folders for path, folders in split.items() if folders and kinds[folders[0]] is not None}
    if named and len(used) < len(split):
        notes.append(
            plural(
                "Left out: {count:,} picture beside the splits.",
                "Left out: {count:,} pictures beside the splits.",
                len(split) - len(used),
            )
        )
    if not named:
        return split, dict.fromkeys(split)
    parts = {path: kinds[folders[0]] for path, folders in used.items()}
    return _without_repeated(used), parts


def _are_splits(kinds: Mapping[str, bool | None], named: list[str], notes: list[str]) -> bool:
    """Whether the folders are splits by their names. Raises LayoutError where that is not clear."""
    others = sorted(top for top, kind in kinds.items() if kind is None)
    both = {kinds[top] for top in named} == {False, True}
    if both and not others:
        return True
    if both:
        raise LayoutError(
            Message(
                "Folders named like splits ({splits}) stand beside others ({others}): say whether they are splits, "
                "and the others are left out, or classes (in the shell: --folders splits or --folders classes).",
                splits=_listed(named),
                others=_listed(others),
            )
        )
    if len(named) > 1 and not others:
        what = Message("held out, so that none is left to train on") if kinds[named[0]] else Message("for training")
        raise LayoutError(
            Message(
                "All folders are named like splits that are {what} ({names}): say whether they are classes (in the "
                "shell: --folders classes).",
                what=what,
                names=_listed(named),
            )
        )
    if named:
        notes.append(
            plural(
                "Taken as a class like the others: {names}.",
                "Taken as classes like the others: {names}.",
                len(named),
                names=_listed(named),
            )
        )
    return False


def _without_repeated(split: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without a folder inside of a split that is all of it and called like a split: seg_train/seg_train/cats."""
    inner: dict[str, set[str]] = {}
    for folders in split.values():
        inner.setdefault(folders[0], set()).add(folders[1] if len(folders) > 1 else "")
    repeated = {top for top, names in inner.items() if len(names) == 1 and is_held_out(*names) is not None}
    return {path: folders[2 if folders[0] in repeated else 1 :] for path, folders in split.items()}


def _take_classes(split: Mapping[str, list[str]], parts: Mapping[str, bool | None], notes: list[str]) -> Sorted:
    inside = [path for path, folders in split.items() if folders]
    beside = len(split) - len(inside)
    names = sorted({split[path][0] for path in inside})
    if beside >= len(inside) or len(names) < 2 or len(names) > MAX_CLASSES:
        if len(names) > MAX_CLASSES:
            notes.append(_("{count:,} folders are too many for classes: the pictures have none.", count=len(names)))
        elif len(names) == 1 and inside:
            notes.append(_("There is a single folder, so the pictures have no classes."))
        return Sorted((), {path: (NO_CLASS, parts[path]) for path in split}, tuple(notes))
    if beside:
        notes.append(
            plural(
                "Left out: {count:,} picture beside the folders that are classes.",
                "Left out: {count:,} pictures beside the folders that are classes.",
                beside,
            )
        )
    number = {name: k for k, name in enumerate(names)}
    placed = {path: (number[split[path][0]], parts[path]) for path in inside}
    return Sorted(tuple(map(plain_name, names)), placed, tuple(notes))


def _listed(names: Sequence[str]) -> str:
    some = ", ".join(f"“{plain_name(name)}”" for name in names[:4])
    return _("{names} and {count} more", names=some, count=len(names) - 4) if len(names) > 4 else some
