"""Every text that a reader may meet, collected from where it is written.

Python and JavaScript mark theirs by a call: `_`, `plural`, `N_`, `Message`. No call marks the titles and descriptions of
settings, which are those of the pydantic models, the titles in registries, the definitions of the glossary, and the lessons.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from babel.messages.catalog import Catalog

import engine.recipes
import playground.labs
from engine.settings import Settings
from playground.course.lesson import FOLDER, lessons
from playground.labs.shared.controls import hints_of

ROOT = Path(__file__).resolve().parents[2]
SHOWN = ("engine.recipes.", "engine.training.", "playground.")
"""Packages whose settings stand on pages; those of evaluations are for the shell."""
MARKS = {"_": 1, "N_": 1, "Message": 1, "plural": 2}
"""How many texts stand at the beginning of each call."""
_TEXT = r'\s*("(?:[^"\\]|\\.)*")'
_CALL = re.compile(rf"(?<![\w.$])({'|'.join(MARKS)})\({_TEXT}(?:,{_TEXT})?")
"""Of JavaScript, also within another such call and within a template."""
Found = tuple[str, str | tuple[str, ...]]
"""The file of a text, and the text; of things that are counted, for one and for many."""


def template() -> Catalog:
    """A catalogue of all texts, without translations."""
    catalog = Catalog(project="diffusion-playground", charset="utf-8")
    for place, text in sorted(set(_found()), key=str):
        catalog.add(text, locations=[(place, 0)])
    return catalog


def _found() -> Iterator[Found]:
    yield from _marked()
    yield from _of_settings()
    yield from _of_registries()
    yield from _of_lessons()


def _marked() -> Iterator[Found]:
    for path in sorted([*(ROOT / "engine").rglob("*.py"), *(ROOT / "playground").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
                texts = [part.value for part in node.args[: MARKS[node.func.id]] if isinstance(part, ast.Constant)]
                if texts and all(isinstance(text, str) for text in texts):
                    yield _place(path), str(texts[0]) if len(texts) == 1 else tuple(map(str, texts))
    for path in sorted((ROOT / "playground").glob("*/src/*.js")):
        for call in _CALL.finditer(path.read_text(encoding="utf-8")):
            said = tuple(json.loads(text) for text in call.groups()[1 : 1 + MARKS[call[1]]])
            yield _place(path), said[0] if len(said) == 1 else said


def _place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _of_settings() -> Iterator[Found]:
    for model in _models():
        place = model.__module__.replace(".", "/") + ".py"
        for field in model.model_fields.values():
            hints = hints_of(field)
            shown = [value for value in get_args(field.annotation) if value not in hints["titles"]]
            values = [value for value in shown if isinstance(value, str) and value.isalpha()]
            for text in (field.title, field.description, hints.get("group"), *hints["titles"].values(), *values):
                if text:
                    yield place, text


def _models() -> list[type[Settings]]:
    """Every model of settings, those of all labs among them."""
    for package in (engine.recipes, playground.labs):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.rpartition(".")[2] in ("controls", "forks", "picture", "recipe", "fork"):
                importlib.import_module(module.name)

    def below(model: type[Settings]) -> Iterator[type[Settings]]:
        for one in model.__subclasses__():
            yield one
            yield from below(one)

    ours = {model for model in below(Settings) if model.__module__.startswith(SHOWN)}
    return sorted(ours, key=lambda model: (model.__module__, model.__name__))


def _of_registries() -> Iterator[Found]:
    from engine.data.points import POINT_SETS
    from engine.data.shipped import EMOJI_GROUPS
    from engine.data.sources.torchvision_sets import SOURCES
    from engine.models.presets import PRESETS
    from engine.samplers import SAMPLERS
    from playground.labs.shared import glossary, symbols

    for term in glossary.terms().values():
        yield "playground/labs/shared/glossary.csv", term.name
        yield "playground/labs/shared/glossary.csv", term.sentence
    for symbol in symbols.symbols().values():
        if not symbol.term:
            yield "playground/labs/shared/symbols.csv", symbol.name
            yield "playground/labs/shared/symbols.csv", symbol.sentence
    for place, registry in (
        ("engine/samplers.py", SAMPLERS),
        ("engine/models/presets.py", PRESETS),
        ("engine/data/points.py", POINT_SETS),
        ("engine/data/sources/torchvision_sets.py", SOURCES),
    ):
        for one in registry.values():
            for name in ("title", "description", "about"):
                if text := getattr(one, name, ""):
                    yield place, text
            yield from ((place, name) for name in getattr(one, "class_names", ()) if not name.isdecimal())
    yield from (("engine/data/shipped.py", name) for name in EMOJI_GROUPS)
    for path in sorted((ROOT / "assets" / "checkpoints").glob("*/card.json")):
        yield _place(path), json.loads(path.read_text(encoding="utf-8"))["title"]


def _of_lessons() -> Iterator[Found]:
    for path in FOLDER.glob("*.toml"):
        lesson = lessons()[int(path.stem.split("_")[0])]
        yield from ((_place(path), text) for text in lesson.texts() if text)
