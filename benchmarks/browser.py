"""The network in a browser: an evaluation beside torch's and onnxruntime-web's, and what a reader waits for in Chromium.

Node and Chromium have the same compiler. All take turns, one thread each; in Node it is processor time that is compared, pair
by pair. Two workers, and two threads, are compared by the clock in Chromium.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks import onnx_web
from benchmarks.chromium import chromium, new_page
from benchmarks.drawing import forward
from benchmarks.figures import Figure
from benchmarks.workers import workers
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from playground.browser.build import HERE
from playground.browser.network import network_files
from playground.browser.script import worker_script
from playground.static_site.one_file import of_recipe

OURS = {"unet": "SIMD", "unet-relaxed": "relaxed SIMD"}
NETWORKS = {**OURS, "onnx": "onnxruntime-web"}
BATCHES = (1, 4, 16)
WARM = 4
"""Rounds before the first that counts."""
COMPILED = ("--no-liftoff", "--no-wasm-dynamic-tiering")
"""Node compiles all of a module before it is run, not meanwhile in other threads, whose processor time would count too."""
LOADS = 5
"""How often each network is opened, in a process of its own."""
AS_TORCH, AS_ONNX = 1.0, 3.0
"""Goals: their time ÷ the browser's."""
FIRST_PICTURE, LIVE = 2.0, 1.0
"""Goals in seconds: from opening the page to the first frame, and 4 guided digits in 10 steps."""
DRAWN = '[data-drawn="whole"]'


def measure(parts: Sequence[str], *, rounds: int, model_name: str) -> list[Figure]:
    """The parts that are asked for. Raises FileNotFoundError without Node, RuntimeError where it ends."""
    torch.set_num_threads(1)
    figures = []
    for part in parts:
        for figure in PARTS[part](rounds, model_name):
            figures.append(figure)
            print(f"{figure.what}: {figure.measured()}", flush=True)
    return figures


def _evaluations(rounds: int, name: str) -> Iterator[Figure]:
    """Milliseconds of the processor for one picture and evaluation, in Node; then what each takes to be there."""
    model = open_model(name)
    with tempfile.TemporaryDirectory() as folder, _node(Path(folder), name, *COMPILED) as ask:
        for batch in BATCHES:
            taken = _taken(forward(model, batch), ask, batch, rounds)
            pictures = f"{batch} picture{'s' if batch > 1 else ''} at once"
            for title, values in taken.items():
                yield Figure(f"{title}, {pictures}: a picture", values, "ms", "median")
            for theirs, goal in (("onnxruntime-web", AS_ONNX), ("torch", AS_TORCH)):
                for ours in OURS.values():
                    pairs = zip(taken[theirs], taken[ours], strict=True)
                    ratios = tuple(other / own for other, own in pairs)
                    yield Figure(f"{theirs} ÷ {ours}, {pictures}", ratios, "×", "median", goal, least=True)
        for module, title in OURS.items():
            yield _share(ask, module, title, rounds)
        yield from _sizes(Path(folder), name)
        for network, title in NETWORKS.items():
            answers = []
            for _ in range(LOADS):
                with _node(Path(folder), name) as ask:
                    answers.append(ask(f"{network} 16"))
            yield Figure(f"{title}: from its bytes to a network", tuple(one[2] for one in answers), "ms", "median")
            yield Figure(f"{title}: memory of WebAssembly for 16 pictures", (answers[-1][3] / 1e6,), "MB")


def _taken(
    evaluate: Callable[[], object], ask: Callable[[str], list[float]], batch: int, rounds: int
) -> dict[str, tuple[float, ...]]:
    """Milliseconds for one picture, by turns: of torch, and of each network."""
    taken: dict[str, list[float]] = {"torch": [], **{title: [] for title in NETWORKS.values()}}
    for _ in range(WARM + rounds):
        begun = time.process_time()
        evaluate()
        taken["torch"].append(1000 * (time.process_time() - begun) / batch)
        for network, title in NETWORKS.items():
            taken[title].append(ask(f"{network} {batch}")[0] / batch)
    return {title: tuple(values[WARM:]) for title, values in taken.items()}


def _share(ask: Callable[[str], list[float]], module: str, title: str, rounds: int) -> Figure:
    """Multiplications a second of an evaluation ÷ those of a matrix product in the same module, by turns."""
    (products,) = ask(f"products {module}")
    shares = []
    for _ in range(WARM + rounds):
        (rate,) = ask(f"product {module}")
        shares.append(100 * 16 * products / (ask(f"{module} 16")[0] / 1000) / rate)
    what = f"{title}, 16 pictures at once: multiplications a second ÷ those of its own 64 × 96 × 64 matrix product"
    return Figure(what, tuple(shares[WARM:]), "%", "median")


def _sizes(folder: Path, name: str) -> Iterator[Figure]:
    """What a reader fetches for the first picture, before any compression."""
    weights = len(network_files(open_model(name).denoiser.net, half=True).weights)  # type: ignore[attr-defined]
    for module, title in OURS.items():
        yield Figure(f"{title}: WebAssembly", ((HERE / f"{module}.wasm").stat().st_size / 1e3,), "kB")
    yield Figure("Script of the worker, with both of them", (len(worker_script().encode()) / 1e3,), "kB")
    yield Figure("Weights in half precision", (weights / 1e6,), "MB")
    theirs = onnx_web.installed()
    whole = sum((theirs / file).stat().st_size for file in (onnx_web.SCRIPT, onnx_web.BINARY))
    yield Figure("onnxruntime-web: WebAssembly and script", (whole / 1e6,), "MB")
    yield Figure("onnxruntime-web: network in single precision", ((folder / "unet.onnx").stat().st_size / 1e6,), "MB")


@contextmanager
def _node(folder: Path, name: str, *flags: str) -> Iterator[Callable[[str], list[float]]]:
    """Node with the network; asks it one line, and gives the numbers of its answer."""
    files = network_files(open_model(name).denoiser.net)  # type: ignore[attr-defined]
    (folder / "config.json").write_text(json.dumps(files.config))
    (folder / "weights.safetensors").write_bytes(files.weights)
    if not (folder / "unet.onnx").is_file():
        onnx_web.export(name, folder / "unet.onnx")
    script = Path(__file__).with_name("evaluations.mjs")
    command = ["node", "--experimental-wasm-relaxed-simd", *flags, str(script), str(folder), str(onnx_web.installed())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        lines, answers = process.stdin, process.stdout
        assert lines is not None
        assert answers is not None

        def ask(line: str) -> list[float]:
            lines.write(f"{line}\n")
            lines.flush()
            answer = answers.readline()
            if not answer:
                raise RuntimeError("Node has ended; what it said stands above.")
            return [float(number) for number in answer.split()]

        yield ask
        lines.close()


def _page(rounds: int, name: str) -> Iterator[Figure]:
    """A page of one file, opened from a folder in Chromium: bytes, first picture, and four pictures again."""
    model = open_model(name)
    labels = tuple(k % len(model.class_names) for k in range(4)) if model.class_names else ()
    recipe = Recipe(model=name, seeds=(0, 1, 2, 3), labels=labels, steps=10)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        file = Path(folder) / "page.html"
        file.write_text(of_recipe(recipe), encoding="utf-8")
        yield Figure("one file with the network inside", (file.stat().st_size / 1e6,), "MB")
        first, whole = [], []
        for _ in range(rounds):
            it = new_page(browser)
            begun = time.perf_counter()
            it.goto(file.as_uri())
            it.wait_for_selector("main .dp-timeline[data-loaded]")
            first.append(time.perf_counter() - begun)
            it.wait_for_selector(DRAWN)
            whole.append(int(it.locator(DRAWN).get_attribute("data-ms") or 0) / 1000)
            it.context.close()
        yield Figure("from opening the page to its first frame", tuple(first), "s", "median", FIRST_PICTURE)
        yield Figure("4 pictures in 10 steps, guided", tuple(whole), "s", "median", LIVE)


def _workers(rounds: int, name: str) -> Iterator[Figure]:
    yield from workers(rounds, name, BATCHES, AS_ONNX, AS_TORCH)


PARTS = {"evaluations": _evaluations, "workers": _workers, "page": _page}
