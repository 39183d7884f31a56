"""What a program is told when something cannot be done: one sentence, of bounded length, with no path of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
from pydantic import ValidationError

from playground.policy.messages import without_paths

LONGEST = 400
"""Letters of a sentence."""


@contextmanager
def told() -> Iterator[None]:
    """Turn what the labs and the engine say with a ValueError into an answer. Anything else is a mistake of ours: it is logged
    once, and the caller is told no more than that there was one."""
    try:
        yield
    except ValueError as problem:
        raise gr.Error(sentence(problem), print_exception=False) from None


def sentence(problem: ValueError) -> str:
    """What may be told to a stranger."""
    if isinstance(problem, ValidationError):
        from engine.storage.checked_files import first_problem

        said = f"The settings cannot be used: {first_problem(problem)}."
    else:
        said = str(problem)
    said = " ".join(without_paths(said).replace(os.environ.get("GRADIO_TEMP_DIR") or "\0", "…").split())
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
