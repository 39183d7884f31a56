"""Memory of a long trajectory: frames are stored packed and thinned out, so that the peak grows little."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.figures import Figure
from benchmarks.sides import Work, side

SHORT = 50
MODEL = "ideal:digits"
"""The exact denoiser is fast, and its frames take as much memory as any; the memory of a network is not measured."""


def measure(*, images: int, steps: int) -> list[Figure]:
    """A trajectory of so many steps beside one of `SHORT`, kept as a lab keeps it, each in a process of its own."""
    figures, peaks = [], []
    for count in (SHORT, steps):
        with side("benchmarks.memory:trajectory", images=images, steps=count) as one:
            result = one.turn().result
        assert result is not None
        figures += _of_trajectory(f"{count} steps of {images} digits", result)
        peaks.append(float(result[0]))
    figures.append(
        Figure(f"Peak memory, {steps} steps ÷ {SHORT} steps", (peaks[1] / peaks[0],), "×", "median", goal=1.1)
    )
    for figure in figures:
        print(f"{figure.what}: {figure.measured()}", flush=True)
    return figures


def _of_trajectory(what: str, result: npt.NDArray[np.float32]) -> Iterator[Figure]:
    names = ("peak memory of the process", "frames as the lab keeps them", "frames as they go to the browser")
    for name, megabytes in zip((*names, "the same as float32, all steps"), result.tolist(), strict=True):
        yield Figure(f"{what}: {name}", (megabytes,), "MB")


def trajectory(*, images: int, steps: int) -> Work:
    """Sample, and return in megabytes: peak of the process, frames kept, frames sent, and what all steps take as float32."""
    from engine.recipes.recipe import Recipe
    from engine.registry import open_model
    from playground.labs.sampling.job import SamplingJob
    from playground.labs.sampling.view import timeline

    model = open_model(MODEL)
    recipe = Recipe(model=MODEL, steps=steps, labels=(), seeds=tuple(range(images)))

    def work() -> npt.NDArray[np.float32]:
        job = SamplingJob("benchmark", model, {"A": recipe})
        job.wait()
        frames = job.frames()
        assert frames, job.state.error
        assert frames[-1].step == steps, job.state.error
        kept = sum(images.x.nbytes + images.x0.nbytes + images.noise.nbytes for images in frames)
        shown = timeline("benchmark", {"A": frames})
        assert shown is not None
        sent = len(shown.to_message())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        floats = 3 * (steps + 1) * images * 4 * int(np.prod(model.shape))
        return np.array([peak, kept, sent, floats], np.float32) / 1e6

    return work
