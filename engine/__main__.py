"""The engine from the shell: python -m engine train | sample | evaluate | runs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status, 2 for anything that the caller can mend."""
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a network by a recipe file, and write it as a diffusers folder")
    train.add_argument(
        "recipe", type=Path, help="a JSON file of training settings, for example assets/recipes/mnist.json"
    )
    train.add_argument(
        "--out", type=Path, required=True, help="the folder to write; an interrupted run in it is resumed"
    )
    train.add_argument("--save-every", type=float, default=120.0, metavar="SECONDS")
    train.add_argument("--device", default="cpu")
    args = parser.parse_args(arguments)
    return _train(args)


def _train(args: argparse.Namespace) -> int:
    from engine import pretrained
    from engine.data.catalogue import load
    from engine.training import loop, resume
    from engine.training.config import TrainConfig

    config = TrainConfig.model_validate_json(args.recipe.read_text(encoding="utf-8"))
    data = load(config.data).training
    state = loop.begin(config, data, args.device)
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
    for report in loop.train(config, data, state, args.device):
        left = (report.steps - report.step) * config.batch / report.images_per_second
        print(
            f"step {report.step}/{report.steps}  loss {report.loss:.4f}  {report.images_per_second:.0f} images/s  {left / 60:.1f} min left",
            flush=True,
        )
        with (
            (args.out / "metrics.jsonl").open("a", encoding="utf-8")
            if args.out.exists()
            else open("/dev/null", "w") as f
        ):  # noqa: SIM115
            f.write(json.dumps(report.__dict__) + "\n")
        if time.monotonic() - saved > args.save_every or report.step == report.steps:
            write()
            saved = time.monotonic()
    return 0


if __name__ == "__main__":
    sys.exit(main())
