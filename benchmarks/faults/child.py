"""`python -m benchmarks.faults.child SIGNAL PLACE WORDS …`: a command that sends itself a signal where it comes to some place.

PLACE is “import:MODULE”, when that is imported, or “MODULE:NAME”, when that function is called.
"""

from __future__ import annotations

import functools
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


class _AtImport:
    """Sends the signal when a module is looked for; see `sys.meta_path`."""

    def __init__(self, module: str, number: int) -> None:
        self._module, self._number = module, number

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> None:
        if name == self._module:
            sys.meta_path.remove(self)  # type: ignore[arg-type]
            os.kill(os.getpid(), self._number)


def _at_call(module: str, name: str, number: int) -> None:
    owner: Any = import_module(module)
    *outer, last = name.split(".")
    for part in outer:
        owner = getattr(owner, part)
    original, sent = getattr(owner, last), []

    @functools.wraps(original)
    def calling(*args: Any, **kwargs: Any) -> Any:
        if not sent:
            sent.append(number)
            os.kill(os.getpid(), number)
        return original(*args, **kwargs)

    setattr(owner, last, calling)


def run_child(words: list[str], log: Path, place: str, number: int) -> None:
    """Run a command in this process, which was made for it."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.exit(_run(words, place, number))


def _run(words: list[str], place: str, number: int) -> int:
    module, _, name = place.partition(":")
    if module == "import":
        sys.meta_path.insert(0, _AtImport(name, number))  # type: ignore[arg-type]
    elif module:
        _at_call(module, name, number)
    from engine.cli import main as engine

    return engine(words)


if __name__ == "__main__":
    sys.exit(_run(sys.argv[3:], sys.argv[2], int(sys.argv[1])))
