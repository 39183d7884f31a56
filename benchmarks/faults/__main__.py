"""`python -m benchmarks.faults KIND CASE` repeats one case of the campaign."""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks.faults import attempt

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        kind, case = sys.argv[1:]
        print(attempt(kind, case, import_module(f"benchmarks.faults.{kind}").run, Path(work)))
