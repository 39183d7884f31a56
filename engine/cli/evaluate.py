"""python -m engine evaluate: the quality of samples, for one sampler setting or for a grid of them."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from engine.cli import bound as cli_bound
from engine.cli.common import (
    CommandError,
    ProgressLine,
    check_out,
    check_out_folder,
    complaint,
    duration,
    named_path,
    settings_of,
    whole,
)

if TYPE_CHECKING:
    from engine.data.image_set import ImageSet
    from engine.evaluation.cells import Cell, EvaluatedModel
    from engine.evaluation.drawing import DrawSettings
    from engine.evaluation.evaluate import Evaluation
    from engine.evaluation.grid import Row
    from engine.evaluation.grid_bound import BoundCell
    from engine.evaluation.metrics import Estimate
    from engine.evaluation.results_file import ResultsFile
    from engine.interop.pretrained import Checkpoint
    from engine.models.classifier import Judge
    from engine.samplers import Variance

RowType = TypeVar("RowType", bound=BaseModel)

DEFAULT_SCALE = 2.0
"""Guidance scale where none is given."""

SWEPT = ("sampler", "steps", "spacing", "eta", "variance", "scale")
"""Settings that a grid may have several values of, besides the model; names of `DrawSettings`."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `engine.cli`."""
    about = "draw samples from a model and measure how good they are"
    evaluate = commands.add_parser(
        "evaluate",
        help=about,
        description=f"{about.capitalize()}. Several values after an option make a grid: every valid combination is "
        "measured, and written at once to the file of --results. What is in that file already is skipped, so that a grid can "
        "be interrupted; several processes may fill one file.",
    )
    evaluate.set_defaults(run=_evaluate, kept="What is in the file of --results is kept, and skipped the next time.")
    evaluate.add_argument(
        "--model",
        nargs="+",
        required=True,
        metavar="MODEL",
        help="a diffusers folder, the folder of a training run, a name of the Hub, or the name of a model that ships",
    )
    evaluate.add_argument("--data", help="data set of the held-out pictures (default: as in the model's card)")
    evaluate.add_argument("--classifier", help="a folder of train-classifier (default: the one that ships for the set)")
    evaluate.add_argument(
        "--samples", type=whole(1, 10_000_000), default=1000, help="number of samples (default: %(default)s)"
    )
    _add_sampling(evaluate)
    evaluate.add_argument(
        "--batch", type=whole(1, 100_000), default=50, help="pictures per batch; changes the speed only"
    )
    evaluate.add_argument("--device", default="cpu")
    cli_bound.add(evaluate)
    evaluate.add_argument(
        "--results", type=named_path, metavar="FILE", help="write each cell of a grid to a file of JSON lines"
    )
    evaluate.add_argument(
        "--bits",
        action="store_true",
        help="for a grid: also bits per dimension of each model and variance (--per-step)",
    )
    evaluate.add_argument(
        "--json", type=named_path, metavar="FILE", help="also write the result to a file; not for a grid"
    )
    evaluate.add_argument(
        "--write-card",
        action="store_true",
        help="write the result to the model's card.json, with a README.md and samples.png; not for a grid",
    )


def _add_sampling(evaluate: argparse.ArgumentParser) -> None:
    """The options that may have several values, which make a grid."""
    evaluate.add_argument(
        "--sampler", nargs="+", default=["ddim"], metavar="NAME", help="ddim (default), ddpm, heun, …"
    )
    evaluate.add_argument(
        "--steps", nargs="+", type=int, default=[50], metavar="N", help="sampling steps (default: 50)"
    )
    evaluate.add_argument(
        "--spacing", nargs="+", default=["uniform"], metavar="NAME", help="timestep spacing (default: uniform)"
    )
    evaluate.add_argument(
        "--eta",
        nargs="+",
        type=float,
        default=[0.0],
        metavar="X",
        help="eta of DDIM: 0 is deterministic (default), 1 adds as much noise as DDPM",
    )
    evaluate.add_argument("--variance", nargs="+", metavar="NAME", help="DDPM: small (default), large, learned or zero")
    evaluate.add_argument(
        "--scale",
        nargs="+",
        type=float,
        metavar="X",
        help="guidance scale: 1 is the conditional model, 0 ignores the labels (default: 2)",
    )


def _evaluate(args: argparse.Namespace) -> int:
    for path in (args.json, args.results):
        if path is not None:
            check_out(path, makes_folder=True)
    if args.bound:
        return cli_bound.measure(args)
    args.variance = args.variance or ["small"]
    args.guided, args.scale = args.scale is not None, args.scale or [DEFAULT_SCALE]
    if args.results is None and not args.bits and all(len(getattr(args, name)) == 1 for name in ("model", *SWEPT)):
        return _one(args)
    if args.json or args.write_card:
        raise CommandError(
            "A grid has many results: leave --json and --write-card out, or give one value of each option."
        )
    return _grid(args)


# --- one setting -----------------------------------------------------------------------------------------------------


def _one(args: argparse.Namespace) -> int:
    from engine.evaluation.drawing import DrawSettings
    from engine.evaluation.evaluate import Evaluation, evaluate
    from engine.evaluation.model_card import read_card, write_card
    from engine.interop import pretrained
    from engine.storage.checkpoints import newest_in
    from engine.storage.files import write_text

    chosen = {name: getattr(args, name)[0] for name in SWEPT}
    settings = settings_of(DrawSettings, samples=args.samples, batch=args.batch, **chosen)
    name = args.model[0]
    if args.write_card and name not in pretrained.CHECKPOINTS and not Path(name).is_dir():
        raise CommandError("--write-card writes into the model's folder, which this model does not have: leave it out.")
    model, data, judge = _open(name, args)
    _check_scale(args, [model])
    folder = newest_in(pretrained.CHECKPOINTS.get(name, Path(name)))
    if args.write_card:
        read_card(folder)
        check_out_folder(folder)
    progress = ProgressLine()
    for event in evaluate(model, data, judge, settings, command=_command(args, settings)):
        if isinstance(event, Evaluation):
            progress.end()
            if args.json:  # before it is printed: a terminal may be closed
                args.json.parent.mkdir(parents=True, exist_ok=True)
                write_text(args.json, event.quality.model_dump_json(indent=2) + "\n")
            if args.write_card:
                write_card(folder, event)
            print(_summary(event))
            if args.write_card:
                print(f"written to {folder / 'README.md'}, card.json and samples.png")
        else:
            progress.show(f"{event.done}/{event.total} steps", event.seconds_left, last=event.done == event.total)
    return 0


def _open(name: str, args: argparse.Namespace) -> tuple[Checkpoint, ImageSet, Judge]:
    from engine.data.catalogue import load
    from engine.interop import pretrained
    from engine.models import classifier
    from engine.registry import locate
    from engine.training.distributed import device_named

    device = device_named(args.device)
    model = pretrained.load(name if name in pretrained.CHECKPOINTS else locate(name)[0], device)
    data_name = args.data or model.card.data
    if not data_name:
        raise CommandError("The model's card does not name its data set: give it with --data.")
    data = load(data_name)
    if args.classifier is None and data_name not in classifier.CLASSIFIERS:
        raise CommandError(
            f"No classifier ships for “{data_name}”: make one with train-classifier, and name it with --classifier."
        )
    return model, data, classifier.load(args.classifier or data_name, device)


def _check_scale(args: argparse.Namespace, models: Sequence[Checkpoint]) -> None:
    """Raise `CommandError` for a guidance scale where every model is unconditional; among others, these are not guided."""
    if args.guided and any(scale not in (0, 1) for scale in args.scale) and not any(m.denoiser.classes for m in models):
        raise CommandError("The model is unconditional, so that there is no class to guide towards: leave --scale out.")


def _command(args: argparse.Namespace, settings: DrawSettings) -> str:
    """The command that repeats the measurement, without paths of this computer."""
    from engine.interop.pretrained import CHECKPOINTS

    name = args.model[0]
    anywhere = name in CHECKPOINTS or not Path(name).exists()
    words = ["python", "-m", "engine", "evaluate", "--model", name if anywhere else "DIR"]
    words += ["--data", args.data] if args.data else []
    words += ["--classifier", "CLASSIFIER"] if args.classifier else []
    words += ["--samples", str(settings.samples), "--sampler", settings.sampler, "--steps", str(settings.steps)]
    words += ["--spacing", settings.spacing] if settings.spacing != "uniform" else []
    words += ["--eta", f"{settings.eta:g}"] if settings.uses_eta else []
    words += ["--variance", settings.variance] if settings.uses_variance else []
    words += ["--scale", f"{settings.scale:g}"] + (["--write-card"] if args.write_card else [])
    return shlex.join(words)


def _summary(evaluation: Evaluation) -> str:
    from engine.evaluation.model_card import results

    q = evaluation.quality
    lines = [f"{q.settings.samples} samples in {duration(q.seconds)}, {q.threads} threads, model at step {q.step}"]
    lines += [f"{what:58} {measured:28} {against}" for what, measured, against in results(q)]
    lines += [
        f"  class {name:10} {share.share:6.1%} [{share.low:.1%}, {share.high:.1%}]"
        for name, share in q.accuracy_by_class.items()
    ]
    return "\n".join(lines)


# --- a grid -----------------------------------------------------------------------------------------------------------


def _grid(args: argparse.Namespace) -> int:
    from engine.evaluation.cells import cells
    from engine.evaluation.grid_bound import bound_cells
    from engine.evaluation.grid_table import table
    from engine.evaluation.results_file import ResultsFile

    if args.bits and args.per_step < 2:  # before the samples are drawn
        raise CommandError("An error of the bits is known from 2 noisy pictures for each step: --per-step 2 or more.")
    models = _open_all(args)
    _check_scale(args, [model.checkpoint for model in models.values()])
    values = {name: getattr(args, name) for name in SWEPT}
    try:
        planned, left_out = cells(models, values, samples=args.samples, batch=args.batch)
    except ValidationError as error:
        raise CommandError(f"Invalid settings: {complaint(error)}.") from error
    for sentence in left_out:
        print(f"left out: {sentence}")
    file = ResultsFile(args.results) if args.results else None
    rows = _samples(planned, models, file)
    bits = _bits(bound_cells(planned, args.per_step), models, file) if args.bits else None
    if file:
        file.close()
    print(table(rows, bits))
    if missing := len(planned) - len(rows):
        print(f"{missing} more are being measured by another process.")
    return 0


def _open_all(args: argparse.Namespace) -> dict[str, EvaluatedModel]:
    from engine.evaluation.cells import prepare_model
    from engine.interop.pretrained import CHECKPOINTS

    models: dict[str, EvaluatedModel] = {}
    for name in args.model:
        short = name if name in CHECKPOINTS else Path(name).resolve().name
        if short in models:
            raise CommandError(f"Two models are called “{short}”: give each folder a name of its own.")
        models[short] = prepare_model(short, *_open(name, args), like=models.values())
    return models


def _samples(planned: Sequence[Cell], models: Mapping[str, EvaluatedModel], file: ResultsFile | None) -> list[Row]:
    """Measure what is missing; the rows of all cells, in their order."""
    from engine.evaluation.cells import key_of
    from engine.evaluation.grid import Row, run

    keys = [key_of(cell, models[cell.model]) for cell in planned]
    rows = _rows_in(Row, file, keys)
    before = f", {len(rows)} of them measured before" if rows else ""
    print(f"{len(planned)} cells{before}", flush=True)
    progress = ProgressLine()
    for event in run(planned, models, file):
        if isinstance(event, Row):
            rows[event.key] = event
        else:
            where = f"cell {event.cell}/{event.cells}  {event.name}  {event.done / event.total:.0%} of all"
            progress.show(where, event.seconds_left, last=event.done == event.total)
    progress.end()
    rows |= _rows_in(Row, file, keys)  # with what other processes have measured
    return [rows[key] for key in keys if key in rows]


def _bits(
    planned: Sequence[BoundCell], models: Mapping[str, EvaluatedModel], file: ResultsFile | None
) -> dict[tuple[str, Variance], Estimate]:
    """Measure what is missing; bits per dimension by model and variance."""
    from engine.evaluation.bound import BoundError
    from engine.evaluation.grid_bound import BoundRow, bound_key, run_bounds
    from engine.evaluation.metrics import Estimate

    keys = [bound_key(cell, models[cell.model]) for cell in planned]
    rows = _rows_in(BoundRow, file, keys)
    progress = ProgressLine()
    try:
        for event in run_bounds(planned, models, file):
            if isinstance(event, BoundRow):
                rows[event.key] = event
            else:
                cell, at = event
                where = f"bits of {cell.model}, {cell.variance} variance"
                progress.show(where, at.seconds_left, last=at.done == at.total)
    except BoundError as problem:
        raise CommandError(str(problem)) from problem
    progress.end()
    rows |= _rows_in(BoundRow, file, keys)
    return {(row.model, row.variance): Estimate(row.bits_per_dim, row.bits_per_dim_error) for row in rows.values()}


def _rows_in(kind: type[RowType], file: ResultsFile | None, keys: Sequence[str]) -> dict[str, RowType]:
    """The rows of these keys in the file."""
    there = file.rows() if file else {}
    try:
        return {key: kind.model_validate(there[key]) for key in keys if key in there}
    except ValidationError as error:
        raise CommandError(f"The file of results holds an invalid line: {complaint(error)}.") from error
