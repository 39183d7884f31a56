"""The engine from the shell: python -m engine train | runs | data | sample | evaluate | export | train-classifier.

Each command runs the same iterators as the labs, and prints their results.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence

from engine.cli import data as cli_data
from engine.cli import evaluate as cli_evaluate
from engine.cli import runs as cli_runs
from engine.cli import sample as cli_sample
from engine.cli import train as cli_train
from engine.cli.common import (
    ROOM,
    SEED_END,
    CommandError,
    check_out_folder,
    complaint,
    duration,
    ending_signal,
    interruptible,
    named_path,
    prepare_streams,
    raise_if_interrupted,
    settings_of,
    status_of_signal,
    whole,
)
from engine.runtime.allocator import keep_freed_memory

Command = Callable[[argparse.Namespace], int]
MENDABLE = 2
"""The exit status for what the caller can mend."""
CLOSED_PIPE = 141
"""The exit status where nobody reads the output any more: 128 + SIGPIPE, as a shell reports it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: `MENDABLE` for what the caller can mend, `status_of_signal` after one of
    `ENDING`."""
    prepare_streams()
    args = _parser().parse_args(arguments)
    keep_freed_memory()
    if args.begins:
        print(args.begins, file=sys.stderr, flush=True)
    try:
        with interruptible():
            status = _checked(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        message = f"{'interrupted' if ending_signal() == signal.SIGINT else 'ended by a signal'}. {args.kept}"
        status = status_of_signal(ending_signal())
    except BrokenPipeError:  # the reader of the output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    else:
        return status
    print(f"\npython -m engine {args.command}: {message}".rstrip(), file=sys.stderr)
    return status


def _checked(args: argparse.Namespace) -> int:
    """Run the command; what the caller can mend is printed as one sentence."""
    # Imported after the command line was checked: they take seconds.
    from safetensors import SafetensorError

    from engine.data.image_set import DataError
    from engine.evaluation.drawing import EvaluationError
    from engine.models.opened import ModelError
    from engine.recipes.recipe import RecipeError
    from engine.storage.checked_files import CheckpointError
    from engine.storage.disk_errors import sentence
    from engine.training.distributed import DistributedError

    raise_if_interrupted()
    run: Command = args.run
    try:
        return run(args)
    except (
        CommandError,
        DataError,
        CheckpointError,
        EvaluationError,
        DistributedError,
        ModelError,
        RecipeError,
    ) as problem:
        message = str(problem)
    except BrokenPipeError:
        raise
    except (OSError, SafetensorError) as problem:
        message = sentence(problem)
    print(f"python -m engine {args.command}: {message}", file=sys.stderr)
    return MENDABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    parser.set_defaults(kept="", begins="")  # what is left after Ctrl-C; what is said before libraries are loaded
    commands = parser.add_subparsers(dest="command", required=True)
    cli_train.add(commands)
    cli_runs.add(commands)
    cli_data.add(commands)
    cli_evaluate.add(commands)
    cli_sample.add(commands)

    judge = commands.add_parser("train-classifier", help="train the classifier that evaluates samples")
    judge.set_defaults(run=_train_classifier, kept="Nothing was written.")
    judge.add_argument("--data", default="digits", help="the picture set (default: %(default)s)")
    judge.add_argument("--out", type=named_path, required=True, help="the folder to write")
    judge.add_argument("--epochs", type=whole(1, 10_000), default=30, help="epochs (default: %(default)s)")
    judge.add_argument("--seed", type=whole(0, SEED_END - 1), default=0)

    return parser


# --- train-classifier -------------------------------------------------------------------------------------------------


def _train_classifier(args: argparse.Namespace) -> int:
    from pydantic import ValidationError

    from engine.data.catalogue import load
    from engine.models import classifier
    from engine.storage.files import atomic_files
    from engine.training.classifier import ClassifierTraining, describe, fresh_classifier, train_classifier

    data = load(args.data)
    config = settings_of(ClassifierTraining, data=args.data, epochs=args.epochs, seed=args.seed)
    try:
        net, seconds = fresh_classifier(config, data), 0.0
    except ValidationError as error:
        raise CommandError(f"No classifier fits the set “{args.data}”: {complaint(error)}.") from error
    check_out_folder(args.out, needed=ROOM + 4 * sum(weight.numel() for weight in net.state_dict().values()))
    for report in train_classifier(config, data, net):
        seconds = report.seconds
        left = seconds / report.epoch * (report.epochs - report.epoch)
        print(f"epoch {report.epoch}/{report.epochs}  loss {report.loss:.4f}  {duration(left)} left", flush=True)
    command = (
        f"python -m engine train-classifier --data {args.data} --epochs {args.epochs} --seed {args.seed} --out DIR"
    )
    card = describe(config, data, net, seconds=seconds, command=command)
    with atomic_files(args.out) as folder:
        classifier.save(folder, net.config, net.state_dict(), card)
    print(f"accuracy {card.held_out_accuracy:.1%} on {card.held_out} held-out pictures; written to {args.out}")
    return 0
