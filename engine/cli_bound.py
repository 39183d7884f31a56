"""python -m engine evaluate --bound: how many bits a number of a picture costs, and where on the way they are spent."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.bound import Bound, Term
    from engine.library import Model

Show = Callable[[str, float, bool], None]
"""Told the progress: a text, the seconds left, and whether it is the last time."""


def add(evaluate: argparse.ArgumentParser) -> None:
    """The options that only the bound has; --model, --data, --variance, --batch, --device and --json are those of evaluate."""
    group = evaluate.add_argument_group("with --bound")
    group.add_argument(
        "--bound",
        action="store_true",
        help="measure the variational bound on the held-out pictures, in bits per dimension, instead of drawing samples",
    )
    group.add_argument(
        "--per-step", type=int, default=16, metavar="N", help="noisy pictures for each term (default: %(default)s)"
    )
    group.add_argument(
        "--strata", type=int, metavar="K", help="a quick estimate: cut the steps into K blocks (default: every step)"
    )
    group.add_argument("--seed", type=int, default=0, help="of the pictures and of the noise (default: %(default)s)")


def measure(args: argparse.Namespace, show: Show) -> tuple[Bound, str]:
    """Carry the command out; the bound, and what to print of it."""
    from engine.bound import Bound, BoundError, BoundProgress, check_fit, held_out_bound
    from engine.data.catalogue import load
    from engine.denoiser import NetDenoiser
    from engine.library import open_model

    model = open_model(args.model)
    if isinstance(model.denoiser, NetDenoiser):
        model.denoiser.net.to(args.device)
    name = args.data or model.data
    if not name:
        raise BoundError("The model's card does not say what it learned from: name the set with --data.")
    data = load(name)
    check_fit(model.shape, len(model.class_names), data)
    for event in held_out_bound(
        model.denoiser,
        model.schedule,
        data,
        labelled=bool(model.class_names),
        variance=args.variance,
        per_step=args.per_step,
        strata=args.strata,
        seed=args.seed,
        batch=args.batch,
        device=args.device,
    ):
        if isinstance(event, BoundProgress):
            show(f"{event.done}/{event.total} noisy pictures", event.seconds_left, event.done == event.total)
    assert isinstance(event, Bound)
    return event, summary(event, model, data.name)


def summary(bound: Bound, model: Model, data: str) -> str:
    """A few lines for a reader."""
    looked = sum(term.draws for term in bound.terms)
    rows = [
        f"{model.title} on {bound.pictures} held-out pictures of “{data}”: {bound.variance} variance, {looked} noisy "
        f"pictures in {bound.seconds:.0f} s",
        f"{'at most':34} {bound.bits_per_dim:9.4f} ± {bound.bits_per_dim_error:.4f} bits/dim   "
        f"({bound.nats:.1f} ± {bound.standard_error:.1f} nats a picture)",
    ]
    middle = [term for term in bound.terms if term.first > 1]
    first = [term for term in bound.terms if term.last == 1]
    if first:
        rows.append(_row("L_0, the last step to 256 levels", first))
        rows.append(_row(f"L_1 … L_{bound.T - 1}, the steps before", middle))
    rows.append(f"{f'L_{bound.T}, what is left at the end':34} {bound.prior.bits_per_dim:9.4f}   exactly")
    rows.append("where it is spent:")
    for part in bound.parts():
        where = f"t = {part.first}" if part.first == part.last else f"t = {part.first} … {part.last}"
        share = part.nats / bound.nats if bound.nats else 0.0
        rows.append(_row(f"  {where}", [part]) + f"   {share:6.1%}")
    return "\n".join(rows)


def _row(what: str, terms: list[Term]) -> str:
    bits, error = sum(term.bits_per_dim for term in terms), math.hypot(*(term.bits_per_dim_error for term in terms))
    return f"{what:34} {bits:9.4f} ± {error:.4f}"
