"""A short run for test_machine: in as many processes as it is started with, it trains and writes what came out.

python -m torch.distributed.run --standalone --nproc_per_node 2 tests/processes_to_try.py OUT '{"steps": 12}'
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.training.distributed import launched_context
from engine.training.loop import train
from engine.training.state import begin

from runs_to_try import DATA, config_of


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("config", type=json.loads)
    given = parser.parse_args()

    torch.set_num_threads(1)
    context = launched_context("cpu")
    config = config_of(**given.config)
    state = begin(config, DATA, context.device)
    reports = [(r.step, r.loss, r.gradient_norm) for r in train(config, DATA, state, context)]
    if context.is_main:
        given.out.mkdir(parents=True, exist_ok=True)
        save_file({name: weight.contiguous() for name, weight in state.average.items()}, given.out / "average")
        words = {"count": context.count, "step": state.step, "reports": reports}
        (given.out / "told.json").write_text(json.dumps(words))
    context.close()


if __name__ == "__main__":
    main()
