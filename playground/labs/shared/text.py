"""What every lab says in the same words."""

from __future__ import annotations

import html
import re

from engine.language import N_, _, translated

PLAYGROUND = N_("Diffusion playground")
SETTINGS = N_("Settings")
"""The heading of the sidebar."""
SETTINGS_HINT = N_("Settings and the other labs: the » at the top left.")
WAKING = N_("The engine is being loaded. This takes a few seconds.")
DOWNLOADS = N_("Downloads")


def looking_at(text: str) -> str:
    """The line under a figure that says what it shows."""
    return with_subscripts(_("**What am I looking at?** {sentence}", sentence=text))


def with_subscripts(text: str) -> str:
    """HTML, with <sub> in place of the _ of x_T and x_{T−1}; Markdown stays as it is."""
    return re.sub(r"_(?:\{([^}]*)\}|(\w+))", lambda found: f"<sub>{found[1] or found[2]}</sub>", html.escape(text))


translated(__name__)
