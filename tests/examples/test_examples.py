"""Every program in examples/ runs, fits on a screen, and shows what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
ARGUMENTS = {"train_digits": ["3"], "open_diffusers_folder": [str(ROOT / "assets/checkpoints/digits")]}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 40
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(example), *ARGUMENTS.get(example.stem, [])]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    check = CHECKS[example.stem]
    assert check(done.stdout), done.stdout
    assert len(list(tmp_path.glob("*.png"))) == (example.stem in ("ddim_from_scratch", "train_digits"))


def _jump_and_steps_agree(text: str) -> bool:
    found = re.findall(r"off √ᾱ x₀ by ([\d.]+), variance ([\d.]+) \(1 − ᾱ = ([\d.]+)\)", text)
    return len(found) == 2 and all(float(a) < 0.05 and abs(float(b) - float(c)) < 0.02 for a, b, c in found)


def _difference_below(bound: float):
    return lambda text: float(re.findall(r"largest difference[^:]*: ([\d.e+-]+)", text)[0]) < bound


def _network_beats_memory_at_low_noise(text: str) -> bool:
    rows = [[float(cell) for cell in line.split()] for line in text.splitlines()[1:]]
    return len(rows) == 6 and rows[1][2] < rows[1][3] and rows[-1][4] < rows[1][4]


CHECKS = {
    "forward_process": _jump_and_steps_agree,
    "ddim_from_scratch": _difference_below(1e-3),
    "train_digits": lambda text: "step" in text and "ten digits" in text,
    "exact_against_network": _network_beats_memory_at_low_noise,
    "open_diffusers_folder": _difference_below(1e-4),
}


def test_every_example_is_checked() -> None:
    assert {path.stem for path in EXAMPLES} == set(CHECKS)
