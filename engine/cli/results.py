"""The commands that use what was trained: sample, runs, export."""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from engine.library import Model


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Put the three commands into the parser of `engine.cli`."""
    sample = commands.add_parser("sample", help="carry out a recipe: pictures from noise")
    sample.set_defaults(run=_sample)
    sample.add_argument("recipe", type=Path, help="a recipe as JSON, or a PNG that was exported with its recipe inside")
    sample.add_argument("--out", type=Path, required=True, help="the PNG to write; it carries its recipe")
    sample.add_argument("--zoom", type=int, default=4, help="how large each pixel is drawn (default: %(default)s)")
    sample.add_argument("--python", action="store_true", help="print a program that does the same")
    _root(sample)

    runs = commands.add_parser("runs", help="list the training runs of this folder")
    runs.set_defaults(run=_runs)
    _root(runs)

    export = commands.add_parser("export", help="copy what a run has learned, as a folder that diffusers opens")
    export.set_defaults(run=_export)
    export.add_argument("id", help="as `runs` lists it")
    export.add_argument("--out", type=Path, required=True, help="the folder to write; it must not exist yet")
    _root(export)


def _root(parser: argparse.ArgumentParser) -> None:
    from engine.training.runs import default_root

    parser.add_argument(
        "--runs", type=Path, default=default_root(), metavar="FOLDER", help="where the runs are (default: %(default)s)"
    )


def _sample(args: argparse.Namespace) -> int:
    from engine.data.pixels import to_uint8
    from engine.recipe import from_json, from_png, save_png

    data = args.recipe.read_bytes()
    recipe = from_png(data) if data.startswith(b"\x89PNG") else from_json(data.decode("utf-8", errors="replace"))
    if args.python:
        print(recipe.python())
    began = time.perf_counter()
    for frame in recipe.frames(run_of=lambda run_id: _run_model(args.runs, run_id)):
        print(f"step {frame.step} of {frame.steps}, t = {frame.t}", flush=True)
    save_png(str(args.out), to_uint8(frame.x), recipe, zoom=max(1, args.zoom))
    print(f"{len(recipe.seeds)} pictures in {time.perf_counter() - began:.1f} s, written to {args.out}")
    return 0


def _runs(args: argparse.Namespace) -> int:
    from engine.training.runs import all_runs

    shown = 0
    for folder in all_runs(args.runs):
        record, reports = folder.read_record(), folder.read_metrics()
        if record is not None:
            loss = f"loss {reports[-1].loss:.4f}" if reports else "no report yet"
            step = f"step {reports[-1].step if reports else 0}/{record.config.steps}"
            print(
                f"{folder.id}  {record.status:11}  {record.config.data:8} {record.config.preset:7} {step:>15}  {loss}"
            )
            shown += 1
    if not shown:
        print(f"There are no training runs in “{args.runs}”. Start one in the Training lab.")
    return 0


def _export(args: argparse.Namespace) -> int:
    from engine import pretrained

    model = _run_model(args.runs, args.id)  # refuses what cannot be opened, before anything is written
    if args.out.exists():
        raise pretrained.CheckpointError(f"“{args.out}” is there already: choose another name.")
    shutil.copytree(args.runs / args.id / "checkpoint", args.out)
    print(
        f"{model.title} written to {args.out}; diffusers opens it with UNet2DModel.from_pretrained(…, subfolder='unet')"
    )
    return 0


def _run_model(root: Path, run_id: str) -> Model:
    from engine import library, pretrained
    from engine.training.runs import RunFolder

    try:
        folder = RunFolder(root, run_id)
    except ValueError as error:
        raise library.ModelError(str(error)) from error
    try:
        return library.from_checkpoint(f"run:{run_id}", pretrained.load(folder.checkpoint))
    except pretrained.CheckpointError as error:
        raise library.ModelError(f"The run “{run_id}” in “{root}” has nothing that could be opened: {error}") from error
