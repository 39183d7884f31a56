"""The command line of the Gradio app, checked."""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass

from engine.language import ENGLISH, chosen
from playground.gradio_ui import launch_text as text
from playground.policy.mode import default_public, on_spaces

BUCKET = "/data"
"""Where a Space has its storage bucket, if it was given one."""


@dataclass(frozen=True)
class Options:
    """How the app is started.

    share: whether a public link through Gradio's servers is asked for.
    auth: (name, password) of everyone who may come in; empty: everyone.
    host, port: where it listens; port None: the first free one from 7860 on.
    public: whether what visitors may do is bounded, and what they own is theirs alone.
    mcp: whether its endpoints are also offered as tools for language models.
    """

    share: bool
    auth: tuple[tuple[str, str], ...]
    host: str
    port: int | None
    public: bool
    mcp: bool


def runs_folder() -> str | None:
    """Where a Space keeps training runs: in the bucket mounted at /data, where there is one; None for the usual place."""
    there = on_spaces() and os.path.ismount(BUCKET) and os.access(BUCKET, os.W_OK)
    return f"{BUCKET}/runs" if there and not os.environ.get("DIFFUSION_PLAYGROUND_RUNS") else None


def language_of_terminal() -> str:
    """The tag of the language that the terminal is set to, of those that are spoken here; English else."""
    wishes = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return chosen(next(filter(None, wishes), None)) or ENGLISH


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line. What it cannot take ends the program with one sentence, as argparse does."""
    parser = argparse.ArgumentParser("python -m playground.gradio_ui", description=text.DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--share", action="store_true", help=text.SHARE)
    parser.add_argument("--auth", action="append", default=[], type=_account, metavar="NAME:PASSWORD", help=text.AUTH)
    parser.add_argument("--host", default=_host(), help=text.HOST)
    parser.add_argument("--port", default=os.environ.get("GRADIO_SERVER_PORT") or None, type=_port, help=text.PORT)
    parser.add_argument("--public", action=argparse.BooleanOptionalAction, default=None, help=text.PUBLIC)
    parser.add_argument("--mcp", action="store_true", help=text.MCP)
    given = parser.parse_args(arguments)
    names = [name for name, _ in given.auth]
    if len(set(names)) < len(names):
        parser.error(text.TWICE)
    if given.mcp and importlib.util.find_spec("mcp") is None:
        parser.error(text.NO_MCP)
    if given.share and on_spaces():
        parser.error(text.NO_SHARE_ON_SPACES)
    public = given.public if given.public is not None else given.share or default_public()
    return Options(given.share, tuple(given.auth), given.host, given.port, public, given.mcp)


def _host() -> str:
    return os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if on_spaces() else "127.0.0.1")


def _account(given: str) -> tuple[str, str]:
    name, colon, password = given.partition(":")
    if not (name.strip() and colon and password):
        raise argparse.ArgumentTypeError(text.WRONG_AUTH)
    return name.strip(), password  # Gradio strips what is typed in


def _port(given: str) -> int:
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= 65535):
        raise argparse.ArgumentTypeError(text.WRONG_PORT)
    return int(given)
