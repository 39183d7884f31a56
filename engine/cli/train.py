"""The command that trains: python -m engine train. It writes the same folder as the page, and drives the same driver."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from pydantic import ValidationError

from engine.cli.common import CommandError, ProgressLine, complaint, duration

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from engine.runs.folder import RunFolder
    from engine.runs.record import RunRecord
    from engine.runs.trainer import RunTrainer
    from engine.training.classifier_accuracy import ClassifierAccuracy
    from engine.training.config import TrainConfig
    from engine.training.distributed import DistributedContext
    from engine.training.preflight import Preflight
    from engine.training.report import Report

HELD_OUT = 1000
"""At most so many held-out pictures are read by a classifier that was trained."""
INTERRUPTED = 130
"""The exit status after Ctrl-C."""
MAY_CHANGE = ("steps", "report_every", "sample_every", "milestones", "micro_batch", "compile")
"""What an interrupted run can be taken up with that it was not begun with: none of it changes what is learned from a step."""


def add(commands: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Put the command into the parser of `engine.cli`."""
    train = commands.add_parser(
        "train",
        help="train a network by a recipe",
        description="Train a network. Its folder is a run as the page shows it, while it trains and afterwards; an interrupted "
        "run in it is taken up where its last checkpoint was. Ctrl-C writes a checkpoint and ends.",
    )
    train.set_defaults(run=_train)
    train.add_argument(
        "recipe",
        type=Path,
        nargs="?",
        help="a JSON file of training settings, for example assets/recipes/mnist.json (default: the usual settings)",
    )
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a setting: --set steps=2000 --set data=emoji",
    )
    train.add_argument(
        "--out", type=Path, metavar="DIR", help="the run's folder, of any name (default: a new one among all runs)"
    )
    add_driving(train)


def add_driving(parser: argparse.ArgumentParser) -> None:
    """The options of whatever trains: how, not what."""
    parser.add_argument("--json", action="store_true", help="print one JSON object per report, and nothing else")
    parser.add_argument(
        "--save-every", type=float, default=None, metavar="SECONDS", help="between two checkpoints (default: 30)"
    )
    parser.add_argument(
        "--check", action="store_true", help="try a few steps, say what they cost and what would fail, and end there"
    )
    parser.add_argument("--device", default="", help="cpu, cuda, … (default: a GPU where there is one)")
    parser.add_argument(
        "--processes",
        type=int,
        default=0,
        metavar="N",
        help="refuse to start with another number of processes than this",
    )
    parser.add_argument(
        "--log-with", default="", metavar="TRACKER", help="also write the numbers to tensorboard, trackio or wandb"
    )


def _train(args: argparse.Namespace) -> int:
    from engine.runs.folder import RunFolder
    from engine.runs.record import default_root, new_id
    from engine.training.distributed import launched_processes

    config = recipe_of(args.recipe, args.set)
    if args.out is None and launched_processes() > 1:
        raise CommandError("Several processes need one folder that all of them see: give it with --out.")
    folder = RunFolder.at(args.out) if args.out else RunFolder(default_root(), new_id())
    words = ["python", "-m", "engine", "train"] + ([args.recipe.name] if args.recipe else [])
    for setting in args.set:
        words += ["--set", setting]
    return drive(folder, config, shlex.join([*words, "--out", "DIR"]), args)


def recipe_of(path: Path | None, changes: list[str]) -> TrainConfig:
    """The recipe in a file with these changes.

    Args:
        path: a JSON file; None for the usual settings.
        changes: "key=value", the value as in JSON; words need no quotes.

    Raises:
        CommandError: with one sentence, for what is no recipe.
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
            config = TrainConfig.model_validate_json(path.read_bytes())
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


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def drive(folder: RunFolder, config: TrainConfig, command: str, args: argparse.Namespace) -> int:
    """Train the run in a folder, new or interrupted, and say how it goes; the exit status."""
    from engine.data.prepared import pictures_of
    from engine.runs.record import RunRecord
    from engine.runs.trainer import RunTrainer
    from engine.training.distributed import launched_context
    from engine.training.preflight import preflight

    pictures_of(config)  # what is not there is said before a folder is made
    context = launched_context(args.device, args.processes, args.log_with, str(folder.path / "tracking"), folder.id)
    try:
        found = preflight(config, context, folder.path, thorough=args.check)
        if not found.passed:
            raise CommandError(f"This run would fail. {found.problems[0]}")
        if context.is_main and not args.json:
            _print_preflight(found, config, context)
        if args.check:
            return 0
        if context.count > 1:  # there the loop cannot try smaller parts on the way
            config = config.model_copy(update={"micro_batch": found.micro_batch})
        record = folder.read_record()
        if record is None:
            record = RunRecord(config=config, command=command)
        elif context.is_main:
            check_same(folder, record, config)
        record = record.model_copy(update={"config": config, "status": "running", "error": ""})
        run = RunTrainer(folder, record, context=context, save_every=args.save_every, classified_at_end=HELD_OUT)
        return _driven(run, args)
    finally:
        context.close()


def _print_preflight(found: Preflight, config: TrainConfig, context: DistributedContext) -> None:
    """What a few steps have shown: how many processes there really are, what the run will take, what is odd."""
    alone = "1 process" if context.count == 1 else f"{context.count} processes"
    parts = "" if found.micro_batch >= config.batch // context.count else f", {found.micro_batch} pictures at once"
    gpu = f", {found.memory / 1e9:.1f} GB of the GPU" if found.memory else ""
    seconds = found.seconds_per_step
    print(
        f"{alone} on {context.device.type}: {found.parameters / 1e6:.2f} million weights, {seconds:.2f} s a step "
        f"({config.batch / seconds:.0f} images/s){parts}{gpu}; "
        f"{config.steps:,} steps in about {duration(seconds * config.steps)}, {found.disk / 1e6:.0f} MB of disk",
        flush=True,
    )
    for remark in found.remarks:
        print(remark, flush=True)


def check_same(folder: RunFolder, record: RunRecord, config: TrainConfig) -> None:
    """Whether the run in a folder can go on with this recipe. Raises CommandError where it is another one."""
    before, now = record.config.model_dump(), config.model_dump()
    reports = folder.read_metrics()
    step = reports[-1].step if reports else 0
    for name, value in now.items():
        if before[name] != value and not (name in MAY_CHANGE and (name != "steps" or config.steps >= step)):
            raise CommandError(
                f"“{folder.path}” holds a run of another recipe ({name} is {before[name]} there, {value} here): "
                "choose another folder with --out."
            )


def _driven(run: RunTrainer, args: argparse.Namespace) -> int:
    from engine.runs.writer import SaveError

    context, folder, step = run.context, run.folder, 0
    if run.context.is_main:
        run.writer.load()
        run.folder.take_request()  # of a time that is over
    said = _Said(run, context, quiet=args.json)
    with _signals(run) as caught:
        for report in run.train():
            step = report.step
            said.report(report)
        with _whoever_listens():
            said.resumed()
            said.end()
        status, error = run.ended
        if context.is_main and run.writer.may_write:
            run.record = run.record.model_copy(update={"status": status, "error": error})
            with contextlib.suppress(SaveError):  # that is what the error says already
                run.writer.write_record(run.record)
        run.state = None
        run.release()
    again = _again(folder, args)
    if not context.is_main:
        if run.error_is_local:  # the main process does not know of it, or is the one that is gone
            print(f"{error} Go on from what was saved last with: {again}", file=sys.stderr, flush=True)
        return INTERRUPTED if caught else 2 if error else 0
    if error:
        more = f" What was saved before opens as it did; go on with: {again}" if status == "paused" else ""
        raise CommandError(error + more)
    if status in ("paused", "stopped"):
        step = step or run.resumed_at or 0
        print(f"{status} at step {step} of {run.record.config.steps}, and saved. Go on with: {again}", file=sys.stderr)
        return INTERRUPTED if caught else 0
    if not args.json:
        _finished(run)
    return 0


def _again(folder: RunFolder, args: argparse.Namespace) -> str:
    """What takes the run up again."""
    words = ["python", "-m", "engine", "runs", "resume", str(folder.path)]
    words += ["--device", args.device] if args.device else []
    return shlex.join(words)


@contextlib.contextmanager
def _signals(run: RunTrainer) -> Iterator[list[int]]:
    """While this is open, Ctrl-C and the polite ways of ending a process save first; Ctrl-C for the second time does not."""
    caught: list[int] = []
    wanted = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

    def handle(number: int, frame: FrameType | None) -> None:
        if caught and number == signal.SIGINT:
            raise KeyboardInterrupt
        caught.append(number)
        run.request = "paused"
        with _whoever_listens():
            print("\nsaving at the next report; Ctrl-C again ends at once, without", file=sys.stderr, flush=True)

    try:
        before = {number: signal.signal(number, handle) for number in wanted}
    except ValueError:  # not in the main thread: whoever calls from there has other means
        yield caught
        return
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _whoever_listens() -> contextlib.AbstractContextManager[None]:
    """A terminal may be closed while a run goes on: that is no reason to lose what it has learned."""
    return contextlib.suppress(OSError)


class _Said:
    """What the main process prints on the way."""

    def __init__(self, run: RunTrainer, context: DistributedContext, *, quiet: bool) -> None:
        self._run, self._json = run, quiet
        self._main = context.is_main
        self._line = ProgressLine()
        self._begun = False

    def resumed(self) -> None:
        """Where it begins, once."""
        if self._begun or not self._main:
            return
        self._begun = True
        if self._json:
            return
        if self._run.resumed_at is not None:
            print(f"resuming at step {self._run.resumed_at}", flush=True)
        from engine.training.tasks import task_of

        if self._run.record.held_out == 0 and task_of(self._run.record.config).has_held_out_loss:
            print("no pictures of this set are held out: nothing measures what it makes of new ones", flush=True)

    def report(self, report: Report) -> None:
        with _whoever_listens():
            self._report(report)

    def _report(self, report: Report) -> None:
        if not self._main:
            return
        self.resumed()
        run = self._run
        points = run.history.held_out
        held_out = points[-1][1] if points and points[-1][0] == report.step else None
        if self._json:
            from engine.runs.log import line_of

            print(line_of(asdict(report) | {"held_out": held_out}), flush=True)
            return
        share = report.step / report.steps
        bar = "█" * round(20 * share) + "░" * (20 - round(20 * share))
        lately = f"  held out {points[-1][1]:.4f}" if points else ""
        left = (report.steps - report.step) * run.record.config.batch / report.images_per_second
        text = f"{bar} {report.step}/{report.steps}  loss {report.loss:.4f}{lately}  {report.images_per_second:.0f} images/s"
        self._line.show(text, left, last=report.step == report.steps)

    def end(self) -> None:
        if self._main and not self._json:
            self._line.end()


def _finished(run: RunTrainer) -> None:
    """What came out."""
    history, best = run.history, run.folder.read_best()
    if history.accuracy is not None:
        _print_accuracy(history.accuracy)
    if history.reports:
        last = history.reports[-1]
        lately = f", {history.held_out[-1][1]:.4f} on held-out pictures" if history.held_out else ""
        print(f"finished at step {last.step}: loss {last.loss:.4f}{lately}")
    if best is not None and history.held_out and best[0] != history.held_out[-1][0]:
        print(f"best on held-out pictures: {best[1]:.4f} at step {best[0]}; that checkpoint is kept too")
    print(f"written to {run.folder.path}; a folder that diffusers opens: {_export(run)}")


def _export(run: RunTrainer) -> str:
    return shlex.join(["python", "-m", "engine", "export", str(run.folder.path), "--out", "DIR"])


def _print_accuracy(accuracy: ClassifierAccuracy) -> None:
    """How well a classifier reads held-out pictures at each level."""
    print(
        f"reads of {accuracy.pictures} held-out pictures, cleanest first, beside who knows the training pictures by heart:"
    )
    parts = len(accuracy.accuracy_by_level)
    by_heart = [f"{exact:6.1%}" for exact in accuracy.exact_by_level] or ["too many pictures to ask"] * parts
    for part, (share, exact) in enumerate(zip(accuracy.accuracy_by_level, by_heart, strict=True)):
        print(f"  t/T {part / parts:.1f} to {(part + 1) / parts:.1f}   {share:6.1%}   {exact}")
