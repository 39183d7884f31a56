"""Errors of the API: one sentence of bounded length, with no path of this computer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
from pydantic import ValidationError

from engine.language import _
from engine.storage import disk_errors
from engine.storage.disk_errors import is_refused_write
from playground.policy.messages import without_paths

LONGEST = 400
"""Letters of a sentence."""


@contextmanager
def clear_errors() -> Iterator[None]:
    """Answer with the sentence of a ValueError of the labs or the engine. Any other exception is an internal error: it is
    logged once, and the caller learns only that there was one."""
    try:
        yield
    except ValueError as problem:
        raise gr.Error(sentence(problem), print_exception=False) from None
    except OSError as problem:
        if not is_refused_write(problem):
            raise
        raise gr.Error(disk_errors.sentence(problem, _("A file cannot be written")), print_exception=False) from None


def sentence(problem: ValueError) -> str:
    """The message for a caller."""
    if isinstance(problem, ValidationError):
        from engine.storage.checked_files import first_problem

        said = _("The settings cannot be used: {problem}.", problem=first_problem(problem))
    else:
        said = str(problem)
    said = " ".join(without_paths(said).replace(os.environ.get("GRADIO_TEMP_DIR") or "\0", "…").split())
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
