"""python -m engine train. It writes the same run folder as the Training lab, with the same `RunTrainer`."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from engine.cli.common import CommandError, check_out_folder, complaint, named_path, seconds, whole
from engine.cli.driving import drive
from engine.storage import budgets

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

BEGINS = "preparing: libraries, pictures, and a few steps to measure"
"""Said at once: what follows takes seconds, and with large pictures half a minute."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `engine.cli`."""
    train = commands.add_parser(
        "train",
        help="train a network",
        description="Train a network. The run appears in the Training lab while it trains and afterwards; an interrupted run "
        "in the same folder is resumed from its last checkpoint. Ctrl-C writes a checkpoint and ends.",
    )
    train.set_defaults(run=_train, begins=BEGINS, kept="What was saved is kept: see python -m engine runs list.")
    train.add_argument(
        "recipe",
        type=named_path,
        nargs="?",
        help="a JSON file of training settings, for example assets/recipes/mnist.json (default: the default settings)",
    )
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a setting: --set steps=2000 --set data=emoji",
    )
    train.add_argument(
        "--out",
        type=named_path,
        metavar="DIR",
        help="the run's folder, of any name (default: a new one among all runs)",
    )
    add_driving(train)


def add_driving(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that trains."""
    parser.add_argument("--json", action="store_true", help="print only one JSON object per report")
    parser.add_argument(
        "--save-every", type=seconds, default=None, metavar="SECONDS", help="time between two checkpoints (default: 30)"
    )
    parser.add_argument(
        "--check", action="store_true", help="only try a few steps: print seconds, memory, and what would fail"
    )
    parser.add_argument("--device", default="", help="cpu, cuda, … (default: a GPU where there is one)")
    parser.add_argument(
        "--processes",
        type=whole(0, 100_000),
        default=0,
        metavar="N",
        help="expected number of processes; another one is an error",
    )
    parser.add_argument("--log-with", default="", metavar="TRACKER", help="also log to tensorboard, trackio or wandb")


def _train(args: argparse.Namespace) -> int:
    from engine.runs.folder import RunFolder
    from engine.runs.record import new_id
    from engine.storage.files import runs_root
    from engine.training.distributed import launched_processes

    config = recipe_of(args.recipe, args.set)
    if args.out is None and launched_processes() > 1:
        raise CommandError("Several processes need one folder that all of them see: give it with --out.")
    if args.out is not None:
        check_out_folder(args.out)
    folder = RunFolder.at(args.out) if args.out else RunFolder(runs_root(), new_id())
    words = ["python", "-m", "engine", "train"] + ([args.recipe.name] if args.recipe else [])
    for setting in args.set:
        words += ["--set", setting]
    return drive(folder, config, shlex.join([*words, "--out", "DIR"]), args)


def recipe_of(path: Path | None, changes: list[str]) -> TrainConfig:
    """The recipe in a file with these changes.

    Args:
        path: a JSON file; None for the default settings.
        changes: "key=value", the value as in JSON; words need no quotes.

    Raises:
        CommandError: with one sentence, where it is no recipe.
        OSError: for a file that cannot be read.
    """
    from engine.settings import current
    from engine.training.config import TrainConfig

    where = "This"
    try:
        if path is None:
            config = TrainConfig()
        else:
            where = str(path)
            config = TrainConfig.model_validate(_json_in(path))
        values = config.model_dump()
        for change in changes:
            where, (key, equals, value) = f"--set {change}", change.partition("=")
            (key,) = current({key: None})
            if not equals or key not in values:
                known = ", ".join(values)
                raise CommandError(f"--set {change}: it takes KEY=VALUE, where KEY is one of {known}.")
            values[key] = _value(value) if not isinstance(values[key], str) else value
            config = TrainConfig.model_validate(values)
    except ValidationError as error:
        raise CommandError(f"{where} is no recipe: {complaint(error)}.") from error
    return config


def _json_in(path: Path) -> object:
    """What a JSON file holds. Raises CommandError where it is none, OSError where it cannot be read."""
    from pydantic_core import from_json

    from engine.storage.file_kinds import because
    from engine.storage.files import read_regular
    from engine.storage.texts import decoded

    data = read_regular(path, budgets.JSON_BYTES)
    try:
        return from_json(decoded(data), allow_inf_nan=False)
    except ValueError as error:
        kind = because(data) or f": it is not JSON ({error})"
        raise CommandError(f"{path} is no recipe{kind}.") from error


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
