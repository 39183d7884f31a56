"""Small files that would cost much: what each costs in a process of its own, and that no other place reads such files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from costs_to_try import COSTS

from engine.storage.budgets import BUDGETS

TESTS = Path(__file__).parent
RAW = re.compile(
    r"\.read_bytes\(|\.read_text\(|\bnp\.load\(|\bsafe_open\(|\bload_file\(|\bZipFile\(|\bImage\.open\(|\bjson\.load\("
)
READERS = {
    "engine/data/picture_files.py": "the reader of pictures",
    "engine/data/store.py": "maps prepared pictures, by a header that it compares first",
    "engine/data/sources/archive.py": "the title of an upload, which it has written itself",
    "engine/evaluation/results_file.py": "what this command has measured before",
    "engine/interop/trainer_files.py": "the reader of torch.save",
    "engine/recipes/recipe.py": "the texts in a PNG, which Pillow bounds",
    "engine/runs/archive.py": "writes a zip",
    "engine/storage/arrays.py": "the reader of arrays",
    "engine/storage/checked_files.py": "the reader of safetensors",
    "engine/storage/zips.py": "the reader of zips",
}
"""Where files are opened without a bound that stands there, and why that is right."""


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, object]]:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(TESTS / "costs_to_try.py")]
    lines = subprocess.run(words, env=env, check=True, capture_output=True, text=True, timeout=300).stdout.splitlines()
    return {found["name"]: found for found in map(json.loads, lines)}


@pytest.mark.parametrize("name", COSTS)
def test_a_small_file_costs_little(measured: dict[str, dict[str, object]], name: str) -> None:
    found, most = measured[name], COSTS[name]
    assert not str(found["said"]).startswith("Traceback"), found
    assert float(str(found["seconds"])) < most.seconds, found
    assert float(str(found["megabytes"])) < most.megabytes, found


def test_every_budget_has_a_reason() -> None:
    assert len(BUDGETS) > 30
    assert all(budget > 0 and budget.unit and budget.why.endswith(".") for budget in BUDGETS.values())


def test_other_peoples_files_are_opened_in_few_places() -> None:
    engine = TESTS.parent / "engine"
    found = {
        path.relative_to(TESTS.parent).as_posix()
        for path in engine.rglob("*.py")
        if RAW.search(path.read_text(encoding="utf-8"))
    }
    assert found == set(READERS)
