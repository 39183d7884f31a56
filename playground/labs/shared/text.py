"""What every lab says in the same words."""

PLAYGROUND = "Diffusion playground"
SETTINGS_HINT = "Settings: the » at the top left."
WAKING = "Waking up the engine. This takes a few seconds, once."


def looking_at(text: str) -> str:
    """The line under a figure that says what it shows."""
    return f"**What am I looking at?** {text}"
