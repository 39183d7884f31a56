"""The texts of classes."""

from engine.language import N_, translated

OPEN = N_("Open a class")
OPEN_ABOUT = N_(
    "Your students join by a link or a QR code, with a nickname or none. You see who is at which step, what the class answers "
    "and computes; you hold steps back, lead, and show what you like on a projector."
)
LAB_CLASS = N_("A class in the labs")
START = N_("To the start page")

translated(__name__)
