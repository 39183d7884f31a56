"""One and two workers in Chromium, beside onnxruntime-web and torch with as many threads: time by the clock, by turns."""

from __future__ import annotations

import mimetypes
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Browser, Route

from benchmarks import onnx_web
from benchmarks.chromium import ROOT, chromium, new_page
from benchmarks.drawing import forward
from benchmarks.figures import Figure
from engine.models.opened import Model
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from playground.browser.network import network_files
from playground.browser.program import compile_program
from playground.browser.script import worker_script

ADDRESS = "http://127.0.0.1:9/"
"""Of pages that this program answers for: Chromium trusts it with shared memory."""
HEADERS = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
COUNTS = {1: "one", 2: "two"}
STEPS = 6
"""Evaluations of each picture at a time."""
WARM = 3
Work = Callable[[int], float]
"""Milliseconds for one picture and evaluation, of so many pictures."""


def workers(rounds: int, name: str, batches: tuple[int, ...], as_onnx: float, as_torch: float) -> Iterator[Figure]:
    """Each batch with one worker and with two, both modules. Raises CalledProcessError without npm."""
    model = open_model(name)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        opened = _contenders(browser, Path(folder), model)
        for batch in batches:
            taken: dict[tuple[str, int], list[float]] = {key: [] for key in opened}
            for _ in range(WARM + rounds):
                for key, work in opened.items():
                    taken[key].append(work(batch))
            yield from _figures({key: values[WARM:] for key, values in taken.items()}, batch, as_onnx, as_torch)


def _figures(
    taken: dict[tuple[str, int], list[float]], batch: int, as_onnx: float, as_torch: float
) -> Iterator[Figure]:
    pictures = f"{batch} picture{'s' if batch > 1 else ''} at once"
    for (title, count), values in taken.items():
        what = "thread" if title in ("torch", "onnxruntime-web") else "worker"
        several = f"{COUNTS[count]} {what}{'s' if count > 1 else ''}"
        yield Figure(f"Chromium: {title}, {several}, {pictures}: a picture", tuple(values), "ms", "median")
    most = max(COUNTS)
    for theirs, goal in (("onnxruntime-web", as_onnx), ("torch", as_torch)):
        for ours in ("SIMD", "relaxed SIMD"):
            pairs = zip(taken[theirs, most], taken[ours, most], strict=True)
            ratios = tuple(other / own for other, own in pairs)
            what = f"Chromium: {theirs} ÷ {ours}, {COUNTS[most]} of each, {pictures}"
            yield Figure(what, ratios, "×", "median", goal, least=True)


def _contenders(browser: Browser, folder: Path, model: Model) -> dict[tuple[str, int], Work]:
    """By title and number of workers or threads, each in a page of its own."""
    net = model.denoiser.net  # type: ignore[attr-defined]
    files = network_files(net)
    (folder / "weights.safetensors").write_bytes(files.weights)
    onnx_web.export(model.name, folder / "unet.onnx")
    classes = len(model.class_names)
    recipe = Recipe(model=model.name, seeds=(0,), labels=(0,) if classes else (), steps=STEPS, sampler="ddim", scale=1)
    given = {"config": files.config, "classes": classes, "program": compile_program(recipe, model).to_payload()}
    relaxed = worker_script()
    scripts = {"SIMD": relaxed.replace("WebAssembly.validate(relaxed)", "false"), "relaxed SIMD": relaxed}
    found: dict[tuple[str, int], Work] = {}
    for count in COUNTS:
        found["torch", count] = _torch(model, count)
        for title, script in scripts.items():
            found[title, count] = _page(browser, folder, "ours", {**given, "script": script, "count": count})
        found["onnxruntime-web", count] = _page(browser, folder, "onnx", {**given, "count": count})
    return found


def _torch(model: Model, threads: int) -> Work:
    def work(batch: int) -> float:
        torch.set_num_threads(threads)
        evaluate = forward(model, batch)
        evaluate()
        begun = time.perf_counter()
        for _ in range(STEPS):
            evaluate()
        return 1000 * (time.perf_counter() - begun) / (STEPS * batch)

    return work


def _page(browser: Browser, folder: Path, contender: str, given: dict[str, Any]) -> Work:
    places = {"onnx": onnx_web.installed(), "benchmarks": ROOT / "benchmarks", "playground": ROOT / "playground"}

    def answer(route: Route) -> None:
        first, _, rest = route.request.url.removeprefix(ADDRESS).partition("/")
        file = places[first] / rest if rest else folder / first
        kind = {"Content-Type": mimetypes.guess_type(file.name)[0] or "text/html"}
        body = file.read_bytes() if file.is_file() else b"<!doctype html>"
        route.fulfill(body=body, headers={**HEADERS, **kind})

    page = new_page(browser)
    page.route(f"{ADDRESS}**", answer)
    page.goto(ADDRESS)
    page.evaluate(f"async (given) => (await import('/benchmarks/workers.mjs')).{contender}(given)", given)
    return lambda batch: float(page.evaluate("(batch) => work(batch)", batch))
