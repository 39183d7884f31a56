"""Sampling: against diffusers' pipelines and against guidance in two calls a step, all with the same weights; against the bare
network, and that against the machine's matrix product; and how its time grows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from benchmarks import drawing
from benchmarks.figures import Figure
from benchmarks.overhead import overheads, seconds, share_of_matrix_product
from benchmarks.sides import compared, side
from engine.interop.pretrained import CHECKPOINTS
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.runtime import allocator

SAME = 1e-3
"""How far pictures in 0 … 1 of the same method may lie apart: a quarter of one grey."""
PIPELINE_GOAL, GUIDED_GOAL, LARGE_GOAL = 1.5, 2.0, 3.0
SCALE = 2.0


@dataclass(frozen=True)
class Wanted:
    """How much is measured."""

    images: int
    steps: int
    rounds: int
    device: str


def measure(parts: Sequence[str], *, images: int, steps: int, rounds: int, device_name: str) -> list[Figure]:
    """The parts that are asked for. Raises RuntimeError where a peer draws other pictures than ours."""
    torch.set_num_threads(1)
    allocator.keep_freed_memory()  # as the programs of this project do
    wanted, figures = Wanted(images, steps, rounds, device_name), []
    for part in parts:
        for figure in PARTS[part](wanted):
            figures.append(figure)
            print(f"{figure.what}: {figure.measured()}", flush=True)
    return figures


def _pipelines(wanted: Wanted) -> Iterator[Figure]:
    """Ours against `DDIMPipeline` and `DDPMPipeline`."""
    with tempfile.TemporaryDirectory() as place:
        folder = str(drawing.unlabelled(CHECKPOINTS["digits"], Path(place) / "digits"))
        for kind, sampler in (("DDIMPipeline", "ddim"), ("DDPMPipeline", "ddpm")):
            yield _against_pipeline(folder, kind, sampler, wanted, "digits", PIPELINE_GOAL)


def _against_pipeline(folder: str, kind: str, sampler: str, wanted: Wanted, what: str, goal: float) -> Figure:
    settings = {"model": folder, "sampler": sampler, "steps": wanted.steps, "seeds": tuple(range(wanted.images))}
    theirs = {"folder": folder, "kind": kind, "steps": wanted.steps, "images": wanted.images}
    with (
        side("benchmarks.drawing:engine", keep_freed=True, device=wanted.device, **settings) as a,
        side("benchmarks.drawing:pipeline", device=wanted.device, **theirs) as b,
    ):
        pairs = compared(a, b, wanted.rounds, apart=SAME)
    print(f"{sampler.upper()}: the pictures of both are {pairs.apart:.0e} apart, in 0 … 1", flush=True)
    named = f"{sampler.upper()}, {wanted.steps} steps, {wanted.images} {what}: diffusers' {kind} ÷ ours"
    return pairs.figure(named, least=goal, on_wall=wanted.device != "cpu")


def _guided(wanted: Wanted) -> Iterator[Figure]:
    """Conditional and unconditional rows in one batch against two calls a step; and the same with a guidance interval."""
    folder, labels = str(CHECKPOINTS["digits"]), tuple(k % 10 for k in range(wanted.images))
    ours = {"model": "digits", "steps": wanted.steps, "labels": labels, "seeds": tuple(range(wanted.images))}
    with (
        side("benchmarks.drawing:engine", keep_freed=True, device=wanted.device, scale=SCALE, **ours) as a,
        side(
            "benchmarks.drawing:two_calls",
            device=wanted.device,
            folder=folder,
            scale=SCALE,
            steps=wanted.steps,
            labels=labels,
        ) as b,
        side("benchmarks.drawing:engine", keep_freed=True, scale=SCALE, scale_to=0.9, scale_from=0.1, **ours) as part,
    ):
        pairs = compared(a, b, wanted.rounds, apart=SAME)
        print(f"Guided: the pictures of both are {pairs.apart:.0e} apart, in 0 … 1", flush=True)
        named = (
            f"Guided DDIM, {wanted.steps} steps, {wanted.images} digits: diffusers' network in two calls a step ÷ ours"
        )
        yield pairs.figure(named, least=GUIDED_GOAL)
        fewer = compared(part, b, wanted.rounds)
        yield fewer.figure("The same, ÷ ours guided between 1 − ᾱ = 0.1 and 0.9 only (other pictures)")


def _overhead(wanted: Wanted) -> Iterator[Figure]:
    yield from overheads(open_model("digits"), wanted.images, wanted.steps, wanted.rounds)


def _matmul(wanted: Wanted) -> Iterator[Figure]:
    for rows in (wanted.images, 2 * wanted.images, 4 * wanted.images):
        yield share_of_matrix_product(open_model("digits"), rows, 3 * wanted.rounds + 2)


def _allocator(wanted: Wanted) -> Iterator[Figure]:
    """What `engine.runtime.allocator` brings."""
    for rows in (wanted.images, 4 * wanted.images):
        work = {"model": "digits", "rows": rows, "count": 8}
        with (
            side("benchmarks.drawing:forwards", keep_freed=True, **work) as a,
            side("benchmarks.drawing:forwards", **work) as b,
        ):
            named = f"Network forward, {rows} rows: freed memory given back ÷ kept"
            yield compared(a, b, 2 * wanted.rounds).figure(named)


def _growth(wanted: Wanted) -> Iterator[Figure]:
    """Time for one picture and step, by how many of either there are: flat where time grows in proportion."""
    model, settings = open_model("digits"), []
    settings += [(wanted.images, steps) for steps in (5, 20, 50)]
    settings += [(images, 5) for images in (1, 4, 64, 256)]
    for images, steps in settings:
        recipe = Recipe(
            model="digits", steps=steps, scale=1.0, labels=(1,) * images, seeds=tuple(range(images)), sampler="ddim"
        )
        each = [1000 * seconds(lambda recipe=recipe: list(recipe.frames(model)))[1] / images / steps for _ in range(3)]
        yield Figure(f"DDIM, {images} digits, {steps} steps: for one picture and step", tuple(each), "ms", "median")
    yield from _by_size(wanted.images)


def _by_size(rows: int) -> Iterator[Figure]:
    from engine.models.presets import PRESETS
    from engine.models.unet import UNet

    for size in (16, 32, 64):
        net = UNet(PRESETS["small"].config(size, 3, 0)).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        x, t = torch.randn(rows, 3, size, size), torch.zeros(rows)
        with torch.no_grad():
            times = [1000 * seconds(lambda net=net, x=x, t=t: net(x, t))[1] / rows for _ in range(5)]
        each = tuple(1000 * ms / size**2 for ms in times[1:])
        yield Figure(
            f"“small”, {size} × {size}: {median(times):.2f} ms a picture, for 1,000 pixels", each, "ms", "median"
        )


def _large(wanted: Wanted) -> Iterator[Figure]:
    """The network of google/ddpm-cifar10-32, for a GPU: on a CPU with two pictures and three steps only."""
    on_gpu = wanted.device != "cpu"
    less = wanted if on_gpu else Wanted(2, 3, min(3, wanted.rounds), "cpu")
    with tempfile.TemporaryDirectory() as place:
        folder = str(drawing.large(Path(place) / "large"))
        what = f"pictures of 32 × 32 by 35.7 M random weights on {wanted.device}"
        # Untrained, the network multiplies every rounding by 1 / √ᾱ_T: pictures are compared in `_pipelines`.
        yield _against_large(folder, less, what)


def _against_large(folder: str, wanted: Wanted, what: str) -> Figure:
    with (
        side(
            "benchmarks.drawing:engine",
            keep_freed=True,
            device=wanted.device,
            model=folder,
            steps=wanted.steps,
            seeds=tuple(range(wanted.images)),
        ) as a,
        side(
            "benchmarks.drawing:pipeline",
            device=wanted.device,
            folder=folder,
            kind="DDIMPipeline",
            steps=wanted.steps,
            images=wanted.images,
        ) as b,
    ):
        pairs = compared(a, b, wanted.rounds)
    goal = LARGE_GOAL if wanted.device != "cpu" else None
    named = f"DDIM, {wanted.steps} steps, {wanted.images} {what}: diffusers' DDIMPipeline ÷ ours"
    return pairs.figure(named, least=goal, on_wall=wanted.device != "cpu")


PARTS = {
    "pipelines": _pipelines,
    "guided": _guided,
    "overhead": _overhead,
    "matmul": _matmul,
    "allocator": _allocator,
    "growth": _growth,
    "large": _large,
}
