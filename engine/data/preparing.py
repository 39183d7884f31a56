"""Prepare a picture set: get it, decode every picture once, and keep the result on the disk (`engine.data.store`).

As a program, `python -m engine.data.preparing NAME`, it prints its progress as lines of JSON: a page runs it as a process of
its own, which can be ended at any moment, and in which nothing that is wrong with a picture can hurt the page.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from engine.data import store
from engine.data.image_set import DataError
from engine.data.pictures import PictureError
from engine.data.shipped import DATASETS
from engine.data.sources import archive, folder, hub, torchvision_sets
from engine.data.sources.folder import THREADS
from engine.data.sources.layout import FOLDERS_MEAN, FoldersMean, folders_mean_of
from engine.data.sources.plan import (
    LARGEST,
    LEAST,
    Choices,
    Item,
    OnProgress,
    Pixels,
    Plan,
    Progress,
    TooSmallError,
    silent,
)
from engine.data.store import About
from engine.data.writing import Writer
from engine.language import Message, _, plural
from engine.storage.disk_errors import sentence
from engine.storage.files import acquire, file_lock

AT_ONCE = 256
"""Pictures decoded before they are written."""
LEAST_SHARE = 0.5
"""Of the pictures must be readable: where most are not, something else is wrong."""


def prepare(
    name: str,
    *,
    largest: int = LARGEST,
    most: int = 0,
    folders_mean: FoldersMean = "auto",
    white: int = 0,
    root: Path | None = None,
    on_progress: OnProgress = silent,
) -> About:
    """Download or read a set and store it. What was prepared under that name before is replaced, at the end. An upload is then
    deleted, also where this has failed.

    Args:
        name: "mnist", "fashion-mnist", "cifar10", "stl10", "celeba", "folder:PATH", "zip:ID" (of `archive.keep`), or
            "hub:OWNER/NAME".
        largest: pixels along a side that pictures of a folder, a zip or the Hub are kept at, at most.
        most: pictures to train on at most; of the Hub's only, 0 for all.
        folders_mean: what folders of a folder or a zip are that are named like splits, see `engine.data.sources.layout`.
        white: of pictures of a folder, a zip or the Hub, see `engine.data.pictures.read_picture`.
        root: see `store.data_root`.
        on_progress: receives the progress; what it raises ends the preparation, and nothing is left of it.

    Raises:
        DataError: with one clear sentence; also while another process prepares the same set.
    """
    name = store.normalized_name(name)
    if name in DATASETS:
        raise DataError(Message("“{name}” comes with the playground: there is nothing to prepare.", name=name))
    root = root or store.data_root()
    try:
        with preparation_lock(name, root):
            return _prepared(name, Options(largest, most, folders_mean, white), root, on_progress)
    except OSError as error:
        raise DataError(sentence(error, _("The pictures cannot be stored in “{root}”", root=root))) from error


@contextmanager
def preparation_lock(name: str, root: Path) -> Iterator[None]:
    """While in this context, no other process, and no other part of this one, prepares the set: two would delete each other's
    downloads, and what each unpacks. On disks without locks every process may prepare.

    Raises:
        DataError: where another one prepares it.
        OSError: where the write fails.
    """
    path = root / "preparing" / store.folder_of(name, root).name
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = file_lock(path)
    if acquire(lock, 0) is False:
        raise DataError(Message("“{name}” is being prepared by another process.", name=name[:200]))
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True)
class Options:
    """What a set was prepared with, see `prepare`."""

    largest: int = LARGEST
    most: int = 0
    folders_mean: FoldersMean = "auto"
    white: int = 0


def options_of(name: str) -> Options:
    """The options to prepare a set with again, as it was the last time.

    Sets that were prepared before that was kept do not say so: they stay as large as they are.

    Raises:
        DataError: where it is not prepared here, or damaged.
    """
    about = store.read_about(store.folder_of(name))
    return Options(about.largest or about.size, about.most, folders_mean_of(about.folders_mean), about.white)


def _prepared(name: str, options: Options, root: Path, on_progress: OnProgress) -> About:
    """To be called by one process at a time."""
    downloads = root / "downloads" / name
    try:
        plan = _plan(name, options, root, on_progress)
        if plan.size < LEAST:
            raise DataError(
                Message(
                    "The pictures are {size} × {size}: they need at least {least} × {least} pixels to train on.",
                    size=plan.size,
                    least=LEAST,
                )
            )
        about = _write(name, plan, options, root, on_progress)
    except (KeyboardInterrupt, SystemExit):
        torchvision_sets.clean(downloads)
        raise
    finally:
        if name.startswith("zip:"):  # to try it again, the file is uploaded again
            archive.discard(name.removeprefix("zip:"), root)
        archive.sweep(root / "uploads")
    torchvision_sets.clean(downloads)
    return about


def _plan(name: str, options: Options, root: Path, on_progress: OnProgress) -> Plan:
    if name in torchvision_sets.SOURCES:
        return torchvision_sets.plan(name, root / "downloads" / name, on_progress)
    kind, rest = name.split(":", 1)
    choices = Choices(options.largest, options.folders_mean, options.white)
    if kind == "folder":
        return folder.plan(Path(rest), choices, on_progress)
    if kind == "zip":
        path, title = archive.uploaded(rest, root)
        return archive.plan(path, title, rest, choices, on_progress)
    return hub.plan(rest, choices, options.most, on_progress)


def _write(name: str, plan: Plan, options: Options, root: Path, on_progress: OnProgress) -> About:
    """Decode and store them; those that cannot be read are left out and counted."""
    unreadable = small = classless = 0
    first: Message | str = ""
    classes = range(len(plan.class_names))
    with Writer(name, plan, root) as writer:
        if plan.count is not None:
            writer.check_room(plan.count)
        for number, (item, picture) in enumerate(_decoded(plan)):
            if number % AT_ONCE == 0:
                on_progress(Progress(_("Storing the pictures"), number, plan.count or 0))
            if isinstance(picture, TooSmallError):
                small += 1
            elif isinstance(picture, PictureError):
                unreadable += 1
                first = first or Message(" Of the others, the first: {problem}", problem=picture)
            elif classes and item.label not in classes:
                classless += 1
            else:
                writer.add(picture, item.label, item.key, item.held_out)
        done = len(writer.keys)
        if done < LEAST_SHARE * (done + unreadable) or not done:
            raise DataError(
                Message(
                    "Only {done:,} of {all:,} pictures can be read: this cannot be what it should be.{note}",
                    done=done,
                    all=done + unreadable,
                    note=first,
                )
            )
        notes = [*plan.notes]
        if unreadable:
            notes.append(
                plural(
                    "Left out: {count:,} picture that could not be read.",
                    "Left out: {count:,} pictures that could not be read.",
                    unreadable,
                )
            )
        if small:
            notes.append(
                plural(
                    "Left out, so that none is enlarged: {count:,} picture smaller than {size} × {size}.",
                    "Left out, so that none is enlarged: {count:,} pictures smaller than {size} × {size}.",
                    small,
                    size=plan.size,
                )
            )
        if classless:
            notes.append(
                plural(
                    "Left out: {count:,} picture without a class.",
                    "Left out: {count:,} pictures without a class.",
                    classless,
                )
            )
        on_progress(Progress(_("Storing the pictures"), done, done))
        return writer.finish(tuple(notes), **asdict(options))


def _decoded(plan: Plan) -> Iterator[tuple[Item, Pixels | PictureError | TooSmallError]]:
    """Every picture, in order; several are decoded at once, and few are in memory."""

    def read(item: Item) -> Pixels | PictureError | TooSmallError:
        try:
            return item.read(plan.size, plan.channels)
        except (PictureError, TooSmallError) as problem:
            return problem

    items = iter(plan.items)
    with ThreadPoolExecutor(THREADS) as pool:
        while some := list(islice(items, AT_ONCE)):
            yield from zip(some, pool.map(read, some), strict=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare one set; lines of JSON on standard output: Progress, and at the end {"name": …} or {"error": …}."""
    parser = argparse.ArgumentParser(prog="python -m engine.data.preparing", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--largest", type=int, default=LARGEST)
    parser.add_argument("--most", type=int, default=0)
    parser.add_argument("--folders", choices=FOLDERS_MEAN, default="auto")
    parser.add_argument("--white", type=int, default=0)
    args = parser.parse_args(arguments)

    # torchvision and datasets write to standard output themselves: that must not come between the lines.
    lines, sys.stdout = sys.stdout, sys.stderr
    # SIGTERM lets the process delete what is unfinished.
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(143))

    def say(line: dict[str, object]) -> None:
        print(json.dumps(line), file=lines, flush=True)

    try:
        about = prepare(
            args.name,
            largest=args.largest,
            most=args.most,
            folders_mean=args.folders,
            white=args.white,
            on_progress=lambda progress: say(asdict(progress)),
        )
    except DataError as error:
        say({"error": str(error)})
        return 2
    say({"name": about.name})
    return 0


if __name__ == "__main__":
    sys.exit(main())
