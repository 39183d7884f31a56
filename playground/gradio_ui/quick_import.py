"""Imports Gradio without the work that only its own developers need.

For each of its component classes Gradio parses its source and rewrites a stub file for editors: half of the time that
`import gradio` takes. It leaves that out for classes whose file cannot be found.
"""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import version
from typing import Any

VERSIONS = ("6.31",)
"""Of Gradio, whose insides were looked at: the first two numbers."""


def is_known(number: str) -> bool:
    """Whether this version of Gradio is one of them."""
    return number.startswith(tuple(f"{known}." for known in VERSIONS))


def import_gradio() -> None:
    """Import it, once in a process."""
    getfile, is_checked = inspect.getfile, is_known(version("gradio"))

    def unless_gradio(of: Any) -> str:
        if is_checked and isinstance(of, type) and of.__module__.startswith("gradio."):
            raise OSError
        return getfile(of)

    inspect.getfile = unless_gradio  # type: ignore[assignment]
    try:
        importlib.import_module("gradio")
    finally:
        inspect.getfile = getfile
