"""A class of forty on one link: visitors of the Gradio app, over real HTTP, who all press the button at the same time.

Each has labels and seeds of its own. What comes back is compared with one batch of all their pictures, drawn in this process
while the server rests: how long it took, and whether everybody got their own.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx
import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from benchmarks.figures import Figure
from engine.data.pixels import to_uint8
from engine.models.opened import Model
from engine.recipes.fork import from_png
from engine.recipes.recipe import Recipe, png_bytes
from engine.registry import open_model
from engine.runtime import torch_threads
from playground.serving.request_queue import GRACE

MODEL, SCALE = "digits", 2.0
RATIO_GOAL = 1.3
FIRST_GOAL = 2.0
MEMORY_GOAL = 1.05
PATIENCE = 600.0
"""Seconds."""
NEAR = 1
"""Grey levels: the sum over a batch is rounded by its size, see engine.runtime.batching."""

Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Visit:
    """What one visitor has seen. Seconds since all of them pressed the button."""

    first_word: float
    """Until the page can say something: how far it is, or the place in the queue."""
    first_pictures: float
    """Until x_T and the x̂0 of the first step are there."""
    done: float
    png: bytes
    problem: str = ""


@dataclass(frozen=True)
class Round:
    """All visitors once."""

    makespan: float
    first_word: float
    first_pictures: float
    """Both of the visitor who waited longest."""
    errors: int
    wrong: int
    """Visitors whose pictures are not their own."""
    megabytes: float = 0.0
    """Of the server, once it has forgotten them."""


def measure(
    *, visitors: int, images: int, steps: int, rounds: int, without_training: bool, browser: bool
) -> list[Figure]:
    """All of it; or, with `browser`, what is left for the server where their browsers sample."""
    torch_threads.set_thread_count(torch_threads.ALL)
    model = open_model(MODEL)
    recipes = [recipe_of(model, images, steps, k * images) for k in range(visitors)]
    if browser:
        from benchmarks.students import PASSIVE, in_browsers

        with server(PASSIVE) as (url, process):
            return in_browsers(url, process, recipes, rounds)
    whole = recipe_of(model, visitors * images, steps, 0)
    who = f"{visitors} visitors × {images} images × {steps} steps, guided"
    figures = []
    with server() as (url, process):
        asyncio.run(round_of(url, recipes[:2], _split(drawn(model, recipes[0], recipes[1]), 2)))  # to warm up
        found, alone = _rounds(url, process, model, recipes, whole, rounds)
        figures += _figures(who, found, alone)
        if not without_training:
            with _training(url):
                found, alone = _rounds(url, process, model, recipes, whole, max(1, rounds // 2))
            figures += _figures(f"{who}, while a network trains", found, alone)
    return figures


def _rounds(
    url: str, process: psutil.Process, model: Model, recipes: list[Recipe], whole: Recipe, rounds: int
) -> tuple[list[Round], list[float]]:
    """By turns, so that whatever else the machine does falls on both: the visitors, and one batch of all of it."""
    found, alone = [], []
    for number in range(rounds):
        began = time.perf_counter()
        own = _split(drawn(model, whole), len(recipes))
        alone.append(time.perf_counter() - began)
        done = asyncio.run(round_of(url, recipes, own))
        time.sleep(GRACE + 2)
        last = replace(done, megabytes=process.memory_info().rss / 1e6)
        found.append(last)
        print(
            f"Round {number + 1}: {last.makespan:.1f} s, one batch {alone[-1]:.1f} s, ratio {last.makespan / alone[-1]:.2f}; "
            f"first word {last.first_word:.2f} s, first pictures {last.first_pictures:.2f} s; {last.errors} errors, "
            f"{last.wrong} wrong; server {last.megabytes:.0f} MB",
            flush=True,
        )
    return found, alone


def _figures(who: str, found: list[Round], alone: list[float]) -> list[Figure]:
    ratios = tuple(one.makespan / batch for one, batch in zip(found, alone, strict=True))
    return [
        Figure(f"{who}: all done", tuple(one.makespan for one in found), "s", "median"),
        Figure("One batch of all these images, in a process of its own", tuple(alone), "s", "median"),
        Figure("Ratio of the two", ratios, "×", "median", RATIO_GOAL),
        Figure(
            "First progress message, for the visitor who waits longest",
            tuple(one.first_word for one in found),
            "s",
            "p95",
            FIRST_GOAL,
        ),
        Figure(
            "First pictures, for the visitor who waits longest",
            tuple(one.first_pictures for one in found),
            "s",
            "p95",
            FIRST_GOAL,
        ),
        Figure("Errors and wrong pictures", (float(sum(one.errors + one.wrong for one in found)),), "of them", goal=0),
        Figure(
            "Memory of the server after the last round ÷ after the first",
            (found[-1].megabytes / found[0].megabytes,),
            "×",
            "median",
            MEMORY_GOAL,
        ),
    ]


# --- the pictures as they should be -----------------------------------------------------------------------------------


def recipe_of(model: Model, images: int, steps: int, first: int) -> Recipe:
    labels = tuple((first + k) % len(model.class_names) for k in range(images))
    return Recipe(model=MODEL, steps=steps, scale=SCALE, labels=labels, seeds=tuple(range(first, first + images)))


def drawn(model: Model, *recipes: Recipe) -> Pictures:
    """The pictures of all of them, one after the other: uint8 (B, H, W, C)."""
    return np.concatenate([to_uint8(list(recipe.frames(model))[-1].x) for recipe in recipes])


def _split(pictures: Pictures, visitors: int) -> list[Pictures]:
    return np.split(pictures, visitors)


def _is_own(visit: Visit, recipe: Recipe, own: Pictures) -> bool:
    """Whether these are the pictures of that recipe, which the file must name too."""
    expected = np.asarray(Image.open(io.BytesIO(png_bytes(own, None))), np.int16)
    got = np.asarray(Image.open(io.BytesIO(visit.png)), np.int16)
    same = expected.shape == got.shape and int(np.abs(expected - got).max()) <= NEAR
    return same and from_png(visit.png) == recipe


# --- visitors ---------------------------------------------------------------------------------------------------------


async def round_of(url: str, recipes: list[Recipe], own: list[Pictures]) -> Round:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits) as client:
        began = time.perf_counter()
        visits = await asyncio.gather(*(visit(client, recipe, began) for recipe in recipes))
    good = [visit for visit in visits if not visit.problem]
    for visit in visits:
        if visit.problem:
            print(f"  {visit.problem}", flush=True)
    pairs = zip(visits, recipes, own, strict=True)
    return Round(
        max(visit.done for visit in visits),
        max(visit.first_word for visit in visits),
        max(visit.first_pictures for visit in visits),
        len(visits) - len(good),
        sum(not visit.problem and not _is_own(visit, recipe, pictures) for visit, recipe, pictures in pairs),
    )


async def visit(client: httpx.AsyncClient, recipe: Recipe, began: float) -> Visit:
    """Ask for the recipe by the endpoint /sample, and read its event stream to the end."""
    first_word = first_pictures = float("inf")
    data = {"data": [recipe.model_dump(mode="json", exclude_defaults=True), ""]}
    try:
        asked = await client.post("/gradio_api/call/sample", json=data)
        asked.raise_for_status()
        async with client.stream("GET", f"/gradio_api/call/sample/{asked.json()['event_id']}") as stream:
            event = ""
            async for line in stream.aiter_lines():
                kind, _, value = line.partition(": ")
                event = value if kind == "event" else event
                if kind != "data" or value in ("", "null"):
                    continue
                now = time.perf_counter() - began
                if event == "error":
                    return Visit(first_word, first_pictures, now, b"", f"The server says: {value}")
                (answer,) = json.loads(value)
                first_word = min(first_word, now)
                if answer["frames"]:
                    first_pictures = min(first_pictures, now)
                if "png" in answer:
                    return Visit(first_word, first_pictures, now, base64.b64decode(answer["png"]))
    except (httpx.HTTPError, ValueError, KeyError) as problem:
        now = time.perf_counter() - began
        return Visit(first_word, first_pictures, now, b"", f"{type(problem).__name__}: {problem}")
    now = time.perf_counter() - began
    return Visit(first_word, first_pictures, now, b"", "The answer ended before the pictures came.")


# --- the server -------------------------------------------------------------------------------------------------------


@contextmanager
def server(env: Mapping[str, str] | None = None) -> Iterator[tuple[str, psutil.Process]]:
    """The Gradio app in public mode, in a process and with runs of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-m", "playground.gradio_ui", "--port", str(port), "--public"]
        environment = {**os.environ, "DIFFUSION_PLAYGROUND_RUNS": runs, **(env or {})}
        environment.pop("OMP_NUM_THREADS", None)  # the network takes all cores
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    _called(url, "recipe", [{}, "", ""])  # which also waits until torch is loaded
                    break
                except httpx.HTTPError as error:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError("The server did not start.") from error
                    time.sleep(0.2)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def _training(url: str) -> Iterator[None]:
    """One run that trains until the block ends."""
    settings = {"preset": "tiny", "steps": 3000}
    began = _called(url, "train_start", [settings, ""])
    who = [began["run"], began["visitor"]]
    deadline = time.monotonic() + 60
    while _called(url, "train_status", who)["step"] == 0 and time.monotonic() < deadline:
        time.sleep(0.2)
    yield
    status = _called(url, "train_stop", who)
    print(f"  The run has come to step {status['step']} meanwhile.", flush=True)


def _called(url: str, endpoint: str, data: list[object]) -> dict[str, object]:
    """The answer of an endpoint that gives one. Raises RuntimeError for an error."""
    event_id = httpx.post(f"{url}/gradio_api/call/{endpoint}", json={"data": data}, timeout=60).json()["event_id"]
    text = httpx.get(f"{url}/gradio_api/call/{endpoint}/{event_id}", timeout=PATIENCE).text
    event, value = (line.partition(": ")[2] for line in text.strip().splitlines()[-2:])
    if event != "complete":
        raise RuntimeError(f"/{endpoint}: {value}")
    return json.loads(value)[0]
