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


IN_BROWSER = N_("Compute in this browser")
IN_BROWSER_HELP = N_(
    "The network comes into your browser: moving a control answers at once, and the server does nothing."
)

Caption = str | tuple[str, str, str]
"""What stands below a figure: what is shown, one thing to try, and why it is so; or the first alone."""


def looking_at(caption: Caption) -> str:
    """The caption of a figure, as Markdown with <br> and <sub>; one line for each of its parts."""
    parts = (caption,) if isinstance(caption, str) else caption
    return "<br>".join(
        with_subscripts(f"**{head}** {part}")
        for head, part in zip((_("See:"), _("Try:"), _("Why:")), parts, strict=False)
    )


def with_subscripts(text: str) -> str:
    """HTML, with <sub> in place of the _ of x_T and x_{T−1}; Markdown stays as it is."""
    return re.sub(r"_(?:\{([^}]*)\}|(\w+))", lambda found: f"<sub>{found[1] or found[2]}</sub>", html.escape(text))


translated(__name__)
