"""python -m engine runs list, show, resume and export."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.common import CommandError, named_path
from engine.cli.driving import drive
from engine.cli.train import BEGINS, add_driving

if TYPE_CHECKING:
    from engine.runs.folder import RunFolder


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the parser of `engine.cli`."""
    runs = commands.add_parser("runs", help="list, show, resume or export training runs")
    runs.set_defaults(run=_list, json=False)
    add_root(runs)
    what = runs.add_subparsers(dest="what")

    listed = what.add_parser("list", help="all runs, oldest first (what `runs` alone does)")
    listed.set_defaults(run=_list)
    listed.add_argument("--json", action="store_true", help="print a JSON list")
    show = what.add_parser("show", help="one run: status, measurements, and the command that repeats it")
    show.set_defaults(run=_show)
    show.add_argument("--json", action="store_true", help="print a JSON object")
    resume = what.add_parser("resume", help="resume an interrupted run")
    resume.set_defaults(run=_resume, begins=BEGINS)
    add_driving(resume)
    export = what.add_parser("export", help="copy its weights, as a folder that diffusers opens")
    add_export(export)
    for parser in (show, resume):
        parser.add_argument("id", metavar="RUN", help="as `runs list` names it, or its folder")
    for parser in (listed, show, resume, export):
        add_root(parser, inner=True)

    export = commands.add_parser("export", help="the same as runs export")
    add_export(export)
    add_root(export)


def add_export(export: argparse.ArgumentParser) -> None:
    """Add the options of an export."""
    export.set_defaults(run=_export)
    export.add_argument("id", metavar="RUN", help="as `runs list` names it, or its folder")
    export.add_argument("--out", type=named_path, required=True, help="the folder to write; it must not exist yet")
    export.add_argument(
        "--step", default="", help="which checkpoint: a step, or “best” on held-out pictures (default: the newest)"
    )


def add_root(parser: argparse.ArgumentParser, *, inner: bool = False) -> None:
    """Add the option for the folder of all runs."""
    from engine.storage.files import runs_root

    parser.add_argument(
        "--runs",
        type=named_path,
        default=argparse.SUPPRESS if inner else runs_root(),
        metavar="FOLDER",
        help=f"folder of all runs (default: {runs_root()})",
    )


def find(root: Path, name: str) -> RunFolder:
    """The run of an id or a folder. Raises CommandError where there is none."""
    from engine.runs.folder import find_run

    try:
        return find_run(root, name)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _facts(folder: RunFolder) -> dict[str, object] | None:
    """Everything that is known of a run; None where there is no record."""
    from engine.runs.entry import entry_of
    from engine.runs.record import command_of

    if folder.read_record() is None:
        return None
    entry = entry_of(folder)
    run, history = entry.run, entry.run.history
    last = history.reports[-1] if history.reports else None
    return {
        "id": folder.id,
        "folder": str(folder.path),
        "title": entry.title,
        "status": entry.status,
        "error": run.record.error,
        "trained_by": str(entry.holder or ""),
        "created": run.record.created,
        "step": last.step if last else 0,
        "steps": run.record.config.steps,
        "loss": last.loss if last else None,
        "floor": history.bayes_optimal.loss if history.bayes_optimal else None,
        "images_per_second": last.images_per_second if last else None,
        "waiting": last.waiting if last else None,
        "micro_batch": last.micro_batch if last else None,
        "held_out_pictures": run.record.held_out,
        "held_out": history.held_out[-1] if history.held_out else None,
        "best": history.best,
        "checkpoints": folder.steps(),
        "command": command_of(run.record.config),
        "config": run.record.config.model_dump(),
    }


def _list(args: argparse.Namespace) -> int:
    from engine.runs.folder import all_runs

    runs = [facts for folder in all_runs(args.runs) if (facts := _facts(folder)) is not None]
    if args.json:
        print(json.dumps(runs, indent=2))
        return 0
    for facts in runs:
        config = facts["config"]
        assert isinstance(config, dict)
        loss = f"loss {facts['loss']:.4f}" if facts["loss"] is not None else "no report yet"
        step = f"step {facts['step']}/{facts['steps']}"
        title = f"  {facts['title']}" if facts["title"] else ""
        settings = f"{config['data']:8} {config['preset']:7}"
        print(f"{facts['id']:24}  {facts['status']:11}  {settings} {step:>15}  {loss}{title}".rstrip())
    if not runs:
        print(
            f"There are no training runs in “{args.runs}”. Start one in the Training lab, or with python -m engine train."
        )
    return 0


def _show(args: argparse.Namespace) -> int:
    folder = find(args.runs, args.id)
    facts = _facts(folder)
    if facts is None:
        raise CommandError(f"There is no training run “{args.id}” in “{args.runs}”.")
    if args.json:
        print(json.dumps(facts, indent=2))
        return 0
    created = facts["created"]
    assert isinstance(created, float)
    rows = [
        ("run", f"{facts['title'] or facts['id']}, begun {time.strftime('%d %b %Y, %H:%M', time.localtime(created))}"),
        ("folder", facts["folder"]),
        ("status", f"{facts['status']}" + (f", by {facts['trained_by']}" if facts["trained_by"] else "")),
        ("", facts["error"]),
        ("step", f"{facts['step']:,} of {facts['steps']:,}"),
        ("loss", _number(facts["loss"]) + (f", Bayes-optimal {_number(facts['floor'])}" if facts["floor"] else "")),
        ("held out", _held_out(facts)),
        ("speed", _speed(facts)),
        ("saved", "steps " + ", ".join(str(step) for step in folder.steps()) if folder.steps() else "nothing yet"),
        ("again", facts["command"]),
    ]
    for name, value in rows:
        if value:
            print(f"{name:9} {value}")
    return 0


def _held_out(facts: dict[str, object]) -> str:
    if facts["held_out_pictures"] == 0:
        return "no pictures of this set are held out, so that it is not measured"
    point, best = facts["held_out"], facts["best"]
    if not isinstance(point, tuple) or not isinstance(best, tuple):
        return ""
    return f"loss {point[1]:.4f} at step {point[0]}" + (
        f", best {best[1]:.4f} at step {best[0]}" if best != point else ""
    )


def _speed(facts: dict[str, object]) -> str:
    speed, waiting = facts["images_per_second"], facts["waiting"]
    if not isinstance(speed, float) or not isinstance(waiting, float):
        return ""
    return (
        f"{speed:.0f} images/s, micro-batch of {facts['micro_batch']}; {waiting:.1%} of the time waiting for pictures"
    )


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "–"


def _resume(args: argparse.Namespace) -> int:
    folder = find(args.runs, args.id)
    record = folder.read_record()
    if record is None:
        raise CommandError(f"There is no training run “{args.id}” in “{args.runs}” that could be resumed.")
    return drive(folder, record.config, record.command, args)


def _export(args: argparse.Namespace) -> int:
    from engine.runs import archive
    from engine.runs.opening import open_checkpoint
    from engine.storage.checked_files import CheckpointError

    folder = find(args.runs, args.id)
    try:
        step = folder.step_of(args.step) if args.step else None
        # A checkpoint that does not open is refused before anything is written.
        path, opened = folder.open(lambda path: (path, open_checkpoint(path)), step)
    except CheckpointError as error:
        raise CommandError(f"No checkpoint of the run “{args.id}” in “{args.runs}” opens: {error}") from error
    if args.out.exists():
        raise CommandError(f"“{args.out}” exists already: choose another name.")
    archive.export(folder, args.out, path)
    print(f"{opened.title or path.name} at step {opened.step} written to {args.out}{opened.hint}")
    return 0
