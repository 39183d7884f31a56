"""Compiles unet.c: python -m playground.browser.build

It needs Debian's clang-19 and lld-19. The two modules are committed beside their source, and a test builds them again and
compares them byte for byte, so that what runs in a browser is what stands in the source.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from engine.storage.files import atomic_write

HERE = Path(__file__).parent
SOURCE = HERE / "unet.c"
COMPILER = "clang-19"
FLAGS = [
    *("--target=wasm32", "-O2", "-std=c11", "-Wall", "-Wextra", "-Werror", "-nostdlib", "-ffreestanding", "-msimd128"),
    *("-mbulk-memory", "-Wl,--no-entry", "-Wl,--export=__heap_base", "-Wl,--strip-all"),
]
MODULES: dict[str, tuple[str, ...]] = {"unet.wasm": (), "unet-relaxed.wasm": ("-mrelaxed-simd",)}
"""Name of each module, and its further flags: SIMD128, which every browser has had since 2023, and relaxed SIMD, whose fused
multiply-add is a fifth faster where the browser has it."""


def build(folder: Path) -> list[Path]:
    """Compile both modules into a folder, and give their files.

    Raises:
        OSError: where the compiler is not installed.
        subprocess.CalledProcessError: where the source does not compile; the compiler has said why.
    """
    made = []
    for name, flags in MODULES.items():
        with atomic_write(folder / name) as part:
            subprocess.run([COMPILER, *FLAGS, *flags, str(SOURCE), "-o", str(part)], check=True)
        made.append(folder / name)
    return made


if __name__ == "__main__":
    if shutil.which(COMPILER) is None:
        sys.exit(f"{COMPILER} is not installed. On Debian: apt-get install clang-19 lld-19.")
    try:
        for module in build(HERE):
            print(f"{module.name}: {module.stat().st_size:,} bytes")
    except subprocess.CalledProcessError as problem:
        sys.exit(problem.returncode)
