"""Records the samples that the Recorder shows first: python assets/make_recorder.py RUN

RUN is the folder of a training run. The one that ships was made by

    python -m engine train --set data=digits --set preset=tiny --set target=velocity --set steps=2500 \\
        --set sample_every=1250 --set ema_decay=0.995 --out runs/recorder
    python assets/make_recorder.py runs/recorder
"""

import sys
from pathlib import Path

import numpy as np

from engine.runs import service as runs
from playground.labs.recorder import job
from playground.labs.recorder.controls import RecorderControls
from playground.policy.visitor import HOST


def main(folder: Path) -> None:
    runs._service = runs.TrainingService(folder.parent)
    last = None
    for partial in job.record(RecorderControls(run=folder.name), HOST):
        last = partial.result or last
    assert last is not None
    # Every other frame of x̂0 and x_t, as shown: small, and nothing visible is lost.
    frames = list(range(0, len(last.t), 2))
    job.RECORDING.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        job.RECORDING,
        steps=np.array(last.steps),
        t=np.array([last.t[k] for k in frames]),
        x0=np.stack(last.x0)[:, frames],
        x=np.stack(last.x)[:, frames],
        names=np.array(last.names),
    )
    print(f"{job.RECORDING.name}: {last.steps}, {job.RECORDING.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
