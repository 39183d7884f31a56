"""What every lab says in the same words."""

PLAYGROUND = "Diffusion playground"
SETTINGS_HINT = "Settings: the » at the top left."
WAKING = "The engine is being loaded. This takes a few seconds."
DOWNLOADS = "Downloads"


def looking_at(text: str) -> str:
    """The line under a figure that says what it shows."""
    return f"**What am I looking at?** {text}"
