"""python -m engine sample."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.common import CommandError, ProgressLine, check_out, named_path, whole
from engine.cli.runs import add_root, find
from engine.storage import budgets

if TYPE_CHECKING:
    from engine.models.opened import Model


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `engine.cli`."""
    sample = commands.add_parser("sample", help="sample pictures by a recipe")
    sample.set_defaults(run=_sample, kept="No picture was written.")
    sample.add_argument("recipe", type=named_path, help="a recipe or a fork as JSON, or a PNG that carries it")
    sample.add_argument("--out", type=named_path, required=True, help="the PNG to write, with its recipe inside")
    sample.add_argument(
        "--zoom", type=whole(1, 64), default=4, help="screen pixels for each pixel (default: %(default)s)"
    )
    sample.add_argument("--python", action="store_true", help="print a Python program that does the same")
    sample.add_argument("--json", action="store_true", help="print only one JSON object at the end")
    add_root(sample)


def _sample(args: argparse.Namespace) -> int:
    import torch

    from engine.data.pixels import to_uint8
    from engine.recipes.fork import from_file, root_of
    from engine.recipes.recipe import save_png
    from engine.storage.files import read_regular

    check_out(args.out)
    recipe = from_file(read_regular(args.recipe, budgets.RECIPE_PICTURE))
    if args.python and not args.json:
        print(recipe.python())
    began, line = time.perf_counter(), ProgressLine()
    for frame in recipe.frames(run_of=lambda run_id: _run_model(args.runs, run_id)):
        if not args.json:
            seconds = time.perf_counter() - began
            left = seconds / frame.step * (frame.steps - frame.step) if frame.step else float("nan")
            line.show(f"step {frame.step} of {frame.steps}, t = {frame.t}", left, last=frame.step == frame.steps)
    if not args.json:
        line.end()
    if broken := sum(not bool(picture.isfinite().all()) for picture in frame.x):
        raise CommandError(
            f"Nothing is written: {broken:,} of {len(frame.x):,} pictures are no numbers. The weights of "
            f"“{root_of(recipe).model}” give values that are not finite: their training went wrong, or they were damaged."
        )
    save_png(str(args.out), to_uint8(frame.x), recipe, zoom=args.zoom)
    seconds = time.perf_counter() - began
    if args.json:
        result = {"out": str(args.out), "pictures": len(root_of(recipe).seeds), "seconds": round(seconds, 3)}
        result |= {"threads": torch.get_num_threads(), "torch": torch.__version__}
        print(json.dumps(result | {"recipe": recipe.model_dump(mode="json")}))
        return 0
    print(f"{len(root_of(recipe).seeds)} pictures in {seconds:.1f} s, written to {args.out}")
    return 0


def _run_model(root: Path, run_id: str) -> Model:
    from engine.interop import pretrained
    from engine.models.opened import ModelError

    name, _, at = run_id.partition("@")
    folder = find(root, name)
    try:
        opened = folder.open(pretrained.load, folder.step_of(at) if at else None)
        return opened.model(f"run:{run_id}")
    except pretrained.CheckpointError as error:
        raise ModelError(f"No checkpoint of the run “{run_id}” in “{root}” opens: {error}") from error
