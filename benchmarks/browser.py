"""The network in a browser: an evaluation in WebAssembly beside one in torch, and what a reader waits for in Chromium.

Node and Chromium run the same compiler. Torch and Node take turns, one thread each; processor time is compared pair by pair.
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

from benchmarks.chromium import chromium, new_page
from benchmarks.drawing import forward
from benchmarks.figures import Figure
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from playground.browser.live import live_sampler
from playground.browser.network import network_files
from playground.browser.offered import enclosed
from playground.browser.page import page

MODULES = {"unet": "SIMD", "unet-relaxed": "relaxed SIMD"}
BATCHES = (1, 4, 16)
AS_TORCH = 1.0
"""Goal: torch's time ÷ the browser's."""
FIRST_PICTURE, LIVE = 2.0, 1.0
"""Goals in seconds: from opening the page to the first frame, and 4 guided digits in 10 steps."""
DRAWN = '.dp-live-sampler[data-drawn="whole"]'


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
    """Milliseconds of the processor for one picture and evaluation."""
    model = open_model(name)
    with tempfile.TemporaryDirectory() as folder, _node(Path(folder), name) as ask:
        for batch in BATCHES:
            evaluate = forward(model, batch)
            taken: dict[str, list[float]] = {"torch": [], **{module: [] for module in MODULES}}
            for k in range(rounds + 3):
                begun = time.process_time()
                evaluate()
                values = {"torch": 1000 * (time.process_time() - begun)}
                values |= {module: ask(f"{module} {batch}")[0] for module in MODULES}
                for side, value in values.items():
                    if k >= 3:  # to warm up
                        taken[side].append(value / batch)
            pictures = f"{batch} picture{'s' if batch > 1 else ''} at once"
            yield Figure(f"torch, {pictures}: a picture", tuple(taken["torch"]), "ms", "median")
            for module, title in MODULES.items():
                yield Figure(f"{title}, {pictures}: a picture", tuple(taken[module]), "ms", "median")
                pairs = zip(taken["torch"], taken[module], strict=True)
                ratios = tuple(torchs / ours for torchs, ours in pairs)
                yield Figure(f"torch ÷ {title}, {pictures}", ratios, "×", "median", AS_TORCH, least=True)
        for module, title in MODULES.items():
            _cpu, _wall, load, size = ask(f"{module} 16")
            yield Figure(f"{title}: weights arranged in", (load,), "ms")
            yield Figure(f"{title}: memory for 16 pictures", (size / 1e6,), "MB")


@contextmanager
def _node(folder: Path, name: str) -> Iterator[Callable[[str], list[float]]]:
    """Node with the network; asks it one line, and gives the numbers of its answer."""
    files = network_files(open_model(name).denoiser.net)  # type: ignore[attr-defined]
    (folder / "config.json").write_text(json.dumps(files.config))
    (folder / "weights.safetensors").write_bytes(files.weights)
    script = Path(__file__).with_name("evaluations.mjs")
    command = ["node", "--experimental-wasm-relaxed-simd", str(script), str(folder)]
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
        file.write_text(page(live_sampler(recipe, model, enclosed)), encoding="utf-8")
        yield Figure("one file with the network inside", (file.stat().st_size / 1e6,), "MB")
        first, whole = [], []
        for _ in range(rounds):
            it = new_page(browser)
            begun = time.perf_counter()
            it.goto(file.as_uri())
            it.wait_for_selector(".dp-live-sampler .dp-timeline[data-loaded]")
            first.append(time.perf_counter() - begun)
            it.wait_for_selector(DRAWN)
            whole.append(int(it.locator(DRAWN).get_attribute("data-ms") or 0) / 1000)
            it.context.close()
        yield Figure("from opening the page to its first frame", tuple(first), "s", "median", FIRST_PICTURE)
        yield Figure("4 pictures in 10 steps, guided", tuple(whole), "s", "median", LIVE)


PARTS = {"evaluations": _evaluations, "page": _page}
