"""python -m engine evaluate --bound: the variational bound of a diffusion model or of a VAE, in bits per dimension, by term."""

from __future__ import annotations

import argparse
import math
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.common import SEED_END, CommandError, ProgressLine, duration, whole

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
        "--per-step",
        type=whole(1, 100_000),
        default=16,
        metavar="N",
        help="noisy pictures per step (default: %(default)s)",
    )
    group.add_argument(
        "--strata",
        type=whole(1, 100_000),
        metavar="K",
        help="estimate the steps in K strata, which is faster (default: each step)",
    )
    group.add_argument(
        "--seed",
        type=whole(0, SEED_END - 1),
        default=0,
        help="seed of the pictures and the noise (default: %(default)s)",
    )


def measure(args: argparse.Namespace) -> int:
    """Run the command, for each model and variance."""
    from engine.registry import open_model
    from engine.training.distributed import device_named

    if args.results or args.write_card:
        raise CommandError("--results and --write-card are for samples: with --bound write the result with --json.")
    variances: list[Variance | None] = list(args.variance or [None])
    if args.json and len(args.model) * len(variances) > 1:
        raise CommandError("--json holds one result: give one model and one variance.")
    device = device_named(args.device)
    for name in args.model:
        if _is_vae(name):
            _measure_vae(name, args)
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
            _write(args, {"model": model.title, "data": data, "command": _command(args, name), **bound.model_dump()})
            print(summary(bound, model, data))
    return 0


def _measured(model: Model, data_name: str, variance: Variance | None, device: str, args: argparse.Namespace) -> Bound:
    from engine.data.catalogue import load
    from engine.denoiser import NetDenoiser
    from engine.evaluation.bound import Bound, held_out_bound

    if isinstance(model.denoiser, NetDenoiser):
        model.denoiser.net.to(device)
    progress = ProgressLine()
    bound: Bound | None = None
    for event in held_out_bound(
        model,
        load(data_name),
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


def _write(args: argparse.Namespace, result: dict[str, object]) -> None:
    from engine.storage.files import write_json

    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        write_json(args.json, result)


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


# --- a VAE ---------------------------------------------------------------------------------------------------------------


def _is_vae(name: str) -> bool:
    """Whether a name or folder is that of a VAE, whose bound has two terms."""
    from engine.models.vae import VAES, is_saved_in
    from engine.storage.checked_files import CheckpointError
    from engine.storage.checkpoints import newest_in

    if name in VAES:
        return True
    try:
        return is_saved_in(newest_in(Path(name)))
    except (CheckpointError, OSError, ValueError):
        return False


def _measure_vae(name: str, args: argparse.Namespace) -> None:
    """Print the bound of a VAE on every held-out picture of its set."""
    import torch

    from engine.data.catalogue import load
    from engine.data.pixels import to_unit
    from engine.evaluation.bound import check_fit
    from engine.evaluation.per_picture import latent_costs
    from engine.models import vae

    trained = vae.load(name)
    data = load(args.data or trained.card.data)
    check_fit(trained.shape, 0, data)
    x0 = to_unit(data.held_out_part.images)
    if not len(x0):
        raise CommandError(f"No pictures of “{data.name}” are held out: there is nothing to measure on.")
    draws, progress, began = 2 * args.per_step, ProgressLine(), time.perf_counter()
    costs = []
    for cost in latent_costs(trained.net, x0, trained.net.config.latent, draws=draws, seed=args.seed):
        costs.append(cost.nats)
        left = (time.perf_counter() - began) / len(costs) * (len(x0) - len(costs))
        progress.show(f"{len(costs)}/{len(x0)} pictures", left, last=len(costs) == len(x0))
    progress.end()
    bits = torch.stack(costs) / (x0[0].numel() * math.log(2))
    result: dict[str, object] = {
        "model": trained.card.title,
        "data": data.name,
        "pictures": len(bits),
        "draws_for_each": draws,
        "seed": args.seed,
        "seconds": round(time.perf_counter() - began, 1),
    }
    rows = {"at most": bits.sum(1), "reconstruction, to 256 levels": bits[:, 0], "KL to the prior": bits[:, 1]}
    print(f"{trained.card.title}: {len(bits)} held-out pictures of “{data.name}”, {draws} draws of z for each")
    for what, values in rows.items():
        mean, error = float(values.mean()), float(values.std() / math.sqrt(len(values)))
        result[what.split(",")[0].replace(" ", "_")] = {"bits_per_dim": mean, "standard_error": error}
        print(f"{what:38} {mean:8.4f} ± {error:.4f} bits/dim")
    _write(args, result)
