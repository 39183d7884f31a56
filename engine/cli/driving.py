"""Trains the run in a folder from the shell, new or interrupted, and prints how it goes."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING

from engine.cli.common import CommandError, ProgressLine, duration, signals_to_handle, status_of_signal

if TYPE_CHECKING:
    from engine.runs.folder import RunFolder
    from engine.runs.record import RunRecord
    from engine.runs.trainer import RunTrainer
    from engine.training.classifier_accuracy import ClassifierAccuracy
    from engine.training.config import TrainConfig
    from engine.training.distributed import DistributedContext
    from engine.training.preflight import Preflight
    from engine.training.report import Report

HELD_OUT = 1000
"""Most held-out pictures that a trained classifier is evaluated on at the end."""
CLOSED_TERMINAL = contextlib.suppress(OSError)
"""Within this context a terminal may be closed: the run goes on."""
MAY_CHANGE = ("steps", "report_every", "sample_every", "milestones", "micro_batch", "compile")
"""Settings that may differ where a run is resumed: none of them changes what is learned from a step."""


def drive(folder: RunFolder, config: TrainConfig, command: str, args: argparse.Namespace) -> int:
    """Train the run in a folder, new or interrupted.

    Args:
        folder, config: the run.
        command: what started it, for its record.
        args: with the options of `engine.cli.train.add_driving`.

    Returns:
        The exit status.

    Raises:
        CommandError: with one sentence, for what the caller can mend.
    """
    from engine.data.prepared import outline_of
    from engine.runs.record import RunRecord
    from engine.runs.trainer import RunTrainer
    from engine.training.distributed import launched_context
    from engine.training.preflight import preflight

    outline_of(config)  # missing ones are reported before a folder is made
    context = launched_context(args.device, args.processes, args.log_with, str(folder.path / "tracking"), folder.id)
    try:
        checked = preflight(config, context, folder.path, thorough=args.check)
        if not checked.passed:
            raise CommandError(f"This run would fail. {checked.problems[0]}")
        if context.is_main and not args.json:
            _print_preflight(checked, config, context)
        if args.check:
            return 0
        if context.count > 1:  # there the loop cannot try smaller micro-batches
            config = config.model_copy(update={"micro_batch": checked.micro_batch})
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


def _print_preflight(checked: Preflight, config: TrainConfig, context: DistributedContext) -> None:
    """Print what a few steps have measured: processes, seconds, memory, and what is odd."""
    processes = "1 process" if context.count == 1 else f"{context.count} processes"
    split = (
        ""
        if checked.micro_batch >= config.batch // context.count
        else f", {checked.micro_batch} pictures in a micro-batch"
    )
    gpu = f", {checked.memory / 1e9:.1f} GB of the GPU" if checked.memory else ""
    seconds = checked.seconds_per_step
    print(
        f"{processes} on {context.device.type}: {checked.parameters / 1e6:.2f} million weights, {seconds:.2f} s a step "
        f"({config.batch / seconds:.3g} images/s){split}{gpu}; "
        f"{config.steps:,} steps in about {duration(seconds * config.steps)}, {checked.disk / 1e6:.0f} MB of disk",
        flush=True,
    )
    if checked.is_slowed:
        now = checked.seconds_now
        print(
            f"Other work runs on this computer: a step takes {now:.2f} s at present, {duration(now * config.steps)} in all"
        )
    for remark in checked.remarks:
        print(remark, flush=True)


def check_same(folder: RunFolder, record: RunRecord, config: TrainConfig) -> None:
    """Raise CommandError where the run in a folder cannot be resumed with this recipe."""
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
    from engine.runs.history import SaveError

    context, folder, step = run.context, run.folder, 0
    if run.context.is_main:
        run.writer.load()
        run.folder.take_request()  # one of the time before
    progress = _Progress(run, context, quiet=args.json)
    with _signals(run) as caught:
        for report in run.train():
            step = report.step
            progress.report(report)
        with CLOSED_TERMINAL:
            progress.begin()
            progress.end()
        status, error = run.ended
        if context.is_main and run.writer.may_write:
            run.record = run.record.model_copy(update={"status": status, "error": error})
            with contextlib.suppress(SaveError):  # which `error` reports already
                run.writer.write_record(run.record)
        run.state = None
        run.release()
    words = ["python", "-m", "engine", "runs", "resume", str(folder.path)]
    again = shlex.join(words + (["--device", args.device] if args.device else []))
    if not context.is_main:
        if run.error_is_local:  # unknown to the main process, or that one is lost
            print(f"{error} Go on from the last checkpoint with: {again}", file=sys.stderr, flush=True)
        return status_of_signal(caught[0]) if caught else 2 if error else 0
    if error:
        raise CommandError(error + (_what_is_left(run, again) if status == "paused" else ""))
    if status in ("paused", "stopped"):
        step = step or run.resumed_at or 0
        print(f"{status} at step {step} of {run.record.config.steps}, and saved. Go on with: {again}", file=sys.stderr)
        return status_of_signal(caught[0]) if caught else 0
    if not args.json:
        _print_result(run)
    return 0


def _what_is_left(run: RunTrainer, again: str) -> str:
    """After a failed write, and how to go on: a sentence after a blank."""
    from engine.runs.record import command_of

    if run.folder.has_checkpoint:
        return f" The earlier checkpoints still open. Mend that, and go on with: {again}"
    left = "Nothing had been saved yet." if run.folder.path.is_dir() else "With it went all that had been saved."
    return f" {left} To train it anew: {command_of(run.record.config, str(run.folder.path))}"


@contextlib.contextmanager
def _signals(run: RunTrainer) -> Iterator[list[int]]:
    """Within this context, Ctrl-C, SIGTERM and SIGHUP pause the run; a second Ctrl-C ends it. Yields the signals caught."""
    caught: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if caught and number == signal.SIGINT:
            raise KeyboardInterrupt
        caught.append(number)
        run.request = "paused"
        with CLOSED_TERMINAL:
            print(
                "\nsaving at the next report; a second Ctrl-C ends at once, without saving", file=sys.stderr, flush=True
            )

    try:
        before = {number: signal.signal(number, handle) for number in signals_to_handle()}
    except ValueError:  # not in the main thread
        yield caught
        return
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Progress:
    """What the main process prints while it trains."""

    def __init__(self, run: RunTrainer, context: DistributedContext, *, quiet: bool) -> None:
        self._run, self._json = run, quiet
        self._main = context.is_main
        self._line = ProgressLine()
        self._begun = False

    def begin(self) -> None:
        """Print the step that it begins at; a second time does nothing."""
        if self._begun or not self._main:
            return
        self._begun = True
        if self._json:
            return
        if self._run.resumed_at is not None:
            print(f"resuming at step {self._run.resumed_at}", flush=True)
        if self._run.note:
            print(self._run.note, flush=True)
        from engine.training.tasks import task_of

        if self._run.record.held_out == 0 and task_of(self._run.record.config).has_held_out_loss:
            print("no pictures of this set are held out: its loss on new pictures is not measured", flush=True)

    def report(self, report: Report) -> None:
        with CLOSED_TERMINAL:
            self._report(report)

    def _report(self, report: Report) -> None:
        if not self._main:
            return
        self.begin()
        run = self._run
        points = run.history.held_out
        held_out = points[-1][1] if points and points[-1][0] == report.step else None
        if self._json:
            from engine.runs.record import line_of

            print(line_of(asdict(report) | {"held_out": held_out}), flush=True)
            return
        share = report.step / report.steps
        bar = "█" * round(20 * share) + "░" * (20 - round(20 * share))
        held_out_loss = f"  held out {points[-1][1]:.4f}" if points else ""
        left = (report.steps - report.step) * run.record.config.batch / report.images_per_second
        loss = f"loss {report.loss:.4f}{held_out_loss}"
        text = f"{bar} {report.step}/{report.steps}  {loss}  {report.images_per_second:.0f} images/s"
        self._line.show(text, left, last=report.step == report.steps)

    def end(self) -> None:
        if self._main and not self._json:
            self._line.end()


def _print_result(run: RunTrainer) -> None:
    """Print what was measured, and where the run is."""
    history, best = run.history, run.folder.read_best()
    if history.accuracy is not None:
        _print_accuracy(history.accuracy)
    if history.reports:
        last = history.reports[-1]
        held_out_loss = f", {history.held_out[-1][1]:.4f} on held-out pictures" if history.held_out else ""
        print(f"finished at step {last.step}: loss {last.loss:.4f}{held_out_loss}")
    if best is not None and history.held_out and best[0] != history.held_out[-1][0]:
        print(f"best on held-out pictures: {best[1]:.4f} at step {best[0]}; there is a checkpoint of it too")
    export = shlex.join(["python", "-m", "engine", "export", str(run.folder.path), "--out", "DIR"])
    print(f"written to {run.folder.path}; a folder that diffusers opens: {export}")


def _print_accuracy(accuracy: ClassifierAccuracy) -> None:
    """Print the accuracy of a classifier on held-out pictures by noise level."""
    print(f"accuracy on {accuracy.pictures} held-out pictures by noise level, beside that of the exact classifier:")
    parts = len(accuracy.accuracy_by_level)
    exact = [f"{share:6.1%}" for share in accuracy.exact_by_level] or ["too many pictures to compute"] * parts
    for part, (share, best) in enumerate(zip(accuracy.accuracy_by_level, exact, strict=True)):
        print(f"  t/T {part / parts:.1f} to {(part + 1) / parts:.1f}   {share:6.1%}   {best}")
