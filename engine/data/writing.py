"""Writes a prepared set picture by picture, under a name that is never opened, and gives it its own when all is on the disk."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import psutil

from engine.data import store
from engine.data.image_set import DataError
from engine.data.sources.plan import Plan
from engine.data.store import About
from engine.language import Message
from engine.storage.files import publish, room_problem

HEADER = 128
"""Bytes before the first picture: what numpy writes for any array of this shape, checked below."""
CHUNK_BYTES = 1 << 24
SHARE, MOST = 0.1, 1000
"""Held out of a set that does not say so itself: a tenth of each class, at most so many of all."""


class Writer:
    """To be used in a `with`: where that ends before `finish`, nothing is left.

    Args:
        name: of the set, see `store.normalized_name`.
        plan: what it is.
        root: see `store.data_root`.
    """

    def __init__(self, name: str, plan: Plan, root: Path | None = None) -> None:
        self.name, self._plan = store.normalized_name(name), plan
        self.shape = (plan.size, plan.size, plan.channels)
        self._final = store.folder_of(name, root)
        home = self._final.parent
        home.mkdir(parents=True, exist_ok=True)
        sweep(home)
        self._folder = home / f".new-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._folder.mkdir()
        try:
            self._file = (self._folder / store.IMAGES).open("w+b")
            self._file.write(bytes(HEADER))
        except OSError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self.keys: list[str] = []
        self.labels: list[int] = []
        self._held: list[bool | None] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError:  # the disk is full: what could not be written is not wanted any more
            if kind is None:
                raise
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def check_room(self, count: int) -> None:
        """Raise `DataError` where so many pictures do not fit on the disk."""
        check_room(count * int(np.prod(self.shape)), self._final.parent)

    def add(self, picture: npt.NDArray[np.uint8], label: int, key: str, held_out: bool | None = None) -> None:
        """One picture, uint8 (size, size, channels); `held_out` None for the rule to decide."""
        if picture.shape != self.shape or picture.dtype != np.uint8:
            raise ValueError(f"expected uint8 {self.shape}, got {picture.dtype} {picture.shape}")
        self._file.write(np.ascontiguousarray(picture).data)
        self.keys.append(key)
        self.labels.append(label)
        self._held.append(held_out)

    def finish(
        self,
        notes: tuple[str, ...] = (),
        *,
        largest: int = 0,
        most: int = 0,
        folders_mean: str = "auto",
        white: int = 0,
    ) -> About:
        """Put the held-out pictures last, flush all of it to the disk, and give the set its name; for the rest see `About`.

        Raises:
            OSError: where the disk does not let us.
        """
        plan, labels = self._plan, np.array(self.labels, dtype=np.int64)
        held = self._held_out(labels)
        if held.all():
            raise DataError(Message("There is no picture to train on."))
        order, held_count = np.concatenate([np.flatnonzero(~held), np.flatnonzero(held)]), int(held.sum())
        labels = labels[order]
        content = self._store_images(order, held_count)
        content.update(labels.tobytes())
        np.save(self._folder / store.LABELS, labels, allow_pickle=False)
        about = About(
            name=self.name,
            title=plan.title,
            source=plan.source,
            licence=plan.licence,
            class_names=plan.class_names,
            count=len(labels),
            held_out=held_count,
            size=plan.size,
            channels=plan.channels,
            natural=plan.natural,
            fingerprint=plan.fingerprint,
            content=content.hexdigest(),
            notes=notes,
            per_class=tuple(np.bincount(labels, minlength=len(plan.class_names)).tolist()) if plan.class_names else (),
            created=time.time(),
            largest=largest,
            most=most,
            folders_mean=folders_mean,
            white=white,
        )
        (self._folder / store.ABOUT).write_text(about.text(), encoding="utf-8")
        publish(self._folder, self._final, durable=True)  # a training that reads the old one still has its files open
        return about

    def _store_images(self, order: npt.NDArray[np.int64], held: int) -> hashlib._Hash:
        """Bring the pictures into this order, write numpy's header before them, and hash their shape and bytes."""
        shape = (len(order), *self.shape)
        self._file.flush()
        if len(order):
            images = np.memmap(self._file, np.uint8, "r+", HEADER, shape)
            _reorder(images, order, held)
            images.flush()
        self._file.seek(0)
        np.lib.format.write_array_header_1_0(self._file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        if self._file.tell() != HEADER:
            raise AssertionError(f"numpy's header takes {self._file.tell()} bytes, not {HEADER}")
        content = hashlib.sha256(repr(shape).encode())
        while chunk := self._file.read(CHUNK_BYTES):
            content.update(chunk)
        self._file.flush()
        return content

    def _held_out(self, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """As the source says, where it says so of any picture; else by the rule."""
        if any(self._held):
            return np.array([bool(held) for held in self._held])
        return chosen_to_hold_out(self.keys, labels)


def chosen_to_hold_out(keys: Sequence[str], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """True where a picture is held out by the rule, bool (N,).

    A tenth of all, at most `MOST`, shared out among the classes by their size; never the only picture of a class. Within a
    class those are taken whose key has the smallest SHA-256: the same pictures whatever the order, on every machine.

    Args:
        keys: what each picture is called in its source, (N,).
        labels: its class, or −1.
    """
    count = len(keys)
    held = np.zeros(count, dtype=bool)
    if not count:
        return held
    classes, sizes = np.unique(labels, return_counts=True)
    exact_quota = sizes * min(SHARE, MOST / count)
    quota = np.floor(exact_quota).astype(int)
    # What rounding down has left over goes to the classes that it took most from.
    left = round(float(exact_quota.sum())) - int(quota.sum())
    quota[np.argsort(quota - exact_quota, kind="stable")[:left]] += 1
    quota = np.minimum(quota, sizes - 1)
    digests = [hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest() for key in keys]
    for label, most in zip(classes, quota, strict=True):
        members = sorted(np.flatnonzero(labels == label).tolist(), key=lambda k: digests[k])
        held[members[:most]] = True
    return held


def check_room(needed: int, home: Path) -> None:
    """Raise `DataError` where so many bytes of pictures do not fit on the disk that this folder is on."""
    if problem := room_problem(needed, home):
        raise DataError(problem)


def sweep(home: Path) -> None:
    """Delete what processes of this computer that have ended left unfinished."""
    for folder in home.glob(".*-*-*-*"):
        found = re.fullmatch(r"\.(?:new|old)-(\w+)-(\d{1,9})-[0-9a-f]{8}", folder.name)
        if found and found[1] == _machine() and not psutil.pid_exists(int(found[2])):
            shutil.rmtree(folder, ignore_errors=True)


def _machine() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _reorder(images: npt.NDArray[np.uint8], order: npt.NDArray[np.int64], held: int) -> None:
    """Bring the rows into this order in place: those kept only move forward, the last `held` are put aside meanwhile."""
    if np.array_equal(order, np.arange(len(order))):
        return
    kept, last = order[: len(order) - held], images[order[len(order) - held :]].copy()
    step = max(1, CHUNK_BYTES // max(1, images[0].nbytes))
    for start in range(0, len(kept), step):
        rows = kept[start : start + step]
        images[start : start + len(rows)] = store.gather(images, rows)
    images[len(kept) :] = last
