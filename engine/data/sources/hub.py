"""An image data set of the Hugging Face Hub, through the package `datasets` (see `INSTALL`)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from engine.data.image_set import DataError
from engine.data.pictures import PictureError
from engine.data.sources.layout import MAX_CLASSES, NO_CLASS
from engine.data.sources.plan import (
    DARK_SAMPLE,
    Choices,
    Item,
    OnProgress,
    PictureHeader,
    Plan,
    Progress,
    are_photographs,
    channels_of,
    dark_note,
    fingerprint_of,
    native_size,
    read_header,
    readable_headers,
    reader,
)
from engine.language import N_, Message, _
from engine.storage import budgets
from engine.storage.disk_errors import is_refused_write, sentence

NAME = re.compile(r"([A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?)(?:@([\w.][\w./-]{0,100}))?")
INSPECTED = 256
"""Pictures whose head decides on the size, the colours and whether they are photographs."""
HELD_OUT = 10_000
"""At most so many are taken of the part that is for testing."""
BUFFER = 1000
"""Pictures that are shuffled among each other where not all are taken: many sets are sorted by class."""
LABELS = ("label", "labels", "fine_label", "class", "target", "category")
INSTALL = 'pip install "diffusion-playground[huggingface]"'


def plan(name: str, choices: Choices, most: int, on_progress: OnProgress) -> Plan:
    """Open the set.

    Args:
        name: "owner/name" or "owner/name@revision", or the path of a local copy.
        choices: of them the size and what is white.
        most: pictures to train on at most, read as they come, so that no more than these are downloaded; 0 for all, which are
            downloaded whole first.

    Raises:
        DataError: with one sentence that says what is wrong and what to do.
    """
    found = NAME.fullmatch(name)
    if found is None or ".." in name:
        raise DataError(Message("“{name}” is no name of a data set on the Hub: names are owner/name.", name=name[:60]))
    on_progress(Progress(_("Asking the Hub for {name}", name=name), 0, 0))
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            Message("Data sets of the Hub need the package “datasets”: {command}", command=INSTALL)
        ) from error
    try:
        parts = datasets.load_dataset(found[1], revision=found[2], streaming=most > 0)
    except Exception as error:  # of the package, of its client for HTTP, of the disk: all end in one sentence
        raise explained(found[1], error) from error
    licence = _licence(found[1], found[2])
    return of_parts(name, parts, choices, most, licence)


@dataclass(frozen=True)
class Columns:
    """Where a data set keeps picture and class."""

    image: str
    label: str
    """"" for none."""
    class_names: tuple[str, ...]
    numbered: bool = False
    """Whether the column holds the number of the class already; else its name."""


def columns(part: Any) -> Columns:
    """Find them by the set's features. Raises `DataError` where there is no column of pictures."""
    import datasets

    features = part.features or {}
    images = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
    if not images:
        raise DataError(
            Message(
                "This data set has no column of pictures, only: {columns}.",
                columns=", ".join(map(str, features)) or Message("nothing that it names"),
            )
        )
    image = next((name for name in ("image", "img", "picture") if name in images), images[0])
    of_classes = [name for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    of_classes.sort(key=lambda name: LABELS.index(name) if name in LABELS else len(LABELS))
    for name in of_classes:
        names = tuple(str(each) for each in features[name].names)
        if 2 <= len(names) <= MAX_CLASSES:
            return Columns(image, name, names, numbered=True)
    for name in LABELS:  # texts or numbers that name a class, where all of them can be looked at
        feature = features.get(name)
        if (
            isinstance(feature, datasets.Value)
            and feature.dtype in ("string", "int64", "int32", "bool")
            and hasattr(part, "unique")
        ):
            values = sorted(value for value in part.unique(name) if value is not None)
            if 2 <= len(values) <= MAX_CLASSES:
                return Columns(image, name, tuple(str(value) for value in values))
    return Columns(image, "", ())


def of_parts(name: str, parts: Any, choices: Choices, most: int, licence: str) -> Plan:
    """What `plan` makes of the opened set, a mapping of its parts by name."""
    import datasets

    if not hasattr(parts, "keys"):
        parts = {"train": parts}
    if not parts:
        raise DataError(Message("“{name}” holds no pictures.", name=name))
    first = "train" if "train" in parts else next(iter(parts))
    second = next((each for each in ("test", "validation", "valid", "val") if each in parts and each != first), None)
    where = columns(parts[first])

    def opened(part: str) -> Any:
        rows = parts[part]
        if most and hasattr(rows, "take"):
            rows = (
                rows.shuffle(seed=0, buffer_size=BUFFER) if not hasattr(rows, "__getitem__") else rows.shuffle(seed=0)
            )
        keep = [where.image, *([where.label] if where.label else [])]
        return rows.select_columns(keep).cast_column(where.image, datasets.Image(decode=False))

    try:
        headers, some = _inspected(row[where.image] for row in islice(iter(opened(first)), INSPECTED))
    except Exception as error:
        raise explained(name, error) from error
    good = readable_headers(headers, f"“{name}”")
    label_of = {value: k for k, value in enumerate(where.class_names)}

    takes: list[tuple[str, bool | None, int | None]] = [(first, None if second is None else False, most or None)]
    if second is not None:
        takes.append((second, True, min(HELD_OUT, max(1, most // 10)) if most else HELD_OUT))

    def items() -> Iterator[Item]:
        for part, held_out, limit in takes:
            try:
                for k, row in enumerate(islice(iter(opened(part)), limit)):
                    read = reader(partial(_bytes, row[where.image]), budgets.OWN_PICTURE, white=choices.white)
                    yield Item(f"{part}/{k}", _label(row, where, label_of), read, held_out)
            except (DataError, GeneratorExit):
                raise
            except Exception as error:  # the connection breaks off in the middle
                raise explained(name, error) from error

    return Plan(
        title=name,
        source=_(
            "The data set {name} on the Hugging Face Hub (huggingface.co/datasets/{page})",
            name=name,
            page=name.split("@")[0],
        ),
        licence=licence,
        class_names=where.class_names,
        size=native_size(good, choices.largest),
        channels=channels_of(good),
        natural=are_photographs(good),
        fingerprint=fingerprint_of((name, str(getattr(parts[first], "_fingerprint", "")), most)),
        items=items(),
        count=_count(parts, takes),
        notes=(_taken(first, second), *dark_note(sorted(some), some.__getitem__, budgets.OWN_PICTURE, choices.white)),
    )


def _taken(first: str, second: str | None) -> str:
    if second is None:
        return _("Taken from its part “{first}”.", first=first)
    return _("Taken from its part “{first}”; the part “{second}” is held out.", first=first, second=second)


def _inspected(stored: Iterable[Any]) -> tuple[list[PictureHeader | None], dict[str, bytes]]:
    """The heads of the first pictures, and some of them whole."""
    headers: list[PictureHeader | None] = []
    some: dict[str, bytes] = {}
    for number, picture in enumerate(stored):
        headers.append(_header_of(picture))
        if headers[-1] is not None and (number < DARK_SAMPLE // 2 or number % (2 * INSPECTED // DARK_SAMPLE) == 0):
            some[str(number)] = _bytes(picture)
    return headers, some


def _count(parts: Any, takes: Sequence[tuple[str, bool | None, int | None]]) -> int | None:
    """How many pictures there will be; None where the set does not say."""
    total = 0
    for part, _held_out, limit in takes:
        try:
            rows = len(parts[part])
        except TypeError:
            split = (parts[part].info.splits or {}).get(part)
            if split is None or not split.num_examples:
                return limit if len(takes) == 1 else None
            rows = split.num_examples
        total += min(rows, limit) if limit else rows
    return total


def _label(row: Any, where: Columns, label_of: dict[str, int]) -> int:
    if not where.label or row[where.label] is None:
        return NO_CLASS
    value = row[where.label]
    if where.numbered:  # also where the names are numbers themselves, in whatever order
        return int(value)
    return label_of.get(str(value), NO_CLASS)  # none where it occurs in the part for testing alone


def _bytes(stored: Any) -> bytes:
    """Of a picture that was not decoded: it may be in the set itself, or lie beside it."""
    if not isinstance(stored, dict):
        raise PictureError(Message("There is no picture in this row."))
    if stored.get("bytes") is not None:
        return bytes(stored["bytes"])
    if not stored.get("path"):
        raise PictureError(Message("There is no picture in this row."))
    try:
        from datasets.utils.file_utils import xopen

        with xopen(stored["path"], "rb") as file:
            data: bytes = file.read(budgets.OWN_PICTURE + 1)
            return data
    except OSError as error:
        raise PictureError(Message("This picture cannot be read.")) from error


def _header_of(stored: Any) -> PictureHeader | None:
    try:
        return read_header(io.BytesIO(_bytes(stored)))
    except PictureError:
        return None


def _licence(repo: str, revision: str | None) -> str:
    """As its card says."""
    try:
        from huggingface_hub import HfApi

        card = HfApi().dataset_info(repo, revision=revision, timeout=10).card_data
        licence = getattr(card, "license", None)
    except Exception:  # it is no more than a line of text
        licence = None
    if isinstance(licence, list):
        licence = ", ".join(map(str, licence))
    return str(licence) if licence else N_("See its page on the Hub.")


def explained(name: str, error: Exception) -> DataError:
    """What to do about an error of the package, in one sentence."""
    if isinstance(error, DataError):
        return error
    kind = type(error).__name__
    from huggingface_hub import errors

    causes = _chain(error)
    if any(isinstance(cause, errors.GatedRepoError) for cause in causes):
        return DataError(
            Message(
                "“{name}” is given only to those who ask: accept the terms on its page, then run “hf auth login”.",
                name=name,
            )
        )
    offline = (
        "ConnectionError",
        "OfflineModeIsEnabled",
        "ConnectTimeout",
        "LocalEntryNotFoundError",
        "ConnectError",
        "ProxyError",
    )
    if any(type(cause).__name__ in offline for cause in causes):
        return DataError(
            Message(
                "“{name}” is not in the Hub's cache, and the Hub cannot be reached: try again when there is a "
                "connection, or download it elsewhere with “hf download --repo-type dataset {name}” and set HF_HOME "
                "to where that is.",
                name=name,
            )
        )
    if kind in ("DatasetNotFoundError", "RepositoryNotFoundError", "HFValidationError"):
        return DataError(
            Message("There is no data set “{name}” on the Hub (or it is private): check its spelling.", name=name)
        )
    if kind in ("DataFilesNotFoundError", "EmptyDatasetError") or "script" in str(error):
        return DataError(
            Message(
                "“{name}” holds no files that can be read as a data set, or only a program that makes it, which is "
                "not run.",
                name=name,
            )
        )
    if "Config name is missing" in str(error):
        return DataError(
            Message("“{name}” has several configurations, and its name alone does not choose one.", name=name)
        )
    if is_refused_write(error):
        return DataError(sentence(error, _("“{name}” cannot be stored in the Hub's cache", name=name)))
    said = str(error).strip().splitlines() or [_("no reason given")]
    return DataError(Message("“{name}” cannot be opened ({kind}: {why}).", name=name, kind=kind, why=said[0][:120]))


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
