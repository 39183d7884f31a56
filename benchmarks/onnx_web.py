"""What people would use instead in a browser: the same network by onnxruntime-web, from npm, as torch.onnx exports it.

Both are put into a folder of the user's cache, outside this repository and its environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diffusion-playground" / "benchmarks"
RUNTIME = "onnxruntime-web@1.30.0"
EXPORTER = ("onnx==1.23.2", "onnxscript==0.7.2", "onnx-ir", "ml_dtypes", "protobuf")
"""What torch.onnx needs besides torch, and what that needs besides the packages of this project."""
SCRIPT, BINARY = "ort.wasm.min.mjs", "ort-wasm-simd-threaded.wasm"
"""The least of onnxruntime-web that runs on a processor."""


def installed() -> Path:
    """The folder of onnxruntime-web's files, which npm fetches the first time. Raises CalledProcessError where it cannot."""
    folder = CACHE / "node_modules" / "onnxruntime-web" / "dist"
    if not (folder / BINARY).is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        subprocess.run(["npm", "install", *options, "--prefix", str(CACHE), RUNTIME], check=True)
    return folder


def export(name: str, file: Path) -> None:
    """A model's network for any number of pictures, as ONNX. Raises CalledProcessError where that cannot be."""
    packages = CACHE / "python"
    if not (packages / "onnxscript").is_dir():
        install = [
            "uv",
            "pip",
            "install",
            "--quiet",
            "--python",
            sys.executable,
            "--no-deps",
            "--target",
            str(packages),
        ]
        subprocess.run([*install, *EXPORTER], check=True)
    path = os.pathsep.join([str(ROOT), str(packages)])
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.onnx_web", name, str(file)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL)


def _export(name: str, file: str) -> None:
    import torch

    from engine.registry import open_model

    model = open_model(name)
    given = torch.randn(4, *model.shape), torch.full((4,), 500.0), torch.arange(4) if model.class_names else None
    torch.onnx.export(
        model.denoiser.net.eval(),  # type: ignore[attr-defined]
        given,
        file,
        input_names=["x", "timestep", "classes"],
        dynamic_shapes=[each if each is None else {0: "pictures"} for each in given],
        external_data=False,
        verbose=False,
    )


if __name__ == "__main__":
    _export(*sys.argv[1:])
