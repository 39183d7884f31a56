"""Runs scripts of this folder in Node, which has relaxed SIMD behind a flag, and writes what they read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from torch import nn

from playground.browser.network import network_files

HERE = Path(__file__).parent


def node(script: str, *arguments: str | Path) -> str:
    """What a script prints; it must end well."""
    command = ["node", "--experimental-wasm-relaxed-simd", str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_network(folder: Path, name: str, net: nn.Module, *, half: bool = False) -> None:
    """A network's files, as files.mjs reads them."""
    files = network_files(net, half=half)
    (folder / f"{name}.json").write_text(json.dumps(files.config))
    (folder / f"{name}.safetensors").write_bytes(files.weights)
