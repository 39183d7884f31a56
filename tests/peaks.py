"""How much memory a program takes at most, measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

TOLD = """
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells the peak of one program alone"
)
"""getrusage does not: a program begins with the peak of the one that started it, and pytest's is high."""


def peak_of(program: str, *arguments: object) -> tuple[str, int]:
    """What a program printed, and its peak in kilobytes. Raises CalledProcessError where it fails."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", program + TOLD, *map(str, arguments)]
    *said, peak = subprocess.run(words, stdout=subprocess.PIPE, check=True, env=env, text=True).stdout.splitlines()
    return "\n".join(said), int(peak)
