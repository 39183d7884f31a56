"""What is installed: every file beside the code that the code reads."""

from __future__ import annotations

import fnmatch
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOR_DEVELOPERS = ("components/package.json", "components/tsconfig.json", "*.d.ts")
"""What the type checker reads, and nothing that runs."""


def test_every_file_beside_the_code_is_installed_with_it() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = [it.removeprefix("**/") for it in settings["tool"]["setuptools"]["package-data"]["playground"]]
    listed = subprocess.run(["git", "ls-files", "playground"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [file.removeprefix("playground/") for file in listed.stdout.split() if not file.endswith(".py")]
    assert any(file.endswith(".wasm") for file in files)
    wanted = (*patterns, *FOR_DEVELOPERS)
    missing = [file for file in files if not any(fnmatch.fnmatch(file, pattern) for pattern in wanted)]
    assert not missing, "add them to package-data in pyproject.toml"
