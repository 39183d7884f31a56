"""Messages and help texts for starting the Gradio app from a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.language import N_, _, translated

if TYPE_CHECKING:
    from playground.policy.limits import Limits

DESCRIPTION = N_("The playground as a web page to share with others.")
SHARE = N_("ask for a public link through Gradio's servers, which lasts up to a week; this machine does the work")
AUTH = N_("let in only visitors with this name and password; may be repeated")
HOST = N_("the address to listen at; 0.0.0.0 is for the network (default: this machine alone)")
PORT = N_("the port to listen at (default: the first free one from 7860 on)")
PUBLIC = N_(
    "limit what visitors may ask for, and show each only their own runs (default: with --share, on "
    "Hugging Face Spaces, or with DIFFUSION_PLAYGROUND_PUBLIC=1)"
)
MCP = N_("offer the endpoints of the API as tools for language models too")

TWICE = N_("--auth gives the same name twice: each has one password.")
WRONG_AUTH = N_("a name and a password are needed, with a colon between them, such as ada:lovelace.")
WRONG_PORT = N_("a port is a whole number from 1 to 65535.")
NO_MCP = N_("--mcp needs the package mcp, which is not installed: pip install 'gradio[mcp]'")
NO_SHARE_ON_SPACES = N_("--share has no meaning on Hugging Face Spaces: the address of the Space is the link.")


def taken(port: int) -> str:
    """Where another program listens there."""
    return _("Port {port} is taken by another program. Choose another with --port, or leave --port out.", port=port)


def no_address(host: str, why: str) -> str:
    """Where one cannot listen."""
    return _("The playground cannot listen at “{host}”: {why}.", host=host, why=why)


NO_PORT = N_("Every port from 7860 to 7959 is taken: choose another with --port.")
COMING = N_("The playground is starting …")
ASKING = N_("Asking for a share link …")
CLOSED = N_("The playground is closed.")

NO_SHARE_LINK = N_(
    "No share link could be made: Gradio's servers cannot be reached from here, or its helper program "
    "could not be fetched. Everything else works."
)


def address(local: str, network: str | None, link: str | None) -> str:
    """Where it can be opened: here, by others on the network, from anywhere."""
    if network is None and link is None:
        return _("Open {local} – it can be reached from this machine only.", local=local)
    lines = [_("Open {local} on this machine.", local=local)]
    if network is not None:
        lines.append(_("Everyone on its network can reach it at {network}", network=network))
    if link is not None:
        lines.append(
            _("Share {link} – it works from anywhere, for up to a week and only while this runs here.", link=link)
        )
        lines.append(_("This machine does the work for everyone; what they send goes through Gradio's servers."))
    return "\n".join(lines)


def guarded(names: int) -> str:
    """Who can come in."""
    who = (
        _("the name and password given") if names == 1 else _("one of the {names} names and its password", names=names)
    )
    return _("Visitors need {who}.", who=who)


def on_spaces(space: str) -> str:
    """Where a Space can be opened."""
    return _("The playground runs as the Space {space}: https://huggingface.co/spaces/{space}", space=space)


def kept(folder: str | None) -> str:
    """Where a Space keeps its training runs."""
    if folder is None:
        return _("Training runs are lost when the Space restarts: a storage bucket mounted at /data would keep them.")
    return _("Training runs are kept in {folder}.", folder=folder)


OPEN_TO_ALL = N_("It needs no password: --auth NAME:PASSWORD sets one.")

NOT_PUBLIC = N_(
    "Everyone who opens it may use all of this machine, and see, stop and delete every training run. "
    "--public limits that."
)


def public_mode(most: Limits) -> str:
    """What is limited."""
    return _(
        "Public mode: one visitor draws at most {images} images in {steps} steps at a time, trains one "
        "network for at most {training_steps:,} steps or {training_seconds} minutes, and uploads files up to "
        "{upload_megabytes} MB; each sees, stops and deletes only their own.",
        images=most.images,
        steps=most.steps,
        training_steps=most.training_steps,
        training_seconds=most.training_seconds // 60,
        upload_megabytes=most.upload_megabytes,
    )


MCP_AT = N_("Tools for language models (MCP):")
END = N_("Ctrl-C ends it.")


translated(__name__)
