"""python -m engine evaluate --bound, where the model is a VAE: the two terms of its bound on held-out pictures."""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

from engine.cli.common import CommandError, ProgressLine


def is_vae_named(name: str) -> bool:
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


def measure_vae(name: str, args: argparse.Namespace) -> None:
    """Print the bound of a VAE on every held-out picture of its set."""
    import torch

    from engine.data.catalogue import load
    from engine.data.pixels import to_unit
    from engine.evaluation.bound import check_fit
    from engine.evaluation.per_picture import latent_costs
    from engine.models import vae
    from engine.storage.files import write_text

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
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        write_text(args.json, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
