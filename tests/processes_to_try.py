"""A short run for test_machine: in as many processes as it is started with, it trains and writes what came out.

python -m torch.distributed.run --standalone --nproc_per_node 2 tests/processes_to_try.py OUT '{"steps": 12}' [--die-at 5]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
from pathlib import Path

import torch
from safetensors.torch import save_file

from engine.training import resume
from engine.training.loop import begin, train
from engine.training.machine import PeerLostError, this_machine

from runs_to_try import DATA, config_of


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("config", type=json.loads)
    parser.add_argument("--die-at", type=int, default=0, help="the step at which the last process kills itself")
    parser.add_argument("--resume", type=Path, default=None)
    given = parser.parse_args()

    torch.set_num_threads(1)
    signal.signal(
        signal.SIGTERM, lambda *_: None
    )  # the launcher's, once another process is gone: there is time to save
    machine = this_machine("cpu")
    config = config_of(**given.config)
    state = begin(config, DATA, machine.device)
    if given.resume:
        resume.load(given.resume, state)
    reports, told = [], ""
    try:
        for report in train(config, DATA, state, machine):
            reports.append([report.step, report.loss, report.gradient_norm, report.images_per_second])
            if report.step == given.die_at and machine.rank == machine.count - 1:
                os.kill(os.getpid(), signal.SIGKILL)
    except PeerLostError as error:
        told = str(error)
    if machine.is_main:
        given.out.mkdir(parents=True, exist_ok=True)
        save_file({name: weight.contiguous() for name, weight in state.average.items()}, given.out / "average")
        resume.save(given.out, state)
        words = {"count": machine.count, "step": state.step, "told": told, "reports": reports}
        (given.out / "told.json").write_text(json.dumps(words))
    machine.close()


if __name__ == "__main__":
    main()
