"""Generated recipes, links, API calls and command lines: a result, or one sentence."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.faults.commands import problem_of

SECONDS = 30
"""After which a case counts as hanging."""
NASTY: tuple[Any, ...] = (
    None, True, 0, -1, 1, 3, 10**6, 2**53, 2**64, 1e-300, 1e308, float("nan"), float("inf"), "", " ", "nan", "1e400", "½",
    "\x00", "../../etc/passwd", "/dev/zero", "a" * 10_000, "١٢", "😀", "\ud800", [], {}, [[]], {"a": None}, [1] * 2000,
    "digits", "ddpm",
)  # fmt: skip
LABS = (
    "forward",
    "guidance",
    "likelihood",
    "microscope",
    "points",
    "recorder",
    "sampling",
    "schedules",
    "training",
    "xray",
)
WORDS = (
    "train", "runs", "export", "data", "evaluate", "sample", "train-classifier", "list", "show", "prepare", "remove", "--set",
    "--check", "--json", "--model", "--out", "--zoom", "--seed", "--steps", "--samples", "--bound", "--per-step", "--eta",
    "--runs", "--processes", "--save-every", "--largest", "--data", "--device", "steps=2", "size=-1", "T=1e9", "data=nope",
)  # fmt: skip


def cases() -> list[str]:
    """A thousand."""
    counts = {"recipe": 400, "link": 250, "api": 150, "command": 200}
    return [f"{what} {seed}" for what, count in counts.items() for seed in range(count)]


def run(case: str, work: Path) -> str:
    """Generate it from its seed, and use it."""
    what, _, _ = case.partition(" ")
    from playground.gradio_ui import api_recipes  # noqa: F401  takes longer than any case

    _model()
    before = signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(SECONDS)
    try:
        return GENERATED[what](random.Random(case), work)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _hangs(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"no answer after {SECONDS} s")


def _values(rng: random.Random, names: list[str]) -> dict[str, Any]:
    return {name: rng.choice(NASTY) for name in rng.sample(names, rng.randint(1, min(5, len(names))))}


def _sentence(error: ValueError) -> str:
    """What is wrong with how something is refused."""
    text = str(getattr(error, "message", error)).strip()
    good = len(text.split()) > 2 and text.endswith((".", ")")) and "Traceback" not in text and len(text) < 2000
    return "" if good else f"{type(error).__name__} without a sentence: {text!r}"


def _recipe(rng: random.Random, work: Path) -> str:
    from engine.recipes.fork import from_file
    from engine.recipes.recipe import Recipe

    values = {"model": "ideal:digits", "steps": 2, "seeds": [1], **_values(rng, list(Recipe.model_fields))}
    if rng.random() < 0.3:
        values = {"parent": values, "step": rng.choice(NASTY), "changes": _values(rng, list(Recipe.model_fields))}
    data = json.dumps(values).encode("utf-8", "surrogatepass")
    if rng.random() < 0.3:
        data = data[: rng.randrange(len(data))] + bytes(rng.randrange(256) for _ in range(rng.randrange(9)))
    try:
        recipe = from_file(data)
        recipe.check(_model())
    except ValueError as error:
        return _sentence(error)
    return ""


def _model() -> Any:
    from engine.registry import open_model

    return open_model("ideal:digits")


def _link(rng: random.Random, work: Path) -> str:
    from playground.labs.shared.controls import Controls, from_link, to_link

    module = import_module(f"playground.labs.{rng.choice(LABS)}.controls")
    kinds = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Controls)]
    kind = rng.choice([one for one in kinds if one.__module__ == module.__name__])
    asked = {name: str(value) for name, value in _values(rng, list(kind.model_fields)).items()}
    controls, said = from_link(kind, asked)
    again, _ = from_link(kind, to_link(controls))
    if again != controls:
        return f"{kind.__name__} of {asked} is not what its own link opens"
    return "" if all(len(text.split()) > 2 for text in said) else f"no sentence: {said}"


def _api(rng: random.Random, work: Path) -> str:
    from engine.recipes.recipe import Recipe
    from playground.gradio_ui import api_recipes

    values = {"model": "ideal:digits", "steps": 2, "seeds": [1], **_values(rng, list(Recipe.model_fields))}
    given: tuple[Any, Any] = rng.choice(
        ((values, ""), ({}, rng.choice(NASTY)), (rng.choice(NASTY), ""), ({}, f"?{values}"))
    )
    try:
        api_recipes.recipe(*given)
    except ValueError as error:
        return _sentence(error)
    except Exception as error:  # of Gradio, which the caller sees as it is
        return (
            ""
            if type(error).__name__ == "Error" and len(str(error).split()) > 2
            else f"{type(error).__name__}: {error}"
        )
    return ""


def _command(rng: random.Random, work: Path) -> str:
    from benchmarks.faults.disks import _called

    words = [rng.choice(WORDS[:7]), *(str(rng.choice((*WORDS, *NASTY))) for _ in range(rng.randint(0, 5)))]
    if words[0] in ("train", "train-classifier") and "--check" not in words:
        words += ["--set", "steps=-1"] if words[0] == "train" else ["--epochs", "0"]  # none that trains for hours
    words = [word.replace("\x00", "").encode("utf-8", "replace").decode() for word in words]
    status, said = _called(words)
    return problem_of(status, said, [0, 2])


GENERATED: dict[str, Callable[[random.Random, Path], str]] = {
    "recipe": _recipe,
    "link": _link,
    "api": _api,
    "command": _command,
}
