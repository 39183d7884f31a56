"""Runs scripts of this folder in Node, which has relaxed SIMD behind a flag."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def node(script: str, *arguments: str | Path) -> str:
    """What a script prints; it must end well."""
    command = ["node", "--experimental-wasm-relaxed-simd", str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
