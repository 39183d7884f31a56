"""The texts of the Forward lab."""

TITLE = "How a picture turns into noise"
LEAD = (
    "The forward process adds noise, a little at every step, until nothing of the picture is left. "
    "Drag the strip below the picture to walk through it."
)
LOOKING_AT = (
    "**The picture at step t.** Pixel values run from −1 (darkest) to 1 (brightest). Noise goes further than a screen "
    "can: what lies beyond is shown as −1 or 1. In one jump the same noise only grows stronger with t; "
    "along the steps it changes bit by bit, because each step brings fresh noise.",
    "**Pixel values** begin as the picture’s own and end as the bell curve of N(0, 1), whatever the picture was. "
    "**Share** and **signal-to-noise ratio** say how much of the picture is left at step t.",
    "**One jump or t steps: the same law.** Take √ᾱₜ x₀ away from xₜ, divide by √(1−ᾱₜ), and what remains is N(0, 1) at "
    "every t, whichever way it came in. The last curve measures how strong the noise is, over some 3,000 values, "
    "drawn anew for every t or added step by step. Both lie on the calculated curve, and waver "
    "around it as measurements do.",
)
NO_CLASS = "A picture of your own has no class and no number."
UPLOAD = "A picture of your own"
UPLOAD_FIRST = "Choose a picture file above. Until then you see the one from before."
STAYS = "The picture from before stays."


def upload_help(size: int) -> str:
    """What happens to an uploaded picture."""
    return (
        f"The middle square is taken and made {size} × {size} pixels small. It stays on the machine that runs this "
        "playground and is not part of the link."
    )
