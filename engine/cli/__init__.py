"""The engine from the shell: python -m engine train | sample | evaluate | export | runs | train-classifier.

Each command drives the same iterator that the pages drive, and prints what comes out of it.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from engine.cli import evaluate as cli_evaluate
from engine.cli import results as cli_results
from engine.cli.words import CommandError, complaint, device_named, duration, settings_of

if TYPE_CHECKING:
    from engine.training.config import TrainConfig
    from engine.training.loop import TrainState
    from engine.training.reading import Reading

Command = Callable[[argparse.Namespace], int]
HELD_OUT = 1000
"""At most so many held-out pictures are read by a classifier that was trained."""

MENDABLE = 2
"""The exit status for anything that the caller can mend."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, 2 for anything that the caller can mend."""
    args = _parser().parse_args(arguments)
    # The heavy imports wait until the command line itself is known to be right.
    from engine.data.catalogue import DataError
    from engine.library import ModelError
    from engine.measuring.evaluation import EvaluationError
    from engine.recipe import RecipeError
    from engine.training.loop import TrainingDivergedError
    from engine.training.resume import ResumeError
    from engine.weights import CheckpointError

    run: Command = args.run
    try:
        return run(args)
    except (
        CommandError,
        DataError,
        CheckpointError,
        EvaluationError,
        ModelError,
        RecipeError,
        ResumeError,
        TrainingDivergedError,
    ) as problem:
        message = str(problem)
    except OSError as problem:
        if problem.strerror is None:
            raise
        message = f"{problem.strerror}: {problem.filename}" if problem.filename else problem.strerror
    print(f"python -m engine {args.command}: {message}", file=sys.stderr)
    return MENDABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    cli_evaluate.add(commands)
    cli_results.add(commands)

    train = commands.add_parser("train", help="train a network by a recipe file, and write its folder (diffusers')")
    train.set_defaults(run=_train)
    train.add_argument(
        "recipe", type=Path, help="a JSON file of training settings, for example assets/recipes/mnist.json"
    )
    train.add_argument(
        "--out", type=Path, required=True, help="the folder to write; an interrupted run in it is resumed"
    )
    train.add_argument("--save-every", type=float, default=120.0, metavar="SECONDS")
    train.add_argument("--device", default="cpu")

    judge = commands.add_parser("train-classifier", help="train the classifier that judges samples")
    judge.set_defaults(run=_train_classifier)
    judge.add_argument("--data", default="digits", help="the picture set (default: %(default)s)")
    judge.add_argument("--out", type=Path, required=True, help="the folder to write")
    judge.add_argument("--epochs", type=int, default=30, help="how often it sees every picture (default: %(default)s)")
    judge.add_argument("--seed", type=int, default=0)

    return parser


# --- train ------------------------------------------------------------------------------------------------------------


def _train(args: argparse.Namespace) -> int:
    from engine.data.catalogue import load
    from engine.training import learner, loop, resume
    from engine.training.config import TrainConfig

    try:
        config = TrainConfig.model_validate_json(args.recipe.read_bytes())
    except ValidationError as error:
        raise CommandError(f"{args.recipe} is no recipe: {complaint(error)}.") from error
    data = load(config.data).training
    device = device_named(args.device)
    try:
        state = loop.begin(config, data, device)
    except ValueError as error:
        raise CommandError(f"This recipe cannot be trained: {error}") from error
    args.out.mkdir(parents=True, exist_ok=True)
    if (args.out / "resume" / resume.FILE).exists():
        resume.load(args.out / "resume", state)
        print(f"resuming at step {state.step}")
    command = f"python -m engine train {args.recipe.name} --out DIR"

    def write(reading: Reading | None = None) -> None:
        learner.save(args.out, state.learner, state.average, config, data, state.step, reading, command)

    saved = time.monotonic()
    try:
        for report in loop.train(config, data, state):
            left = (report.steps - report.step) * config.batch / report.images_per_second
            print(
                f"step {report.step}/{report.steps}  loss {report.loss:.4f}  "
                f"{report.images_per_second:.0f} images/s  {duration(left)} left",
                flush=True,
            )
            _append(args.out / "metrics.jsonl", report)
            if time.monotonic() - saved > args.save_every or report.step == report.steps:
                write(_reading(state, config) if report.step == report.steps else None)
                resume.save(args.out / "resume", state)
                saved = time.monotonic()
    except loop.TrainingDivergedError:
        # The last good weights are worth keeping, but nothing to go on from: what resuming needs is not written.
        write()
        raise
    return 0


def _reading(state: TrainState, config: TrainConfig) -> Reading | None:
    """How well a classifier reads all the held-out pictures at each level, which is also printed; None for a denoiser."""
    from engine.models.noisy_classifier import LevelClassifier
    from engine.training import looks

    learned = state.averaged()
    if not isinstance(learned, LevelClassifier):
        return None
    reading = looks.reading(learned, config, state.step, most=HELD_OUT)
    if reading is None:
        return None
    print(
        f"reads of {reading.pictures} held-out pictures, cleanest first, beside who knows the training pictures by heart:"
    )
    for part, (share, exact) in enumerate(zip(reading.accuracy_by_level, reading.exact_by_level, strict=True)):
        parts = len(reading.accuracy_by_level)
        print(f"  t/T {part / parts:.1f} to {(part + 1) / parts:.1f}   {share:6.1%}   {exact:6.1%}")
    return reading


def _append(path: Path, report: object) -> None:
    """One line of JSON; NaN, which JSON does not have, becomes null."""

    def plain(value: object) -> object:
        if isinstance(value, tuple):
            return [plain(part) for part in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({name: plain(value) for name, value in vars(report).items()}) + "\n")


# --- train-classifier -------------------------------------------------------------------------------------------------


def _train_classifier(args: argparse.Namespace) -> int:
    from engine.data.catalogue import load
    from engine.models import classifier
    from engine.training.classifier import ClassifierTraining, describe, fresh_classifier, train_classifier

    data = load(args.data)
    config = settings_of(ClassifierTraining, data=args.data, epochs=args.epochs, seed=args.seed)
    net, seconds = fresh_classifier(config, data), 0.0
    for report in train_classifier(config, data, net):
        seconds = report.seconds
        left = seconds / report.epoch * (report.epochs - report.epoch)
        print(f"epoch {report.epoch}/{report.epochs}  loss {report.loss:.4f}  {duration(left)} left", flush=True)
    command = (
        f"python -m engine train-classifier --data {args.data} --epochs {args.epochs} --seed {args.seed} --out DIR"
    )
    card = describe(config, data, net, seconds=seconds, command=command)
    classifier.save(args.out, net.config, net.state_dict(), card)
    print(f"reads {card.held_out_accuracy:.1%} of {card.held_out} held-out pictures rightly; written to {args.out}")
    return 0
