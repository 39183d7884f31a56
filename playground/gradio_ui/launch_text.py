"""Messages and help texts for starting the Gradio app from a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playground.policy.limits import Limits

DESCRIPTION = "The playground as a web page to share with others."
SHARE = "ask for a public link through Gradio's servers, which lasts up to a week; this machine does the work"
AUTH = "let in only visitors with this name and password; may be repeated"
HOST = "the address to listen at; 0.0.0.0 is for the network (default: this machine alone)"
PORT = "the port to listen at (default: the first free one from 7860 on)"
PUBLIC = (
    "limit what visitors may ask for, and show each only their own runs "
    "(default: with --share, on Hugging Face Spaces, or with DIFFUSION_PLAYGROUND_PUBLIC=1)"
)
MCP = "offer the endpoints of the API as tools for language models too"

TWICE = "--auth gives the same name twice: each has one password."
WRONG_AUTH = "a name and a password are needed, with a colon between them, such as ada:lovelace."
WRONG_PORT = "a port is a whole number from 1 to 65535."
NO_MCP = "--mcp needs the package mcp, which is not installed: pip install 'gradio[mcp]'"
NO_SHARE_ON_SPACES = "--share has no meaning on Hugging Face Spaces: the address of the Space is the link."


def taken(port: int) -> str:
    """Where another program listens there."""
    return f"Port {port} is taken by another program. Choose another with --port, or leave --port out."


def no_address(host: str, why: str) -> str:
    """Where one cannot listen."""
    return f"The playground cannot listen at “{host}”: {why}."


NO_PORT = "Every port from 7860 to 7959 is taken: choose another with --port."
COMING = "The playground is starting …"
ASKING = "Asking for a share link …"
CLOSED = "The playground is closed."

NO_SHARE_LINK = (
    "No share link could be made: Gradio's servers cannot be reached from here, or its helper program could not be "
    "fetched. Everything else works."
)


def address(local: str, network: str | None, link: str | None) -> str:
    """Where it can be opened: here, by others on the network, from anywhere."""
    if network is None and link is None:
        return f"Open {local} – it can be reached from this machine only."
    lines = [f"Open {local} on this machine."]
    if network is not None:
        lines.append(f"Everyone on its network can reach it at {network}")
    if link is not None:
        lines.append(f"Share {link} – it works from anywhere, for up to a week and only while this runs here.")
        lines.append("This machine does the work for everyone; what they send goes through Gradio's servers.")
    return "\n".join(lines)


def guarded(names: int) -> str:
    """Who can come in."""
    who = "the name and password given" if names == 1 else f"one of the {names} names and its password"
    return f"Visitors need {who}."


def on_spaces(space: str) -> str:
    """Where a Space can be opened."""
    return f"The playground runs as the Space {space}: https://huggingface.co/spaces/{space}"


def kept(folder: str | None) -> str:
    """Where a Space keeps its training runs."""
    if folder is None:
        return "Training runs are lost when the Space restarts: a storage bucket mounted at /data would keep them."
    return f"Training runs are kept in {folder}."


OPEN_TO_ALL = "It needs no password: --auth NAME:PASSWORD sets one."

NOT_PUBLIC = (
    "Everyone who opens it may use all of this machine, and see, stop and delete every training run. "
    "--public limits that."
)


def public_mode(most: Limits) -> str:
    """What is limited."""
    return (
        f"Public mode: one visitor draws at most {most.images} images in {most.steps} steps at a time, trains one network for "
        f"at most {most.training_steps:,} steps or {most.training_seconds // 60} minutes, and uploads files up to "
        f"{most.upload_megabytes} MB; each sees, stops and deletes only their own."
    )


MCP_AT = "Tools for language models (MCP):"
END = "Ctrl-C ends it."
