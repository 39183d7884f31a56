"""What every lab says in the same words."""

from __future__ import annotations

import html
import re

PLAYGROUND = "Diffusion playground"
SETTINGS = "Settings"
"""The heading of the sidebar."""
SETTINGS_HINT = "Settings: the » at the top left."
WAKING = "The engine is being loaded. This takes a few seconds."
DOWNLOADS = "Downloads"


def looking_at(text: str) -> str:
    """The line under a figure that says what it shows."""
    return with_subscripts(f"**What am I looking at?** {text}")


def with_subscripts(text: str) -> str:
    """HTML, with <sub> in place of the _ of x_T and x_{T−1}; Markdown stays as it is."""
    return re.sub(r"_(?:\{([^}]*)\}|(\w+))", lambda found: f"<sub>{found[1] or found[2]}</sub>", html.escape(text))
