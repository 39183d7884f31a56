"""The engine from the shell: python -m engine train | sample | evaluate | export | runs | train-classifier.

Each command drives the same iterator that the pages drive, and prints what comes out of it.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from engine import cli_results

Settings = TypeVar("Settings", bound=BaseModel)
Command = Callable[[argparse.Namespace], int]

MENDABLE = 2
"""The exit status for anything that the caller can mend."""


class CommandError(ValueError):
    """Something that the caller can mend; the message is one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, 2 for anything that the caller can mend."""
    args = _parser().parse_args(arguments)
    # The heavy imports wait until the command line itself is known to be right.
    from engine.data.catalogue import DataError
    from engine.evaluation import EvaluationError
    from engine.library import ModelError
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
    cli_results.add(commands)

    train = commands.add_parser("train", help="train a network by a recipe file, and write it as a diffusers folder")
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

    evaluate = commands.add_parser("evaluate", help="draw samples from a model and measure how good they are")
    evaluate.set_defaults(run=_evaluate)
    evaluate.add_argument("--model", required=True, help="a diffusers folder, or the name of a model that ships")
    evaluate.add_argument("--data", help="the picture set that it learned from (default: as its card says)")
    evaluate.add_argument("--classifier", help="a folder of train-classifier (default: the one that ships for the set)")
    evaluate.add_argument("--samples", type=int, default=1000, help="pictures in all (default: %(default)s)")
    evaluate.add_argument("--sampler", choices=("ddim", "ddpm"), default="ddim")
    evaluate.add_argument("--steps", type=int, default=50, help="steps of the sampler (default: %(default)s)")
    evaluate.add_argument("--eta", type=float, default=0.0, help="DDIM: 0 adds no noise on the way, 1 as much as DDPM")
    evaluate.add_argument("--variance", choices=("small", "large", "zero"), default="small", help="DDPM only")
    evaluate.add_argument(
        "--scale", type=float, default=2.0, help="guidance: 1 is the plain model, 0 ignores labels (default: 2)"
    )
    evaluate.add_argument("--batch", type=int, default=50, help="pictures at once; changes the speed only")
    evaluate.add_argument("--device", default="cpu")
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the result there too")
    evaluate.add_argument(
        "--write-card",
        action="store_true",
        help="write it into the model's card.json, with a README.md and samples.png",
    )
    return parser


# --- train ------------------------------------------------------------------------------------------------------------


def _train(args: argparse.Namespace) -> int:
    from engine import pretrained
    from engine.data.catalogue import load
    from engine.training import loop, resume
    from engine.training.config import TrainConfig

    try:
        config = TrainConfig.model_validate_json(args.recipe.read_bytes())
    except ValidationError as error:
        raise CommandError(f"{args.recipe} is no recipe: {_complaint(error)}.") from error
    data = load(config.data).training
    device = _device(args.device)
    try:
        state = loop.begin(config, data, device)
    except ValueError as error:
        raise CommandError(f"This recipe cannot be trained: {error}") from error
    args.out.mkdir(parents=True, exist_ok=True)
    if (args.out / "resume" / resume.FILE).exists():
        resume.load(args.out / "resume", state)
        print(f"resuming at step {state.step}")
    card = pretrained.Card(
        title=f"{data.title}, {config.preset}",
        data=config.data,
        class_names=data.class_names,
        training=config.model_dump(),
    )

    def write() -> None:
        pretrained.save(args.out, state.denoiser, state.average, card.model_copy(update={"step": state.step}))
        resume.save(args.out / "resume", state)

    saved = time.monotonic()
    try:
        for report in loop.train(config, data, state, device):
            left = (report.steps - report.step) * config.batch / report.images_per_second
            print(
                f"step {report.step}/{report.steps}  loss {report.loss:.4f}  "
                f"{report.images_per_second:.0f} images/s  {_duration(left)} left",
                flush=True,
            )
            _append(args.out / "metrics.jsonl", report)
            if time.monotonic() - saved > args.save_every or report.step == report.steps:
                write()
                saved = time.monotonic()
    except loop.TrainingDivergedError:
        # The last good weights are worth keeping, but nothing to go on from: what resuming needs is not written.
        pretrained.save(args.out, state.denoiser, state.average, card.model_copy(update={"step": state.step}))
        raise
    return 0


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
    config = _settings(ClassifierTraining, data=args.data, epochs=args.epochs, seed=args.seed)
    net, seconds = fresh_classifier(config, data), 0.0
    for report in train_classifier(config, data, net):
        seconds = report.seconds
        left = seconds / report.epoch * (report.epochs - report.epoch)
        print(f"epoch {report.epoch}/{report.epochs}  loss {report.loss:.4f}  {_duration(left)} left", flush=True)
    command = (
        f"python -m engine train-classifier --data {args.data} --epochs {args.epochs} --seed {args.seed} --out DIR"
    )
    card = describe(config, data, net, seconds=seconds, command=command)
    classifier.save(args.out, net.config, net.state_dict(), card)
    print(f"reads {card.held_out_accuracy:.1%} of {card.held_out} held-out pictures rightly; written to {args.out}")
    return 0


# --- evaluate ---------------------------------------------------------------------------------------------------------


def _evaluate(args: argparse.Namespace) -> int:
    from engine import pretrained
    from engine.data.catalogue import load
    from engine.evaluation import Evaluation, EvaluationSettings, evaluate
    from engine.model_card import write_card
    from engine.models import classifier
    from engine.weights import write_text

    chosen = ("samples", "sampler", "steps", "eta", "variance", "scale", "batch")
    settings = _settings(EvaluationSettings, **{name: getattr(args, name) for name in chosen})
    device = _device(args.device)
    model = pretrained.load(args.model, device)
    name = args.data or model.card.data
    if not name:
        raise CommandError("The model's card does not say what it learned from: name the set with --data.")
    data = load(name)
    if args.classifier is None and name not in classifier.CLASSIFIERS:
        raise CommandError(
            f"No classifier ships for “{name}”: make one with train-classifier, and name it with --classifier."
        )
    judge = classifier.load(args.classifier or name, device)

    progress = _ProgressLine()
    for event in evaluate(model, data, judge, settings, command=_command(args)):
        if isinstance(event, Evaluation):
            progress.end()
            print(_summary(event))
            if args.json:
                args.json.parent.mkdir(parents=True, exist_ok=True)
                write_text(args.json, event.quality.model_dump_json(indent=2) + "\n")
            if args.write_card:
                folder = pretrained.CHECKPOINTS.get(args.model, Path(args.model))
                write_card(folder, event)
                print(f"written to {folder / 'README.md'}, card.json and samples.png")
        else:
            progress.show(f"{event.done}/{event.total} steps", event.seconds_left, last=event.done == event.total)
    return 0


def _command(args: argparse.Namespace) -> str:
    """What does it again, for whoever has the folder, wherever it lies."""
    from engine.pretrained import CHECKPOINTS

    words = ["python", "-m", "engine", "evaluate", "--model", args.model if args.model in CHECKPOINTS else "DIR"]
    words += ["--data", args.data] if args.data else []
    words += ["--classifier", "CLASSIFIER"] if args.classifier else []
    words += ["--samples", str(args.samples), "--sampler", args.sampler, "--steps", str(args.steps)]
    words += ["--eta", f"{args.eta:g}"] if args.sampler == "ddim" else ["--variance", args.variance]
    words += ["--scale", f"{args.scale:g}"] + (["--write-card"] if args.write_card else [])
    return shlex.join(words)


def _summary(evaluation: object) -> str:
    from engine.evaluation import Evaluation
    from engine.model_card import results

    assert isinstance(evaluation, Evaluation)
    q = evaluation.quality
    lines = [f"{q.settings.samples} samples in {_duration(q.seconds)}, {q.threads} threads, model at step {q.step}"]
    lines += [f"{what:58} {measured:28} {against}" for what, measured, against in results(q)]
    lines += [
        f"  class {name:10} {share.share:6.1%} [{share.low:.1%}, {share.high:.1%}]"
        for name, share in q.accuracy_by_class.items()
    ]
    return "\n".join(lines)


class _ProgressLine:
    """One line that is written over on a terminal; elsewhere a new one every ten seconds."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.shown = -math.inf

    def show(self, text: str, seconds_left: float, *, last: bool) -> None:
        if not last and time.monotonic() - self.shown < (0.2 if self.live else 10.0):
            return
        self.shown = time.monotonic()
        line = f"{text}, {_duration(seconds_left)} left"
        print(f"\r{line:50}" if self.live else line, end="" if self.live else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.live:
            print(file=sys.stderr)


# --- helpers ----------------------------------------------------------------------------------------------------------


def _settings(kind: type[Settings], **values: object) -> Settings:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise CommandError(f"This cannot be: {_complaint(error)}.") from error


def _complaint(error: ValidationError) -> str:
    from engine.weights import first_complaint

    return first_complaint(error)


def _device(name: str) -> str:
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise CommandError(f"There is no device “{name}” here.") from error
    return name


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.0f} s"
