"""What a reader may rely on in every file of the product."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 60
"""Of a function, its docstring included."""


def test_every_function_is_read_at_a_glance() -> None:
    long = []
    files = [file for room in ("engine", "playground", "examples") for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 200
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > MOST_LINES:
                    long.append(f"{file.relative_to(ROOT)}: {node.name} has {lines} lines")
    assert not long
