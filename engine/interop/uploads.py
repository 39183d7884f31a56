"""Uploaded models: a zip of a diffusers folder, or a model-N.pt of denoising-diffusion-pytorch.

UPLOADS/ID/upload.json    its title
UPLOADS/ID/model/         the folder, or model.pt with model.json

ID is a hash of the content, so that the same upload always has the same name, "upload:ID", and a recipe with that name works
wherever the same file has been uploaded. Of a zip only the files with known names are read, and written to our own paths.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.interop import hub, pretrained, trainer_files
from engine.interop.trainer_files import TrainerSettings
from engine.language import Message, message_of
from engine.storage import budgets
from engine.storage.checked_files import CheckpointError, read_json
from engine.storage.files import atomic_write, room_problem, runs_root, write_json
from engine.storage.zips import BROKEN, LOCKED, Entry, OpenZip, ZipError

PREFIX = "upload:"
ID = re.compile(r"[0-9a-f]{16}")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Upload:
    """An uploaded model."""

    name: str
    """upload:ID."""
    title: str
    path: Path
    """A diffusers folder, or a .pt file."""


def default_root() -> Path:
    """The folder of uploads: uploads/ among the runs."""
    return runs_root() / "uploads"


def find(name: str) -> Upload:
    """The upload of a name. Raises `CheckpointError` where it is not here."""
    upload_id = name.removeprefix(PREFIX)
    folder = default_root() / upload_id
    if ID.fullmatch(upload_id) is None or not (folder / "model").is_dir():
        raise CheckpointError(Message("This model was uploaded elsewhere, or has been deleted: upload it again."))
    file = folder / "model" / "model.pt"
    title = str(read_json(folder / "upload.json", "upload").get("title", ""))[:200]
    return Upload(PREFIX + upload_id, title, file if file.exists() else folder / "model")


def store(
    file: BinaryIO,
    title: str,
    settings: TrainerSettings | None = None,
    *,
    progress: hub.Progress | None = None,
) -> Upload:
    """Check an uploaded file and store it, unless it is here already.

    Args:
        file: a zip, or what a `Trainer` saved; seekable.
        title: its file name.
        settings: of a `Trainer`'s file, those that it does not hold.
        progress: called with the bytes that were stored, and with all of them.

    Raises:
        CheckpointError: with one sentence, where it does not open as a model. Nothing is left of it then.
        OSError: where the write fails.
    """
    root = default_root()
    is_trainer = title.lower().endswith(trainer_files.SUFFIXES)
    upload_id = _id_of(file, settings if is_trainer else None)
    try:
        return find(PREFIX + upload_id)
    except CheckpointError:
        pass
    root.mkdir(parents=True, exist_ok=True)
    with atomic_write(root / upload_id) as made:
        model = made / "model"
        model.mkdir(parents=True)
        if is_trainer:
            _store_trainer(file, model, settings, progress)
        else:
            _unpack(file, model, progress)
            pretrained.load(model)
        write_json(made / "upload.json", {"title": title[:200]})
    return find(PREFIX + upload_id)


def _id_of(file: BinaryIO, settings: TrainerSettings | None) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    if settings is not None:
        digest.update(settings.model_dump_json().encode())
    return digest.hexdigest()[:16]


def _store_trainer(
    file: BinaryIO, model: Path, settings: TrainerSettings | None, progress: hub.Progress | None
) -> None:
    if settings is None:
        raise CheckpointError(Message("This file does not hold the size of its images: give their size beside it."))
    size = file.seek(0, os.SEEK_END)
    _check_room(size, model)
    file.seek(0)
    with (model / "model.pt").open("wb") as out:
        _copy(file, out, budgets.TRAINER_BYTES, lambda done: progress(done, size) if progress else None)
    write_json(model / "model.json", settings.model_dump(mode="json", exclude_none=True))
    trainer_files.load(model / "model.pt")


def _copy(source: BinaryIO, out: BinaryIO, limit: int, progress: Callable[[int], None]) -> None:
    done = 0
    while chunk := source.read(CHUNK):
        done += len(chunk)
        if done > limit:
            raise CheckpointError(Message("The upload is larger than its header says, or than a model can be."))
        out.write(chunk)
        progress(done)


def _check_room(size: int, folder: Path) -> None:
    if problem := room_problem(size, folder):
        raise CheckpointError(problem)


# --- zips -------------------------------------------------------------------------------------------------------------


def _unpack(file: BinaryIO, model: Path, progress: hub.Progress | None) -> None:
    """Unpack the files of a diffusers folder from a zip, at any depth in it.

    No path of the zip is used: a file is written only where it has one of the known names, and to that name.
    """
    try:
        with OpenZip(file, budgets.MODEL_ZIP_FILES) as zipped:
            entries = _members(zipped)
            total = sum(entry.size for entry in entries.values())
            _check_room(total, model)
            before = 0
            for name, entry in entries.items():
                target = model / name
                target.parent.mkdir(exist_ok=True)
                limit = budgets.JSON_BYTES if name.endswith(".json") else budgets.WEIGHT_BYTES

                def report(done: int, before: int = before) -> None:
                    if progress is not None:
                        progress(before + done, total)

                with zipped.open(entry) as source, target.open("wb") as out:
                    _copy(source, out, min(limit, entry.size), report)
                before += entry.size
    except ZipError as error:
        raise CheckpointError(message_of(error)) from error
    except BROKEN as error:
        if isinstance(error, CheckpointError) or (isinstance(error, OSError) and error.errno is not None):
            raise
        raise CheckpointError(Message("This zip is damaged or cut short.")) from error


def _members(zipped: OpenZip) -> dict[str, Entry]:
    """The entries to unpack, by the name of the file to write."""
    plain = {PurePosixPath(path): entry for path, entry in zipped.entries.items()}
    known = (*hub.CONFIGS, *hub.WEIGHT_FILES)
    # The model's folder in the zip: the topmost one that has a network's config.
    tops = [
        path.parents[len(config) - 1]
        for config in (("model_index.json",), ("unet", "config.json"), ("config.json",))
        for path in plain
        if path.parts[-len(config) :] == config
    ]
    if not tops:
        inside = sorted({path.suffix for path in plain if path.suffix in trainer_files.SUFFIXES})
        hint = Message(" A model-N.pt is uploaded as it is, without a zip around it.") if inside else ""
        raise CheckpointError(
            Message(
                "The zip holds no {kind}: there is no config.json in it.{hint}",
                kind=Message(pretrained.KIND),
                hint=hint,
            )
        )
    top = min(tops, key=lambda path: len(path.parts))  # the first of them
    members = {name: plain[top / name] for name in known if top / name in plain}
    for name, entry in members.items():
        limit = budgets.JSON_BYTES if name.endswith(".json") else budgets.WEIGHT_BYTES
        if entry.size > limit:
            raise CheckpointError(Message("{name} in the zip is far too large for a file of this name.", name=name))
        if entry.is_locked:
            raise CheckpointError(Message(LOCKED))
        if entry.is_unusual:
            raise CheckpointError(
                Message(
                    "{name} in the zip is packed with “{method}”, which is not read here: pack it with Deflate, or "
                    "stored.",
                    name=name,
                    method=entry.method,
                )
            )
    return members
