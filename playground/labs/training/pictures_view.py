"""What the Training page shows of data sets, as plain data: the images of the next run, and a preparation under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.language import _, told
from engine.storage.disk_errors import sentence
from playground.labs.shared.controls import checked
from playground.labs.shared.naming import megabytes
from playground.labs.shared.view import Notice
from playground.labs.training import pictures, pictures_text, preparing, sources
from playground.labs.training.controls import TrainingControls
from playground.labs.training.preparing import Preparation

if TYPE_CHECKING:
    from engine.data.sources.preview import Preview
    from engine.training.config import TrainConfig
    from playground.policy.visitor import Visitor

CELL = 96
"""CSS pixels of one image."""
COLUMNS, WIDEST = 8, 760


@dataclass(frozen=True, eq=False)
class PicturesView:
    """The images of a run before it starts."""

    heading: str
    sheet: NDArray[np.uint8]
    """(H, W, 4)."""
    width: int
    """CSS pixels."""
    about: str
    lines: tuple[tuple[str, str], ...]
    """A title, "" for none, and a text."""
    note: str
    prepared: str
    """Name of the data set where it was prepared here; "" otherwise."""


def pictures_view(config: TrainConfig, visitor: Visitor) -> PicturesView | None:
    """The images of this run as the network receives them; None where the data set is not there."""
    from engine.data.prepared import augmented_pictures, pictures_of
    from engine.data.shipped import DATASETS

    try:
        visitor.check_data(config.data)
        data = pictures_of(config)
        training = data.training
        images = pictures.samples(config, training)
        has_floor = augmented_pictures(config) is not None
    except ValueError:
        return None
    columns = min(COLUMNS, len(images))
    counts = np.bincount(training.labels, minlength=len(data.class_names)).tolist() if data.class_names else []
    return PicturesView(
        heading=pictures_text.heading(_(data.title), len(training), data.size),
        sheet=pictures.sheet(images, columns),
        width=min(WIDEST, CELL * columns),
        about=pictures_text.looking_at(data.size, data.channels, config.flips, config.rotation),
        lines=(
            *([("", told(data.about))] if data.about else []),
            ("", pictures_text.counted(len(training), len(data) - len(training))),
            (_("Classes"), pictures.classes_in_words(tuple(zip(data.class_names, counts, strict=True)))),
            (_("Source"), told(data.source)),
            (_("Licence"), told(data.licence)),
        ),
        note="" if has_floor else pictures_text.NO_FLOOR,
        prepared="" if visitor.public or data.name in DATASETS else config.data,
    )


def chosen(controls: TrainingControls, name: str, visitor: Visitor) -> tuple[TrainingControls, str]:
    """The controls with another data set, at its own size, augmented as suits it; and a sentence where that changed."""
    return suited(checked(controls, data=name[:1000], size=0, upsampling=False), visitor)


def followed(before: TrainingControls, controls: TrainingControls, visitor: Visitor) -> tuple[TrainingControls, str]:
    """The controls after a change, augmented as suits a data set that was just chosen; and a sentence where that changed.

    Only where nothing else has changed: a link, or the settings of an earlier run, give the augmentation themselves.
    """
    if before.data == controls.data or checked(before, data=controls.data) != controls:
        return controls, ""
    return suited(controls, visitor)


def suited(controls: TrainingControls, visitor: Visitor) -> tuple[TrainingControls, str]:
    """The controls with the augmentation that suits the data set, and a sentence where that differs."""
    flips, rotation = pictures.suggestion(controls.data, visitor)
    if (flips, rotation) == (controls.flips, controls.rotation):
        return controls, ""
    return checked(controls, flips=flips, rotation=rotation), pictures_text.treated(flips, rotation)


@dataclass(frozen=True)
class PreparingView:
    """A preparation under way, or how it ended."""

    text: str
    """Of one that is under way."""
    fraction: float
    is_running: bool
    notice: Notice | None = None
    """How it ended."""
    name: str = ""
    """Of the data set, once it is prepared."""


def preparing_view(preparation: Preparation) -> PreparingView:
    """How far a preparation is."""
    state, title = preparation.state, preparation.title
    if state.is_running:
        return PreparingView(
            _("{name}: {value}", name=title, value=preparing.progress_text(state)), state.fraction, True
        )
    if state.status == "finished" and state.result is not None:
        done = Notice("success", pictures_text.prepared(title))
        return PreparingView("", 1.0, False, done, state.result.name)
    if state.status == "failed":
        return PreparingView("", 0.0, False, Notice("error", state.error))
    return PreparingView("", 0.0, False, Notice("info", pictures_text.CANCELLED))


@dataclass(frozen=True, eq=False)
class LayoutView:
    """What was understood of a folder or a zip, before it is prepared."""

    notices: tuple[Notice, ...]
    sheet: NDArray[np.uint8] | None = None
    """Examples, (H, W, 4)."""
    width: int = 0
    """CSS pixels of the sheet."""


def layout_of_folder(path: str, folders_mean: str, white: int, visitor: Visitor) -> LayoutView:
    """Of a folder of this machine."""
    return _layout_view(lambda: sources.preview_folder(path, folders_mean, white, visitor))


def layout_of_zip(file: BinaryIO, folders_mean: str, white: int, visitor: Visitor) -> LayoutView:
    """Of a zip, open and seekable."""
    return _layout_view(lambda: sources.preview_zip(file, folders_mean, white, visitor))


def _layout_view(read: Callable[[], Preview]) -> LayoutView:
    try:
        found = read()
    except (ValueError, OSError) as problem:
        words = sentence(problem) if isinstance(problem, OSError) else str(problem)
        return LayoutView((Notice("error", words),))
    if found.question:
        return LayoutView((Notice("warning", found.question),))
    said = pictures_text.understood(len(found.classes), found.training, found.held_out)
    if found.classes:
        said += f" {pictures.classes_in_words(found.classes)}."
    notices = (Notice("info", said), *(Notice("info", note) for note in found.notes))
    if not found.examples:
        return LayoutView(notices)
    images = np.stack([picture for _, picture in found.examples])
    columns = min(COLUMNS, len(images))
    return LayoutView(notices, pictures.sheet(images, columns), min(WIDEST, CELL * columns))


@dataclass(frozen=True)
class OfferView:
    """One of the well-known data sets, with its title."""

    title: str
    about: str
    """Markdown."""
    cost: str
    missing: str
    """What must be installed first; "" for nothing."""
    is_prepared: bool
    download: str
    """Title of the button."""


def offer_view(name: str, visitor: Visitor) -> OfferView | None:
    """A well-known data set; None where there is none of that name."""
    from engine.data.sources.torchvision_sets import SOURCES

    if name not in SOURCES:
        return None
    offer = SOURCES[name]
    size = megabytes(offer.megabytes)
    cost = pictures_text.offer(size, megabytes(offer.on_disk), _(offer.licence))
    is_prepared = name in pictures.choices(visitor)
    return OfferView(
        _(offer.title), _(offer.about), cost, sources.missing_for(name), is_prepared, _("Download {size}", size=size)
    )


def free_space() -> str:
    """How much room there is for prepared data sets."""
    return pictures_text.free(megabytes(sources.free_megabytes()))


def freed_space(name: str) -> str:
    """What removing a prepared data set frees."""
    return pictures_text.frees(megabytes(sources.bytes_on_disk(name) / 1e6))


def folder_title(path: str) -> str:
    """The title of a folder: the last part of its path."""
    return path.strip().rstrip("/").rsplit("/", 1)[-1]
