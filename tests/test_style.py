"""What a reader may rely on in every file of the product."""

from __future__ import annotations

import ast
import re
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


WRITES = re.compile(
    r"\.write_(?:text|bytes)\(|\bopen\((?:[^()]*, )?\"(?:[wxa]|r\+|rb\+)|np\.save\w*\(|shutil\.(?:copy|move)|json\.dump\(|"
    r"os\.(?:rename|replace|link)\(|\bsave_file\(|torch\.save\(|\bZipFile\([^()]*\"w\""
)
WRITERS = {
    "engine/cli/common.py": "into nothing, in place of a closed stream",
    "playground/languages/__main__.py": "into its part",
    "engine/storage/files.py": "the writer of whole files and folders",
    "engine/storage/checked_files.py": "into its part",
    "engine/storage/checkpoints.py": "takes a checkpoint away in one step",
    "engine/recipes/recipe.py": "into its part",
    "engine/runs/folder.py": "into its part",
    "engine/runs/archive.py": "into its part; a deleted run is moved in one step",
    "engine/runs/record.py": "lines of a log, where one that is cut short costs no other",
    "engine/runs/lock.py": "a heartbeat, always of the same length",
    "engine/evaluation/results_file.py": "lines, where one that is cut short is taken away again",
    "engine/data/writing.py": "into a folder that is not opened before it is whole",
    "engine/data/sizes.py": "into its part",
    "engine/data/sources/archive.py": "a temporary file that gets its name when it is whole",
    "engine/interop/uploads.py": "into its part",
    "playground/publish/staging.py": "into its part",
    "playground/static_site/build.py": "into its part",
    "playground/gradio_ui/training.py": "a second name for a zip that is whole",
}
"""Files that write by themselves, each with how they do it."""


def test_files_are_written_whole_by_one_writer() -> None:
    found = {
        file.relative_to(ROOT).as_posix()
        for room in ("engine", "playground")
        for file in (ROOT / room).rglob("*.py")
        if WRITES.search(file.read_text(encoding="utf-8"))
    }
    assert found - set(WRITERS) == set(), "write with engine.storage.files, and name the others in WRITERS"
    assert set(WRITERS) - found == set(), "these write no more"
