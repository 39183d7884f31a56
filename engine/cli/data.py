"""python -m engine data list, prepare and remove."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.common import CommandError, ProgressLine, whole

if TYPE_CHECKING:
    from engine.data.sources.plan import Progress


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the parser of `engine.cli`."""
    data = commands.add_parser("data", help="list, prepare or remove sets of pictures")
    data.set_defaults(run=_list, json=False)
    what = data.add_subparsers(dest="what")

    listed = what.add_parser("list", help="all sets that can be trained on (what `data` alone does)")
    listed.set_defaults(run=_list)
    prepare = what.add_parser("prepare", help="download and decode a set, so that it can be trained on")
    prepare.set_defaults(run=_prepare)
    prepare.add_argument(
        "name",
        metavar="SET",
        help="mnist, fashion-mnist, cifar10, stl10, celeba, folder:PATH, hub:OWNER/NAME, or the path of a folder or of a zip",
    )
    prepare.add_argument(
        "--largest",
        type=whole(8, 4096),
        default=128,
        help="most pixels along a side, for sets of any size (default: %(default)s)",
    )
    prepare.add_argument(
        "--most", type=whole(0, 1_000_000_000), default=0, help="most pictures of a set of the Hub; 0 for all"
    )
    prepare.add_argument(
        "--folders",
        choices=("auto", "splits", "classes"),
        default="auto",
        help="what folders named like splits (train, test …) are (default: splits, where all folders are named so)",
    )
    prepare.add_argument(
        "--white",
        type=whole(0, 65_535),
        default=0,
        help="the value that is white, for dark pictures: 4095 for 12 bits in 16",
    )
    remove = what.add_parser("remove", help="delete a prepared set")
    remove.set_defaults(run=_remove)
    remove.add_argument("name", metavar="SET", help="as `data list` names it")
    for parser in (listed, prepare):
        parser.add_argument("--json", action="store_true", help="print JSON")


def _list(args: argparse.Namespace) -> int:
    from engine.data import store
    from engine.data.catalogue import load
    from engine.data.shipped import DATASETS

    shipped = [
        {"name": name, "title": data.title, "count": len(data), "held_out": int(data.held_out.sum()), "size": data.size}
        for name, data in ((name, load(name)) for name in DATASETS)
    ]
    prepared = [asdict(about) for about in store.prepared_sets()]
    if args.json:
        print(json.dumps([*shipped, *prepared]))
        return 0
    for each in [*shipped, *prepared]:
        size = f"{each['size']} × {each['size']}"
        print(
            f"{each['name']:<20}  {each['count']:>8,} pictures, {each['held_out']:,} held out, {size}  {each['title']}"
        )
    missing = [name for name in store.TORCHVISION if name not in {about.name for about in store.prepared_sets()}]
    print(f"More: python -m engine data prepare {' | '.join([*missing, 'folder:PATH', 'hub:OWNER/NAME', 'FILE.zip'])}")
    return 0


def _prepare(args: argparse.Namespace) -> int:
    from engine.data import preparing
    from engine.data.sources import archive

    name, path = str(args.name), Path(args.name)
    if path.is_dir():
        name = f"folder:{path}"
    elif path.exists() and not path.is_file():
        raise CommandError(f"“{path}” is no file but a pipe or a device.")
    elif path.is_file():
        with path.open("rb") as file:
            name = archive.keep(file, path.name)
    line, phase = ProgressLine(), ("", 0, time.monotonic())

    def on_progress(progress: Progress) -> None:
        nonlocal phase
        if progress.what != phase[0]:
            phase = (progress.what, progress.done, time.monotonic())
        done = progress.done - phase[1]
        left = (
            (progress.total - progress.done) * (time.monotonic() - phase[2]) / done
            if done and progress.total
            else float("nan")
        )
        scale, unit = (1e6, "MB") if progress.unit == "bytes" else (1, progress.unit)
        of = f" of {progress.total / scale:,.0f}" if progress.total else ""
        line.show(f"{progress.what}: {progress.done / scale:,.0f}{of} {unit}", left, last=False)

    try:
        about = preparing.prepare(
            name,
            largest=args.largest,
            most=args.most,
            folders_mean=args.folders,
            white=max(0, args.white),
            on_progress=on_progress,
        )
    finally:
        line.end()
    if args.json:
        print(json.dumps(asdict(about), indent=1))
        return 0
    classes = f", {len(about.class_names)} classes" if about.class_names else ""
    print(
        f"{about.title}: {about.count:,} pictures of {about.size} × {about.size}, {about.held_out:,} held out{classes}"
    )
    for note in about.notes:
        print(note)
    print(f"Train on them: python -m engine train RECIPE --set 'data={about.name}'")
    return 0


def _remove(args: argparse.Namespace) -> int:
    from engine.data import store

    if store.stamp_of(store.folder_of(args.name)) is None:
        raise CommandError(f"There is no prepared set “{args.name}”.")
    store.remove(args.name)
    return 0
