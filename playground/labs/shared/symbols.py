"""The symbols of equations: each with its name, definition and paper, and the line of engine/ that computes it.

They stand in symbols.csv under the letter, or letter_subscript where a subscript changes the meaning: ε, x_0. What has a `term`
is defined in the glossary. `code` names a function, a class or a constant; its line is found in the code.
"""

from __future__ import annotations

import ast
import csv
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unicodedata import normalize

from engine.language import _, cached, joined
from playground.labs.shared import glossary
from playground.labs.shared.naming import cited

SOURCE = Path(__file__).with_name("symbols.csv")
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Symbol:
    """One symbol. `term` is a name in the glossary; or it has a name, a sentence and a source of its own."""

    symbol: str
    term: str
    code: str
    """Such as "engine.schedule.Level.alpha_bar"."""
    name: str
    sentence: str
    source: str


@cache
def symbols() -> dict[str, Symbol]:
    """Every symbol by its key."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        return {normalize("NFC", row["symbol"]): Symbol(**row) for row in csv.DictReader(file)}


@cached(4)
def table() -> str:
    """What symbols.js takes: JSON, in the language of who reads."""
    shown = {}
    for key, symbol in symbols().items():
        if symbol.term:
            term = glossary.terms()[symbol.term]
            name, about, source = term.name, joined(_(term.sentence), term.formula), term.source
        else:
            name, about, source = symbol.name, _(symbol.sentence), symbol.source
        shown[key] = {"name": _(name), "about": about, "source": cited(source), "code": place_of(symbol.code)}
    return json.dumps(shown, ensure_ascii=False).replace("</", "<\\/")


@cache
def place_of(name: str) -> str:
    """The file and the line of what has this name: "engine/process.py:26". Nothing is imported.

    Raises:
        LookupError: where there is no such thing.
    """
    parts = name.split(".")
    end = next((end for end in range(1, len(parts)) if (ROOT / Path(*parts[:end])).with_suffix(".py").is_file()), 0)
    if not end:
        raise LookupError(name)
    file = Path(*parts[:end]).with_suffix(".py")
    body, line = _parsed(ROOT / file).body, 1
    for part in parts[end:]:
        found = next((node for node in body if part in _names(node)), None)
        if found is None:
            raise LookupError(name)
        body, line = getattr(found, "body", []), found.lineno
    return f"{file.as_posix()}:{line}"


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _names(node: ast.stmt) -> list[str]:
    """What a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]
