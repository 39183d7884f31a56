"""What every lab says in the same words."""

PLAYGROUND = "Diffusion playground"
SETTINGS_HINT = "Settings: the » at the top left."
WAKING = "The engine is being loaded. This takes a few seconds."
DOWNLOADS = "Downloads"

GUIDANCE_SCALE = (
    "1 is the conditional model without guidance, 0 the unconditional one; larger values follow the label more strongly and "
    "lose diversity. 2 is usual. The w of Ho & Salimans is this minus 1."
)
"""The help of every guidance scale."""


def looking_at(text: str) -> str:
    """The line under a figure that says what it shows."""
    return f"**What am I looking at?** {text}"
