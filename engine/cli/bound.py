"""python -m engine evaluate --bound: the variational bound in bits per dimension, and its terms."""

from __future__ import annotations

import argparse
import json
import math
import shlex
from typing import TYPE_CHECKING

from engine.cli.common import CommandError, ProgressLine, device_named, duration
from engine.cli.vae_bound import is_vae_named, measure_vae

if TYPE_CHECKING:
    from engine.evaluation.bound import Bound, Term
    from engine.models.opened import Model
    from engine.samplers import Variance


def add(evaluate: argparse.ArgumentParser) -> None:
    """Add the options of the bound; --model, --data, --variance, --batch, --device and --json are those of evaluate."""
    group = evaluate.add_argument_group(
        "the bound",
        "With --bound. Of the other options, only --model, --data, --variance, --batch, --device and --json apply.",
    )
    group.add_argument(
        "--bound",
        action="store_true",
        help="instead of sampling, measure the bound on bits per dimension of held-out pictures, and its terms",
    )
    group.add_argument(
        "--per-step", type=int, default=16, metavar="N", help="noisy pictures per step (default: %(default)s)"
    )
    group.add_argument(
        "--strata", type=int, metavar="K", help="estimate the steps in K strata, which is faster (default: each step)"
    )
    group.add_argument("--seed", type=int, default=0, help="seed of the pictures and the noise (default: %(default)s)")


def measure(args: argparse.Namespace) -> int:
    """Run the command, for each model and variance."""
    from engine.registry import open_model
    from engine.storage.files import write_text

    if args.results or args.write_card:
        raise CommandError("--results and --write-card are for samples: with --bound write the result with --json.")
    variances: list[Variance | None] = list(args.variance or [None])
    if args.json and len(args.model) * len(variances) > 1:
        raise CommandError("--json holds one result: give one model and one variance.")
    device = device_named(args.device)
    for name in args.model:
        if is_vae_named(name):
            measure_vae(name, args)
            continue
        model = open_model(name)
        data = args.data or model.data
        if not data:
            raise CommandError("The model's card does not name its data set: give it with --data.")
        for variance in variances:
            try:
                bound = _measured(model, data, variance, device, args)
            except ValueError as problem:  # invalid settings
                raise CommandError(str(problem)) from problem
            print(summary(bound, model, data))
            if args.json:
                args.json.parent.mkdir(parents=True, exist_ok=True)
                result = {"model": model.title, "data": data, "command": _command(args, name), **bound.model_dump()}
                write_text(args.json, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return 0


def _measured(model: Model, data_name: str, variance: Variance | None, device: str, args: argparse.Namespace) -> Bound:
    from engine.data.catalogue import load
    from engine.denoiser import NetDenoiser
    from engine.evaluation.bound import Bound, check_fit, held_out_bound

    data = load(data_name)
    check_fit(model.shape, len(model.class_names), data)
    if isinstance(model.denoiser, NetDenoiser):
        model.denoiser.net.to(device)
    progress = ProgressLine()
    bound: Bound | None = None
    for event in held_out_bound(
        model.denoiser,
        model.schedule,
        data,
        labelled=bool(model.class_names),
        variance=variance,
        per_step=args.per_step,
        strata=args.strata,
        seed=args.seed,
        batch=args.batch,
        device=device,
    ):
        if isinstance(event, Bound):
            bound = event
        else:
            where = f"{event.done}/{event.total} noisy pictures"
            progress.show(where, event.seconds_left, last=event.done == event.total)
    progress.end()
    assert bound is not None
    return bound


def _command(args: argparse.Namespace, name: str) -> str:
    """The command that repeats the measurement, without paths of this computer."""
    from engine.interop.pretrained import CHECKPOINTS

    known = name in CHECKPOINTS or name.startswith("ideal:")
    words = ["python", "-m", "engine", "evaluate", "--bound", "--model", name if known else "DIR"]
    words += ["--data", args.data] if args.data else []
    words += ["--variance", *args.variance] if args.variance else []
    words += ["--per-step", str(args.per_step)] + (["--strata", str(args.strata)] if args.strata else [])
    return shlex.join([*words, "--seed", str(args.seed)])


def summary(bound: Bound, model: Model, data: str) -> str:
    """A few lines for a reader."""
    evaluations = sum(term.draws for term in bound.terms)
    rows = [
        f"{model.title}: {bound.variance} variance, {evaluations} noisy pictures of {bound.pictures} held-out ones of "
        f"“{data}”, {duration(bound.seconds)}",
        f"{'at most':38} {bound.bits_per_dim:8.4f} ± {bound.bits_per_dim_error:.4f} bits/dim   "
        f"{bound.nats:.1f} ± {bound.standard_error:.1f} nats a picture",
    ]
    if bound.terms[0].last == 1:
        rows.append(_row("L_0, from x_1 to 256 levels", bound.terms[:1]))
        if bound.T > 1:
            rows.append(_row(f"L_1 … L_{bound.T - 1}, the steps before it", bound.terms[1:]))
    rows.append(f"{f'L_{bound.T}, the prior':38} {bound.prior.bits_per_dim:8.4f}, exactly")
    rows.append("terms by t")
    for part in bound.parts():
        where = f"t = {part.first}" if part.first == part.last else f"t = {part.first} … {part.last}"
        rows.append(f"{_row('  ' + where, (part,))}   {part.nats / bound.nats:6.1%}")
    return "\n".join(rows)


def _row(what: str, terms: tuple[Term, ...]) -> str:
    bits, error = sum(term.bits_per_dim for term in terms), math.hypot(*(term.bits_per_dim_error for term in terms))
    return f"{what:38} {bits:8.4f} ± {error:.4f}"
